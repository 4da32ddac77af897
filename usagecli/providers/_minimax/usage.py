"""MiniMax's answer -> `Usage`. Instants on the wire are epochs in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.errors import AuthError, PayloadError, RateLimited, Unavailable
from usagecli.log import mask
from usagecli.model import Quota, SourceKind, Usage, plan, unique

if TYPE_CHECKING:
    from usagecli.providers._minimax.credentials import Region

_HUNDRED = Decimal(100)
_WRONG_KEY, _NO_MODEL = 1004, 2061
_SPENT = (1028, 1030)
_REACHED, _UNLIMITED = 2, 3
_WEEK_S = 604_800
_FIRST = "general"
# How far counts may be from the percentage beside them.
_NEAR = Decimal(1)
_LENGTHS = {18_000: "5 hours", 86_400: "daily", _WEEK_S: "weekly"}


def parse(payload: Any, *, region: Region, source: SourceKind = "api") -> Usage:
    """Map an answer to `Usage`. Raises AuthError, RateLimited, Unavailable, PayloadError naming the field.

    Shape: {"model_remains": [{"model_name": "general", "start_time": ms, "end_time": ms,
    "current_interval_remaining_percent": 63, "weekly_start_time": ms, ...}], "base_resp":
    {"status_code": 0}}; of a web session the same inside `data`.
    """
    outer = wire.mapping(payload, "body")
    inner = wire.as_mapping(outer.get("data"))
    body = inner if "model_remains" in inner else outer
    rows = body.get("model_remains")
    _check(outer, body, region, told=bool(wire.as_rows(rows)))
    found: list[Quota] = []
    for index, row in enumerate(wire.rows(rows, "model_remains")):
        field = f"model_remains[{index}]"
        found += _bucket(wire.mapping(row, field), field)
    quotas = unique(sorted(found, key=lambda quota: quota.scope != _FIRST))
    name = wire.as_text(body.get("current_subscribe_title"))
    return Usage(
        quotas=quotas,
        plan=plan(name) if name else None,
        notes=() if quotas else ("MiniMax reported no windows of a plan",),
        source=source,
    )


def _check(outer: Mapping[str, Any], body: Mapping[str, Any], region: Region, *, told: bool) -> None:
    """Raise what the status in an answer means; `told`: there are rows beside it."""
    levels = (wire.as_mapping(body.get("base_resp")), wire.as_mapping(outer.get("base_resp")), outer)
    status = next((level for level in levels if level.get("status_code") is not None), {})
    code = wire.as_whole(status.get("status_code"))
    if code in (None, 0) or (code in _SPENT and told):
        return
    text = status.get("status_msg")
    # A message may repeat what it was sent.
    said = wire.as_text(mask(text)) if isinstance(text, str) else None
    words = f": {said}" if said else ""
    if code == _WRONG_KEY:
        raise AuthError(f"MiniMax refused the key ({code}){words}", hint=region.refusal)
    if code == _NO_MODEL:
        raise AuthError(
            f"the model is not in the plan of this key ({code}){words}", hint=f"see {region.key_page}"
        )
    if code in _SPENT:
        raise RateLimited(f"the quota is used up ({code}){words}")
    raise Unavailable(f"MiniMax answered with an error ({code}){words}", hint="try again later")


# -- a bucket's two windows ---------------------------------------------------------------------------


def _bucket(row: Mapping[str, Any], field: str) -> Iterator[Quota]:
    name = wire.as_text(row.get("model_name"))
    if name is None:
        raise PayloadError(f"{field}.model_name: expected a text")
    windows = ("interval", "weekly")
    # How a bucket looks that the plan does not hold.
    if all(_status(row, window) == _UNLIMITED and not _total(row, window, field) for window in windows):
        return
    for window in windows:
        quota = _window(row, name, window, field)
        if quota is not None:
            yield quota


def _status(row: Mapping[str, Any], window: str) -> int | None:
    return wire.as_whole(row.get(f"current_{window}_status"))


def _total(row: Mapping[str, Any], window: str, field: str) -> Decimal | None:
    return _number(row, f"current_{window}_total_count", field)


def _window(row: Mapping[str, Any], name: str, window: str, field: str) -> Quota | None:
    prefix = "weekly_" if window == "weekly" else ""
    seconds = _length(row, prefix) or (_WEEK_S if window == "weekly" else None)
    status = _status(row, window)
    figures = _figures(row, window, field)
    if figures is None and status not in (_REACHED, _UNLIMITED):
        return None
    unlimited = status == _UNLIMITED
    length = _LENGTHS.get(seconds or 0) or window
    return Quota(
        id=f"{name}:{window}",
        label=f"{name} ({length})",
        scope=name,
        unlimited=unlimited,
        # The percentage has the last word: counts beside a full one may leave a few.
        reached=status == _REACHED or (not unlimited and (figures or {}).get("percent_used") == _HUNDRED),
        window_seconds=seconds,
        resets_at=wire.as_instant(row.get(f"{prefix}end_time")),
        **({"unit": "percent"} if unlimited or figures is None else figures),
    )


def _length(row: Mapping[str, Any], prefix: str) -> int | None:
    start, end = (wire.as_number(row.get(f"{prefix}{bound}_time")) for bound in ("start", "end"))
    return int((end - start) / 1000) or None if start and end and end > start else None


def _figures(row: Mapping[str, Any], window: str, field: str) -> dict[str, Any] | None:
    """`unit`, `used`, `limit` and `percent_used` of a window; None where nothing is told of it."""
    left = _number(row, f"current_{window}_remaining_percent", field)
    if left is not None:
        left = min(_HUNDRED, max(Decimal(0), left))
    total = _total(row, window, field)
    count = _number(row, f"current_{window}_usage_count", field)
    used = _used(total, count, left) if total is not None and total > 0 and count is not None else None
    if used is not None and total is not None:
        boost = _boost(row, window)
        percent = None if left is None else _HUNDRED - left
        return {"unit": "requests", "used": used * boost, "limit": total * boost, "percent_used": percent}
    if left is None:
        return None
    return {"unit": "percent", "used": _HUNDRED - left, "limit": _HUNDRED}


def _used(total: Decimal, count: Decimal, left: Decimal | None) -> Decimal | None:
    """What is used by a count of which nobody knows whether it is what is left or what is used.

    A percentage beside it tells; without one it is what is left.
    """
    if count < 0:
        return None
    if left is None or abs(count / total * _HUNDRED - left) <= _NEAR:
        return max(Decimal(0), total - count)
    if abs((total - count) / total * _HUNDRED - left) <= _NEAR:
        return count
    return None


def _boost(row: Mapping[str, Any], window: str) -> Decimal:
    """By how much a plan shows its amounts larger than they are counted."""
    name = f"{window}_boost_permill"
    told = wire.as_number(wire.first(row, f"{name}e", name))
    return told / 1000 if told is not None and told > 0 else Decimal(1)


def _number(row: Mapping[str, Any], key: str, field: str) -> Decimal | None:
    return None if row.get(key) is None else wire.number(row, key, f"{field}.{key}")
