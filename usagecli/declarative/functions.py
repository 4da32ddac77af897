"""The functions that descriptors have beside JMESPath's own.

All take anything and give null for null. `num`, `seconds` and `next_month` ask: null for what they
cannot read. The others insist: an unreadable value is a PayloadError.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from jmespath import functions

from usagecli import wire
from usagecli.declarative.values import figure, instant, iso, plain, text
from usagecli.errors import PayloadError, ServiceError

_UNITS = {
    "ms": Decimal("0.001"),
    "s": Decimal(1),
    "m": Decimal(60),
    "h": Decimal(3600),
    "d": Decimal(86400),
    "w": Decimal(604800),
}
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,12})?)(ms|s|m|h|d|w)")
_DEEPEST = 40
# The year 10000 in milliseconds.
_MOST_MS = 253402300800000


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a run knows beside the answers. `kind` and `ends_with` are all that is told of the key."""

    now: datetime
    options: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "key"
    ends_with: Callable[[str], bool] = field(default=lambda _: False)


def takes(*types: list[str], more: bool = False) -> Callable[[Any], Any]:
    """A function's parameters, as jmespath has them: the last one again and again where `more`."""
    parameters: list[Any] = [{"types": kinds} for kinds in types]
    if more:
        parameters[-1]["variadic"] = True
    return functions.signature(*parameters)


ANY: list[str] = []
TEXT = ["string"]


class Functions(functions.Functions):
    """One for each run: `root` is set before every search."""

    def __init__(self, scope: Scope) -> None:
        super().__init__()
        self.scope = scope
        self.root: Any = None

    # -- numbers ---------------------------------------------------------------------------------

    @takes(ANY)
    def _func_num(self, value: Any) -> Any:
        try:
            return plain(figure(value))
        except PayloadError:
            return None

    @takes(ANY)
    def _func_positive(self, value: Any) -> Any:
        found = figure(value)
        return plain(found) if found is not None and found > 0 else None

    @takes(ANY, more=True)
    def _func_plus(self, *values: Any) -> Any:
        found = [figure(value) for value in values]
        return None if None in found else plain(sum((f for f in found if f is not None), Decimal(0)))

    @takes(ANY, ANY)
    def _func_times(self, left: Any, right: Any) -> Any:
        one, two = figure(left), figure(right)
        return None if one is None or two is None else plain(one * two)

    @takes(ANY, ANY)
    def _func_ratio(self, left: Any, right: Any) -> Any:
        one, two = figure(left), figure(right)
        return None if one is None or not two else plain(one / two)

    @takes(ANY)
    def _func_total(self, values: Any) -> Any:
        if values is None:
            return None
        if not isinstance(values, list):
            raise PayloadError("expected a list to add up")
        found = [figure(value) for value in values]
        return plain(sum((f for f in found if f is not None), Decimal(0)))

    # -- times -----------------------------------------------------------------------------------

    @takes(ANY)
    def _func_unix(self, value: Any) -> Any:
        return _epoch(value, 1)

    @takes(ANY)
    def _func_unix_ms(self, value: Any) -> Any:
        return _epoch(value, 1000)

    @takes(ANY)
    def _func_after(self, value: Any) -> Any:
        if value is None or value == "":
            return None
        length = _length(value)
        if length is None:
            raise PayloadError("expected a duration such as 2m59.5s")
        return iso(wire.later(self.scope.now, plain(length)))

    @takes(ANY)
    def _func_next_month(self, value: Any) -> Any:
        match = re.search(r"(\d{4})-(\d\d)$", value) if isinstance(value, str) else None
        if match is None or not (1 <= int(match[2]) <= 12 and 1970 <= int(match[1]) < 9998):
            return None
        return iso(wire.month_start(datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC), 1))

    @takes(ANY)
    def _func_future(self, value: Any) -> Any:
        found = instant(value)
        return iso(found) if found is not None and found > self.scope.now else None

    @takes(ANY)
    def _func_seconds(self, value: Any) -> Any:
        return plain(_length(value))

    @takes()
    def _func_now(self) -> Any:
        return iso(self.scope.now)

    @takes()
    def _func_today(self) -> Any:
        return iso(wire.day_start(self.scope.now))

    @takes()
    def _func_tomorrow(self) -> Any:
        return iso(wire.day_start(self.scope.now, 1))

    @takes()
    def _func_month_start(self) -> Any:
        return iso(wire.month_start(self.scope.now))

    @takes(ANY)
    def _func_days_ago(self, days: Any) -> Any:
        found = figure(days)
        if found is None or not 0 <= found <= 3660:
            return None
        return iso(wire.day_start(self.scope.now, -int(found)))

    @takes(ANY)
    def _func_as_unix(self, value: Any) -> Any:
        found = instant(value)
        return None if found is None else int(found.timestamp())

    @takes(ANY)
    def _func_as_date(self, value: Any) -> Any:
        found = instant(value)
        return None if found is None else found.strftime("%Y-%m-%d")

    # -- text and maps ---------------------------------------------------------------------------

    @takes(ANY)
    def _func_lower(self, value: Any) -> Any:
        found = _text(value)
        return None if found is None else found.lower()

    @takes(ANY)
    def _func_title(self, value: Any) -> Any:
        found = _text(value)
        return None if found is None else found.replace("_", " ").title()

    @takes(ANY, TEXT)
    def _func_split(self, value: Any, separator: str) -> Any:
        found = _text(value)
        return None if found is None else found.split(separator) if separator else [found]

    @takes(ANY, TEXT)
    def _func_walk(self, value: Any, path: str) -> Any:
        """`[{keys, value}]` for every place that a path such as `a.*.b.*` leads to."""
        if value is None:
            return None
        found: list[dict[str, Any]] = []
        _walk(value, path.split(".")[:_DEEPEST], (), found)
        return found

    # -- the run ---------------------------------------------------------------------------------

    @takes()
    def _func_root(self) -> Any:
        return self.root

    @takes(TEXT)
    def _func_opt(self, name: str) -> Any:
        return self.scope.options.get(name)

    @takes(ANY, TEXT)
    def _func_only(self, values: Any, option: str) -> Any:
        if not isinstance(values, list) or not values:
            return None
        if len(values) > 1:
            names = ", ".join(text(value) or "?" for value in values[:12])
            raise ServiceError(
                f"the key sees more than one {option}: {names}",
                hint=f"set the option {option} to one of them",
            )
        return values[0]

    @takes()
    def _func_key_kind(self) -> Any:
        return self.scope.kind

    @takes(TEXT)
    def _func_key_ends(self, end: str) -> Any:
        return self.scope.ends_with(end)


