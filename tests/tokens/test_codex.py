"""Codex's rollouts: what is counted, when, of which model, thread and project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tokens.logs import (
    DAY,
    MODEL,
    OTHER_MODEL,
    PROJECT,
    by,
    counted,
    line,
    meta,
    report,
    responses,
    rollout,
    totals,
    turn,
    uuid7,
    vector,
    written,
)


def test_each_response_counts_on_its_own_day_and_model(own_home: Path) -> None:
    lines = [
        meta(),
        turn(MODEL),
        *responses(100),
        turn(OTHER_MODEL),
        *responses(300, minutes=960, before=100),
    ]
    rollout(own_home, lines)
    assert by("daily") == {DAY: 110, "2026-11-21": 330}
    assert by("models") == {OTHER_MODEL: 330, MODEL: 110}
    assert report("daily")["totals"]["sessions"] == 1


def test_the_classes_are_disjoint(own_home: Path) -> None:
    used = vector(1000, 600, 50, 20, cache_write_input_tokens=150)
    rollout(own_home, [meta(), turn(), counted(used, used)])
    figures = report("daily")["totals"]
    assert totals() == (250, 600, 150, 50)
    assert figures["reasoningTokens"] == 20


@pytest.mark.parametrize(
    ("used", "expected"),
    [
        (vector(100, 150, 10), (0, 100, 0, 10)),
        (vector(100, 80, 10, cache_write_input_tokens=50), (0, 80, 20, 10)),
        (vector(100, 0, 10, 25), (100, 0, 0, 10)),
    ],
    ids=["cached above input", "written above the rest", "reasoning above output"],
)
def test_parts_are_held_within_their_whole(
    own_home: Path, used: dict[str, int], expected: tuple[int, ...]
) -> None:
    rollout(own_home, [meta(), turn(), counted(used, used)])
    assert totals() == expected
    assert report("daily")["totals"]["reasoningTokens"] <= expected[3]


class TestRepeatedCounters:
    def test_they_count_once(self, own_home: Path) -> None:
        first, second = responses(100, 200)
        lines = [first, {**first, "timestamp": "2026-11-20T08:00:30.000Z"}, second, second]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (300, 0, 0, 30)

    def test_in_other_words_too(self, own_home: Path) -> None:
        total, last = vector(100, 0, 10), vector(100, 0, 10)
        reordered = dict(reversed(total.items()))
        more = {**total, "cache_write_input_tokens": 5}
        lines = [counted(total, last), counted(reordered, last), counted(more, last)]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (100, 0, 0, 10)

    def test_in_another_file_they_are_another_thread(self, own_home: Path) -> None:
        rollout(own_home, [meta("thread-a"), turn(), *responses(100)])
        rollout(own_home, [meta("thread-b"), turn(), *responses(100)], "rollout-b")
        assert totals() == (200, 0, 0, 20)

    def test_a_damaged_line_does_not_hide_the_next(self, own_home: Path) -> None:
        (whole,) = responses(100)
        no_time = {key: value for key, value in whole.items() if key != "timestamp"}
        cut = rollout(own_home, [whole]).read_bytes()[:-3] + b"}"
        for before in (no_time, {**whole, "timestamp": "yesterday"}, cut):
            rollout(own_home, [meta(), turn(), before, whole])
            assert totals() == (100, 0, 0, 10)


class TestForks:
    """The child begins with the parent's lines, at the time of the copy; its counters go on."""

    @pytest.fixture
    def child(self) -> list[Any]:
        own = [
            line("event_msg", {"type": "task_started", "turn_id": uuid7(61)}, 61),
            turn(turn_id=uuid7(61), minutes=61),
            *responses(1000, minutes=62, before=300),
        ]
        copied = [
            meta("parent", 60),
            turn(turn_id=uuid7(0), minutes=60),
            *responses(100, 200, minutes=60, step=0),
        ]
        return [meta(uuid7(60), 60, forked_from_id="parent"), *copied, *own]

    def test_beside_its_parent(self, own_home: Path, child: list[Any]) -> None:
        rollout(own_home, [meta("parent"), turn(turn_id=uuid7(0)), *responses(100, 200)], "parent")
        rollout(own_home, child, "child")
        assert by("sessions") == {"parent": 330, uuid7(60): 1100}

    def test_the_parent_went_on_since(self, own_home: Path, child: list[Any]) -> None:
        rollout(own_home, [meta("parent"), turn(), *responses(100, 200, 50)], "parent")
        rollout(own_home, child, "child")
        assert by("sessions") == {"parent": 385, uuid7(60): 1100}

    def test_by_the_parents_totals_alone(self, own_home: Path) -> None:
        rollout(own_home, [meta("parent"), turn(), *responses(100, 200)], "parent")
        lines = [
            meta("child", 60, forked_from_id="parent"),
            turn(),
            *responses(100, 200, 1000, minutes=60, step=0),
        ]
        rollout(own_home, lines, "child")
        assert by("sessions") == {"parent": 330, "child": 1100}

    def test_without_its_parent(self, own_home: Path, child: list[Any]) -> None:
        rollout(own_home, child, "child")
        assert by("sessions") == {uuid7(60): 1100}

    def test_turns_that_say_when_they_started(self, own_home: Path) -> None:
        started = 1795165200  # 60 minutes after the start
        lines = [
            meta(uuid7(60.005), 60, forked_from_id="parent"),
            line("event_msg", {"type": "task_started", "turn_id": "1", "started_at": started - 3000}, 60),
            *responses(100, minutes=60),
            line("event_msg", {"type": "task_started", "turn_id": "2", "started_at": started}, 60),
            *responses(1000, minutes=60, before=100),
        ]
        rollout(own_home, lines)
        assert totals() == (1000, 0, 0, 100)

    def test_nothing_but_history(self, own_home: Path, child: list[Any]) -> None:
        rollout(own_home, child[:5])
        assert totals() == (0, 0, 0, 0)

    def test_no_turn_tells_its_age(self, own_home: Path) -> None:
        lines = [
            meta("child", 60, forked_from_id="parent"),
            *responses(100, 200, minutes=60, step=0.001),
            *responses(1000, minutes=62, before=300),
        ]
        rollout(own_home, lines)
        assert totals() == (1000, 0, 0, 100)

    def test_a_second_head_announces_history_as_well(self, own_home: Path, child: list[Any]) -> None:
        del child[0]["payload"]["forked_from_id"]
        rollout(own_home, child)
        assert by("sessions") == {uuid7(60): 1100}

    def test_a_fork_of_a_fork(self, own_home: Path) -> None:
        rollout(own_home, [meta("a"), turn(), *responses(100)], "a")
        rollout(own_home, [meta("b", 1, forked_from_id="a"), *responses(100, 200)], "b")
        rollout(own_home, [meta("c", 2, forked_from_id="b"), *responses(100, 200, 300)], "c")
        assert by("sessions") == {"a": 110, "b": 220, "c": 330}

    def test_a_log_beside_that_changes_its_parent(self, own_home: Path, child: list[Any]) -> None:
        rollout(own_home, child, "child")
        before = by("sessions")
        lines = [meta("parent"), turn(), *responses(100, 200, 1000)]
        path = rollout(own_home, lines, "parent")
        # All of the child is the parent's now, as far as their totals say.
        assert by("sessions") == {"parent": 1430}
        path.unlink()
        assert by("sessions") == {"parent": 1430}
        assert by("sessions", "--files-only") == before


