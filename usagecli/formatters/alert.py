"""Alerts in words, a line each, and as JSON for scripts and actions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from usagecli import durations
from usagecli.formatters import rows, units
from usagecli.formatters.json import instant, plain
from usagecli.model import Balance, Quota

if TYPE_CHECKING:
    from usagecli.alerts import News, Verdict
    from usagecli.config import Rule
    from usagecli.formatters import Look


def line(verdict: Verdict, look: Look) -> str:
    """What a rule that hits says: `claude 5-hour: low, 6 % left (below 10 %), resets in 41m`."""
    told = {"low": _low, "stopped": _stopped, "unknown": _unknown}.get(verdict.rule.condition, _ruled)
    return f"{_subject(verdict)}: {told(verdict, look)}"


def news_line(news: News, look: Look) -> str:
    """The line of an alert that begins, or `codex weekly: recovered, 88 % left (alert: below 15 %)`."""
    verdict = news.verdict
    if news.event == "fire":
        return line(verdict, look)
    told = {"unknown": "it answers again", "unknown_for": "it answers again", "stopped": "the stop is over"}
    how = told.get(verdict.rule.condition) or _what_is_left(verdict)
    return f"{_subject(verdict)}: recovered{', ' if how else ''}{how}{_which(verdict)}"


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


def _which(verdict: Verdict) -> str:
    """Which rule it was, where it is one of the user's."""
    if verdict.rule.condition in ("low", "stopped", "unknown"):
        return ""
    name = f" {verdict.rule.name}" if verdict.rule.name else ""
    return f" (alert{name}: {condition(verdict)})"


def _ruled(verdict: Verdict, look: Look) -> str:
    item = verdict.item
    if item is None:
        return f"{figure(verdict)}{_which(verdict)}"
    ends = _runs_out(item, look) if verdict.rule.condition == "runs_out_before_reset" else ""
    return f"{_what_is_left(verdict)}{ends}{_which(verdict)}{_resets(item, look)}"


def _what_is_left(verdict: Verdict) -> str:
    """`12 % left`, as far as it is known."""
    told = figure(verdict)
    if told == "-":
        return "nothing left" if verdict.hit else ""
    return told if told == "unlimited" else f"{told} left"


def _low(verdict: Verdict, look: Look) -> str:
    item = verdict.item
    assert item is not None
    if isinstance(item, Balance):
        return _balance(item, threshold(verdict))
    return f"{item.status}{_left(item, threshold(verdict))}{_runs_out(item, look)}{_resets(item, look)}"


def _left(quota: Quota, below: Decimal | None) -> str:
    """What is left of it, as far as it is known."""
    share = units.percent(quota.percent_remaining)
    if quota.status == "low":
        return f", {share} left (below {units.percent(below)})"
    if quota.unit == "percent":
        return "" if quota.percent_remaining is None else f", {share} left"
    if quota.limit is None or quota.remaining is None:
        return ""
    left, limit = (units.amount(value, quota.unit) for value in (quota.remaining, quota.limit))
    return f", {left} of {limit} left"


def _balance(balance: Balance, floor: Decimal | None) -> str:
    if balance.amount is None:
        return str(balance.status)
    told = f"{balance.status}, {units.amount(balance.amount, balance.unit)} left"
    return told if balance.status == "exhausted" else f"{told} (below {units.amount(floor, balance.unit)})"


def _runs_out(item: Quota | Balance, look: Look) -> str:
    at = item.pace.runs_out_at if isinstance(item, Quota) and item.pace else None
    return "" if at is None else f", empty {units.reset(at, look.now, look.zone)}"


def _resets(item: Quota | Balance, look: Look) -> str:
    at = item.resets_at if isinstance(item, Quota) else None
    return "" if at is None else f", resets {units.reset(at, look.now, look.zone)}"


def _stopped(verdict: Verdict, look: Look) -> str:
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
