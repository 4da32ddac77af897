"""The line while answers are awaited: only on a terminal, and gone without a trace."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest

from usagecli import log, progress
from usagecli.progress import shown

WIPE = "\r\x1b[2K"


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    # Not sys.stderr: pytest puts its own there between fixture and test.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=stream))
    monkeypatch.setattr(log, "verbose", False)
    monkeypatch.setattr(progress, "_QUIET_S", 0.0)
    monkeypatch.setenv("COLUMNS", "40")
    return stream


def test_it_names_who_has_not_answered_and_leaves_nothing(terminal: Terminal) -> None:
    with shown() as draw:
        assert draw is not None
        draw(["work", "home"])
        draw(["home"])
    assert terminal.getvalue() == f"{WIPE}⠋ waiting for work, home{WIPE}⠙ waiting for home{WIPE}"


def test_it_is_gone_after_an_interrupt(terminal: Terminal) -> None:
    def interrupted() -> None:
        with shown() as draw:
            assert draw is not None
            draw(["work"])
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert terminal.getvalue().endswith(WIPE)


@pytest.mark.parametrize("name", ["x" * 100, "語" * 100], ids=["narrow", "wide"])
def test_it_never_wraps(terminal: Terminal, name: str) -> None:
    from wcwidth import wcswidth

    with shown() as draw:
        assert draw is not None
        draw([name])
    line = terminal.getvalue().split(WIPE)[1]
    assert 35 < wcswidth(line) < 40


def test_frames_that_a_terminal_of_another_encoding_carries(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    with shown() as draw:
        assert draw is not None
        draw(["work"])
    assert terminal.getvalue().isascii()


def test_a_quick_answer_needs_no_line(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_QUIET_S", 60.0)
    with shown() as draw:
        assert draw is not None
        draw(["work"])
    assert terminal.getvalue() == ""


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("why", ["no stderr", "no terminal", "a dumb one", "a log"])
def test_no_line(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if why == "no stderr":
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=None))
    elif why == "no terminal":
        monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=io.StringIO()))
    elif why == "a dumb one":
        monkeypatch.setitem(os.environ, "TERM", "dumb")
    else:
        monkeypatch.setattr(log, "verbose", True)
    with shown() as draw:
        assert draw is None
