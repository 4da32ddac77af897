"""What a command costs: wall clock, processor time, and peak memory of all its processes together."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SAMPLE_S = 0.003


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall clock and of processor, the command's children included."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class Command:
    """A command with the environment it runs in; `prepare` is called before every run, untimed."""

    name: str
    args: Sequence[str]
    env: Mapping[str, str]
    prepare: Callable[[], None] = lambda: None

    def start(self, stdout: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
        self.prepare()
        return subprocess.Popen(self.args, env=self.env, stdout=stdout, stderr=subprocess.DEVNULL)

    def output(self) -> bytes:
        """What it prints; nothing of a command that fails."""
        process = self.start(subprocess.PIPE)
        out, _ = process.communicate()
        return out if process.returncode == 0 else b""

    def cost(self) -> Cost:
        """Run it once (POSIX)."""
        if sys.platform == "win32":
            sys.exit("Windows does not tell what a process used")
        process = self.start()
        started = time.perf_counter()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            sys.exit(f"{self.name} failed: exit code {process.returncode}")
        return Cost(wall, used.ru_utime + used.ru_stime)

    def peak_mb(self) -> float:
        """Run it once, watched: the most memory that its processes held at one time (Linux).

        Proportional set size, so that what forked processes share counts once. Watching costs time,
        which is why it is a run of its own.
        """
        process = self.start()
        peak = 0
        while process.poll() is None:
            peak = max(peak, sum(_pss_kb(pid) for pid in _tree(process.pid)))
            time.sleep(SAMPLE_S)
        return peak / 1024


def alternate(commands: Sequence[Command], rounds: int) -> dict[str, list[Cost]]:
    """Each command once a round, the order turned round every time, after one round that warms up."""
    costs: dict[str, list[Cost]] = {command.name: [] for command in commands}
    for number in range(rounds + 1):
        for command in commands if number % 2 else reversed(commands):
            cost = command.cost()
            if number:
                costs[command.name].append(cost)
    return costs


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def _tree(root: int) -> list[int]:
    """The process and its descendants."""
    found = [root]
    for pid in found:
        try:
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
                found += map(int, file.read().split())
        except OSError:
            continue
    return found


def _pss_kb(pid: int) -> int:
    try:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        # It ended between two looks.
        return 0
