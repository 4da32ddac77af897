"""How a result reaches stdout: whole, quietly where nobody reads, and as it may look there."""

from __future__ import annotations

import errno
import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import NOW
from usagecli.cli import App, silence_stdout
from usagecli.commands._run import emit, look
from usagecli.errors import OutputError
from usagecli.machine import Machine


class Stream(io.StringIO):
    """A stdout of some encoding, a terminal or not, that may take nothing."""

    def __init__(
        self, encoding: str = "utf-8", *, terminal: bool = False, error: OSError | None = None
    ) -> None:
        super().__init__()
        self.given = encoding
        self.terminal = terminal
        self.error = error

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.given

    def isatty(self) -> bool:
        return self.terminal

    def flush(self) -> None:
        if self.error is not None:
            raise self.error


def stdout(stream: Stream | None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make it the stdout of the commands; the list gets an entry when it is silenced."""
    silenced: list[str] = []
    monkeypatch.setattr("usagecli.commands._run.sys", SimpleNamespace(stdout=stream))
    monkeypatch.setattr("usagecli.commands._run.silence_stdout", lambda: silenced.append("silenced"))
    return silenced


@pytest.mark.parametrize(
    ("encoding", "text", "written"),
    [
        ("utf-8", "büro €", "büro €\n"),
        ("ascii", "büro €", "b?ro ?\n"),
        ("latin-1", "büro €", "büro ?\n"),
        ("utf-8", "\ud800", "?\n"),
        ("utf-8", "", ""),
    ],
)
def test_what_the_output_cannot_carry_is_a_question_mark(
    encoding: str, text: str, written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = Stream(encoding)
    stdout(stream, monkeypatch)
    emit(text)
    assert stream.getvalue() == written


@pytest.mark.parametrize(
    "error",
    [BrokenPipeError(), OSError(errno.EPIPE, ""), OSError(errno.EINVAL, ""), OSError(errno.EBADF, "")],
)
def test_a_reader_that_has_gone_is_no_error(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    silenced = stdout(Stream(error=error), monkeypatch)
    emit("text")
    assert silenced == ["silenced"]


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    silenced = stdout(Stream(error=OSError(errno.ENOSPC, "No space left on device")), monkeypatch)
    with pytest.raises(OutputError) as caught:
        emit("text")
    assert (caught.value.exit_code, caught.value.message) == (3, "stdout: No space left on device")
    assert silenced == ["silenced"]


def test_no_stdout(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stdout(None, monkeypatch) == []
    emit("text")
    found = look(App(machine=machine))
    assert (found.width, found.color, found.bars, found.indent) == (None, False, False, False)


def test_silence_sends_what_is_left_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "out").open("w") as file:
        monkeypatch.setattr("usagecli.cli.sys", SimpleNamespace(stdout=file))
        file.write("lost")
        silence_stdout()
    assert (tmp_path / "out").read_text() == ""


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_silence_of_what_is_no_file(stream: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("usagecli.cli.sys", SimpleNamespace(stdout=stream))
    silence_stdout()
    assert stream is None or stream.getvalue() == ""


def test_on_a_terminal(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "77")
    stdout(Stream(terminal=True), monkeypatch)
    found = look(App(machine=machine), apart=True)
    assert (found.now, found.width, found.apart, found.unicode) == (NOW, 77, True, True)
    assert (found.color, found.bars, found.indent) == (True, True, True)


def test_colours_into_a_pipe_bring_the_bars(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout(Stream(), monkeypatch)
    found = look(App(machine=machine, color="always"))
    assert (found.width, found.color, found.bars, found.indent) == (None, True, True, False)


@pytest.mark.parametrize(
    ("encoding", "carries"),
    [
        ("utf-8", True),
        ("UTF-16", True),
        ("ascii", False),
        ("latin-1", False),
        ("nonsense", False),
        ("", True),
    ],
)
def test_which_encodings_carry_bars(
    encoding: str, carries: bool, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stdout(Stream(encoding), monkeypatch)
    assert look(App(machine=machine)).unicode is carries
