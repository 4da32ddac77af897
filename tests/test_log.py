"""The log: on stderr, one line a message, no secret in it, and never in a run's way."""

from __future__ import annotations

import io
import re
import sys

import pytest

from usagecli import log
from usagecli.credentials import Secret


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "verbose", False)
    monkeypatch.setattr(Secret, "known", set())


def test_debug_is_silent_without_v(capsys: pytest.CaptureFixture[str]) -> None:
    log.debug("hidden")
    assert capsys.readouterr() == ("", "")


def test_debug_tells_the_time_since_the_start(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "verbose", True)
    log.debug("shown")
    out, err = capsys.readouterr()
    assert out == ""
    assert re.fullmatch(r"\[ *\d+\.\d{3}\] shown\n", err)


def test_warnings_and_notes_are_always_shown(capsys: pytest.CaptureFixture[str]) -> None:
    log.warn("careful")
    log.note("by the way")
    assert capsys.readouterr() == ("", "Warning: careful\nby the way\n")


def test_secrets_are_masked_longest_first() -> None:
    for text in ("fake-secret", "fake-secret-and-more"):
        Secret(text)
    assert log.mask("a fake-secret-and-more b fake-secret.") == "a *** b ***."


def test_a_secret_of_three_letters_masks_nothing() -> None:
    Secret("abc")
    assert log.mask("abcabc") == "abcabc"


def test_every_line_is_masked(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "verbose", True)
    Secret("fake-secret")
    for write in (log.debug, log.warn, log.note):
        write("it is fake-secret")
    assert "fake" not in capsys.readouterr().err


def test_no_stderr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    log.note("nobody hears it")
    assert sys.stderr is None


def test_a_stderr_that_nobody_reads_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            tried.append(text)
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Gone())
    log.note("nobody hears it")
    assert tried == ["nobody hears it\n"]
