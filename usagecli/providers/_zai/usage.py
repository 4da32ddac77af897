"""Z.ai's answers -> `Usage`. Instants on the wire are epochs in milliseconds; the balance is yuan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain, count
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Spend, Usage, plan

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
# The codes of `unit` that have been seen, with their names and, where it is fixed, their length.
_HOURS, _MONTHS, _WEEKS = 3, 5, 6
_SPANS = {_HOURS: ("hour", 3600), _MONTHS: ("month", None), _WEEKS: ("week", 604_800)}
_LABELS = {"five_hour": "5-hour limit", "weekly": "Weekly limit", "mcp_monthly": "MCP tools (monthly)"}
# More of any unit is no window; it would leave the range of a date.
_LONGEST = 10_000
# Other spellings of the plan's name, as they stand.
_PLAN_NAMES = ("planName", "plan", "plan_type", "packageName")


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a limit of one type counts, and for whom."""

    id: str
    label: str
    unit: str
    scope: str | None = None


# Plans bought before the end of July 2026 count tokens and tool calls, later ones credits.
_TOOL_CALLS = _Kind("time", "Tool calls", "requests", "mcp")
_KINDS = {
    "CREDIT_LIMIT": _Kind("credit", "Credits", "credits"),
    "TOKENS_LIMIT": _Kind("tokens", "Tokens", "tokens"),
    "TIME_LIMIT": _TOOL_CALLS,
}


