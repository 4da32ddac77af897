"""The answers of Anthropic's Admin API -> `Usage`. Amounts come in cents, often with a fraction.

Lists come in pages {"data": [...], "has_more": false, "next_page": null}. The calendar month of UTC
is the period of all money.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota, Spend, Usage, unique

Pages = Sequence[Any]
Row = Mapping[str, Any]

_CENTS = Decimal(100)
_ZERO = Decimal(0)
_DAY_S = 86_400
_USD = "USD"
_MONTHLY = "monthly"
_COUNTS = ("uncached_input_tokens", "cache_read_input_tokens", "output_tokens")
_WRITTEN = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
_LABELS = {
    "organization": "Organization spend limit",
    "usage_tier": "Usage tier spend limit",
    "workspace": "Spend limit of the default workspace",
}


def parse(
    *,
    now: datetime,
    costs: Pages | None,
    tokens: Pages | None = None,
    limits: Pages | None = None,
    by_workspace: Pages | None = None,
    members: Pages | None = None,
    organization: Any = None,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the pages of the cost report and of what was read beside it to `Usage`.

    Each is None where it was not read. Shape of a cost bucket: {"results": [{"currency": "USD",
    "amount": "417.25", "workspace_id": null}]}; of a use bucket: {"results": [{"uncached_input_tokens":
    1, ...}]}. `by_workspace` are the costs again, grouped. Raises PayloadError naming the field where the
    costs cannot be read; the others cost their own entries only.
    """
    told = list(notes)
    spent = None if costs is None else _dollars(_buckets(costs), told)
    quotas = (
        *_limits(limits, spent, _by_workspace(by_workspace, told), now, told),
        *_members(members, now, told),
    )
    return Usage(
        quotas=unique(quotas),
        spend=tuple(_spend(spent, _tokens(tokens, told), now)),
        account=_account(organization),
        notes=tuple(told),
    )


def is_console(limits: Pages | None) -> bool:
    """Whether the limits are of a kind that only a Console organization has."""
    return any(_scope(row)[0] in ("workspace", "usage_tier") for row in _rows(limits))


def limited_workspaces(limits: Pages | None) -> bool:
    """Whether a workspace has a cap, so that its own costs count."""
    return any(_scope(row)[0] == "workspace" and _cap(row)[0] is not None for row in _rows(limits))


# -- costs and tokens -------------------------------------------------------------------------------


def _buckets(pages: Pages) -> Iterator[Row]:
    """The results of all buckets of all pages. Raises PayloadError."""
    for page in pages:
        for bucket in wire.rows(wire.mapping(page, "body").get("data"), "data"):
            for row in wire.rows(wire.mapping(bucket, "data[]").get("results"), "results"):
                yield wire.mapping(row, "results[]")


def _dollars(rows: Iterable[Row], notes: list[str]) -> Decimal:
    """The sum in US dollars; currencies are never added, so a note tells of others."""
    total, others = _ZERO, set()
    for row in rows:
        amount = wire.number(row, "amount")
        if row.get("currency") == _USD:
            total += amount
        else:
            others.add(wire.as_text(row.get("currency")) or "an unknown currency")
    if others:
        notes.append(f"costs in {', '.join(sorted(others))} are left out")
    return total / _CENTS


def _by_workspace(pages: Pages | None, notes: list[str]) -> Mapping[str | None, Decimal] | None:
    """The dollars of each workspace that had costs; None is the id of the default workspace."""
    if pages is None:
        return None
    found: dict[str | None, list[Row]] = {}
    try:
        for row in _buckets(pages):
            found.setdefault(wire.as_text(row.get("workspace_id")), []).append(row)
        # The costs of all have already told of other currencies.
        return {workspace: _dollars(rows, []) for workspace, rows in found.items()}
    except PayloadError as error:
        notes.append(f"the costs of the workspaces could not be read: {error.message}")
        return None


def _tokens(pages: Pages | None, notes: list[str]) -> Decimal | None:
    if pages is None:
        return None
    try:
        return sum(map(_tokens_of, _buckets(pages)), _ZERO)
    except PayloadError as error:
        notes.append(f"the tokens could not be read: {error.message}")
        return None


def _tokens_of(row: Row) -> Decimal:
    """Input, read from and written to the cache, and output: no token is in two of them."""
    written = wire.as_mapping(row.get("cache_creation"))
    return sum((wire.number(row, name) for name in _COUNTS), _ZERO) + sum(
        (wire.as_number(written.get(name)) or _ZERO for name in _WRITTEN), _ZERO
    )


def _spend(dollars: Decimal | None, tokens: Decimal | None, now: datetime) -> Iterator[Spend]:
    month = wire.month_start(now)
    if dollars is not None:
        yield Spend(id="monthly", label="This month", unit="usd", amount=dollars, since=month)
    if tokens is not None:
        yield Spend(id="tokens", label="Tokens this month", unit="tokens", amount=tokens, since=month)


def _account(organization: Any) -> str | None:
    body = wire.as_mapping(organization)
    return wire.as_text(body.get("name")) or wire.as_text(body.get("id"))


# -- limits -----------------------------------------------------------------------------------------


