"""Everything of the page -> HTML, whole and ASCII, so that no encoding can spoil it.

Every value goes through the masker and is escaped; the page holds no script, asks nobody for
anything, and its policy forbids both.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import jinja2

from usagecli import __version__, registry
from usagecli.formatters import rows
from usagecli.pool import pools
from usagecli.report import charts, recent
from usagecli.report.cards import Scene, cards
from usagecli.report.masking import Masker

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.model import Snapshot, Status
    from usagecli.pool import Pool
    from usagecli.report.burned import Burned
    from usagecli.report.cards import Card

_FOLDER = os.path.dirname(__file__)
_HEADLINES: dict[Status, str] = {
    "ok": "All is well",
    "low": "Running low",
    "exhausted": "Something is used up",
    "error": "Something is not known",
}
_STATES = frozenset((*_HEADLINES, "none", "fine"))
# The icon of the tab, a disc in the colour of the status.
_COLORS: dict[Status, str] = {"ok": "#1a7f4b", "low": "#d08700", "exhausted": "#c9252d", "error": "#7c4dcc"}
_ICON = (
    "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'>"
    "<circle cx='8' cy='8' r='7' fill='{}'/></svg>"
)
_POLICY = "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What there is to show. `burned` is None where there are no logs."""

    snapshot: Snapshot
    readings: recent.Readings
    burned: Burned | None
    look: Look
    show_accounts: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBar:
    """A pool: its provider, its figures in a few words each, and a status for each account."""

    title: str
    told: tuple[str, ...]
    accounts: tuple[Status, ...]


def render(material: Material) -> str:
    """The page."""
    snapshot, look = material.snapshot, material.look
    masker = Masker(snapshot.reports, show=material.show_accounts)
    found = cards(snapshot, Scene(look, material.readings, masker))
    with open(os.path.join(_FOLDER, "page.css"), encoding="ascii", newline="\n") as file:
        css = file.read().replace("\r\n", "\n")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    at = look.now.astimezone(look.zone)
    text = _template().render(
        masker=masker,
        css=css,
        policy=f"{_POLICY}; style-src 'sha256-{digest}'",
        icon_url="data:image/svg+xml," + quote(_ICON.format(_COLORS[snapshot.status])),
        version=__version__,
        headline=_HEADLINES[snapshot.status] if found else "Nothing to report",
        status=snapshot.status,
        counts=list(_counts(found)),
        at=at,
        zone=f"UTC{at:%z}" if at.utcoffset() else "UTC",
        cards=found,
        pools=[_pool(pool, look) for pool in pools(snapshot.reports, snapshot.credits_per_usd)],
        burned=material.burned,
        days=list(_days(look)),
        masked=not material.show_accounts,
        has_history=bool(material.readings),
        has_pace=any(gauge.expected is not None for card in found for gauge in (*card.gauges, *card.folded)),
        box=charts,
    )
    return text.encode("ascii", "xmlcharrefreplace").decode()


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["instant"] = _instant
    return environment.get_template("page.html")


@jinja2.pass_context
def _shown(context: jinja2.runtime.Context, value: Any) -> Any:
    """What stands in the page for a value of the template: every text goes through the masker."""
    # Numbers, paths and what is marked as safe stand as they are, and so do states: an account may be
    # called like one, but classes and icons are not.
    return context["masker"](value) if type(value) is str and value not in _STATES else value


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _counts(found: list[Card]) -> Iterator[tuple[Status, int]]:
    """How many services have each status, the gravest first."""
    statuses = [card.status for card in found]
    order: tuple[Status, ...] = ("exhausted", "low", "error", "ok")
    return ((status, statuses.count(status)) for status in order if status in statuses)


def _pool(pool: Pool, look: Look) -> PoolBar:
    counts: tuple[tuple[Status, int], ...] = (
        ("ok", pool.active),
        ("exhausted", pool.exhausted),
        ("error", pool.failing),
    )
    _, _, told = rows.pool_line(pool, look).partition(": ")
    return PoolBar(
        title=registry.get(pool.provider).descriptor.title,
        told=tuple(told.split("; ")),
        accounts=tuple(status for status, count in counts for _ in range(count)),
    )


def _days(look: Look) -> Iterator[tuple[str, float]]:
    """The midnights in the charts: the weekday that begins, and where, in percent of the width."""
    since, span = look.now - recent.SPAN, recent.SPAN.total_seconds()
    today = look.now.astimezone(look.zone).date()
    for back in reversed(range(recent.SPAN.days)):
        day = datetime.combine(today - timedelta(days=back), time())
        midnight = day.astimezone() if look.zone is None else day.replace(tzinfo=look.zone)
        share = (midnight.astimezone(UTC) - since.astimezone(UTC)).total_seconds() / span
        if 0 <= share <= 1:
            yield f"{day:%a}", round(share * 100, 2)