def parse(
    quotas: Any, *, subscriptions: Any = None, account: Any = None, notes: tuple[str, ...] = ()
) -> Usage:
    """Map the `data` of the quotas, the subscriptions and the Chinese account report to `Usage`.

    Shape of the first: {"level": "pro", "limits": [{"type": "CREDIT_LIMIT", "unit": 3, "number": 5,
    "usage": 12000, "currentValue": 2514, "remaining": 9485, "percentage": 20,
    "nextResetTime": 1795259400000}]}, where `usage` is the limit and `currentValue` what is used.
    The others may be None (not asked, or failed) or of any shape: they cost their own entries only.
    Raises PayloadError naming the field.
    """
    data = wire.mapping(quotas, "data")
    limits = list(_limits(wire.rows(data.get("limits"), "limits")))
    balance = _balance(account)
    if account is not None and balance is None:
        notes = (*notes, "the balance could not be read: the answer lacks a figure")
    return Usage(
        quotas=tuple(_distinct(limits)),
        balances=(balance,) if balance else (),
        spend=tuple(_tool_calls(limit for limit in limits if limit.kind is _TOOL_CALLS)),
        plan=_plan(data, subscriptions),
        notes=notes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """An entry of `limits` of a known kind: `number` times `unit` long, None where unknown."""

    kind: _Kind
    unit: int | None
    number: int | None
    body: Mapping[str, Any]
    field: str

    @property
    def id(self) -> str:
        """The id of a window that everybody has, else `general_id`."""
        if self.kind is _TOOL_CALLS:
            return "mcp_monthly" if self.unit == _MONTHS else self.general_id
        usual = {(5, _HOURS): "five_hour", (1, _WEEKS): "weekly"}
        return usual.get((self.number or 0, self.unit or 0), self.general_id)

    @property
    def general_id(self) -> str:
        """What it counts and how long."""
        return "_".join(str(part) for part in (self.kind.id, self.number, self.unit) if part is not None)

    @property
    def general_label(self) -> str:
        if self.number is None:
            return self.kind.label
        word = _SPANS.get(self.unit or 0, ("period", None))[0]
        return f"{self.kind.label} ({self.number} {word}{'' if self.number == 1 else 's'})"

    @property
    def window_seconds(self) -> int | None:
        length = _SPANS.get(self.unit or 0, ("", None))[1]
        return None if length is None or self.number is None else self.number * length


def _limits(entries: list[Any]) -> Iterable[_Limit]:
    """The limits of known kinds. Raises PayloadError for one that is no object."""
    for index, entry in enumerate(entries):
        body = wire.mapping(entry, f"limits[{index}]")
        # An older revision spelt the key `name`.
        kind = _KINDS.get(str(wire.first(body, "type", "name")))
        if kind is not None:
            unit, number = _length(body.get("unit")), _length(body.get("number"))
            yield _Limit(kind=kind, unit=unit, number=number, body=body, field=f"limits[{index}]")


def _distinct(limits: Iterable[_Limit]) -> Iterable[Quota]:
    """A quota of each limit. An account between two plans may have one window in two kinds."""
    taken: set[str] = set()
    for limit in limits:
        spare = limit.general_id
        names = chain((limit.id, spare), (f"{spare}_{number}" for number in count(2)))
        id_ = next(name for name in names if name not in taken)
        taken.add(id_)
        yield _quota(limit, id_)


def _quota(limit: _Limit, id_: str) -> Quota:
    body = limit.body
    total, current = wire.as_count(body.get("usage")), wire.as_count(body.get("currentValue"))
    percentage = wire.as_count(body.get("percentage"))
    if total is None and current is None and percentage is None:
        raise PayloadError(f"{limit.field}: neither percentage nor currentValue and usage")
    percent = percentage
    if total is None:
        unit, used, remaining, total = "percent", percentage, None, _HUNDRED
    else:
        unit = limit.kind.unit
        used, remaining = _use(total, current, wire.as_count(body.get("remaining")))
        if current is not None and total > 0:
            percent = current / total * _HUNDRED
    return Quota(
        id=id_,
        label=_LABELS.get(id_, limit.general_label),
        unit=unit,
        scope=limit.kind.scope,
        used=used,
        limit=total,
        remaining=remaining,
        percent_used=percent,
        window_seconds=limit.window_seconds,
        resets_at=wire.as_instant(body.get("nextResetTime")),
        # Without its tools a model still works.
        partial=limit.kind is _TOOL_CALLS,
        # Rounded down by the vendor: 100 is all of it.
        reached=percentage is not None and percentage >= _HUNDRED,
    )


def _use(
    total: Decimal, current: Decimal | None, left: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    """Used and remaining, each from the other where only one is told; together they may be off by one."""
    if current is None and left is not None:
        current = max(_ZERO, total - left)
    if left is None and current is not None:
        left = max(_ZERO, total - current)
    return current, left


def _tool_calls(limits: Iterable[_Limit]) -> Iterable[Spend]:
    """The calls of each tool, once."""
    found: dict[str, Spend] = {}
    for detail in chain.from_iterable(wire.as_rows(limit.body.get("usageDetails")) for limit in limits):
        tool = wire.as_text(wire.as_mapping(detail).get("modelCode"))
        calls = wire.as_count(wire.as_mapping(detail).get("usage"))
        if tool is not None and calls is not None:
            found.setdefault(tool, Spend(id=f"mcp:{tool}", label=tool, unit="requests", amount=calls))
    return found.values()


def _balance(account: Any) -> Balance | None:
    body = wire.as_mapping(account)
    figures = (wire.as_number(body.get(name)) for name in ("availableBalance", "balance"))
    amount = next((figure for figure in figures if figure is not None), None)
    if amount is None:
        return None
    return Balance(id="account", label="Account balance", unit="cny", amount=amount)


def _plan(quotas: Mapping[str, Any], subscriptions: Any) -> Mapping[str, Any] | None:
    first = wire.as_mapping(next(iter(wire.as_rows(subscriptions)), None))
    level = wire.as_text(quotas.get("level"))
    others = (wire.as_text(quotas.get(name)) for name in _PLAN_NAMES)
    name = wire.as_text(first.get("productName")) or (level[:1].upper() + level[1:] if level else None)
    name = name or next((other for other in others if other), None)
    renews, status = wire.as_instant(first.get("nextRenewTime")), wire.as_text(first.get("status"))
    if name is None and renews is None and status is None:
        return None
    # A date on the wire: its midnight, as the document writes instants.
    told = renews.isoformat().replace("+00:00", "Z") if renews else None
    return plan(name, renewsAt=told, status=status)


def _length(value: Any) -> int | None:
    found = wire.as_whole(value)
    return found if found is not None and 0 < found < _LONGEST else None