def _limits(
    pages: Pages | None,
    spent: Decimal | None,
    of_workspaces: Mapping[str | None, Decimal] | None,
    now: datetime,
    notes: list[str],
) -> list[Quota]:
    """The spend limits of the organization, its workspaces and its usage tier."""
    rows = [row for row in _rows(pages) if _scope(row)[0] in _LABELS]
    quotas: list[Quota] = []
    for row in rows:
        kind, workspace = _scope(row)
        used = spent
        if kind == "workspace":
            used = None if of_workspaces is None else of_workspaces.get(workspace, _ZERO)
        quotas += _limit(row, used, now)
    if len(quotas) < len(rows):
        left_out = len(rows) - len(quotas)
        notes.append(f"{left_out} of {len(rows)} spend limits left out: not monthly, or not in US dollars")
    if any(row.get("is_enabled") is False for row in rows):
        notes.append("extra usage is off for the organization")
    return quotas


def _limit(row: Row, used: Decimal | None, now: datetime) -> Iterator[Quota]:
    """The quota of a spend limit: none where the month's dollars say nothing of it."""
    kind, workspace = _scope(row)
    limit, uncapped = _cap(row)
    if row.get("period") != _MONTHLY or row.get("currency") != _USD or (limit is None and not uncapped):
        return
    of_workspace = kind == "workspace"
    name = workspace if of_workspace else None
    yield Quota(
        id=f"spend_limit_{kind}" + (f":{name or 'default'}" if of_workspace else ""),
        label=f"Spend limit of {name}" if name else _LABELS[kind],
        scope=(name or "default workspace") if of_workspace else None,
        unit="usd",
        used=None if uncapped else used,
        limit=limit,
        # Without a cap and with extra usage off nothing is free to spend.
        unlimited=uncapped and row.get("is_enabled") is not False,
        # It stops the work of one workspace.
        partial=of_workspace,
        **_window(_MONTHLY, now),
    )


def _members(pages: Pages | None, now: datetime, notes: list[str]) -> list[Quota]:
    """What each member of a Claude Enterprise organization may spend, and has spent."""
    rows = _rows(pages)
    times = Counter(map(_user, rows))
    quotas: list[Quota] = []
    for row in rows:
        user, period = _user(row), row.get("period")
        # Several limits of one member differ in their periods.
        suffix = "" if period == _MONTHLY or times[user] == 1 else f":{wire.as_text(period)}"
        if user is not None:
            quotas += _member(row, f"member:{user}{suffix}", now)
    if len(quotas) < len(rows):
        notes.append(f"{len(rows) - len(quotas)} of {len(rows)} limits of members could not be read")
    if any(quota.used == 0 for quota in quotas):
        notes.append("a member's $0 may also mean that the reading is not available")
    return quotas


def _member(row: Row, id_: str, now: datetime) -> Iterator[Quota]:
    limit, uncapped = _cap(row)
    spent = wire.as_number(row.get("period_to_date_spend"))
    if row.get("currency") != _USD or (limit is None and not uncapped):
        return
    name = _member_name(row)
    yield Quota(
        id=id_,
        label=f"Spend limit of {name}",
        scope=name,
        unit="usd",
        used=None if spent is None else spent / _CENTS,
        limit=limit,
        unlimited=uncapped,
        # It stops the work of one member.
        partial=True,
        **_window(row.get("period"), now),
    )


def _window(period: Any, now: datetime) -> dict[str, Any]:
    """Length and end of a limit's period; where a week or day of theirs begins is not known."""
    if period == _MONTHLY:
        first, following = wire.month_start(now), wire.month_start(now, 1)
        return {"window_seconds": (following - first).days * _DAY_S, "resets_at": following}
    return {"window_seconds": {"daily": _DAY_S, "weekly": 7 * _DAY_S}.get(str(period))}


def _cap(row: Row) -> tuple[Decimal | None, bool]:
    """The limit in dollars, and whether there is none; a field that is missing says neither."""
    cents = wire.as_number(row.get("amount"))
    limit = None if cents is None or cents < 0 else cents / _CENTS
    return limit, "amount" in row and row["amount"] is None


def _scope(row: Row) -> tuple[str, str | None]:
    """What a limit is of, and the workspace's id."""
    scope = wire.as_mapping(row.get("scope"))
    return wire.as_text(scope.get("type")) or "", wire.as_text(scope.get("workspace_id"))


def _user(row: Row) -> str | None:
    actor, scope = wire.as_mapping(row.get("actor")), wire.as_mapping(row.get("scope"))
    ids = map(wire.as_text, (actor.get("user_id"), actor.get("id"), scope.get("user_id")))
    return next((id_ for id_ in ids if id_), None)


def _member_name(row: Row) -> str | None:
    actor = wire.as_mapping(row.get("actor"))
    names = (wire.as_text(actor.get(name)) for name in ("email_address", "email", "name"))
    return next((name for name in names if name), None) or _user(row)


def _rows(pages: Pages | None) -> list[Row]:
    """The entries of a list that the report stands without, those that are objects."""
    found = (row for page in pages or () for row in wire.as_rows(wire.as_mapping(page).get("data")))
    return [row for row in found if isinstance(row, dict)]
