"""`usagecli tokens` against ccusage and aiburn, on the same made-up logs.

    python -m benchmarks.tokens [--quick] [--sizes 45,400,2000] [--rounds 5] [--files 50000] [--line 1000:200]

Every figure is the median, over some rounds, of usagecli's cost divided by the other program's in the
same round, the order alternating, the logs in the page cache for all. This tree and the others are
installed into a scratch directory; that, the logs and a home of their own are gone at the end. Takes about
twenty minutes and 6 GB of disk; --quick a minute. Needs Linux for the memory, POSIX for the rest.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.corpus import generate
from benchmarks.measure import Command, Cost, alternate, ratio
from benchmarks.rivals import Rival, install, usagecli
from benchmarks.shapes import grow, long_line, small_files
from benchmarks.truth import Truth

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
YEAR = ("--since", "2026-01-01", "--until", "2026-12-31")
DAYS = ("tokens", "daily", "--json", "--timezone", "UTC", *YEAR)
NATIVE, INSTALLED, AIBURN = "ccusage", "ccusage command", "aiburn"

# By the other program's name: at most that many times its cost.
Bounds = dict[str, float]
FIRST: Bounds = {NATIVE: 0.9, AIBURN: 1.3}
# By the corpus's megabytes.
WARM: dict[int, Bounds] = {45: {INSTALLED: 1.0}, 400: {NATIVE: 0.15}, 2000: {NATIVE: 0.06}}
APPENDED: dict[int, Bounds] = {400: {NATIVE: 0.3}}


class Bench:
    """One corpus in a home of its own, and who reads it."""

    def __init__(self, home: str, command: str, rivals: Sequence[Rival], rounds: int) -> None:
        self.command = command
        self.rounds = rounds
        self.home = home
        self.seeds = itertools.count()
        self.kept = os.path.join(home, "usagecli")
        self.env = {
            "HOME": home,
            "PATH": os.environ["PATH"],
            "TZ": "UTC",
            "USAGECLI_CACHE_DIR": os.path.join(self.kept, "cache"),
            "USAGECLI_DATA_DIR": os.path.join(self.kept, "data"),
        }
        self.rivals = {rival.name: Command(rival.name, rival.args, self.env) for rival in rivals}

    def usagecli(self, prepare: Callable[[], None] = lambda: None) -> Command:
        return Command("usagecli", (self.command, *DAYS), self.env, prepare)

    def forget(self) -> None:
        """As if usagecli had never run."""
        shutil.rmtree(self.kept, ignore_errors=True)

    def costs(
        self, names: Sequence[str], prepare: Callable[[], None] = lambda: None
    ) -> dict[str, list[Cost]]:
        """usagecli's costs, after the preparation, and those of the programs named, where they are there."""
        others = [self.rivals[name] for name in names if name in self.rivals]
        return alternate([self.usagecli(prepare), *others], self.rounds)

    def grow(self) -> None:
        """One more response in one of the logs."""
        grow(self.home, next(self.seeds))

    def first(self, what: str, bounds: Bounds, most_mb: float | None = None) -> None:
        """Wall, processor and memory of a run that finds nothing of its own."""
        costs = self.costs((NATIVE, AIBURN), self.forget)
        compare(f"{what}: wall", costs, _wall, bounds)
        compare(f"{what}: processor", costs, _cpu, {NATIVE: bounds[NATIVE]} if bounds else {})
        if sys.platform == "linux":
            self.memory(what, most_mb)

    def memory(self, what: str, most_mb: float | None) -> None:
        """Peak memory of a first run."""
        ours = self.usagecli(self.forget).peak_mb()
        if most_mb:
            line(f"{what}: memory", f"{ours:.0f} MB", f"at most {most_mb} MB", "")
        for name in (NATIVE, AIBURN):
            if name in self.rivals:
                theirs = self.rivals[name].peak_mb()
                bound = "at most 1.5" if name == NATIVE and not most_mb else ""
                line(
                    f"{what}: memory", f"{ours / theirs:.2f} x {name}", bound, f"{ours:.0f} / {theirs:.0f} MB"
                )

    def warm(self, what: str, bounds: Bounds, prepare: Callable[[], None] = lambda: None) -> None:
        """Wall of a run after another, with what `prepare` did in between."""
        compare(f"{what}: wall", self.costs(tuple(self.rivals), prepare), _wall, bounds)

    def counts(self, truth: Truth) -> None:
        """What each program counts, beside the truth, and on how many days it differs."""
        days = {
            day: (held.input, held.cache_read + held.write_5m + held.write_1h, held.output)
            for day, held in truth.by_day().items()
        }
        print(f"\n{'':12}{'input':>16}{'cache':>18}{'output':>16}{'total':>18}   days that differ")
        _row("truth", days, days)
        for command in (self.usagecli(), *self.rivals.values()):
            if command.name in READERS:
                _row(command.name, READERS[command.name](json.loads(command.output())), days)
        print()


Days = dict[str, tuple[int, int, int]]  # input, cache (read and written), output


