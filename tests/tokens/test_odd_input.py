"""Damaged and odd logs of both agents: nothing stops, nothing is invented, what is left counts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli import run
from tests.tokens.logs import (
    meta,
    report,
    responses,
    rollout,
    row,
    stamp,
    totals,
    transcript,
    turn,
    usage,
)
from usagecli.tokens import claude, codex, lines
from usagecli.tokens.lines import Counts, wanted

GOOD_CODEX: list[Any] = [meta(), turn(), *responses(100)]
GOOD_CLAUDE: list[Any] = [row("msg_1", usage(100, 10))]
AGENTS: list[Any] = [(rollout, GOOD_CODEX), (transcript, GOOD_CLAUDE)]
GOOD = (100, 0, 0, 10)

each = pytest.mark.parametrize(("log", "good"), AGENTS, ids=["codex", "claude"])


def text(line: Any) -> bytes:
    return json.dumps(line, separators=(",", ":")).encode()


@each
@pytest.mark.parametrize(
    "odd", [b"\x00" * 64, b"null", b"[]", b'"text"', b"17", b"{broken", b"}{", b"\xff\xfe"]
)
def test_lines_that_are_no_object(own_home: Path, log: Any, good: list[Any], odd: bytes) -> None:
    log(own_home, [odd, *good, odd, odd])
    assert totals() == GOOD
    assert report()["skipped"]["lines"] == 3


@each
def test_empty_lines_are_nothing(own_home: Path, log: Any, good: list[Any]) -> None:
    log(own_home, [b"", *good, b"  ", b"\r"])
    assert totals() == GOOD
    assert report()["skipped"]["lines"] == 0


@each
def test_lines_with_other_ends_and_spaces_around(own_home: Path, log: Any, good: list[Any]) -> None:
    log(own_home, [b" " + text(held) + b" \r" for held in good])
    assert totals() == GOOD


@each
def test_glued_fragments(own_home: Path, log: Any, good: list[Any]) -> None:
    whole = text(good[-1])
    log(own_home, [*good[:-1], whole[:200] + whole, whole + whole, *good[-1:]])
    assert totals() == GOOD
    assert report()["skipped"]["lines"] == 2


@each
@pytest.mark.parametrize("cut", range(1, 41))
def test_a_line_that_is_cut_after_its_counters(own_home: Path, log: Any, good: list[Any], cut: int) -> None:
    log(own_home, [*good[:-1], text(good[-1])[:-cut]])
    assert totals() == (0, 0, 0, 0)


@each
def test_the_last_line_is_still_being_written(own_home: Path, log: Any, good: list[Any]) -> None:
    whole = text(good[-1])
    for length in range(0, len(whole) + 1, 7):
        log(own_home, [*good[:-1], whole[:length]], end="")
        assert totals() == (0, 0, 0, 0)
        assert report()["skipped"]["lines"] == 0
    log(own_home, good)
    assert totals() == GOOD


@each
def test_bytes_that_are_no_text_in_a_line_that_counts(own_home: Path, log: Any, good: list[Any]) -> None:
    whole = text(good[-1])
    odd = whole.replace(b'"type":', b'"note":"\xff\xfe\x80","type":', 1)
    model = whole.replace(b"claude-opus-5-5", b"claude-\xff").replace(
        b'"event_msg"', b'"event_msg","cwd":"\xff"'
    )
    for line in (odd, model):
        log(own_home, [b'{"note":"\xff"}', *good[:-1], line])
        assert totals() == GOOD


@each
def test_bytes_that_are_no_text_beside_a_counter_that_is_none(
    own_home: Path, log: Any, good: list[Any]
) -> None:
    odd = text(good[-1]).replace(b'"type":', b'"note":"\xff","odd_tokens":null,"type":', 1)
    for name in (b"cached_input_tokens", b"cache_read_input_tokens"):
        odd = odd.replace(b'"%b":0' % name, b'"%b":null' % name)
    log(own_home, [*good[:-1], odd])
    assert totals() == GOOD


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ud83d and more", r"\ud83d\n"])
def test_half_a_surrogate_pair_spoils_only_its_text(own_home: Path, half: str) -> None:
    spoilt = half.encode()
    content = row("msg_1", usage(100, 10), content=[{"type": "text", "text": "HALF"}], cwd="/src/HALF")
    transcript(own_home, [text(content).replace(b"HALF", spoilt)])
    rollout(own_home, [text(meta(cwd="/src/HALF")).replace(b"HALF", spoilt), *GOOD_CODEX[1:]])
    for _ in range(2):
        assert totals() == (200, 0, 0, 20)
        assert len(report("projects")["rows"]) == 2


def test_usage_in_a_tools_output_is_text(own_home: Path) -> None:
    quoted = json.dumps(responses(900)[0]) + json.dumps(row("msg_9", usage(900, 900)))
    output = {"timestamp": stamp(), "type": "response_item", "payload": {"type": "x", "output": quoted}}
    message = {"role": "user", "content": [{"type": "tool_result", "content": quoted}]}
    user = {"type": "user", "timestamp": stamp(), "message": message, "toolUseResult": {"stdout": quoted}}
    assistant = row("msg_2", usage(), content=[{"type": "text", "text": quoted}])
    rollout(own_home, [*GOOD_CODEX, output])
    transcript(own_home, [user, assistant, *GOOD_CLAUDE])
    assert totals() == (200, 0, 0, 20)


@each
@pytest.mark.parametrize(
    "odd", [None, "", "yesterday", 17, [], "2026-11-20", "2026-13-45T00:00:00Z", "0001-01-01T00:00:00Z"]
)
def test_a_line_without_a_time(own_home: Path, log: Any, good: list[Any], odd: Any) -> None:
    log(own_home, [*good[:-1], {**good[-1], "timestamp": odd}])
    assert totals() == (0, 0, 0, 0)
    assert report()["skipped"]["lines"] == 1


@pytest.mark.parametrize(
    "spelt",
    [
        "2026-11-20T08:00:00Z",
        "2026-11-20T09:00:00+01:00",
        "2026-11-20T08:00:00.123456Z",
        "2026-11-20 08:00:00",
    ],
)
@each
def test_other_spellings_of_a_time(own_home: Path, log: Any, good: list[Any], spelt: str) -> None:
    log(own_home, [*good[:-1], {**good[-1], "timestamp": spelt}])
    assert [row["hour"] for row in report("hours")["rows"]] == [8]


@pytest.mark.parametrize(
    ("odd", "expected"),
    [(None, 0), (-5, 0), ("7", 0), (7.0, 7), (7.5, 0), (True, 0), (10**30, 0), ([], 0), ({}, 0)],
)
def test_counters_that_are_none_are_nothing(own_home: Path, odd: Any, expected: int) -> None:
    transcript(own_home, [row("msg_1", {**usage(100, 10), "cache_read_input_tokens": odd})])
    assert totals() == (100, expected, 0, 10)
    (good,) = responses(100)
    good["payload"]["info"]["last_token_usage"]["reasoning_output_tokens"] = odd
    rollout(own_home, [meta(), turn(), good])
    assert totals() == (200, expected, 0, 20)


@each
def test_a_replaced_shorter_file_is_read_anew(own_home: Path, log: Any, good: list[Any]) -> None:
    more = responses(100, 200)[1:] if log is rollout else [row("msg_2", usage(200, 20))]
    log(own_home, [*good, *more])
    assert totals() == (300, 0, 0, 30)
    log(own_home, good)
    assert totals() == GOOD


# -- long lines and small pieces --------------------------------------------------------------------


@each
@pytest.mark.parametrize("piece", [64, 100, 500, 10_000])
def test_a_file_is_read_in_pieces_of_any_size(
    own_home: Path, monkeypatch: pytest.MonkeyPatch, log: Any, good: list[Any], piece: int
) -> None:
    monkeypatch.setattr(lines, "_PIECE", piece)
    filler = {"type": "response_item", "payload": {"type": "x", "output": "x" * 3000}}
    log(
        own_home,
        [filler, b"broken" * 600, *good, filler, b"{" + b"broken" * 600, *good, filler, b"half"],
        end="",
    )
    assert totals("--files-only") == GOOD
    assert report("daily", "--files-only")["skipped"]["lines"] == 2


def test_a_long_line_is_not_held(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_PIECE", 1000)
    path = transcript(own_home, [{"type": "user", "text": "x" * 50_000}, *GOOD_CLAUDE])
    sizes = []

    class Watched:
        def __init__(self, file: Any) -> None:
            self.file = file

        def read(self, size: int) -> bytes:
            sizes.append(size)
            return bytes(self.file.read(size))

    with path.open("rb") as file:
        watched: Any = Watched(file)
        found = list(wanted(watched, path.stat().st_size, claude.FILTER, Counts()))
    assert found == [text(GOOD_CLAUDE[0])]
    assert max(sizes) <= 1001


def test_a_long_line_with_usage_counts(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_PIECE", 1000)
    long = row("msg_1", usage(100, 10), content=[{"type": "text", "text": "x" * 20_000}])
    turned = {"message": long["message"], **long}
    transcript(own_home, [turned, row("msg_2", usage(5, 5))])
    assert totals("--files-only") == (105, 0, 0, 15)


# -- any bytes --------------------------------------------------------------------------------------

quickly = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
PARTS = st.lists(
    st.binary(max_size=40)
    | st.sampled_from(
        [
            b"\n",
            b'"usage":',
            b'{"type":"assistant",',
            b'"token_count"',
            b"}\n",
            b"\x00",
            *map(text, [*GOOD_CODEX, *GOOD_CLAUDE]),
        ]
    ),
    max_size=8,
).map(b"".join)


@each
@quickly
@given(more=PARTS)
def test_any_bytes_after_a_log_change_nothing_of_what_was_before(
    own_home: Path, log: Any, good: list[Any], more: bytes
) -> None:
    path = log(own_home, good)
    path.write_bytes(path.read_bytes() + b"# " + more.replace(b"msg_1", b"msg_2"))
    found = totals("--files-only")
    assert all(now >= before for now, before in zip(found, GOOD, strict=True))
    outcome = run("tokens", "audit", "--files-only")
    assert outcome.code == 0


@quickly
@given(data=PARTS)
def test_any_bytes_are_read_alike_in_pieces(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "log"
    path.write_bytes(data)
    for filter_ in (codex.FILTER, claude.FILTER):
        found = []
        for piece in (1 << 20, 600):
            with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
                patch.setattr(lines, "_PIECE", piece)
                counts = Counts()
                found.append((list(wanted(file, len(data), filter_, counts)), counts))
        assert found[0] == found[1]
