"""What is done about an alert: commands and addresses, each once, and again where it failed."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.alerting import FINE, LOW, SHORT, alerting, break_down, leave, write
from tests.cli import FAKE, Outcome, run
from tests.keyrings import FileKeyring
from tests.process import posix, process, python, start
from tests.support import Reply, Server, serve
from usagecli import actions
from usagecli.actions import Target
from usagecli.commands.check import command
from usagecli.machine import here
from usagecli.model import CredentialSource
from usagecli.storage.history import path_of

pytestmark = pytest.mark.sockets

MESSAGE = "work weekly limit: 12 % left (alert: below 15 %), resets "
OVER = "work weekly limit: recovered, 50 % left (alert: below 15 %)"


def check(*words: str) -> Outcome:
    outcome = run("check", "--no-cache", *words)
    assert FAKE not in outcome.out + outcome.err
    return outcome


def script(tmp_path: Path, body: str, name: str = "act.py") -> list[str]:
    """A command that runs this Python."""
    path = tmp_path / name
    path.write_text(body, encoding="utf-8")
    return [sys.executable, str(path)]


@pytest.fixture
def keep(tmp_path: Path) -> list[str]:
    """A command that keeps what it is given, a line a call, in `given`."""
    return script(
        tmp_path, f"import sys\nopen({str(tmp_path / 'given')!r}, 'a').write(sys.stdin.read())\n", "keep.py"
    )


def given(tmp_path: Path) -> list[Any]:
    path = tmp_path / "given"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def rules(**more: Any) -> list[dict[str, Any]]:
    return [{"below": 15, **more}]


# -- run --------------------------------------------------------------------------------------------


def test_a_command_gets_the_alert_once_and_its_end_without_once(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, alerts=rules(run=keep)) as server:
        outcomes = [check() for _ in range(3)]
        leave(server, FINE)
        outcomes += [check() for _ in range(2)]
    # What is printed is what it would be without actions.
    assert [outcome.out.count(MESSAGE) for outcome in outcomes] == [1, 1, 1, 0, 0]
    assert [(outcome.code, outcome.err) for outcome in outcomes] == [(1, "")] * 3 + [(0, "")] * 2
    fire, recover = given(tmp_path)
    assert (fire["event"], recover["event"]) == ("fire", "recover")
    assert (fire["message"].startswith(MESSAGE), recover["message"]) == (True, OVER)
    assert fire["rule"] == {"name": None, "condition": "below", "value": 15.0}
    assert (fire["service"], fire["kind"], fire["id"], fire["percentRemaining"]) == (
        "work",
        "quota",
        "key_limit",
        12.0,
    )


def test_what_a_command_gets_is_what_json_has(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, alerts=rules(run=keep)):
        (alert,) = check("--json", "--once").document["alerts"]
    assert given(tmp_path) == [alert]


@posix
def test_a_text_is_split_as_a_shell_would_and_given_to_none(tmp_path: Path, keep: list[str]) -> None:
    text = f"'{keep[0]}' {keep[1]} ; touch '{tmp_path}/never' $HOME"
    with alerting(SHORT, alerts=rules(run=text)):
        check()
    assert len(given(tmp_path)) == 1
    assert not (tmp_path / "never").exists()


def test_the_usual_actions_are_for_all_alerts_and_a_rule_may_have_its_own(
    keep: list[str], tmp_path: Path
) -> None:
    other = script(tmp_path, f"open({str(tmp_path / 'other')!r}, 'a').write('x')", "other.py")
    with alerting(LOW, run=keep, alerts=[{"below": 15, "run": other}, {"below": 20}, {"below": 1}]):
        check()
        check()
    assert [alert["rule"]["condition"] for alert in given(tmp_path)] == ["low", "below"]
    assert (tmp_path / "other").read_text() == "x"


def test_options_only_print(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, run=keep):
        assert check("--below", "15").code == 1
    assert given(tmp_path) == []


def test_explain_does_nothing(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, alerts=rules(run=keep)):
        check("--explain")
        assert given(tmp_path) == []
        check()
        assert len(given(tmp_path)) == 1


def test_a_missing_answer_and_its_end_are_alerts_too(keep: list[str], tmp_path: Path) -> None:
    with alerting(FINE, run=keep) as server:
        check()
        break_down(server)
        check()
        check()
        leave(server, FINE)
        check()
    assert [(alert["event"], alert["kind"]) for alert in given(tmp_path)] == [
        ("fire", "service"),
        ("recover", "service"),
    ]


def test_a_command_that_fails_is_a_warning_and_tried_again(tmp_path: Path, keep: list[str]) -> None:
    good = tmp_path / "good"
    flaky = script(
        tmp_path,
        f"import os, sys, runpy\nos.path.exists({str(good)!r}) or sys.exit(3)\nrunpy.run_path({keep[1]!r})",
    )
    name = os.path.basename(sys.executable)
    warning = (
        f"Warning: alert not passed on: run: {name} failed with exit code 3 "
        "(usagecli -v check shows what it prints); the next check tries again\n"
    )
    with alerting(SHORT, alerts=rules(run=flaky)) as server:
        for _ in range(2):
            outcome = check("--once")
            assert (outcome.code, outcome.err) == (1, warning)
        leave(server, FINE)
        good.touch()
        outcome = check("--once")
        assert (outcome.code, outcome.err) == (0, "")
        # In the order in which it happened, the first with the figures of then.
        assert [alert["event"] for alert in given(tmp_path)] == ["fire", "recover"]
        assert given(tmp_path)[0]["percentRemaining"] == 12.0
        assert check("--once").err == ""
    assert len(given(tmp_path)) == 2


def test_one_that_fails_stops_no_other(tmp_path: Path, keep: list[str]) -> None:
    both = [{"below": 15, "run": ["no-such-program"]}, {"below": 20, "run": keep}]
    with alerting(SHORT, alerts=both):
        outcome = check()
    assert len(given(tmp_path)) == 1
    assert "run: no-such-program cannot be run: " in outcome.err
    assert outcome.code == 1


def test_what_failed_once_is_not_tried_twice_in_a_run(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    fails = script(tmp_path, f"import sys\nopen({str(calls)!r}, 'a').write('x')\nsys.exit(1)")
    with alerting(SHORT, "work", "home", alerts=rules(run=fails)):
        check()
        assert calls.read_text() == "x"
        check()
    assert calls.read_text() == "xx"


def test_an_alert_whose_rule_is_gone_is_not_tried_again(tmp_path: Path, keep: list[str]) -> None:
    with alerting(SHORT, alerts=rules(run=["no-such-program"])) as server:
        assert "no-such-program" in check().err
        write(server, run=keep)
        assert check().err == ""
    assert given(tmp_path) == []


def test_a_command_that_hangs_is_ended_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(actions, "TIMEOUT_S", 1.5)
    late = tmp_path / "late"
    hangs = script(
        tmp_path,
        "import subprocess, sys, time\n"
        f"code = \"import time; time.sleep(4); open({str(late)!r}, 'w')\"\n"
        "subprocess.Popen([sys.executable, '-c', code])\ntime.sleep(60)\n",
    )
    started = time.monotonic()
    with alerting(SHORT, alerts=rules(run=hangs)):
        outcome = check()
    assert "did not end within 1.5 s; the next check tries again" in outcome.err
    assert outcome.code == 1
    assert time.monotonic() - started < 20
    if sys.platform != "win32":
        time.sleep(4)
        assert not late.exists()


@posix
def test_an_interrupt_ends_the_command_too(tmp_path: Path) -> None:
    begun, late = tmp_path / "begun", tmp_path / "late"
    hangs = script(
        tmp_path,
        f"import time\nopen({str(begun)!r}, 'w')\ntime.sleep(3)\nopen({str(late)!r}, 'w')\n",
    )
    with alerting(SHORT, alerts=rules(run=hangs)), start("check") as running:
        while not begun.exists():
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert (running.returncode, err.strip()) == (130, "Interrupted.")
    assert out.startswith(MESSAGE)
    time.sleep(3.5)
    assert not late.exists()


def test_a_command_may_leave_a_program_in_the_background(tmp_path: Path) -> None:
    leaves = script(
        tmp_path,
        "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(8)'])\n",
    )
    started = time.monotonic()
    with alerting(SHORT, alerts=rules(run=leaves)):
        assert check().err == ""
    assert time.monotonic() - started < 7


def test_what_a_command_prints_is_shown_on_request_without_secrets(tmp_path: Path) -> None:
    loud = script(
        tmp_path,
        "import sys\nprint('to stdout: sk-or-v1-fake-key-of-work')\nprint('to stderr', file=sys.stderr)\n",
    )
    with alerting(SHORT, alerts=rules(run=loud)) as server:
        quiet = process("check")
        leave(server, FINE)
        shown = process("-v", "check", "--no-cache")
    assert quiet.err == ""
    name = os.path.basename(sys.executable)
    assert f"run: {name}: to stdout: ***\n" in shown.err
    assert f"run: {name}: to stderr\n" in shown.err
    assert FAKE not in shown.err + shown.out
    assert "to stdout" not in quiet.out + shown.out


def test_no_secret_of_the_run_is_passed_on(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, alerts=rules(run=keep, name="sk-or-v1-fake-key-of-work")):
        run("check")
    (alert,) = given(tmp_path)
    assert FAKE not in json.dumps(alert)
    assert "(alert ***: below 15 %)" in alert["message"]


def test_no_argument_of_a_command_is_shown(tmp_path: Path) -> None:
    fails = [*script(tmp_path, "import sys; sys.exit(1)"), "--token", "fake-token"]
    with alerting(SHORT, alerts=rules(run=fails)):
        outcome = process("-v", "check")
    assert "failed with exit code 1" in outcome.err
    assert FAKE not in outcome.err + outcome.out


# -- notify -----------------------------------------------------------------------------------------


def address(server: Server, path: str = "fake-token") -> str:
    return server.url.replace("http://", "json://") + f"/{path}"


def posted(server: Server) -> list[dict[str, Any]]:
    return [{key: seen.json()[key] for key in ("title", "message", "type")} for seen in server.seen]


FIRE = {"title": "usagecli: work", "type": "warning"}


def test_an_address_is_told_once_and_when_it_is_over() -> None:
    with (
        serve({"/fake-token": Reply({})}) as post,
        alerting(SHORT, notify=address(post), alerts=rules()) as server,
    ):
        check()
        check()
        leave(server, FINE)
        outcome = check()
        fire, over = posted(post)
    assert (outcome.code, outcome.err) == (0, "")
    assert (fire | {"message": ""}, fire["message"].startswith(MESSAGE)) == (FIRE | {"message": ""}, True)
    assert over == {"title": "usagecli: work", "message": OVER, "type": "success"}


@pytest.mark.usefixtures("file_keyring")
@pytest.mark.parametrize("kind", ["env", "file", "command", "keyring", "value"])
def test_an_address_may_stand_where_a_credential_may(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_keyring: FileKeyring
) -> None:
    with serve({"/fake-token": Reply({})}) as post:
        secret = address(post)
        (tmp_path / "address").write_text(f"{secret}\n")
        monkeypatch.setenv("ADDRESS", secret)
        file_keyring.set_password("usagecli", "ntfy", secret)
        where: dict[str, Any] = {
            "env": "ADDRESS",
            "file": str(tmp_path / "address"),
            "command": [sys.executable, "-c", f"print({secret!r})"],
            "keyring": "usagecli/ntfy",
            "value": secret,
        }
        with alerting(SHORT, alerts=rules(notify={kind: where[kind]})):
            assert check().err == ""
        assert len(posted(post)) == 1


def test_every_address_is_told_though_one_fails() -> None:
    with serve({"/fake-token": Reply({}), "/fake-other": Reply({}, 500)}) as post:
        both = [address(post, "fake-other"), address(post)]
        with alerting(SHORT, alerts=rules(notify=both)):
            outcome = check()
            assert outcome.code == 1
            assert outcome.err == (
                "Warning: alert not passed on: notify: json did not take it: is the address right, and its "
                "service up?; the next check tries again\n"
            )
            post.routes["/fake-other"] = Reply({})
            assert check().err == ""
            check()
        assert sorted(post.paths()) == ["/fake-other", "/fake-other", "/fake-token"]


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("nosuch://fake-token", "notify: nosuch is no address that apprise knows"),
        ({"env": "MISSING"}, "the environment variable MISSING is not set"),
        ({"file": "~/missing"}, "credential file: ~/missing does not exist"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_warning(where: Any, told: str) -> None:
    with alerting(SHORT, alerts=rules(notify=where)):
        outcome = check()
    assert outcome.code == 1
    assert told in outcome.err
    assert outcome.err.endswith("; the next check tries again\n")


def test_nobody_listens(tmp_path: Path) -> None:
    with serve({}) as post:
        gone = address(post)
    with alerting(SHORT, alerts=rules(notify=gone)):
        outcome = process("-v", "check")
    assert "notify: json did not take it" in outcome.err
    assert FAKE not in outcome.err + outcome.out
    assert "Traceback" not in outcome.err


def test_without_the_package_it_says_how_to_get_it() -> None:
    code = (
        "import sys; sys.modules['apprise'] = None; sys.argv[1:] = ['check'];"
        "from usagecli.cli import main; main()"
    )
    with alerting(SHORT, alerts=rules(notify="json://127.0.0.1:9/fake-token")):
        outcome = python(code)
    assert outcome.code == 1
    assert outcome.out.startswith(MESSAGE)
    assert outcome.err == (
        "Warning: alert not passed on: notify needs the package apprise: pip install 'usagecli[notify]'; "
        "the next check tries again\n"
    )


def test_an_address_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "TIMEOUT_S", 0.5)

    def silent(handler: Any) -> None:
        time.sleep(8)

    with serve({"/fake-token": silent}) as post, alerting(SHORT, alerts=rules(notify=address(post))):
        started = time.monotonic()
        outcome = check()
        assert time.monotonic() - started < 6
    assert "did not take it" in outcome.err


# -- without a memory -------------------------------------------------------------------------------


def test_without_a_memory_an_action_is_done_rather_than_not(keep: list[str], tmp_path: Path) -> None:
    Path(path_of(here())).mkdir(parents=True)
    with alerting(SHORT, alerts=rules(run=keep)):
        outcomes = [check("--once") for _ in range(2)]
    assert [outcome.out.count(MESSAGE) for outcome in outcomes] == [1, 1]
    assert len(given(tmp_path)) == 2


def test_processes_beside_each_other_act_once(keep: list[str], tmp_path: Path) -> None:
    with alerting(SHORT, alerts=rules(run=keep)):
        process("status")
        with ThreadPoolExecutor(4) as pool:
            codes = [outcome.code for outcome in pool.map(lambda _: process("check"), range(4))]
    assert codes == [1] * 4
    assert len(given(tmp_path)) == 1


# -- names ------------------------------------------------------------------------------------------


def test_an_action_is_named_by_what_it_is_and_shows_nothing() -> None:
    told = [
        Target(run="fake a"),
        Target(run=("fake", "a")),
        Target(notify=CredentialSource("value", "fake a")),
        Target(notify=CredentialSource("env", "fake a")),
    ]
    assert len({target.id for target in told}) == 4
    assert all(FAKE not in f"{target!r}{target.id}" for target in told)


def test_the_help_names_every_option() -> None:
    shown = run("check", "--help").out
    for option in (o for param in command.params for o in param.opts if o.startswith("--")):
        assert option in shown
