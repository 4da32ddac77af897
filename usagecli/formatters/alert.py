"""Alerts in words, a line each, and as JSON for scripts and actions."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import durations
from usagecli.alerts import BUILT_IN, News, key_of
from usagecli.formatters import rows, units
from usagecli.formatters.json import instant, plain
from usagecli.model import Balance, Quota

if TYPE_CHECKING:
    from usagecli.alerts import Verdict
    from usagecli.config import Rule
    from usagecli.formatters import Look


def lines(told: Iterable[News], look: Look) -> list[str]:
    """A line each; what several rules say of one quota or balance is one line."""
    found: dict[Hashable, list[News]] = {}
    for number, news in enumerate(told):
        key = key_of(news.verdict)
        about = (news.event, key.service, key.item) if key.item else number
        found.setdefault(about, []).append(news)
    return [_line(together, look) for together in found.values()]


def line(verdict: Verdict, look: Look) -> str:
    """What a rule that hits says: `claude 5-hour: low, 6 % left (below 10 %), resets in 41m`."""
    return news_line(News(event="fire", verdict=verdict), look)


def news_line(news: News, look: Look) -> str:
    """The line of an alert that begins, or `codex weekly: recovered, 88 % left (alert: below 15 %)`."""
    return _line([news], look)


def condition(verdict: Verdict) -> str:
    """What the rule wants to hear of: `below 15 %`, `below $5`, `unknown for 2h`."""
    rule, item = verdict.rule, verdict.item
    value = threshold(verdict)
    if rule.condition == "unknown_for":
        return f"unknown for {durations.told(int(rule.value))}"
    if rule.condition == "runs_out_before_reset":
        return "runs out before the reset"
    if rule.condition in ("stopped", "unknown"):
        return "stopped" if rule.condition == "stopped" else "no answer"
    if value is None or item is None:
        return "nothing left"
    share = isinstance(item, Quota) and rule.condition != "below_amount"
    return f"below {units.percent(value) if share else units.amount(value, item.unit)}"


def threshold(verdict: Verdict) -> Decimal | None:
    """Percent, an amount or seconds; None where the rule has none."""
    rule, item = verdict.rule, verdict.item
    if rule.condition in ("below", "below_amount", "unknown_for"):
        return rule.value
    if rule.condition != "low":
        return None
    service = verdict.report.service
    return verdict.report.low_below.get(item.id) if isinstance(item, Quota) else service.low_balance


def figure(verdict: Verdict) -> str:
    """What is left, in the measure of the rule; `-` where that is not known."""
    item = verdict.item
    if item is None:
        return "-" if verdict.silent is None else f"no answer for {units.span(verdict.silent)}"
    if item.unlimited:
        return "unlimited"
    if isinstance(item, Balance):
        return units.amount(item.amount, item.unit)
    if verdict.rule.condition == "below_amount" or item.percent_remaining is None:
        return units.amount(item.remaining, item.unit)
    return units.percent(item.percent_remaining)


def document(news: News, look: Look) -> dict[str, Any]:
    """The alert as JSON, `message` being its line."""
    verdict = news.verdict
    body = {
        "event": news.event,
        "at": instant(look.now),
        "since": instant(news.since),
        **of_verdict(verdict),
        "level": "ok" if news.event == "recover" else verdict.level,
        "message": news_line(news, look),
    }
    return {key: plain(value) for key, value in body.items()}


def of_verdict(verdict: Verdict) -> dict[str, Any]:
    """What it is about, the rule, and the figures."""
    item, service = verdict.item, verdict.report.service
    quota = item if isinstance(item, Quota) else None
    pace = quota.pace if quota else None
    return {
        "service": service.name,
        "provider": service.provider,
        "kind": "service" if item is None else "quota" if quota else "balance",
        "id": item.id if item else None,
        "label": item.label if item else None,
        "unit": item.unit if item else None,
        "rule": _rule(verdict.rule, threshold(verdict)),
        "percentRemaining": quota.percent_remaining if quota else None,
        "remaining": quota.remaining if quota else item.amount if isinstance(item, Balance) else None,
        "resetsAt": instant(verdict.resets_at),
        "runsOutAt": instant(pace.runs_out_at) if pace else None,
        "silentSeconds": None if verdict.silent is None else int(verdict.silent.total_seconds()),
    }


def _rule(rule: Rule, value: Decimal | None) -> dict[str, Any]:
    return {"name": rule.name, "condition": rule.condition, "value": value}


# -- words ------------------------------------------------------------------------------------------


def _subject(verdict: Verdict) -> str:
    item = verdict.item
    return verdict.report.service.name + (f" {rows.short_label(item.label)}" if item else "")


def _line(told: Sequence[News], look: Look) -> str:
    """`work weekly: low, 5 % left (below 10 %; alert: below 15 %), resets in 2h`."""
    verdicts, over = [news.verdict for news in told], told[0].event == "recover"
    first = verdicts[0]
    if first.item is None:
        words = _over(first) if over else _whole(first, look)
    elif over:
        words = _figures([(_what_is_left(verdict), _reason(verdict)) for verdict in verdicts], "recovered")
    else:
        words = _figures(_claims(verdicts)) + _when(verdicts, first.item, look)
    return f"{_subject(first)}: {words}"


def _figures(claims: Iterable[tuple[str, str]], head: str = "") -> str:
    """Figures, each with the reasons to tell it; one that the head has is not said again."""
    parts: dict[str, list[str]] = {}
    for words, reason in claims:
        if not parts:
            head = words = ", ".join(filter(None, (head, words)))
        elif head.endswith(words):
            words = head
        parts.setdefault(words, []).extend([reason] if reason else ())
    return ", ".join(f"{words} ({'; '.join(why)})" if why else words for words, why in parts.items())


def _claims(verdicts: Iterable[Verdict]) -> Iterator[tuple[str, str]]:
    """What each rule says, and why. Where a quota is known to be used up, the figure is told once."""
    spent = False
    for verdict in verdicts:
        if verdict.rule.condition == "low":
            spent = verdict.level == "exhausted"
            yield _low(verdict), "" if spent else _reason(verdict)
        elif not spent:
            yield _what_is_left(verdict), _reason(verdict)
        elif verdict.rule.condition != "runs_out_before_reset" or verdict.rule.name:
            yield "", _reason(verdict)


def _reason(verdict: Verdict) -> str:
    """Which rule it was, as far as there is a word for it."""
    rule = verdict.rule
    if rule.condition in BUILT_IN:
        return "" if threshold(verdict) is None else condition(verdict)
    past = rule.condition == "runs_out_before_reset" and verdict.hit and not _will_run_out(verdict.item)
    told = "used up before the reset" if past else condition(verdict)
    return f"alert{f' {rule.name}' if rule.name else ''}: {told}"


def _will_run_out(item: Quota | Balance | None) -> bool:
    return isinstance(item, Quota) and item.pace is not None and item.pace.runs_out_at is not None


def _over(verdict: Verdict) -> str:
    how = "the stop is over" if verdict.rule.condition == "stopped" else "it answers again"
    return _figures([(how, _reason(verdict))], "recovered")


def _whole(verdict: Verdict, look: Look) -> str:
    """What is wrong with a whole service."""
    if verdict.rule.condition == "stopped":
        return _stopped(verdict)
    if verdict.rule.condition == "unknown":
        return _unknown(verdict, look)
    return _figures([(figure(verdict), _reason(verdict))])


def _when(verdicts: Iterable[Verdict], item: Quota | Balance, look: Look) -> str:
    """When it is empty, where a rule goes by that, and when it resets."""
    paced = any(verdict.rule.condition in ("low", "runs_out_before_reset") for verdict in verdicts)
    return f"{_runs_out(item, look) if paced else ''}{_resets(item, look)}"


def _what_is_left(verdict: Verdict) -> str:
    """`12 % left`, as far as it is known."""
    told = figure(verdict)
    if told == "-":
        return "nothing left" if verdict.hit else ""
    return told if told == "unlimited" else f"{told} left"


def _low(verdict: Verdict) -> str:
    """`low, 6 % left`; of a balance its amount."""
    item = verdict.item
    assert item is not None
    if isinstance(item, Quota):
        return f"{item.status}{_left(item)}"
    left = "" if item.amount is None else f", {units.amount(item.amount, item.unit)} left"
    return f"{item.status}{left}"


def _left(quota: Quota) -> str:
    """What is left of it, as far as it is known."""
    share = units.percent(quota.percent_remaining)
    if quota.status == "low":
        return f", {share} left"
    if quota.unit == "percent":
        return "" if quota.percent_remaining is None else f", {share} left"
    if quota.limit is None or quota.remaining is None:
        return ""
    left, limit = (units.amount(value, quota.unit) for value in (quota.remaining, quota.limit))
    return f", {left} of {limit} left"


def _runs_out(item: Quota | Balance, look: Look) -> str:
    at = item.pace.runs_out_at if isinstance(item, Quota) and item.pace else None
    return "" if at is None else f", empty {units.reset(at, look.now, look.zone)}"


def _resets(item: Quota | Balance, look: Look) -> str:
    at = item.resets_at if isinstance(item, Quota) else None
    return "" if at is None else f", resets {units.reset(at, look.now, look.zone)}"


def _stopped(verdict: Verdict) -> str:
    what = "the account" if verdict.level == "exhausted" else "a part of the account"
    return f"{verdict.level}, the provider says that {what} is stopped"


def _unknown(verdict: Verdict, look: Look) -> str:
    report = verdict.report
    failure = report.failure
    assert failure is not None
    told = f"unknown, {failure.message}"
    for words in (*rows.trouble(report, look), failure.hint):
        told += f"; {words}" if words else ""
    if report.usage is not None:
        told += f" (last read {rows.age(report, look)} ago)"
    return told
