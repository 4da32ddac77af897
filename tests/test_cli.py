"""The root command: help, unknown words, exit codes of what is no result, the console script."""

from __future__ import annotations

import errno
import runpy
import signal
import sys
from collections.abc import Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tests.cli import configure, openrouter, run
from usagecli import __version__, registry
from usagecli.cli import COMMANDS, cli, main

SUBCOMMANDS = tuple(
    (group, name)
    for group, names in (
        ("config", ("path", "init", "show", "validate")),
        ("services", ("list", "add", "edit", "remove", "enable", "disable", "test", "import")),
    )
    for name in names
)


@pytest.fixture
def usual_sigterm() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_version() -> None:
    outcome = run("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"usagecli, version {__version__}\n", "")


PROVIDERS = "Providers (one command each; usagecli providers says more):"


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_names_every_command_and_provider(option: str) -> None:
    outcome = run(option)
    assert (outcome.code, outcome.err) == (0, "")
    commands, providers = outcome.out.split(PROVIDERS)
    listed = [
        line.split()[0] for line in commands.partition("Commands:")[2].splitlines() if line[2:3].strip()
    ]
    assert tuple(listed) == COMMANDS
    assert tuple(providers.replace(",", " ").split()) == registry.names()


def test_no_name_of_a_provider_is_broken_in_the_help(monkeypatch: pytest.MonkeyPatch) -> None:
    names = tuple(f"one-of-many-{number}" for number in range(30))
    monkeypatch.setattr(registry, "names", lambda: names)
    lines = run("--help").out.partition(f"{PROVIDERS}\n")[2].splitlines()
    assert tuple(" ".join(lines).replace(",", " ").split()) == names
    assert all(line.startswith("  one-") and len(line) <= 80 for line in lines)


def test_no_command_shows_the_help() -> None:
    outcome = run()
    assert outcome.out + outcome.err == run("--help").out


@pytest.mark.parametrize("words", [(name,) for name in COMMANDS] + list(SUBCOMMANDS))
def test_every_command_has_a_help(words: tuple[str, ...]) -> None:
    outcome = run(*words, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"Usage: usagecli {' '.join(words)} ")


def test_no_help_text_is_cut_short() -> None:
    context = click.Context(cli)
    found = {name: cli.get_command(context, name) for name in COMMANDS}
    groups = [name for name, command in found.items() if isinstance(command, click.Group)]
    assert {"config", "history", "providers", "services", "tokens"} <= {*groups}
    for words in ((), *((name,) for name in groups)):
        _, _, told = run(*words, "--help").out.partition("\nCommands:\n")
        assert told
        assert "..." not in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["statu"], "No such command 'statu'; did you mean 'status'?"),
        (["opnrouter"], "No such command 'opnrouter'; did you mean 'openrouter'?"),
        (["status", "--jsn"], "No such option '--jsn'."),
        (["status", "--demo"], "--demo stands before the command: usagecli --demo COMMAND"),
        (["openrouter", "-v"], "-v stands before the command: usagecli -v COMMAND"),
        (["--colour", "never", "status"], "No such option '--colour'."),
        (["status", "--timeout", "0"], "Invalid value for '--timeout': 0"),
        (["status", "--timeout", "nan"], "Invalid value for '--timeout': 'nan'"),
        (["status", "--max-age", "inf"], "Invalid value for '--max-age': 'inf'"),
        (["status", "--max-age", "-1"], "Invalid value for '--max-age': -1"),
        (["status", "--low-below", "nan"], "Invalid value for '--low-below': 'nan'"),
        (["status", "--low-below", "101"], "Invalid value for '--low-below': 101"),
        (["status", "--low-below", "few"], "Invalid value for '--low-below': 'few'"),
        (["status", "--format", "xml"], "Invalid value for '-f' / '--format': 'xml'"),
        (["--color", "pink", "status"], "Invalid value for '--color': 'pink'"),
        (["schema", "tokens", "extra"], "Got unexpected extra argument"),
        (["completions", "tcsh"], "Invalid value for"),
    ],
)
def test_a_wrong_command_line_exits_2(words: list[str], message: str) -> None:
    outcome = run(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Usage: usagecli ")
    assert f"Error: {message}" in outcome.err


def test_a_word_that_is_being_completed_is_not_refused() -> None:
    context = cli.make_context("usagecli", ["nothing-known"], resilient_parsing=True)
    assert cli.resolve_command(context, ["nothing-known"])[1] is None


def fail_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Any:
    def invoke(ctx: click.Context) -> None:
        raise error

    monkeypatch.setattr(cli, "invoke", invoke)
    return CliRunner().invoke(cli, ["schema"], prog_name="usagecli")


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interrupt_exits_130(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    result = fail_with(error, monkeypatch)
    assert (result.exit_code, result.stdout, result.stderr.strip()) == (130, "", "Interrupted.")


def test_a_full_disk_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    result = fail_with(OSError(errno.ENOSPC, "No space left on device"), monkeypatch)
    assert (result.exit_code, result.stderr) == (3, "Error: stdout: No space left on device\n")


def test_a_bug_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (OSError(errno.EIO, "bug"), ZeroDivisionError("bug")):
        assert fail_with(error, monkeypatch).exception is error


@pytest.mark.usefixtures("usual_sigterm")
def test_the_console_script(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["anything", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().out) == (0, f"usagecli, version {__version__}\n")
    with pytest.raises(SystemExit) as ended:
        signal.raise_signal(signal.SIGTERM)
    assert ended.value.code == 143


@pytest.mark.usefixtures("usual_sigterm")
def test_the_module_runs_and_an_import_of_it_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["anything", "--version"])
    runpy.run_module("usagecli.__main__", run_name="imported")
    assert capsys.readouterr().out == ""
    with pytest.raises(SystemExit):
        runpy.run_module("usagecli", run_name="__main__")
    assert capsys.readouterr().out == run("--version").out


def test_a_named_config_must_exist(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "none.yaml"
    told = (2, "", f"Error: {path}: there is no such file\n")
    outcome = run("--config", str(path), "status")
    assert (outcome.code, outcome.out, outcome.err) == told
    monkeypatch.setenv("USAGECLI_CONFIG", str(path))
    outcome = run("status")
    assert (outcome.code, outcome.out, outcome.err) == told


def test_the_config_option_wins_over_the_variable(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("option", "variable"):
        body = configure([openrouter("http://127.0.0.1:9", name)]).read_text()
        (tmp_path / f"{name}.yaml").write_text(body)
        (tmp_path / f"{name}.yaml").chmod(0o600)
    monkeypatch.setenv("USAGECLI_CONFIG", str(tmp_path / "variable.yaml"))
    given = ("--config", str(tmp_path / "option.yaml"))
    for words, name in ((given, "option"), ((), "variable")):
        document = run(*words, "status", "--offline", "--json").document
        assert [service["service"] for service in document["services"]] == [name]
