"""What is worth an alert: reports + rules -> verdicts; verdicts + what was told before -> news.

Pure: no clock, no disk. What `check` judges by without any rule is a rule here, too.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal, NamedTuple

from usagecli.config import Actions, Rule
from usagecli.model import Balance, Quota, Report, Status, Usage
from usagecli.services import names_of

Event = Literal["fire", "recover"]
Item = Quota | Balance

# How far beyond its threshold a figure must be for an alert to be over: points of a percentage, and
# the part of an amount.
_POINTS, _PART = Decimal(5), Decimal("1.1")
_HUNDRED, _ZERO = Decimal(100), Decimal(0)
_SHORT = ("low", "exhausted")
# The conditions that need no rule.
BUILT_IN = ("low", "stopped", "unknown")
_NOTHING, _NO_SILENCE = Actions(), dict[str, timedelta]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a rule says of a quota or balance, or (`item` None) of a whole service.

    `hit` is None where that cannot be told. `clear`: it is far enough from the threshold that an alert
    is over. `fresh`: told by figures of now. `level` is how bad it is. `silent`: how long ago the
    service answered last, or failed first where it never answered.
    """

    rule: Rule
    report: Report
    item: Item | None = None
    hit: bool | None
    clear: bool = False
    fresh: bool = True
    level: Status = "low"
    silent: timedelta | None = None

    @property
    def resets_at(self) -> datetime | None:
        return self.item.resets_at if isinstance(self.item, Quota) else None


class Key(NamedTuple):
    """What an alert is remembered by."""

    rule: str
    service: str
    provider: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An alert that was told: how bad it was, and when the quota's window, as last seen, resets."""

    level: Status
    since: datetime
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """An alert that begins (or gets worse), or one that is over; `since` when it began, if known."""

    event: Event
    verdict: Verdict
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """Something to be done about an alert: `target` is the action, `body` the JSON that it is given."""

    target: str
    key: Key
    body: str
    id: int | None = None


# -- verdicts ---------------------------------------------------------------------------------------


def verdicts(
    reports: Iterable[Report],
    rules: Sequence[Rule] = (),
    *,
    usual: Actions = _NOTHING,
    silent: Mapping[str, timedelta] = _NO_SILENCE,
    offline: bool = False,
) -> list[Verdict]:
    """Every rule on everything that it is about, in the order of the reports.

    `usual` is done about what `check` judges by itself; `silent` says, by service, how long those give
    no answer that give none. `offline`: nobody was asked, so that no answer says nothing.
    """
    found: list[Verdict] = []
    for report in reports:
        mine = [rule for rule in rules if covers(rule, report)]
        if report.usage is not None:
            found += _of_usage(report, report.usage, mine, usual)
        silence = silent.get(report.service.name)
        told = [
            _answered(_own("unknown", usual), report, None),
            *(_answered(rule, report, silence) for rule in mine if rule.condition == "unknown_for"),
        ]
        found += [replace(verdict, fresh=not offline) for verdict in told]
    return found


def _answered(rule: Rule, report: Report, silence: timedelta | None) -> Verdict:
    """Whether the service gave no answer or, where the rule says how long, none for so long."""
    failed = report.failure is not None
    long: bool | None = True
    if rule.condition == "unknown_for":
        long = None if silence is None else silence >= timedelta(seconds=int(rule.value))
    return Verdict(
        rule=rule, report=report, hit=failed and long, clear=not failed, level="error", silent=silence
    )


def covers(rule: Rule, report: Report) -> bool:
    """Whether the rule is about this service."""
    service = report.service
    return rule.services is None or bool(rule.services & {*names_of(service), service.provider})


def _own(condition: Literal["low", "stopped", "unknown"], usual: Actions) -> Rule:
    return Rule(condition=condition, actions=usual)


def _of_usage(report: Report, usage: Usage, rules: Sequence[Rule], usual: Actions) -> Iterator[Verdict]:
    fresh = report.failure is None
    for item in items_of(usage):
        yield replace(_low(report, item, usual), fresh=fresh)
        for rule in rules:
            if _concerns(rule, report, item):
                yield replace(_judged(rule, report, item), fresh=fresh)
    level = _stop(usage)
    yield Verdict(
        rule=_own("stopped", usual),
        report=report,
        hit=level is not None,
        clear=True,
        fresh=fresh,
        level=level or "low",
    )


def items_of(usage: Usage) -> tuple[Item, ...]:
    """Its quotas, then its balances."""
    return (*usage.quotas, *usage.balances)


def _low(report: Report, item: Item, usual: Actions) -> Verdict:
    status = item.status
    hit = None if status is None else status in _SHORT
    if isinstance(item, Quota):
        left, below = item.percent_remaining, report.low_below.get(item.id, _ZERO)
        clear = left is None or left >= _beyond(below)
    else:
        floor = report.service.low_balance
        clear = item.amount is None or floor is None or item.amount >= floor * _PART
    return Verdict(
        rule=_own("low", usual), report=report, item=item, hit=hit, clear=clear, level=status or "low"
    )