def _row(name: str, days: Days, truth: Days) -> None:
    sums = [sum(figures[index] for figures in days.values()) for index in range(3)]
    differ = sum(days.get(day) != truth.get(day) for day in days.keys() | truth.keys())
    print(f"{name:12}{sums[0]:>16,}{sums[1]:>18,}{sums[2]:>16,}{sum(sums):>18,}   {differ}")


def _of_usagecli(document: Any) -> Days:
    return {
        row["day"]: (
            row["inputTokens"],
            row["cacheReadTokens"] + row["cacheWriteTokens"],
            row["outputTokens"],
        )
        for row in document["rows"]
    }


def _of_ccusage(document: Any) -> Days:
    return {
        row["period"]: (
            row["inputTokens"],
            row["cacheReadTokens"] + row["cacheCreationTokens"],
            row["outputTokens"],
        )
        for row in document["daily"]
    }


def _of_aiburn(document: Any) -> Days:
    days: Days = {}
    for group in document["groups"]:
        old = days.get(group["period"], (0, 0, 0))
        days[group["period"]] = (old[0] + group["input"], old[1] + group["cache"], old[2] + group["output"])
    return days


READERS: dict[str, Callable[[Any], Days]] = {
    "usagecli": _of_usagecli,
    NATIVE: _of_ccusage,
    AIBURN: _of_aiburn,
}


def compare(what: str, costs: dict[str, list[Cost]], figure: Callable[[Cost], float], bounds: Bounds) -> None:
    """A line for each other program: the ratio, its bound, the medians."""
    ours = [figure(cost) for cost in costs["usagecli"]]
    for name, others in costs.items():
        if name != "usagecli":
            theirs = [figure(cost) for cost in others]
            medians = f"{statistics.median(ours):.3f} / {statistics.median(theirs):.3f} s"
            bound = f"at most {bounds[name]}" if name in bounds else ""
            line(what, f"{ratio(ours, theirs):.3f} x {name}", bound, medians)


def _wall(cost: Cost) -> float:
    return cost.wall


def _cpu(cost: Cost) -> float:
    return cost.cpu


def line(what: str, got: str, bound: str, medians: str) -> None:
    print(f"{what:44} {got:>24}   {bound:14} {medians}", flush=True)


def whole(bench: Bench, size: int) -> None:
    """A realistic corpus of that many megabytes: from nothing, unchanged, with one file grown."""
    truth = _made(f"{size} MB", generate(bench.home, size))
    bench.first(f"first run, {size} MB", FIRST if size >= 400 else {})
    bench.warm(f"nothing changed, {size} MB", WARM.get(size, {}))
    bench.counts(truth)
    bench.warm(f"one file appended, {size} MB", APPENDED.get(size, {}), bench.grow)


def small(bench: Bench, count: int) -> None:
    """That many files of 2 KB."""
    truth = _made(f"{count} files", small_files(bench.home, count))
    bench.first(f"first run, {count} files", {})
    bench.warm(f"nothing changed, {count} files", {})
    bench.counts(truth)


def long(bench: Bench, size: int, length: int) -> None:
    """One file with a line of that many megabytes."""
    what = f"first run, {size} MB with a line of {length}"
    truth = _made(what, long_line(bench.home, size, length))
    # A program that holds the line needs more than its length.
    bench.first(what, {}, length)
    bench.counts(truth)


def _made(what: str, truth: Truth) -> Truth:
    share = truth.usage_size / truth.size
    print(f"\n{what}: {truth.files} files, {len(truth.calls)} requests, usage {share:.0%} of the bytes")
    return truth


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="usagecli-benchmark-") as scratch:
        needed = 1.1e6 * max(*options.sizes, options.line[0]) + 4096 * options.files + 1e9
        if shutil.disk_usage(scratch).free < needed:
            sys.exit(f"{scratch}: {needed / 1e9:.1f} GB of free disk are needed")
        command = usagecli(scratch, ROOT)
        rivals, missing = install(os.path.join(scratch, "rivals"))
        print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {options.rounds} rounds")
        print(*(f"{rival.name} {rival.version}" for rival in rivals), *missing, sep="\n")
        runs = [partial(whole, size=size) for size in options.sizes]
        runs += [partial(small, count=options.files)] if options.files else []
        runs += [partial(long, size=options.line[0], length=options.line[1])] if options.line[0] else []
        for run in runs:
            with tempfile.TemporaryDirectory(dir=scratch) as home:
                run(Bench(home, command, rivals, options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="small corpora, three rounds")
    parser.add_argument("--sizes", type=_numbers(","), metavar="MB,MB")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--files", type=int, metavar="N", help="files of 2 KB; 0: none")
    parser.add_argument(
        "--line", type=_numbers(":"), metavar="MB:MB", help="size of the file, of its line; 0:0: none"
    )
    quick = parser.parse_known_args()[0].quick
    parser.set_defaults(
        sizes=[45] if quick else [45, 400, 2000],
        rounds=3 if quick else 7,
        files=2_000 if quick else 50_000,
        line=[300, 100] if quick else [1000, 200],
    )
    return parser.parse_args()


def _numbers(separator: str) -> Callable[[str], list[int]]:
    return lambda text: [int(part) for part in text.split(separator)]


if __name__ == "__main__":
    main()
