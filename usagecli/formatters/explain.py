"""`check --explain`: every rule, built in or of the user's, with the figure that it judged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from usagecli.alerts import BUILT_IN, Verdict, covers, rule_key
from usagecli.formatters import alert, rows, units
from usagecli.formatters.json import plain
from usagecli.formatters.table import clipped, display_width
from usagecli.model import Quota

if TYPE_CHECKING:
    from usagecli.config import Rule
    from usagecli.formatters import Look

_HEAD = ("SERVICE", "QUOTA", "RULE", "LEFT", "VERDICT")
_GAP = 2
# What is cut where room is short, and to how much at the most: names first, since the rule is the matter.
_LEAST = {0: 8, 1: 8, 2: 12, 3: 10}
_FAIR = {1: 14, 0: 12}
_COLORS = {"ok": "green", "low": "yellow", "alert": "yellow", "exhausted": "red", "unknown": "red"}


def render(verdicts: Sequence[Verdict], rules: Sequence[Rule], look: Look) -> str:
    """A row a rule and figure; the service and the quota stand where they change."""
    from tabulate import tabulate

    cells = [[*_HEAD], *_rows(verdicts, look), *_idle(verdicts, rules)]
    widths = _fitted(cells, look)
    mark = "…" if look.unicode else "~"
    cells = [[clipped(cell, wide, mark) for cell, wide in zip(row, widths, strict=True)] for row in cells]
    if look.color:
        cells = [[*row[:-1], click.style(row[-1], fg=_COLORS.get(row[-1]))] for row in cells]
        cells[0] = [click.style(cell, bold=True) for cell in _HEAD]
    align = ("left", "left", "left", "right", "left")
    return str(tabulate(cells, tablefmt="plain", disable_numparse=True, colalign=align))


def documents(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """The same as JSON."""
    return [
        {key: plain(value) for key, value in {**alert.of_verdict(verdict), "verdict": word(verdict)}.items()}
        for verdict in verdicts
        if _is_shown(verdict)
    ]


def word(verdict: Verdict) -> str:
    """`ok`, `low`, `exhausted`, `alert`, `unknown`, `not judged`."""
    own = verdict.rule.condition
    if verdict.hit is None:
        return "not judged" if own == "low" else "unknown"
    if not verdict.hit:
        return "ok"
    if own in BUILT_IN:
        return "unknown" if own == "unknown" else verdict.level
    return "alert"


def _is_shown(verdict: Verdict) -> bool:
    """A stop that is not and an answer that came are no news in a long table."""
    return bool(verdict.hit) or verdict.rule.condition not in ("stopped", "unknown")


def _rows(verdicts: Sequence[Verdict], look: Look) -> Iterator[list[str]]:
    before: tuple[str, str] | None = None
    for verdict in filter(_is_shown, verdicts):
        service = verdict.report.service.name
        quota = rows.short_label(verdict.item.label) if verdict.item else "-"
        same = before == (service, quota)
        yield [
            "" if before and before[0] == service else service,
            "" if same else quota,
            _named(verdict.rule, _condition(verdict)),
            _figure(verdict, look),
            _told(verdict),
        ]
        before = (service, quota)


def _condition(verdict: Verdict) -> str:
    """As a line says it, but shorter where that is long."""
    paced = verdict.rule.condition == "runs_out_before_reset"
    return "runs out before reset" if paced else alert.condition(verdict)


def _told(verdict: Verdict) -> str:
    """The verdict; of what nobody judges why not."""
    told, item = word(verdict), verdict.item
    if told != "not judged" or item is None:
        return told
    if item.id in verdict.report.service.ignore:
        return "ignored"
    return "no figure" if item.judged else "only counts"


def _figure(verdict: Verdict, look: Look) -> str:
    """What is left or, where the pace is judged, when that is gone; of a silence its length."""
    item = verdict.item
    if verdict.silent is not None:
        return f"for {units.span(verdict.silent)}"
    if verdict.rule.condition != "runs_out_before_reset" or not isinstance(item, Quota):
        return alert.figure(verdict)
    if item.pace is None:
        return "-"
    if item.pace.lasts:
        return "lasts"
    at = item.pace.runs_out_at
    return "empty" if at is None else f"empty {units.reset(at, look.now, look.zone)}"


def _idle(verdicts: Sequence[Verdict], rules: Sequence[Rule]) -> Iterator[list[str]]:
    """Rules that found nothing that they are about: a misspelt quota, say; or of which no one knows."""
    used = {rule_key(verdict.rule) for verdict in verdicts}
    silent = [verdict.report for verdict in verdicts if verdict.report.usage is None]
    for rule in rules:
        if rule_key(rule) not in used:
            ends = "unknown" if any(covers(rule, report) for report in silent) else "about nothing here"
            told = _named(rule, rule.condition.replace("_", " "))
            yield ["-", ", ".join(sorted(rule.quotas or ())) or "-", told, "-", ends]


def _named(rule: Rule, told: str) -> str:
    return told if rule.condition in BUILT_IN else f"{rule.name or 'alert'}: {told}"


def _fitted(cells: Sequence[Sequence[str]], look: Look) -> list[int]:
    """The columns' widths: names are cut to a fair length first, then the widest is."""
    widths = [max(map(display_width, column)) for column in zip(*cells, strict=True)]
    if look.width is None:
        return widths
    room = look.width - _GAP * (len(widths) - 1)
    for column, fair in _FAIR.items():
        widths[column] = max(min(widths[column], fair), widths[column] - max(0, sum(widths) - room))
    while sum(widths) > room:
        long = {column: widths[column] for column, least in _LEAST.items() if widths[column] > least}
        if not long:
            break
        widths[max(long, key=long.__getitem__)] -= 1
    return widths