def _stop(usage: Usage) -> Status | None:
    """How bad a stop of the account is that no quota or balance tells of."""
    short = [quota for quota in usage.quotas if quota.status in _SHORT]
    balances = [balance.status for balance in usage.balances if balance.status in _SHORT]
    whole = [quota.status for quota in short if not quota.partial]
    if usage.stopped and "exhausted" not in (*whole, *balances):
        return "exhausted"
    return "low" if usage.partly_stopped and not short and not balances else None


def _concerns(rule: Rule, report: Report, item: Item) -> bool:
    """Whether the rule is about this quota or balance; what nobody judges must be named."""
    if rule.condition == "unknown_for" or (isinstance(item, Balance) and rule.condition != "below_amount"):
        return False
    if rule.condition == "below_amount" and item.unit == "percent":
        return False
    if rule.quotas is not None:
        return item.id in rule.quotas
    return item.judged and item.id not in report.service.ignore


def _judged(rule: Rule, report: Report, item: Item) -> Verdict:
    hit: bool | None
    if item.unlimited:
        hit, clear = False, True
    elif rule.condition == "runs_out_before_reset":
        assert isinstance(item, Quota)
        hit, clear = _runs_out(item)
    else:
        share = rule.condition == "below"
        left = _share(item) if share else _amount(item)
        hit = None if left is None else left < rule.value
        clear = left is not None and left >= (_beyond(rule.value) if share else rule.value * _PART)
    return Verdict(rule=rule, report=report, item=item, hit=hit, clear=clear)


def _runs_out(quota: Quota) -> tuple[bool | None, bool]:
    if _share(quota) == 0:
        return True, False
    pace = quota.pace
    if pace is None:
        return None, False
    return not pace.lasts, pace.lasts and pace.projected_percent_used <= _HUNDRED - _POINTS


def _share(item: Item) -> Decimal | None:
    """The percent that is left."""
    if item.reached:
        return _ZERO
    return item.percent_remaining if isinstance(item, Quota) else None


def _amount(item: Item) -> Decimal | None:
    left = item.remaining if isinstance(item, Quota) else item.amount
    return _ZERO if left is None and item.reached else left


def _beyond(percent: Decimal) -> Decimal:
    return min(_HUNDRED, percent + _POINTS)


# -- news -------------------------------------------------------------------------------------------


def news(
    before: Mapping[Key, State], found: Iterable[Verdict], now: datetime
) -> tuple[dict[Key, State | None], list[News]]:
    """What has changed since `before`: the state of every alert that was judged, None for one that is
    no more, and what is to be told.

    Where a rule says how long a service may be without an answer, a missing answer alone is no news.
    """
    found = list(found)
    waited = {verdict.report.service.name for verdict in found if verdict.rule.condition == "unknown_for"}
    after: dict[Key, State | None] = {}
    told = []
    for verdict in found:
        if verdict.rule.condition == "unknown" and verdict.report.service.name in waited:
            continue
        key = key_of(verdict)
        old = before.get(key)
        new, event = step(old, verdict, now)
        after[key] = new
        begun = new or old
        if event is not None and begun is not None:
            told.append(News(event=event, verdict=verdict, since=begun.since))
    return after, told


def step(before: State | None, verdict: Verdict, now: datetime) -> tuple[State | None, Event | None]:
    """An alert's next state, and what of it is news.

    What cannot be told, or only by old figures, changes nothing. An alert is told again where it got
    worse, and where a new window is short, too.
    """
    if verdict.hit is None or not verdict.fresh:
        return before, None
    resets_at = verdict.resets_at
    if before is None:
        if not verdict.hit:
            return None, None
        return State(level=verdict.level, since=now, resets_at=resets_at), "fire"
    renewed = _renewed(before.resets_at, resets_at, now)
    if not verdict.hit and (verdict.clear or renewed):
        return None, "recover"
    worse = verdict.hit and before.level == "low" and verdict.level == "exhausted"
    if verdict.hit and (renewed or worse):
        return State(level=verdict.level, since=now, resets_at=resets_at), "fire"
    return replace(before, resets_at=resets_at or before.resets_at), None


def _renewed(before: datetime | None, resets_at: datetime | None, now: datetime) -> bool:
    """Whether the window that the alert was about has passed."""
    return before is not None and before <= now and resets_at is not None and resets_at > before


def key_of(verdict: Verdict) -> Key:
    service, item = verdict.report.service, verdict.item
    kind = "" if item is None else "quota:" if isinstance(item, Quota) else "balance:"
    return Key(rule_key(verdict.rule), service.name, service.provider, kind + (item.id if item else ""))


def rule_key(rule: Rule) -> str:
    """The rule as what it says; the actions may change without it becoming another."""
    if rule.condition in BUILT_IN:
        return rule.condition
    sets = [None if names is None else sorted(names) for names in (rule.services, rule.quotas)]
    return json.dumps([rule.condition, f"{rule.value.normalize():f}", rule.name, *sets])


def answered_at(report: Report) -> int | None:
    """When its figures were read; what a vendor's tool left on this machine is no answer."""
    usage, at = report.usage, report.fetched_at
    return None if usage is None or at is None or usage.source == "local" else int(at.timestamp())
