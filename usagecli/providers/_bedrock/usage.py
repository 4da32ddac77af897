"""Answers of Service Quotas and CloudWatch -> `Usage`: what a model may use, and what it did use.

Quotas are tokens or requests, of one model in one Region.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota, Spend, Usage
from usagecli.providers._bedrock.metrics import Measured, Points, Reading, Series, measured
from usagecli.providers._bedrock.names import Kind, ModelId, Scope, burndown, model_id, quota_name

_ESTIMATE = "EstimatedTPMQuotaUsage"
_INPUT, _OUTPUT, _WRITES = "InputTokenCount", "OutputTokenCount", "CacheWriteInputTokens"
# Reads from the cache do not count.
_TOKENS = (_ESTIMATE, _INPUT, _OUTPUT, _WRITES)
_REQUESTS, _THROTTLES = "Invocations", "InvocationThrottles"
_MINUTE_S, _DAY_S = 60, 86_400
# The second entry of a quota that geographic profiles have twice.
_GEOGRAPHIC = "/cross-region"
_ZERO = Decimal(0)
_NAMED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """One quota, for one kind of id of one model. `limit` None: its value is not known."""

    id: str
    kind: Kind
    scope: Scope
    model: str
    words: frozenset[str]
    limit: Decimal | None

    def covers(self, model: ModelId) -> bool:
        return (self.scope, self.words) == (model.scope, model.words)


# -- what to ask ------------------------------------------------------------------------------------


def allowances(pages: Iterable[Any], region: str) -> list[Allowance]:
    """The quotas on running a model, from pages of ListServiceQuotas. Raises PayloadError.

    Shape of a page: {"Quotas": [{"QuotaCode": "L-27C57EE8", "QuotaName": "Global cross-region model
    inference tokens per minute for Anthropic Claude Sonnet 4.5 V1", "Value": 500000.0}]}.
    """
    found: dict[str, Allowance] = {}
    for row in _quota_rows(pages):
        for allowance in _allowances(row, region):
            found.setdefault(allowance.id, allowance)
    return list(found.values())


def minute_series(metrics: Mapping[str, set[str]], quotas: Sequence[Allowance]) -> list[Series]:
    """What to ask of the last hour: tokens where a quota counts them, requests and throttles of all."""
    return _series(metrics, quotas, ("TPM",), (_REQUESTS, _THROTTLES))


def day_series(metrics: Mapping[str, set[str]], quotas: Sequence[Allowance]) -> list[Series]:
    """What to ask of today: tokens where a day's quota counts them, requests of models without quota."""
    return [
        (model, name)
        for model, name in _series(metrics, quotas, ("TPD",), (_REQUESTS,))
        if name != _REQUESTS or not _covering(model, quotas)
    ]


def _quota_rows(pages: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for page in pages:
        rows = wire.rows(wire.mapping(page, "body").get("Quotas"), "Quotas")
        yield from (wire.as_mapping(row) for row in rows)


def _allowances(row: Mapping[str, Any], region: str) -> Iterator[Allowance]:
    code, name = wire.as_text(row.get("QuotaCode")), wire.as_text(row.get("QuotaName"))
    told = quota_name(name) if name else None
    if code is None or told is None:
        return
    limit = wire.as_count(row.get("Value"))
    own = Allowance(
        id=f"{region}/{code}",
        kind=told.kind,
        scope=told.scope,
        model=told.model,
        words=told.words,
        limit=limit,
    )
    yield own
    if told.doubled:
        yield Allowance(
            id=own.id + _GEOGRAPHIC,
            kind=told.kind,
            scope="cross-region",
            model=told.model,
            words=told.words,
            limit=None if limit is None else 2 * limit,
        )


def _series(
    metrics: Mapping[str, set[str]],
    quotas: Sequence[Allowance],
    counted: tuple[Kind, ...],
    always: tuple[str, ...],
) -> list[Series]:
    found = []
    for model, names in metrics.items():
        kinds = {allowance.kind for allowance in _covering(model, quotas)}
        wanted = (*(_TOKENS if kinds.intersection(counted) else ()), *always)
        found += [(model, name) for name in wanted if name in names]
    return found


def _covering(model: str, quotas: Sequence[Allowance]) -> list[Allowance]:
    """The quotas of an id; of two of one kind neither, as nothing says which it is."""
    told = model_id(model)
    found = [allowance for allowance in quotas if told and allowance.covers(told)]
    kinds = [allowance.kind for allowance in found]
    return [allowance for allowance in found if kinds.count(allowance.kind) == 1]


# -- what was answered ------------------------------------------------------------------------------


def parse(
    quotas: Sequence[Any],
    *,
    region: str,
    now: datetime,
    hour: Reading,
    day: Reading,
    account: str | None = None,
    rates: Mapping[frozenset[str], Decimal] | None = None,
    budgets: Sequence[Quota] = (),
    spend: Sequence[Spend] = (),
    notes: Sequence[str] = (),
) -> Usage:
    """Map pages of ListServiceQuotas and two readings of CloudWatch to `Usage`.

    Shape of a page of a reading: {"MetricDataResults": [{"Id": "m0", "Timestamps": [1795244400],
    "Values": [1200.0], "StatusCode": "Complete"}], "Messages": []}. `rates` are burndown rates that
    replace the usual ones, by the words of a model. Raises PayloadError naming the field.
    """
    found = allowances(quotas, region)
    in_hour, in_day = measured(hour), measured(day)
    use = {
        **_use(in_hour, found, ("TPM", "RPM"), rates or {}),
        **_use(in_day, found, ("TPD",), rates or {}),
    }
    entries = [
        _quota(allowance, use[allowance.id], region, now)
        for allowance in found
        # A quota of 0 is of a model that the account may not run.
        if allowance.id in use and allowance.limit != 0
    ]
    told = (
        _mantle(quotas),
        _unused(found, entries, region),
        _unmatched({**in_day, **in_hour}, found),
        _throttled(in_hour),
        _incomplete([*in_hour.values(), *in_day.values()]),
    )
    return Usage(
        quotas=(*entries, *budgets),
        spend=tuple(spend),
        account=account,
        notes=(*(note for note in told if note), *notes),
    )


def _use(
    metered: Measured,
    quotas: Sequence[Allowance],
    kinds: tuple[Kind, ...],
    rates: Mapping[frozenset[str], Decimal],
) -> dict[str, Points]:
    """The use of each quota of these kinds by its id, all its models together; the used ones only."""
    found: dict[str, Points] = {}
    for model in dict.fromkeys(model for model, _ in metered):
        for allowance in _covering(model, quotas):
            if allowance.kind in kinds:
                count = _requests if allowance.kind == "RPM" else _tokens
                found.setdefault(allowance.id, Points()).add(count(model, metered, rates))
    return {id_: points for id_, points in found.items() if points}


def _requests(model: str, metered: Measured, _rates: Mapping[frozenset[str], Decimal]) -> Points:
    return metered.get((model, _REQUESTS), Points())


def _tokens(model: str, metered: Measured, rates: Mapping[frozenset[str], Decimal]) -> Points:
    """What counts against a quota of tokens, by AWS's own estimate where there is one."""
    estimate = metered.get((model, _ESTIMATE))
    if estimate:
        return estimate
    told = model_id(model)
    found = Points()
    for name in (_INPUT, _WRITES, _OUTPUT):
        factor = burndown(told, rates) if told and name == _OUTPUT else Decimal(1)
        found.add(metered.get((model, name), Points()), factor)
    return found


def _quota(allowance: Allowance, use: Points, region: str, now: datetime) -> Quota:
    daily = allowance.kind == "TPD"
    used = use.total if daily else max(use.values.values(), default=_ZERO)
    return Quota(
        id=allowance.id,
        label=_label(allowance),
        unit="requests" if allowance.kind == "RPM" else "tokens",
        scope=f"{region} {allowance.scope} {allowance.model}",
        used=None if use.incomplete else used,
        limit=allowance.limit,
        window_seconds=_DAY_S if daily else _MINUTE_S,
        resets_at=wire.day_start(now, 1) if daily else None,
        # AWS lists some limits on requests still and enforces them no longer.
        judged=allowance.kind != "RPM",
    )


def _label(allowance: Allowance) -> str:
    scope = "" if allowance.scope == "in-region" else f" {allowance.scope}"
    peak = "" if allowance.kind == "TPD" else " (peak minute, last hour)"
    return f"{allowance.kind} {allowance.model}{scope}{peak}"


# -- what the figures do not say --------------------------------------------------------------------


def _mantle(pages: Iterable[Any]) -> str | None:
    names = [wire.as_text(row.get("QuotaName")) or "" for row in _quota_rows(pages)]
    if not any("bedrock mantle" in name.lower() for name in names):
        return None
    return "quotas of the bedrock-mantle endpoint, which has its own, are not reported"


def _unused(quotas: Sequence[Allowance], shown: Sequence[Quota], region: str) -> str | None:
    ids = {quota.id.removesuffix(_GEOGRAPHIC) for quota in shown}
    count = len({a.id for a in quotas if a.limit != 0 and not a.id.endswith(_GEOGRAPHIC)} - ids)
    if not count:
        return None
    quotas_are = "quota of {} without use is" if count == 1 else "quotas of {} without use are"
    return f"{count} more model {quotas_are.format(region)} not shown"


def _unmatched(metered: Measured, quotas: Sequence[Allowance]) -> str | None:
    used = dict.fromkeys(model for (model, _), points in metered.items() if points.values)
    names = [wire.as_text(model) or "?" for model in used if not _covering(model, quotas)]
    if not names:
        return None
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"no quota was found for {', '.join(names[:_NAMED])}{more}"


def _throttled(hour: Measured) -> str | None:
    counts = {model: points.total for (model, name), points in hour.items() if name == _THROTTLES}
    told = [f"{wire.as_text(model)} {count:.0f} times" for model, count in counts.items() if count > 0]
    if not told:
        return None
    return (
        f"throttled in the last hour: {', '.join(told)}; Bedrock reserves the input and max_tokens of a "
        "request when it arrives, so that this can happen far below the peak that is shown"
    )


def _incomplete(all_points: Iterable[Points]) -> str | None:
    if not any(points.incomplete for points in all_points):
        return None
    return "CloudWatch's answer is incomplete: use that it leaves out is shown as unknown"
