"""The answers of OpenAI's organization endpoints -> `Usage`.

Costs come in whole dollars, limits in cents. Costs and tokens come in pages {"data": [...],
"has_more": false, "next_page": null} of daily buckets {"results": [...]}. A month is a calendar
month of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Spend, Usage

Pages = Sequence[Any]
Row = Mapping[str, Any]

_CENTS = Decimal(100)
_ZERO = Decimal(0)
_DAY_S = 86_400
_USD = "usd"
_CURRENCY = re.compile(r"[a-z]{3}")
_ENFORCED = "the spend limit is being enforced: OpenAI refuses requests now"


def parse(
    costs: Pages,
    *,
    now: datetime,
    project: str | None = None,
    tokens: Pages | None = None,
    limit: Any = None,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the pages of the month's costs, and what was read beside them, to `Usage`.

    Shape of a cost: {"amount": {"value": 3.4182, "currency": "usd"}}; of a use: {"input_tokens": 812,
    "output_tokens": 96}; of the limit: {"threshold_amount": 25000, "currency": "USD", "interval":
    "month", "enforcement": {"status": "inactive"}}. `tokens` and `limit` are None where there is
    nothing of them, and cost their own entries only. Raises PayloadError naming the field.
    """
    told = list(notes)
    spent = _by_currency(costs)
    used = _tokens(tokens, told)
    stopped = _is_enforced(limit)
    quotas = _quotas(limit, spent, now, project, told)
    if stopped:
        told.append(_ENFORCED)
    return Usage(
        quotas=quotas,
        spend=tuple(_spend(spent, used, wire.month_start(now))),
        account=project,
        notes=tuple(told),
        stopped=stopped,
    )


def parse_credits(grants: Any) -> Usage:
    """Map the credit grants of a user's key: {"total_available": 28.5}, dollars. Raises PayloadError."""
    amount = wire.number(wire.mapping(grants, "body"), "total_available")
    return Usage(balances=(Balance(id="credits", label="Credit grants", unit=_USD, amount=amount),))


def following(page: Any, seen: Collection[str]) -> str | None:
    """The cursor of the page after this one, None after the last.

    Raises PayloadError where that cannot be told: a sum needs all pages.
    """
    body = wire.mapping(page, "body")
    wire.rows(body.get("data"), "data")
    more, cursor = body.get("has_more"), body.get("next_page")
    if not isinstance(more, bool):
        raise PayloadError("has_more: expected true or false")
    if not more:
        return None
    if not isinstance(cursor, str) or not cursor.strip() or cursor in seen:
        raise PayloadError("next_page: there are more pages, and no new cursor leads to them")
    return cursor


# -- costs and tokens -------------------------------------------------------------------------------


def _results(pages: Pages) -> Iterator[Row]:
    """The results of all buckets of all pages. Raises PayloadError."""
    for page in pages:
        for bucket in wire.rows(wire.mapping(page, "body").get("data"), "data"):
            for row in wire.rows(wire.mapping(bucket, "data[]").get("results"), "results"):
                yield wire.mapping(row, "results[]")


def _by_currency(costs: Pages) -> Mapping[str, Decimal]:
    """The sum of each currency, US dollars first, also where there were none."""
    totals = {_USD: _ZERO}
    for row in _results(costs):
        if row.get("amount") is None:
            continue
        amount = wire.mapping(row["amount"], "amount")
        # A NaN reaches us as null, so that only a value that is not there at all counts nothing.
        if "value" in amount:
            currency = _currency(amount.get("currency"))
            totals[currency] = totals.get(currency, _ZERO) + wire.number(amount, "value", "amount.value")
    return totals


def _currency(value: Any) -> str:
    """An ISO code in lower case; US dollars where none is named. Raises PayloadError."""
    if value is None:
        return _USD
    code = value.strip().lower() if isinstance(value, str) else ""
    if not _CURRENCY.fullmatch(code):
        raise PayloadError("currency: expected the code of a currency")
    return code


def _tokens(pages: Pages | None, notes: list[str]) -> Decimal | None:
    """Input and output. Cached, written and audio tokens are parts of these."""
    if pages is None:
        return None
    try:
        return sum(
            (wire.number(row, "input_tokens") + wire.number(row, "output_tokens") for row in _results(pages)),
            _ZERO,
        )
    except PayloadError as error:
        notes.append(f"the tokens could not be read: {error.message}")
        return None


def _spend(spent: Mapping[str, Decimal], tokens: Decimal | None, month: datetime) -> Iterator[Spend]:
    for currency, amount in spent.items():
        id_, label = ("monthly", "This month")
        if currency != _USD:
            id_, label = f"monthly_{currency}", f"This month ({currency.upper()})"
        yield Spend(id=id_, label=label, unit=currency, amount=amount, since=month)
    if tokens is not None:
        yield Spend(id="tokens", label="Tokens this month", unit="tokens", amount=tokens, since=month)


# -- the spend limit --------------------------------------------------------------------------------


def _is_enforced(limit: Any) -> bool:
    status = wire.as_mapping(wire.as_mapping(limit).get("enforcement")).get("status")
    return isinstance(status, str) and status.strip().lower() == "enforcing"


def _quotas(
    limit: Any, spent: Mapping[str, Decimal], now: datetime, project: str | None, notes: list[str]
) -> tuple[Quota, ...]:
    if limit is None:
        return ()
    try:
        return (_spend_limit(wire.mapping(limit, "body"), spent, now, project),)
    except PayloadError as error:
        notes.append(f"the spend limit could not be read: {error.message}")
        return ()


def _spend_limit(body: Row, spent: Mapping[str, Decimal], now: datetime, project: str | None) -> Quota:
    cents, unit = wire.number(body, "threshold_amount"), _currency(body.get("currency"))
    if cents < 0:
        raise PayloadError("threshold_amount: expected no negative number")
    common: dict[str, Any] = {
        "id": "spend_limit",
        "unit": unit,
        "scope": project,
        "limit": cents / _CENTS,
        # Also where the costs, which trail, are still below it.
        "reached": _is_enforced(body),
    }
    interval = wire.as_text(body.get("interval"))
    if interval not in (None, "month"):
        # The month's costs say nothing of another period.
        return Quota(label=f"Spend limit ({interval})", **common)
    first, resets_at = wire.month_start(now), wire.month_start(now, 1)
    return Quota(
        label="Monthly spend limit",
        used=spent.get(unit),
        window_seconds=(resets_at - first).days * _DAY_S,
        resets_at=resets_at,
        **common,
    )
