"""A team's Admin API: what the members spent in this cycle, and the limits of each.

Source: https://cursor.com/docs/account/teams/admin-api, read 2026-11. Amounts are US cents, limits
US dollars. Two generations of answers: of old `spendCents` was everything, now `overallSpendCents`
is, and `spendCents` only what goes beyond the plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Quota, Spend, Usage, plan, unique

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask, Client

_API = "https://api.cursor.com"
_NEW_KEY = "make a team Admin API key at cursor.com/dashboard (as an admin of the team), or sign in to Cursor"
_PAGE_SIZE = 100
# A team may ask 20 times a minute.
_MAX_PAGES = 15
_HUNDRED, _CENT = Decimal(100), Decimal("0.01")


def fetch(ask: Ask) -> Usage:
    """Read all pages of the team's spend. Raises as the provider's `fetch` does."""
    from base64 import b64encode

    token = b64encode(f"{ask.credential.secret.reveal()}:".encode()).decode()
    client = ask.client(ask.service.base_url or _API, {"Authorization": f"Basic {token}"})
    pages = [_page(client, 1)]
    total = wire.as_whole(wire.as_mapping(pages[0]).get("totalPages")) or 1
    pages += [_page(client, number) for number in range(2, min(total, _MAX_PAGES) + 1)]
    left_out = f"only the first {_MAX_PAGES * _PAGE_SIZE} members were read"
    return parse(pages, notes=(left_out,) if total > _MAX_PAGES else ())


def _page(client: Client, number: int) -> Any:
    return client.post_json("/teams/spend", {"page": number, "pageSize": _PAGE_SIZE}, judge=_judge)


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status == 401:
        message = "Cursor refused the key (401): it is wrong, or is no Admin API key of a team"
        return AuthError(message, hint=_NEW_KEY)
    if answer.status == 403:
        message = "Cursor refused the key (403): it lacks a permission, or the team's plan has no such API"
        return AuthError(message, hint=_NEW_KEY)
    return None


def parse(pages: Sequence[Any], *, notes: tuple[str, ...] = ()) -> Usage:
    """Map the pages of `/teams/spend` to `Usage`.

    Shape: {"teamMemberSpend": [{"userId", "name", "email", "spendCents", "overallSpendCents",
    "includedSpendCents", "effectivePerUserLimitDollars", "monthlyLimitDollars",
    "hardLimitOverrideDollars"}], "subscriptionCycleStart": 1793911542000, "totalPages"}.
    Raises PayloadError.
    """
    bodies = [wire.mapping(page, "body") for page in pages]
    rows = [
        wire.mapping(row, "teamMemberSpend[]")
        for body in bodies
        for row in wire.rows(body.get("teamMemberSpend"), "teamMemberSpend")
    ]
    return Usage(
        quotas=unique(quota for row in rows if (quota := _quota(row))),
        spend=tuple(_spend(rows, bodies[0])),
        plan=plan("Team"),
        notes=notes,
    )


def _spend(rows: list[Mapping[str, Any]], body: Mapping[str, Any]) -> Iterator[Spend]:
    since = wire.as_instant(body.get("subscriptionCycleStart"))
    totals = [
        wire.as_number(wire.first(row, "overallSpendCents", "spendCents"))
        for row in rows
        if wire.first(row, "overallSpendCents", "spendCents") is not None
    ]
    known = [total for total in totals if total is not None]
    if len(known) < len(totals) or (rows and not known):
        raise PayloadError("spendCents: expected a number")
    yield _money("team_total", "Team total", sum(known, Decimal(0)), since)
    if any(_is_newer(row) for row in rows):
        beyond = (wire.as_number(row.get("spendCents")) or Decimal(0) for row in rows if _is_newer(row))
        yield _money("team_on_demand", "Team on-demand", sum(beyond, Decimal(0)), since)


def _money(id_: str, label: str, cents: Decimal, since: Any) -> Spend:
    return Spend(id=id_, label=label, unit="usd", amount=(cents / _HUNDRED).quantize(_CENT), since=since)


def _quota(row: Mapping[str, Any]) -> Quota | None:
    """A member's limit: it caps what goes beyond the plan, and stops nobody else."""
    limit = next((found for name in _LIMITS if (found := wire.as_number(row.get(name))) is not None), None)
    if limit is None:
        override = wire.as_number(row.get("hardLimitOverrideDollars"))
        limit = override if override is not None and override > 0 else None
    name = next((text for key in ("email", "name", "userId") if (text := _text(row.get(key)))), None)
    if limit is None or limit < 0 or name is None:
        return None
    used = _beyond(row)
    return Quota(
        id=f"member:{name}",
        label=name,
        unit="usd",
        used=None if used is None else (used / _HUNDRED).quantize(_CENT),
        limit=limit,
        partial=True,
    )


_LIMITS = ("effectivePerUserLimitDollars", "monthlyLimitDollars")


def _beyond(row: Mapping[str, Any]) -> Decimal | None:
    """What was spent beyond the plan, in cents; None where an older answer does not tell it apart."""
    spent, included = (wire.as_number(row.get(name)) for name in ("spendCents", "includedSpendCents"))
    if spent is None or _is_newer(row):
        return None if spent is None else max(Decimal(0), spent)
    return None if included is None else max(Decimal(0), spent - included)


def _is_newer(row: Mapping[str, Any]) -> bool:
    return row.get("overallSpendCents") is not None


def _text(value: Any) -> str | None:
    return wire.as_text(str(value) if isinstance(value, int) and not isinstance(value, bool) else value)
