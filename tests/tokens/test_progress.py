"""The line while logs are read: only on a terminal, only when it takes long, gone without a trace."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.process import on_terminal, posix
from tests.tokens.logs import rollout
from usagecli import log
from usagecli.tokens import progress
from usagecli.tokens.progress import shown

WIPE = "\r\x1b[2K"


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Time:
    """A clock that stands until it is moved."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr(log, "verbose", False)
    return stream


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Time:
    found = Time()
    monkeypatch.setattr(progress, "time", found)
    return found


def test_nothing_is_said_within_half_a_second(terminal: Terminal, clock: Time) -> None:
    with shown() as draw:
        assert draw is not None
        clock.now = 0.49
        draw(1_000_000, 2_000_000)
    assert terminal.getvalue() == ""


def test_then_it_says_how_far_it_is_and_leaves_nothing(terminal: Terminal, clock: Time) -> None:
    with shown() as draw:
        assert draw is not None
        clock.now = 0.5
        draw(1_234_000_000, 2_000_000_000)
        # Ten times a second are enough.
        clock.now = 0.55
        draw(1_300_000_000, 2_000_000_000)
        clock.now = 0.61
        draw(1_400_000_000, 2_000_000_000)
    first, second = "reading logs: 1,234 of 2,000 MB", "reading logs: 1,400 of 2,000 MB"
    assert terminal.getvalue() == f"{WIPE}{first}{WIPE}{second}{WIPE}"


def test_it_is_gone_after_an_interrupt(terminal: Terminal, clock: Time) -> None:
    def interrupted() -> None:
        with shown() as draw:
            assert draw is not None
            clock.now = 1
            draw(1, 2)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue().endswith(WIPE)


def test_a_log_on_stderr_is_not_wiped_over(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "verbose", True)
    with shown() as draw:
        assert draw is None


def test_into_a_pipe_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream in (io.StringIO(), None):
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
        with shown() as draw:
            assert draw is None


@posix
def test_on_a_real_terminal_a_quick_run_shows_nothing(own_home: Path) -> None:
    rollout(own_home, [])
    outcome, told = on_terminal("tokens", "daily", "--json", stream="stderr")
    assert outcome.code == 0
    assert "reading logs" not in told
