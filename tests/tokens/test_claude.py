"""Claude Code's transcripts: what a request is, which of its rows counts, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tokens.logs import (
    DAY,
    OPUS,
    PROJECT,
    SONNET,
    by,
    report,
    row,
    totals,
    transcript,
    usage,
    written,
)

FIRST, LAST = usage(10, 2, 300, 40), usage(10, 500, 300, 40)


def test_the_classes_are_disjoint_as_they_are(own_home: Path) -> None:
    held = usage(10, 20, 300, 40, output_tokens_details={"thinking_tokens": 5})
    transcript(own_home, [row(held=held)])
    assert totals() == (10, 300, 40, 20)
    assert report()["totals"]["reasoningTokens"] == 5


class TestIdentity:
    def test_rows_of_one_message_are_one_request(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST), row("msg_1", LAST, 1), row("msg_2", LAST, 2)])
        assert totals() == (20, 600, 80, 1000)

    def test_in_all_files(self, own_home: Path) -> None:
        for name in ("session-a", "session-b"):
            transcript(own_home, [row("msg_1", LAST, sessionId=name)], name)
        assert totals() == (10, 300, 40, 500)

    def test_in_all_projects(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST)])
        written(own_home / ".claude" / "projects" / "-other" / "x.jsonl", [row("msg_1", LAST, cwd="/other")])
        assert totals() == (10, 300, 40, 500)

    def test_without_a_message_id_it_is_the_request(self, own_home: Path) -> None:
        transcript(own_home, [row(None, LAST, minutes, requestId="req_1") for minutes in range(2)])
        assert totals() == (10, 300, 40, 500)

    def test_without_either_it_is_the_row(self, own_home: Path) -> None:
        rows = [row(None, LAST, 0, requestId=None, uuid=uuid) for uuid in ("a", "a", "b")]
        transcript(own_home, rows)
        assert totals() == (20, 600, 80, 1000)

    def test_without_any_it_is_the_moment(self, own_home: Path) -> None:
        rows = [row(None, LAST, minutes, requestId=None, uuid=None) for minutes in (0, 0, 1)]
        transcript(own_home, rows)
        assert totals() == (20, 600, 80, 1000)

    def test_without_request_ids_rows_of_a_message_are_one(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST, minutes, requestId=None) for minutes in range(3)])
        assert totals() == (10, 300, 40, 500)


class TestWhichRow:
    @pytest.mark.parametrize("order", [(FIRST, LAST), (LAST, FIRST), (FIRST, LAST, FIRST)])
    def test_the_one_with_the_highest_output(self, own_home: Path, order: tuple[Any, ...]) -> None:
        transcript(own_home, [row("msg_1", held, minutes) for minutes, held in enumerate(order)])
        assert totals() == (10, 300, 40, 500)

    def test_whole_and_not_each_counter_at_its_highest(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", usage(900, 1, 900, 900)), row("msg_1", LAST, 1)])
        assert totals() == (10, 300, 40, 500)

    def test_the_first_of_equals(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST, 0), row("msg_1", usage(99, 500), 1000)])
        assert totals() == (10, 300, 40, 500)

    def test_its_day(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", FIRST, 950), row("msg_1", LAST, 970)])
        assert by("daily") == {"2026-11-21": 850}
        assert by("daily", "--timezone", "America/New_York") == {DAY: 850}

    def test_across_files(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", FIRST), row("msg_0", FIRST, 1)])
        transcript(own_home, [row("msg_1", LAST, sessionId="session-b")], "session-b")
        assert totals() == (20, 600, 80, 502)


class TestCopies:
    def test_a_side_question_repeats_what_was_asked_before(self, own_home: Path) -> None:
        side = row("msg_1", LAST, 5, requestId="req_side", isSidechain=True)
        transcript(own_home, [row("msg_1", LAST), side])
        assert totals() == (10, 300, 40, 500)

    def test_progress_of_a_sub_agent_is_in_its_own_file(self, own_home: Path) -> None:
        inner = {"message": row("msg_9", usage(10, 900))["message"], "type": "assistant"}
        progress = {**row("msg_9"), "type": "progress", "data": {"type": "agent_progress", "message": inner}}
        del progress["message"]
        transcript(own_home, [row("msg_1", LAST), progress])
        transcript(own_home, [row("msg_9", LAST, agentId="a1")], "session-a/subagents/agent-a1")
        assert totals() == (20, 600, 80, 1000)

    def test_usage_of_a_tool_result_is_in_its_own_file(self, own_home: Path) -> None:
        result = {
            "type": "user",
            "timestamp": row()["timestamp"],
            "message": {"role": "user", "content": [{"type": "tool_result", "content": "Done."}]},
            "toolUseResult": {"usage": usage(7, 777), "agent": {"type": "assistant"}},
        }
        transcript(own_home, [result, row("msg_1", LAST)])
        assert totals() == (10, 300, 40, 500)

    @pytest.mark.parametrize(
        "name", ["session-a/subagents/agent-1", "agent-1", "session-a/subagents/workflows/w/x"]
    )
    def test_sub_agents_count_for_the_session_of_their_rows(self, own_home: Path, name: str) -> None:
        transcript(own_home, [row("msg_1", LAST)])
        transcript(own_home, [row("msg_2", LAST, isSidechain=True, agentId="1")], name)
        assert by("sessions") == {"session-a": 1700}

    @pytest.mark.parametrize("marked", [True, False])
    def test_a_resumed_session_begins_with_the_rows_of_the_first(self, own_home: Path, marked: bool) -> None:
        rows = [row(f"msg_{number}", LAST, number) for number in range(3)]
        mark = {"forkedFrom": {"sessionId": "session-a", "messageUuid": "u"}} if marked else {}
        copied = [{**held, "sessionId": "session-0", **mark} for held in rows]
        transcript(own_home, rows)
        transcript(own_home, [*copied, row("msg_9", LAST, 90, sessionId="session-0")], "session-0")
        assert by("sessions") == {"session-a": 2550, "session-0": 850}

    def test_marked_as_copied_it_is_no_original_whatever_came_later(self, own_home: Path) -> None:
        rows = [row(f"msg_{number}", LAST, number) for number in range(3)]
        copied = [
            {**held, "sessionId": "session-0", "forkedFrom": {"sessionId": "session-a"}} for held in rows
        ]
        transcript(own_home, [*rows, row("msg_9", LAST, 90)])
        transcript(own_home, copied, "session-0")
        assert by("sessions") == {"session-a": 3400}


class TestNoRequests:
    @pytest.mark.parametrize(
        "odd",
        [
            row("msg_9", usage(), model="<synthetic>", requestId=None),
            row("msg_9", usage(5, 5), model="<synthetic>"),
            row("msg_9", usage(5, 5), isApiErrorMessage=True),
            row("msg_9", usage()),
            {**row("msg_9"), "type": "user"},
            {**row("msg_9"), "type": "system", "subtype": "api_error"},
            {**row("msg_9"), "message": {"role": "assistant", "content": "no usage"}},
            {**row("msg_9"), "message": {"role": "assistant", "usage": None}},
            {**row("msg_9"), "message": None},
            {"type": "summary", "summary": "assistant"},
            {"type": "queue-operation", "operation": "assistant", "timestamp": row()["timestamp"]},
        ],
    )
    def test_rows_without_usage(self, own_home: Path, odd: Any) -> None:
        transcript(own_home, [odd, row("msg_1", LAST)])
        document = report("models")
        assert by("models") == {OPUS: 850}
        assert document["skipped"]["lines"] == 0

    def test_nothing_else_is_no_session(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_9", usage(), model="<synthetic>")])
        assert report()["totals"]["sessions"] == 0


class TestMoney:
    """claude-opus-5-5: dollars a million: 4, read 0.20, write 5, 1-hour write 8, output 20; fast twice."""

    def cost(self, *options: str) -> float:
        found: float = report("daily", *options)["totals"]["cost"]
        return found

    @pytest.mark.parametrize(
        ("split", "expected"),
        [
            (None, 5.0),
            ({"ephemeral_5m_input_tokens": 1_000_000, "ephemeral_1h_input_tokens": 0}, 5.0),
            ({"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 1_000_000}, 8.0),
            ({"ephemeral_5m_input_tokens": 500_000, "ephemeral_1h_input_tokens": 500_000}, 6.5),
        ],
        ids=["no split", "short", "long", "both"],
    )
    def test_cache_writes_have_two_prices(self, own_home: Path, split: Any, expected: float) -> None:
        more = {} if split is None else {"cache_creation": split}
        transcript(own_home, [row(held=usage(written=1_000_000, **more))])
        assert self.cost() == expected
        assert totals() == (0, 0, 1_000_000, 0)

    def test_fast_mode_keeps_the_models_name_and_has_its_price(self, own_home: Path) -> None:
        transcript(own_home, [row(held=usage(1_000_000, 100_000, speed="fast"))])
        assert self.cost() == 12.0
        assert list(by("models")) == [OPUS]

    @pytest.mark.parametrize(("options", "expected"), [((), 4.0), (("--logged-costs",), 1.25)])
    def test_a_cost_in_the_log_counts_on_demand(
        self, own_home: Path, options: tuple[str, ...], expected: float
    ) -> None:
        transcript(own_home, [row(held=usage(1_000_000), costUSD=1.25)])
        assert self.cost(*options) == expected

    def test_a_cost_in_the_log_is_complete(self, own_home: Path) -> None:
        transcript(own_home, [row(held=usage(100), model="unheard-of", costUSD=0.5)])
        assert report("daily", "--logged-costs")["totals"]["costComplete"] is True
        assert report("daily")["totals"]["costComplete"] is False

    @pytest.mark.parametrize("odd", [-1, "1", None, True, [], 1e300])
    def test_a_cost_that_is_none_does_not(self, own_home: Path, odd: Any) -> None:
        held = row(held=usage(1_000_000))
        transcript(own_home, [{**held, "costUSD": odd}])
        assert self.cost("--logged-costs") == 4.0


ADVICE = {"type": "advisor_message", "model": SONNET, **usage(100, 20, 3, 4)}


class TestAdvice:
    def test_another_model_that_was_asked_on_the_way_counts_on_top(self, own_home: Path) -> None:
        other = {"type": "message", **usage(900, 900)}
        held = {**LAST, "iterations": [other, ADVICE, None, ADVICE]}
        transcript(own_home, [row("msg_1", held), row("msg_1", held, 1)])
        assert by("models") == {OPUS: 850, SONNET: 254}

    def test_it_is_copied_with_its_row(self, own_home: Path) -> None:
        held = {**LAST, "iterations": [ADVICE]}
        for name in ("session-a", "session-b"):
            transcript(own_home, [row("msg_1", held, sessionId=name)], name)
        assert by("models") == {OPUS: 850, SONNET: 127}

    @pytest.mark.parametrize(
        "odd", [[], {}, "x", [{"type": "advisor_message"}], [{**ADVICE, "cache_creation": 5}]]
    )
    def test_what_is_no_advice(self, own_home: Path, odd: Any) -> None:
        transcript(own_home, [row("msg_1", {**LAST, "iterations": odd})])
        assert by("models") == {OPUS: 850}


def test_a_placeholder_that_never_grew_counts_as_it_is(own_home: Path) -> None:
    transcript(own_home, [row("msg_1", usage(1, 1, 300, 40))])
    assert totals() == (1, 300, 40, 1)


@pytest.mark.parametrize("key", ["cwd", "version", "gitBranch", "requestId", "costUSD", "agentId"])
def test_null_in_a_row_is_no_reason_to_drop_it(own_home: Path, key: str) -> None:
    transcript(own_home, [{**row("msg_1", LAST), key: None}])
    assert totals() == (10, 300, 40, 500)


@pytest.mark.parametrize(
    "key",
    ["cache_creation", "speed", "service_tier", "iterations", "output_tokens_details", "server_tool_use"],
)
def test_null_in_its_usage_is_none_either(own_home: Path, key: str) -> None:
    transcript(own_home, [row("msg_1", {**LAST, key: None})])
    assert totals() == (10, 300, 40, 500)


def test_null_in_a_tools_input_is_no_reason_either(own_home: Path) -> None:
    tool = {"type": "tool_use", "name": "edit", "input": {"id": None, "model": None, "usage": None}}
    transcript(own_home, [row("msg_1", LAST, content=[tool])])
    assert totals() == (10, 300, 40, 500)


def test_a_row_without_a_directory_is_of_its_folder(own_home: Path) -> None:
    transcript(own_home, [row("msg_1", LAST, cwd=None)])
    transcript(own_home, [row("msg_2", LAST)], "session-b")
    assert by("projects") == {"-home-me-src-api": 850, PROJECT: 850}


def test_a_row_without_a_model_is_of_an_unknown_one(own_home: Path) -> None:
    held = row("msg_1", LAST)
    del held["message"]["model"]
    transcript(own_home, [held])
    assert by("models") == {"unknown": 850}


class TestBySessionAndRequest:
    """`--dedupe session-request`."""

    def totals(self) -> Any:
        return totals("--dedupe", "session-request")

    def test_a_copy_in_another_session_counts_again(self, own_home: Path) -> None:
        for name in ("session-a", "session-b"):
            transcript(
                own_home, [row("msg_1", FIRST, sessionId=name), row("msg_1", LAST, sessionId=name)], name
            )
        assert self.totals() == (20, 600, 80, 1000)

    def test_a_side_question_counts_again(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST), row("msg_1", LAST, 1, requestId="req_side")])
        assert self.totals() == (20, 600, 80, 1000)

    def test_rows_without_a_request_id_do_not_count(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", LAST), row("msg_2", LAST, requestId=None)])
        assert self.totals() == (10, 300, 40, 500)

    def test_advice_counts(self, own_home: Path) -> None:
        transcript(own_home, [row("msg_1", {**LAST, "iterations": [ADVICE] * 2})])
        assert self.totals() == (210, 306, 48, 540)

    def test_the_same_request_in_two_files_of_a_session_is_one(self, own_home: Path) -> None:
        for name, held in (("session-a", FIRST), ("agent-1", LAST)):
            transcript(own_home, [row("msg_1", held)], name)
        assert self.totals() == (10, 300, 40, 500)
