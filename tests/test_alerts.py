"""The rules of alerts: what each hits, and what of that is news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import NOW, d, utc
from usagecli import alerts, assess
from usagecli.alerts import Key, News, State, Verdict
from usagecli.config import Actions, Condition, Rule
from usagecli.formatters import Look
from usagecli.formatters.alert import document, line, lines, news_line
from usagecli.model import Balance, Failure, Pace, Quota, Report, Service, Usage

LOOK = Look(now=NOW)
HOUR = timedelta(hours=1)
DOWN = Failure(kind="unavailable", message="no answer")


def rule(condition: Condition, value: int | str = 0, **more: Any) -> Rule:
    return Rule(condition=condition, value=d(value), **more)


def quota(left: float | None = 50, **more: Any) -> Quota:
    given: dict[str, Any] = {"id": "weekly", "label": "Weekly limit", "unit": "percent"}
    used = None if left is None else d(str(100 - left))
    return Quota(**{**given, "limit": d(100), "used": used, **more})


def wallet(amount: str | None = "12.5", **more: Any) -> Balance:
    found = None if amount is None else d(amount)
    return Balance(**{"id": "credits", "label": "Credits", "unit": "usd", "amount": found, **more})


def pace(projected: int, lasts: bool, runs_out_at: datetime | None = None) -> Pace:
    return Pace(
        basis="window",
        expected_percent_used=d(50),
        projected_percent_used=d(projected),
        runs_out_at=runs_out_at,
        lasts=lasts,
    )


def report(*items: Quota | Balance, failure: Failure | None = None, **service: Any) -> Report:
    usage = Usage(
        quotas=tuple(item for item in items if isinstance(item, Quota)),
        balances=tuple(item for item in items if isinstance(item, Balance)),
    )
    return assess.report(
        Service(**{"name": "work", "provider": "codex", **service}),
        usage=usage if items else None,
        fetched_at=NOW if items else None,
        stale=failure is not None,
        failure=failure,
        override=None,
        defaults={},
    )


def ruled(told: Report, *rules: Rule, **more: Any) -> list[Verdict]:
    """The verdicts of these rules alone."""
    found = alerts.verdicts([told], rules, **more)
    return [verdict for verdict in found if verdict.rule.condition not in alerts.BUILT_IN]


# -- what each condition hits -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "wanted", "hit", "clear"),
    [
        (quota(12), rule("below", 15), True, False),
        (quota(15), rule("below", 15), False, False),
        (quota(19.5), rule("below", 15), False, False),
        (quota(20), rule("below", 15), False, True),
        (quota(99), rule("below", 98), False, False),
        (quota(100), rule("below", 98), False, True),
        (quota(None), rule("below", 15), None, False),
        (quota(None, limit=None, reached=True), rule("below", 15), True, False),
        (quota(unlimited=True), rule("below", 15), False, True),
        (wallet("4.99"), rule("below_amount", 5), True, False),
        (wallet("5"), rule("below_amount", 5), False, False),
        (wallet("5.5"), rule("below_amount", 5), False, True),
        (wallet("-3"), rule("below_amount", 5), True, False),
        (wallet(None), rule("below_amount", 5), None, False),
        (wallet(None, reached=True), rule("below_amount", 5), True, False),
        (wallet(None, unlimited=True), rule("below_amount", 5), False, True),
        (quota(4, unit="usd"), rule("below_amount", 5), True, False),
        (quota(pace=pace(120, False, NOW + HOUR)), rule("runs_out_before_reset"), True, False),
        (quota(pace=pace(98, True)), rule("runs_out_before_reset"), False, False),
        (quota(pace=pace(95, True)), rule("runs_out_before_reset"), False, True),
        (quota(pace=None), rule("runs_out_before_reset"), None, False),
        (quota(0), rule("runs_out_before_reset"), True, False),
        (quota(unlimited=True), rule("runs_out_before_reset"), False, True),
    ],
)
def test_what_a_condition_hits(item: Any, wanted: Rule, hit: bool | None, clear: bool) -> None:
    (verdict,) = ruled(report(item), wanted)
    assert (verdict.hit, verdict.clear, verdict.item.id if verdict.item else None) == (hit, clear, item.id)


@pytest.mark.parametrize(
    ("wanted", "about"),
    [
        (rule("below", 15), ["weekly", "usd"]),
        (rule("below_amount", 15), ["usd", "credits"]),
        (rule("runs_out_before_reset"), ["weekly", "usd"]),
        (rule("below", 15, quotas=frozenset(["usd", "credits", "other"])), ["usd"]),
        (rule("below", 15, quotas=frozenset(["ignored"])), ["ignored"]),
        (rule("below", 15, quotas=frozenset(["counted"])), ["counted"]),
        (rule("below", 15, services=frozenset(["work"])), ["weekly", "usd"]),
        (rule("below", 15, services=frozenset(["all"])), ["weekly", "usd"]),
        (rule("below", 15, services=frozenset(["codex"])), ["weekly", "usd"]),
        (rule("below", 15, services=frozenset(["claude"])), []),
        (rule("unknown_for", 60), [None]),
    ],
)
def test_what_a_rule_is_about(wanted: Rule, about: list[str | None]) -> None:
    told = report(
        quota(),
        quota(id="usd", unit="usd"),
        quota(id="ignored"),
        quota(id="counted", judged=False),
        wallet(),
        ignore=frozenset(["ignored"]),
        group="all",
    )
    assert [verdict.item.id if verdict.item else None for verdict in ruled(told, wanted)] == about


@pytest.mark.parametrize(
    ("failure", "silent", "hit"),
    [
        (None, None, False),
        (DOWN, None, None),
        (DOWN, timedelta(minutes=119), False),
        (DOWN, timedelta(minutes=120), True),
    ],
)
def test_unknown_for_wants_a_long_silence(
    failure: Failure | None, silent: timedelta | None, hit: bool | None
) -> None:
    lengths = {} if silent is None else {"work": silent}
    (verdict,) = ruled(report(quota(), failure=failure), rule("unknown_for", 7200), silent=lengths)
    assert (verdict.hit, verdict.clear) == (hit, failure is None)


# -- the lines --------------------------------------------------------------------------------------

AT_TEN = quota(12, resets_at=NOW + 2 * HOUR)


@pytest.mark.parametrize(
    ("item", "wanted", "told"),
    [
        (quota(12), rule("below", 15), "work weekly: 12 % left (alert: below 15 %)"),
        (AT_TEN, rule("below", 15), "work weekly: 12 % left (alert: below 15 %), resets in 2h"),
        (
            quota(12),
            rule("below", 15, name="short week"),
            "work weekly: 12 % left (alert short week: below 15 %)",
        ),
        (wallet("4.5"), rule("below_amount", 5), "work credits: $4.50 left (alert: below $5)"),
        (quota(4, unit="usd"), rule("below_amount", 5), "work weekly: $4 left (alert: below $5)"),
        (
            quota(None, limit=None, reached=True),
            rule("below", 15),
            "work weekly: nothing left (alert: below 15 %)",
        ),
        (
            replace(AT_TEN, pace=pace(120, False, NOW + HOUR)),
            rule("runs_out_before_reset"),
            "work weekly: 12 % left (alert: runs out before the reset), empty in 1h, resets in 2h",
        ),
    ],
)
def test_what_a_hit_says(item: Any, wanted: Rule, told: str) -> None:
    (verdict,) = ruled(report(item), wanted)
    assert line(verdict, LOOK) == told
    assert document(News(event="fire", verdict=verdict), LOOK)["message"] == told


SPENT = quota(0, resets_at=NOW + 2 * HOUR)
ALMOST = quota(5, resets_at=NOW + 2 * HOUR, pace=pace(120, False, NOW + HOUR))
BELOW_15, BELOW_20 = rule("below", 15), rule("below", 20, name="n")


@pytest.mark.parametrize(
    ("item", "rules", "told"),
    [
        (
            AT_TEN,
            [BELOW_15, BELOW_20],
            "12 % left (alert: below 15 %; alert n: below 20 %), resets in 2h",
        ),
        (ALMOST, [BELOW_15], "low, 5 % left (below 10 %; alert: below 15 %), empty in 1h, resets in 2h"),
        (SPENT, [BELOW_15], "exhausted, 0 % left (alert: below 15 %), resets in 2h"),
        (SPENT, [rule("runs_out_before_reset")], "exhausted, 0 % left, resets in 2h"),
        (
            SPENT,
            [rule("runs_out_before_reset", name="n")],
            "exhausted, 0 % left (alert n: used up before the reset), resets in 2h",
        ),
        (
            quota(4, unit="usd"),
            [BELOW_15, rule("below_amount", 5)],
            "low, 4 % left (below 10 %; alert: below 15 %), $4 left (alert: below $5)",
        ),
        (
            quota(0, unit="requests"),
            [BELOW_15],
            "exhausted, 0 of 100 left (alert: below 15 %)",
        ),
        (
            wallet("4.5"),
            [rule("below_amount", 6)],
            "low, $4.50 left (below $5; alert: below $6)",
        ),
    ],
)
def test_what_is_said_of_one_quota_is_one_line(item: Any, rules: list[Rule], told: str) -> None:
    found = alerts.verdicts([report(item, low_balance=d(5))], rules)
    hits = [News(event="fire", verdict=verdict) for verdict in found if verdict.hit]
    subject = "work credits" if isinstance(item, Balance) else "work weekly"
    assert lines(hits, LOOK) == [f"{subject}: {told}"]


def test_every_quota_service_and_event_has_lines_of_its_own() -> None:
    two = replace(report(AT_TEN, replace(quota(4), id="daily", label="Daily limit")), failure=DOWN)
    found = alerts.verdicts(
        [two, replace(two, service=replace(two.service, name="home"))], [BELOW_15, BELOW_20]
    )
    ruled = [verdict for verdict in found if verdict.rule.name or verdict.rule is BELOW_15]
    news = [News(event=event, verdict=verdict) for event in ("fire", "recover") for verdict in ruled]
    both = "(alert: below 15 %; alert n: below 20 %)"
    assert lines(news, LOOK) == [
        f"{name} {told}"
        for begun in (True, False)
        for name in ("work", "home")
        for told in (
            f"weekly: {'' if begun else 'recovered, '}12 % left {both}{', resets in 2h' if begun else ''}",
            f"daily: {'' if begun else 'recovered, '}4 % left {both}",
        )
    ]


def test_what_is_used_up_runs_out_no_more() -> None:
    (verdict,) = ruled(report(SPENT), rule("runs_out_before_reset"))
    assert line(verdict, LOOK) == "work weekly: 0 % left (alert: used up before the reset), resets in 2h"


def test_what_a_silence_says() -> None:
    told = report(failure=DOWN)
    (verdict,) = ruled(told, rule("unknown_for", 5400), silent={"work": timedelta(minutes=130)})
    assert line(verdict, LOOK) == "work: no answer for 2h 10m (alert: unknown for 90m)"


@pytest.mark.parametrize(
    ("condition", "item", "told"),
    [
        ("low", quota(88), "work weekly: recovered, 88 % left (below 10 %)"),
        ("low", quota(None), "work weekly: recovered (below 10 %)"),
        ("low", quota(unlimited=True), "work weekly: recovered, unlimited (below 10 %)"),
        ("below", quota(88), "work weekly: recovered, 88 % left (alert: below 15 %)"),
        ("below_amount", wallet("20"), "work credits: recovered, $20 left (alert: below $15)"),
        ("unknown", None, "work: recovered, it answers again"),
        ("unknown_for", None, "work: recovered, it answers again (alert: unknown for 15s)"),
        ("stopped", None, "work: recovered, the stop is over"),
    ],
)
def test_what_a_recovery_says(condition: Condition, item: Any, told: str) -> None:
    verdict = Verdict(rule=rule(condition, 15), report=report(quota()), item=item, hit=False)
    assert news_line(News(event="recover", verdict=verdict), LOOK) == told


@pytest.mark.parametrize("condition", ["low", "stopped", "unknown", "below", "unknown_for"])
def test_what_is_over_is_well(condition: Condition) -> None:
    item = None if condition in ("stopped", "unknown", "unknown_for") else AT_TEN
    verdict = Verdict(rule=rule(condition, 15), report=report(AT_TEN), item=item, hit=False, level="error")
    assert document(News(event="recover", verdict=verdict), LOOK)["level"] == "ok"


def test_the_json_of_an_alert() -> None:
    (verdict,) = ruled(report(AT_TEN), rule("below", 15, name="n"))
    assert document(News(event="fire", verdict=verdict, since=NOW - 2 * HOUR), LOOK) == {
        "event": "fire",
        "at": "2026-11-21T08:00:00Z",
        "since": "2026-11-21T06:00:00Z",
        "service": "work",
        "provider": "codex",
        "kind": "quota",
        "id": "weekly",
        "label": "Weekly limit",
        "unit": "percent",
        "rule": {"name": "n", "condition": "below", "value": 15.0},
        "percentRemaining": 12.0,
        "remaining": 12.0,
        "resetsAt": "2026-11-21T10:00:00Z",
        "runsOutAt": None,
        "silentSeconds": None,
        "level": "low",
        "message": "work weekly: 12 % left (alert n: below 15 %), resets in 2h",
    }


# -- news -------------------------------------------------------------------------------------------


def history(*reports: tuple[Report, datetime], rules: Sequence[Rule] = (), **more: Any) -> list[list[str]]:
    """The lines that each of these runs has to tell."""
    states: dict[Key, State] = {}
    told = []
    for seen, now in reports:
        after, news = alerts.news(states, alerts.verdicts([seen], rules, **more), now)
        states = {**states, **{key: state for key, state in after.items() if state is not None}}
        states = {key: state for key, state in states.items() if after.get(key, state) is not None}
        told.append([f"{new.event} {new.verdict.rule.condition}" for new in news])
    return told


def runs(*items: Quota | Balance | None, **service: Any) -> list[tuple[Report, datetime]]:
    """A report every five minutes; None is one that failed and has the figures of the one before."""
    found: list[tuple[Report, datetime]] = []
    last: Quota | Balance = quota()
    for index, item in enumerate(items):
        last = item or last
        failure = DOWN if item is None else None
        found.append((report(last, failure=failure, **service), NOW + index * timedelta(minutes=5)))
    return found


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        ([50, 12, 11, 13, 12], [[], ["fire below"], [], [], []]),
        ([12, 16, 12, 19, 12], [["fire below"], [], [], [], []]),
        ([12, 20, 12], [["fire below"], ["recover below"], ["fire below"]]),
        ([12, None, 12, 50], [["fire below"], ["fire unknown"], ["recover unknown"], ["recover below"]]),
    ],
)
def test_a_crossing_is_told_once(figures: list[int | None], told: list[list[str]]) -> None:
    seen = runs(*(None if left is None else quota(left) for left in figures))
    assert history(*seen, rules=[rule("below", 15)]) == told


@given(
    threshold=st.integers(1, 90),
    wobble=st.lists(st.floats(-0.99, 4.99, allow_nan=False), min_size=1, max_size=30),
)
def test_a_figure_that_wobbles_by_less_than_the_hysteresis_fires_once(
    threshold: int, wobble: list[float]
) -> None:
    seen = runs(quota(threshold - 1), *(quota(threshold + part) for part in wobble))
    told = [line for lines in history(*seen, rules=[rule("below", threshold, name="x")]) for line in lines]
    assert told.count("fire below") == 1
    assert "recover below" not in told


@given(st.lists(st.none() | st.integers(0, 100), min_size=1, max_size=40))
def test_begins_and_ends_take_turns(figures: list[int | None]) -> None:
    seen = runs(*(None if left is None else quota(left) for left in figures))
    told = [line for lines in history(*seen, rules=[rule("below", 15)]) for line in lines]
    events = [line for line in told if line.endswith(" below")]
    assert events[::2] == ["fire below"] * len(events[::2])
    assert events[1::2] == ["recover below"] * len(events[1::2])
    read = [left for left in figures if left is not None]
    assert ("fire below" in told) is any(left < 15 for left in read)
    if read and read[-1] >= 20:
        assert len(events) % 2 == 0


@given(st.lists(st.sampled_from(["4", "5.2", "5.49"]), min_size=1, max_size=20))
def test_an_amount_that_wobbles_by_less_than_a_tenth_fires_once(amounts: list[str]) -> None:
    seen = runs(wallet("4.9"), *(wallet(amount) for amount in amounts))
    told = [line for lines in history(*seen, rules=[rule("below_amount", 5)]) for line in lines]
    assert told == ["fire below_amount"]


def test_the_built_in_judgement_has_the_same_hysteresis() -> None:
    told = history(*runs(quota(9), quota(12), quota(9), quota(15)))
    assert told == [["fire low"], [], [], ["recover low"]]
    told = history(*runs(wallet("4"), wallet("5.2"), wallet("5.5"), low_balance=d(5)))
    assert told == [["fire low"], [], ["recover low"]]


def test_what_gets_worse_is_told_again_and_what_gets_better_is_not() -> None:
    assert history(*runs(quota(9), quota(0), quota(3), quota(0))) == [["fire low"], ["fire low"], [], []]


def test_after_the_reset_it_is_over_however_little_is_there() -> None:
    first, second = NOW + timedelta(minutes=5), NOW + HOUR
    told = history(*runs(quota(12, resets_at=first), quota(16, resets_at=second)), rules=[rule("below", 15)])
    assert told == [["fire below"], ["recover below"]]


def test_a_new_window_that_is_short_too_is_told_again() -> None:
    first, second = NOW + timedelta(minutes=5), NOW + HOUR
    seen = runs(*(quota(12, resets_at=at) for at in (first, second, second)))
    assert history(*seen, rules=[rule("below", 15)]) == [["fire below"], ["fire below"], []]


def test_a_reset_that_slides_ahead_is_no_new_window() -> None:
    seen = runs(*(quota(12, resets_at=NOW + timedelta(minutes=7 + 5 * index)) for index in range(5)))
    assert history(*seen, rules=[rule("below", 15)]) == [["fire below"], [], [], [], []]


@pytest.mark.parametrize("figures", [(None, None), (quota(None), quota(None))])
def test_what_is_not_known_begins_no_alert(figures: Any) -> None:
    told = history(*runs(*figures), rules=[rule("below", 99)])
    assert all("below" not in line for lines in told for line in lines)


@pytest.mark.parametrize("unknown", [quota(None), None])
def test_what_is_not_known_ends_no_alert(unknown: Quota | None) -> None:
    told = history(*runs(quota(12), unknown, quota(12), quota(50)), rules=[rule("below", 15)])
    assert [line for lines in told for line in lines if "below" in line] == ["fire below", "recover below"]


def test_old_figures_begin_and_end_no_alert() -> None:
    stale = report(quota(5), failure=DOWN)
    after, news = alerts.news({}, alerts.verdicts([stale], [rule("below", 15)]), NOW)
    assert [new.verdict.rule.condition for new in news] == ["unknown"]
    assert [key.rule for key, state in after.items() if state] == ["unknown"]


def test_a_missing_answer_is_told_once_and_when_it_is_over() -> None:
    told = history(*runs(quota(), None, None, quota()))
    assert told == [[], ["fire unknown"], [], ["recover unknown"]]


def test_where_a_rule_says_how_long_a_missing_answer_alone_is_no_news() -> None:
    silent = {"work": timedelta(minutes=30)}
    assert history(*runs(None, quota()), rules=[rule("unknown_for", 3600)], silent=silent) == [[], []]
    told = history(*runs(None, None, quota()), rules=[rule("unknown_for", 1800)], silent=silent)
    assert told == [["fire unknown_for"], [], ["recover unknown_for"]]


def test_not_having_asked_is_no_news() -> None:
    assert history(*runs(None, quota()), offline=True) == [[], []]


def test_a_stop_is_told_once_and_when_it_is_over() -> None:
    open_ = report(quota())
    assert open_.usage is not None
    stopped = replace(open_, usage=replace(open_.usage, stopped=True))
    told = history((open_, NOW), (stopped, NOW), (stopped, NOW), (open_, NOW))
    assert told == [[], ["fire stopped"], [], ["recover stopped"]]


def test_another_threshold_is_another_rule_and_other_actions_are_not() -> None:
    key = alerts.rule_key
    assert key(rule("below", 15)) != key(rule("below", 16))
    assert key(rule("below", 15)) != key(rule("below", 15, name="a"))
    assert key(rule("below", 15)) == key(rule("below", "15.0", actions=Actions(run="beep")))
    sets = [rule("below", 15, quotas=frozenset(order)) for order in (["a", "b"], ["b", "a"])]
    assert key(sets[0]) == key(sets[1])


def test_a_balance_and_a_quota_of_one_id_are_told_apart() -> None:
    told = alerts.verdicts([report(quota(id="credits"), wallet())])
    assert {alerts.key_of(verdict).item for verdict in told if verdict.item} == {
        "quota:credits",
        "balance:credits",
    }


def test_the_end_of_an_alert_tells_when_it_began() -> None:
    later = utc("2026-11-22T08:00:00")
    short, fine = (ruled(report(quota(left)), rule("below", 15))[0] for left in (12, 50))
    key = alerts.key_of(short)
    begun = State(level="low", since=NOW)
    assert alerts.news({}, [short], NOW) == (
        {key: begun},
        [News(event="fire", verdict=short, since=NOW)],
    )
    assert alerts.news({key: begun}, [short], later) == ({key: begun}, [])
    assert alerts.news({key: begun}, [fine], later) == (
        {key: None},
        [News(event="recover", verdict=fine, since=NOW)],
    )
