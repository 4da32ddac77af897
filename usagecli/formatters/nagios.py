"""The output of a monitoring plug-in: one status line with performance data, then the details.

The conventions are those of the Monitoring Plugins guidelines: `TEXT | 'label'=value[UOM];warn;crit;
min;max`, what follows on further lines is shown only where somebody asks for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

from usagecli import assess
from usagecli.formatters import rows

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.formatters.rows import Block
    from usagecli.model import Balance, Quota, Report, Snapshot, Status

# What each status is called and exits with.
_STATES: dict[Status, tuple[str, int]] = {
    "ok": ("OK", 0),
    "low": ("WARNING", 1),
    "exhausted": ("CRITICAL", 2),
    "error": ("UNKNOWN", 3),
}
UNKNOWN = 3


def render(snapshot: Snapshot, look: Look) -> str:
    """The status line with its performance data, and a line for every quota, balance and error."""
    state, _ = _STATES[snapshot.status]
    troubled = ", ".join(
        f"{clean(report.service.name)} {'failed' if report.status == 'error' else report.status}"
        for report in snapshot.reports
        if report.status != "ok"
    )
    told = f"{state} - {rows.summary(snapshot)}" + (f" ({troubled})" if troubled else "")
    figures = " ".join(figure for report in snapshot.reports for figure in _figures(report))
    details = [line for block in rows.blocks(snapshot, look) for line in _details(block)]
    return "\n".join([f"{told} | {figures}" if figures else told, *details])


def exit_code(snapshot: Snapshot) -> int:
    """0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN."""
    return _STATES[snapshot.status][1]


def failed(message: str) -> str:
    """The status line of a run that came to no result."""
    return f"UNKNOWN - {clean(message)}"


def _details(block: Block) -> Iterator[str]:
    for row in block.rows:
        told = f"{block.service} {row.quota}: {row.status or 'not judged'}"
        told += f", {row.used} used" if row.used else ""
        told += f", {row.left} left" if row.left != "-" else ""
        told += f", resets {row.resets}" if row.resets != "-" else ""
        yield clean(told)
    if block.error:
        yield clean(f"{block.service}: {block.error}" + (f"; {block.hint}" if block.hint else ""))


def _figures(report: Report) -> Iterator[str]:
    usage = report.usage
    if usage is None:
        return
    for quota in usage.quotas:
        yield from _of_quota(quota, report)
    for balance in usage.balances:
        yield from _of_balance(balance, report, alone=not usage.quotas)


def _of_quota(quota: Quota, report: Report) -> Iterator[str]:
    if quota.percent_used is None:
        return
    judged = quota.status is not None
    below = report.low_below.get(quota.id) if judged else None
    warn = "" if below is None else _number(100 - below)
    # Plain numbers, though all used is critical already: many programs read no other kind of range.
    crit = "100" if judged and not quota.partial else ""
    label = _label(f"{report.service.name} {quota.id}")
    yield f"{label}={_number(quota.percent_used)}%;{warn};{crit};0;100"


def _of_balance(balance: Balance, report: Report, *, alone: bool) -> Iterator[str]:
    if balance.amount is None or not balance.amount.is_finite():
        return
    floor = report.service.low_balance
    judged = balance.status is not None
    # `5:` is the range from 5 on: alert below it.
    warn = "" if floor is None or not judged else f"{_number(floor)}:"
    crit = "0:" if judged and assess.stops(balance, alone=alone) else ""
    # No unit of measurement of the conventions is money or credits: the label says it.
    unit = "" if balance.unit == balance.id else f" {balance.unit}"
    label = _label(f"{report.service.name} {balance.id}{unit}")
    yield f"{label}={_number(balance.amount)};{warn};{crit};;"


def _number(value: Decimal) -> str:
    """Digits only: no exponent, no zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _label(text: str) -> str:
    return f"'{clean(text).replace('=', '_').replace(chr(39), '_')}'"


def clean(text: str) -> str:
    """One line, without the bar that begins the performance data."""
    return " ".join(re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).replace("|", "/").split())