def started_by(thread: str) -> dict[str, Any]:
    """The source of a thread that another one started."""
    return {"subagent": {"thread_spawn": {"parent_thread_id": thread, "depth": 1}}}


class TestSubAgents:
    def test_without_history_all_of_it_counts_for_the_parents_session(self, own_home: Path) -> None:
        rollout(own_home, [meta("parent"), turn(), *responses(100)], "parent")
        # The first counters are written again within a second: no sign of a copy.
        first, second = responses(100, 200, minutes=5, step=0.005)
        rollout(
            own_home, [meta("child", 5, source=started_by("parent")), turn(), first, first, second], "child"
        )
        assert by("sessions") == {"parent": 440}

    def test_one_that_another_one_started(self, own_home: Path) -> None:
        rollout(own_home, [meta("child", source=started_by("parent")), *responses(100)], "child")
        rollout(own_home, [meta("grandchild", source=started_by("child")), *responses(200)], "grandchild")
        assert by("sessions") == {"parent": 330}

    def test_a_circle_ends(self, own_home: Path) -> None:
        for one, other in (("a", "b"), ("b", "a")):
            rollout(own_home, [meta(one, source=started_by(other)), *responses(100)], one)
        assert sum(by("sessions").values()) == 220


class TestCountersThatGoDown:
    def test_the_response_counts(self, own_home: Path) -> None:
        lines = [*responses(1000, 500), *responses(70, 80, minutes=5)]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (1650, 0, 0, 165)

    def test_a_full_window_is_no_usage(self, own_home: Path) -> None:
        full = {**vector(0), "total_tokens": 272_000}
        lines = [*responses(1000), counted(full, vector(0)), *responses(1000, minutes=5)]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (2000, 0, 0, 200)

    def test_without_the_last_response_it_is_the_difference(self, own_home: Path) -> None:
        lines = [counted(vector(size, 0, size // 10), None, size) for size in (100, 300, 50)]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (350, 0, 0, 35)

    def test_without_totals_it_is_the_last_response(self, own_home: Path) -> None:
        lines = [counted(None, vector(100, 0, 10)), counted(None, None), counted(None, vector(100, 0, 10))]
        rollout(own_home, [meta(), turn(), *lines])
        assert totals() == (200, 0, 0, 20)


def test_a_compaction_is_a_response_like_any_other(own_home: Path) -> None:
    compacted = line("compacted", {"message": "", "replacement_history": [{"type": "message"}]}, 2)
    rollout(
        own_home, [meta(), turn(), *responses(100, 200), compacted, *responses(50, minutes=3, before=300)]
    )
    assert totals() == (350, 0, 0, 35)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([turn(MODEL), turn(OTHER_MODEL), *responses(100)], OTHER_MODEL),
        ([*responses(100), turn(MODEL)], "unknown"),
        ([counted(vector(100), vector(100), model=MODEL)], MODEL),
        ([turn(OTHER_MODEL), counted(vector(100), vector(100), model=MODEL)], OTHER_MODEL),
        ([turn(MODEL), turn(None), *responses(100)], MODEL),
    ],
    ids=["latest", "none yet", "its own", "turn before its own", "turn without one"],
)
def test_the_model(own_home: Path, lines: list[Any], expected: str) -> None:
    rollout(own_home, [meta(), *lines])
    assert list(by("models")) == [expected]


def test_a_model_of_the_counters_themselves(own_home: Path) -> None:
    held = counted(vector(100), vector(100))
    held["payload"]["info"]["model"] = MODEL
    rollout(own_home, [meta(), held])
    assert list(by("models")) == [MODEL]


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", DAY), ("America/Los_Angeles", "2026-11-19"), ("Pacific/Kiritimati", DAY)]
)
def test_the_day_is_that_of_the_counters_in_the_zone(own_home: Path, zone: str, day: str) -> None:
    # The folder and the file's name say when the thread began, and do not matter.
    lines = [meta("thread-a", -9000), turn(minutes=-9000), *responses(100, minutes=-30)]
    rollout(own_home, lines)
    assert list(by("daily", "--timezone", zone)) == [day]