def _epoch(value: Any, per_second: int) -> str | None:
    if isinstance(value, str) and wire.as_number(value) is None:
        if not value.strip():
            return None
        found = wire.as_instant(value)
        if found is None:
            raise PayloadError("expected a date")
        return iso(found)
    number = figure(value)
    # 0 and -1 stand for never.
    if number is None or number <= 0:
        return None
    try:
        return iso(datetime.fromtimestamp(int(number / per_second), UTC))
    except (ValueError, OverflowError, OSError):
        if per_second == 1 and number < _MOST_MS:
            told = f"{plain(number)} is no time in seconds: is it in milliseconds? unix_ms()"
            raise PayloadError(told) from None
        raise PayloadError("expected a date") from None


def _length(value: Any) -> Decimal | None:
    """The seconds of `30d` or `2m59.56s`; None for any other form."""
    if not isinstance(value, str):
        return None
    told = value.strip().lower()
    parts = _PART.findall(told)
    if not parts or "".join(number + unit for number, unit in parts) != told:
        return None
    total = sum((Decimal(number) * _UNITS[unit] for number, unit in parts), Decimal(0))
    return total if total < timedelta(days=36600).total_seconds() else None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PayloadError("expected a text")
    return str(plain(figure(value)))


def _walk(value: Any, steps: list[str], keys: tuple[str, ...], found: list[dict[str, Any]]) -> None:
    if not steps:
        found.append({"keys": list(keys), "value": value})
        return
    step, rest = steps[0], steps[1:]
    items: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        items = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        items = [(str(place), v) for place, v in enumerate(value)]
    for key, inner in items:
        if step == "*":
            _walk(inner, rest, (*keys, key), found)
        elif step == key:
            _walk(inner, rest, keys, found)
