"""What vendors' status pages say: in a line each below a table, as a table, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from usagecli.formatters.json import SCHEMA_VERSION, instant, plain, text_of

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.incidents.pages import Page
    from usagecli.model import Incident, Report

COLORS = {"ok": "green", "degraded": "yellow", "outage": "red"}
_WORDS = {"degraded": "trouble", "outage": "an outage"}
_HEAD = ("VENDOR", "FOR", "STATUS", "SINCE")
_GAP = 2
# What messages keep to wrap in, however narrow the terminal.
_ROOM = 20


def told(incident: Incident, look: Look) -> str:
    """`OpenAI reports an outage since 08:10: Elevated errors`; only of one that is troubled."""
    since = "" if incident.started_at is None else f" since {_since(incident.started_at, look)}"
    what = f": {incident.summary}" if incident.summary else ""
    return f"{incident.vendor} reports {_WORDS[incident.status]}{since}{what}"


def lines(reports: Iterable[Report], look: Look) -> list[tuple[Incident, str]]:
    """A line for every vendor that reports trouble, in the order of the services, each once."""
    found = dict.fromkeys(report.incident for report in reports if report.incident is not None)
    return [(one, f"{told(one, look)} ({one.url})") for one in found if one.troubled]


def body(incident: Incident) -> dict[str, Any]:
    """The `incident` of a service's document."""
    return {
        "status": incident.status,
        "vendor": incident.vendor,
        "summary": plain(incident.summary),
        "startedAt": instant(incident.started_at),
        "url": incident.url,
    }


def document(found: Mapping[Page, Incident], look: Look) -> str:
    """What `usagecli incidents --json` prints."""
    told = {
        "schemaVersion": SCHEMA_VERSION,
        "fetchedAt": instant(look.now),
        "incidents": [
            {**body(incident), "providers": list(page.providers)} for page, incident in found.items()
        ],
    }
    return text_of(told, look)


def table(found: Mapping[Page, Incident], look: Look) -> str:
    """A row a page; where not all is well, below it what the vendor says and where."""
    from usagecli.formatters.table import display_width, wrapped

    rows = [_HEAD, *(_cells(page, one, look) for page, one in found.items())]
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    shown = list(range(len(_HEAD)))
    if look.width is not None and sum(widths) + _GAP * (len(widths) - 1) > look.width:
        # What it is for is the easiest to do without.
        shown = [index for index in shown if _HEAD[index] != "FOR"]
    out = []
    for cells, one in zip(rows, [None, *found.values()], strict=True):
        pads = [" " * (widths[index] - display_width(cells[index]) + _GAP) for index in shown]
        styled = [_styled(cells[index], one, look) for index in shown]
        out.append("".join(cell + pad for cell, pad in zip(styled, pads, strict=True)).rstrip())
        if one is not None and one.status != "ok":
            room = max(_ROOM, (look.width or 1000) - _GAP)
            out += [
                " " * _GAP + part for text in (one.summary or "", one.url) for part in wrapped(text, room)
            ]
    return "\n".join(out)


def _cells(page: Page, one: Incident, look: Look) -> tuple[str, ...]:
    since = "" if one.started_at is None else _since(one.started_at, look)
    return one.vendor, ", ".join(page.providers), one.status, since


def _styled(text: str, one: Incident | None, look: Look) -> str:
    if not look.color:
        return text
    if one is None:
        return click.style(text, bold=True)
    return click.style(text, fg=COLORS[text]) if text == one.status and text in COLORS else text


def _since(at: datetime, look: Look) -> str:
    """`08:10`, from before today `Fri 08:10`, from a week on `12 Nov`."""
    local, now = at.astimezone(look.zone), look.now.astimezone(look.zone)
    if local.date() == now.date():
        return f"{local:%H:%M}"
    if look.now - at < timedelta(days=6):
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b}" if now.year == local.year else f"{local.day} {local:%b} {local.year}"