def test_the_session_is_that_of_the_first_head(own_home: Path) -> None:
    rollout(own_home, [meta("first"), meta("second"), *responses(100, 200, minutes=5)])
    assert list(by("sessions")) == ["first"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "rollout-2026-11-20T08-00-00-0199a213-81c0-7800-8aa1-bbab2a035a53",
            "0199a213-81c0-7800-8aa1-bbab2a035a53",
        ),
        ("rollout-other", "rollout-other"),
    ],
)
def test_without_a_head_it_is_that_of_the_files_name(own_home: Path, name: str, expected: str) -> None:
    rollout(own_home, [turn(), *responses(100)], name)
    assert list(by("sessions")) == [expected]


def test_the_project_is_the_latest_directory(own_home: Path) -> None:
    lines = [meta(), *responses(100), turn(cwd="/home/me/src/web"), *responses(200, before=100)]
    rollout(own_home, lines)
    assert by("projects") == {"/home/me/src/web": 220, PROJECT: 110}


class TestTiers:
    """gpt-5.5: a million input tokens 5 dollars, at priority 12.50."""

    def cost(self, *options: str) -> Any:
        return report("daily", *options)["totals"]["cost"]

    def settings(self, tier: str | None) -> dict[str, Any]:
        settings = {"service_tier": tier, "model": MODEL}
        return line("event_msg", {"type": "thread_settings_applied", "thread_settings": settings})

    def lines(self, *before: Any) -> list[Any]:
        used = vector(200_000)
        return [meta(), turn(), *before, counted(used, used)]

    def test_standard_unless_the_log_says_otherwise(self, own_home: Path) -> None:
        rollout(own_home, self.lines())
        assert self.cost() == 1.0

    @pytest.mark.parametrize(
        ("tier", "cost"), [("priority", 2.5), ("fast", 2.5), ("flex", 0.5), ("default", 1.0), (None, 1.0)]
    )
    def test_from_where_the_log_says_so(self, own_home: Path, tier: str | None, cost: float) -> None:
        rollout(own_home, self.lines(self.settings("priority"), self.settings(tier)))
        assert self.cost() == cost

    def test_as_the_user_says_where_the_log_does_not(self, own_home: Path) -> None:
        rollout(own_home, self.lines())
        assert self.cost("--codex-tier", "priority") == 2.5
        rollout(own_home, self.lines(self.settings("flex")))
        assert self.cost("--codex-tier", "priority") == 0.5

    def test_an_unknown_tier_costs_the_standard_price_and_is_named(self, own_home: Path) -> None:
        rollout(own_home, self.lines(self.settings("warp")))
        document = report("daily")
        assert document["totals"]["cost"] == 1.0
        assert document["totals"]["costComplete"] is False
        assert document["unpricedModels"] == ["gpt-5.5 (warp)"]


class TestCopies:
    """The same thread in several places is one."""

    def test_active_before_archived(self, own_home: Path) -> None:
        rollout(own_home, [meta(), turn(), *responses(100, 200)])
        written(
            own_home / ".codex" / "archived_sessions" / "rollout-z.jsonl", [meta(), turn(), *responses(100)]
        )
        assert totals() == (300, 0, 0, 30)

    def test_archived_alone(self, own_home: Path) -> None:
        written(
            own_home / ".codex" / "archived_sessions" / "rollout-z.jsonl", [meta(), turn(), *responses(100)]
        )
        assert totals() == (100, 0, 0, 10)

    def test_moved_to_the_archive(self, own_home: Path) -> None:
        path = rollout(own_home, [meta(), turn(), *responses(100)])
        assert totals() == (100, 0, 0, 10)
        archive = own_home / ".codex" / "archived_sessions"
        archive.mkdir()
        path.rename(archive / path.name)
        assert totals() == (100, 0, 0, 10)


@pytest.mark.parametrize(
    "odd",
    [
        {"id": "thread-a", "timestamp": "2025-06-01T08:00:00.000Z", "instructions": None},
        {"type": "message", "role": "user", "content": []},
        line("event_msg", {"type": "token_count", "info": None, "rate_limits": {}}),
        line("token_usage_record", {"usage": vector(900), "service_tier": "default"}),
        line("response_item", {"type": "token_count", "info": {"last_token_usage": vector(900)}}),
        line("world_state", {"token_count": vector(900)}),
        {"timestamp": "2026-11-20T08:00:00.000Z", "type": "event_msg", "payload": None},
    ],
)
def test_other_lines_have_no_usage(own_home: Path, odd: Any) -> None:
    rollout(own_home, [odd, meta(), turn(), odd, *responses(100)])
    document = report("daily")
    assert totals() == (100, 0, 0, 10)
    assert document["skipped"]["lines"] == 0


def test_lines_with_spaces_or_other_orders_are_read_as_well(own_home: Path) -> None:
    lines = [meta(), turn(), *responses(100, 200)]
    spaced = [json.dumps(held).encode() for held in lines]
    turned = [dict(reversed(held.items())) for held in lines]
    numbered = [{"timestamp": held["timestamp"], "ordinal": 7, **held} for held in lines]
    for odd in (spaced, turned, numbered):
        rollout(own_home, odd)
        assert totals() == (300, 0, 0, 30)
        assert list(by("models")) == [MODEL]
