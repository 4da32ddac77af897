"""`usagecli statusline`: one line from the cache alone, whatever is there, and never an error."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import FAKE, configure, files_below, run
from tests.process import environment, posix, process, python
from tests.support import d
from usagecli.machine import here
from usagecli.model import Balance, Failure, Quota, Service, Usage
from usagecli.storage.cache import Cache, Entry


def now() -> datetime:
    return datetime.now(UTC)


def percent(used: float, id_: str = "weekly", **more: Any) -> Quota:
    """A window with so much used that resets in an hour."""
    given: dict[str, Any] = {
        "label": "Weekly limit",
        "unit": "percent",
        "used": d(str(used)),
        "limit": d(100),
        "resets_at": (now() + timedelta(hours=1)).replace(microsecond=0),
        **more,
    }
    return Quota(id=id_, **given)


def heard(
    name: str,
    *entries: Quota | Balance,
    provider: str | None = None,
    age: timedelta = timedelta(0),
    failure: Failure | None = None,
    **more: Any,
) -> None:
    """Put a service's report of so long ago into the cache."""
    at = now() - age
    usage = Usage(
        quotas=tuple(entry for entry in entries if isinstance(entry, Quota)),
        balances=tuple(entry for entry in entries if isinstance(entry, Balance)),
        **more,
    )
    known = bool(entries or more)
    entry = Entry(
        usage=usage if known else None, fetched_at=at if known else None, checked_at=at, failure=failure
    )
    Cache(here().cache_dir).store(Service(name=name, provider=provider or name), "key", entry)


def line(*args: str) -> str:
    """What the command prints; it exits 0 and says nothing else."""
    outcome = run("statusline", *args)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.count("\n") <= 1
    return outcome.out.removesuffix("\n")


AUTH = Failure(kind="auth", message="refused")
LIMITED = Failure(kind="rate_limited", message="wait")


# -- what is shown ----------------------------------------------------------------------------------


def test_nothing_is_printed_where_nothing_is_known() -> None:
    assert line() == ""
    assert line("--short") == ""


def test_each_service_with_its_tightest_quota() -> None:
    heard("codex", percent(28, "five_hour"), percent(59))
    heard("claude", percent(94, "five_hour"), percent(31))
    credits_ = Quota(id="credits", label="AI credits", unit="credits", used=d(1500), limit=d(1500))
    heard("copilot", credits_)
    assert line() == "claude 94%! · codex 59% · copilot 0 left"


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([percent(59.9)], "59%"),
        ([percent(99.97)], "99%!"),
        ([percent(0.4)], "<1%"),
        ([percent(0)], "0%"),
        ([percent(100)], "0 left"),
        ([percent(20), percent(100, "opus", partial=True)], "100%!"),
        ([percent(20), percent(99, "gone", judged=False)], "20%"),
        ([percent(20, reached=True)], "0 left"),
        ([Quota(id="free", label="Free", unit="requests", unlimited=True)], "ok"),
        ([Balance(id="credits", label="Credits", unit="usd", amount=d("41.37"))], "$41.37"),
        ([Balance(id="credits", label="Credits", unit="usd", amount=d(0))], "0 left"),
        ([percent(20), Balance(id="credits", label="Credits", unit="usd", amount=d(0))], "20%"),
        ([Quota(id="count", label="Count", unit="requests")], "?"),
    ],
)
def test_the_figure_of_a_service(entries: list[Any], expected: str) -> None:
    heard("codex", *entries)
    assert line() == f"codex {expected}"


@pytest.mark.parametrize(
    ("more", "expected"), [({"stopped": True}, "codex 0 left"), ({"partly_stopped": True}, "codex 20%!")]
)
def test_what_the_provider_says_outright_counts(more: dict[str, Any], expected: str) -> None:
    heard("codex", percent(20), **more)
    assert line() == expected


def test_a_window_whose_reset_has_passed_is_unknown() -> None:
    gone = (now() - timedelta(minutes=5)).replace(microsecond=0)
    heard("codex", percent(95, resets_at=gone), age=timedelta(hours=1))
    assert line() == "codex ? (1h)"


def test_beside_it_the_windows_that_still_hold_are_shown() -> None:
    gone = (now() - timedelta(minutes=5)).replace(microsecond=0)
    heard("codex", percent(95, "five_hour", resets_at=gone), percent(31), age=timedelta(hours=1))
    assert line() == "codex 31% (1h)"


@pytest.mark.parametrize(
    ("age", "failure", "expected"),
    [
        (timedelta(minutes=9), None, "codex 59%"),
        (timedelta(minutes=10), None, "codex 59% (10m)"),
        (timedelta(hours=3, minutes=20), None, "codex 59% (3h)"),
        (timedelta(days=2, hours=5), None, "codex 59% (2d)"),
        (timedelta(minutes=2), LIMITED, "codex 59% (2m)"),
        (timedelta(minutes=2), AUTH, "codex ?"),
        (timedelta(days=7, minutes=1), None, ""),
    ],
)
def test_old_figures_say_their_age_and_forgotten_ones_go(
    age: timedelta, failure: Failure | None, expected: str
) -> None:
    heard("codex", percent(59, resets_at=None), age=age, failure=failure)
    assert line() == expected


def test_a_service_that_never_answered_is_unknown() -> None:
    heard("codex", failure=AUTH)
    assert line() == "codex ?"


@pytest.mark.parametrize(
    ("used", "expected"),
    [([28, 59], "codex 59%"), ([94, 59], "claude 94%!"), ([94, 100], "claude 94%! · codex 0 left")],
)
def test_short_is_what_is_low_or_the_one_tightest(used: list[int], expected: str) -> None:
    heard("claude", percent(used[0]))
    heard("codex", percent(used[1]))
    heard("zai", failure=AUTH)
    assert line("--short") == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["work"], "work 20%"),
        (["codex"], "work 20% · home:a 30%"),
        (["home"], "home:a 30%"),
        (["work", "claude"], "work 20% · claude 40%"),
        (["nobody"], ""),
    ],
)
def test_only_the_services_that_are_named(names: list[str], expected: str) -> None:
    configure(
        [
            {"name": "work", "provider": "codex"},
            {"name": "home", "provider": "codex", "options": {"homes": ["~/a"]}},
            {"provider": "claude"},
        ]
    )
    heard("work", percent(20), provider="codex")
    heard("home:a", percent(30), provider="codex")
    heard("claude", percent(40))
    assert line(*(part for name in names for part in ("-s", name))) == expected


# -- the config -------------------------------------------------------------------------------------


def test_the_config_gives_order_thresholds_and_what_is_off() -> None:
    configure(
        [
            {"name": "b", "provider": "codex", "low_below": {"weekly": 50}},
            {"name": "a", "provider": "claude", "ignore": ["five_hour"]},
            {"name": "c", "provider": "zai", "low_balance": 5},
            {"name": "off", "provider": "amp", "enabled": False},
        ],
        low_below=60,
    )
    heard("a", percent(99, "five_hour"), percent(45), provider="claude")
    heard("b", percent(45, "five_hour", unit="percent"), percent(45), provider="codex")
    heard("c", Balance(id="credits", label="Credits", unit="usd", amount=d(3)), provider="zai")
    heard("off", percent(10), provider="amp")
    heard("gone", percent(10), provider="amp")
    assert line() == "b 45%! · a 45%! · c $3!"


def test_what_is_low_by_its_own_threshold_comes_before_what_is_fuller() -> None:
    configure([{"provider": "codex", "low_below": {"five_hour": 70}}])
    heard("codex", percent(40, "five_hour"), percent(60))
    assert line() == "codex 40%!"


def test_without_a_config_each_provider_stands_for_itself() -> None:
    heard("codex", percent(10))
    heard("from-an-earlier-config", percent(20), provider="codex")
    assert line() == "codex 10%"


@pytest.mark.parametrize(
    "text",
    ["services: [", "\t", "services: {}", "- a", "a: *b", "!!python/object:os.system x", "\x00", "é" * 9],
)
def test_a_broken_config_is_no_error(text: str) -> None:
    path = configure([])
    path.write_text(text, encoding="latin-1")
    heard("codex", percent(10))
    assert line() in ("codex 10%", "")


def test_with_a_config_that_is_no_yaml_all_in_the_cache_is_shown() -> None:
    configure([]).write_text("services: [", encoding="utf-8")
    heard("work", percent(10), provider="codex")
    assert line() == "work 10%"


@pytest.mark.parametrize(
    "service",
    [
        {"provider": 7},
        {"provider": "codex", "name": ["x"]},
        {"provider": "codex", "low_below": "much"},
        {"provider": "codex", "ignore": {"a": 1}},
        {"provider": "codex", "low_balance": "NaN"},
    ],
)
def test_a_config_that_is_wrong_in_a_place_is_no_error(service: dict[str, Any]) -> None:
    configure([service, {"name": "other", "provider": "zai"}])
    heard("other", percent(10), provider="zai")
    assert line() == "other 10%"


def test_a_config_that_is_named_and_not_there_is_no_error(tmp_path: Path) -> None:
    outcome = run("--config", str(tmp_path / "none.yaml"), "statusline")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")


# -- it asks nobody and breaks nothing --------------------------------------------------------------


def test_nobody_is_asked_and_no_credential_is_touched(
    own_home: Path, no_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = {"name": "work", "provider": "openrouter", "credential": {"command": "touch touched-by-fake"}}
    configure([service, {"name": "v", "provider": "zai", "credential": {"value": "sk-fake-key"}}])
    monkeypatch.chdir(own_home)
    monkeypatch.setattr("usagecli.credentials.find", lambda *_: pytest.fail("looked for a credential"))
    heard("work", percent(10), provider="openrouter", age=timedelta(hours=2))
    # What other packages bring is listed once, and that list is kept.
    run("statusline")
    before = files_below(own_home)
    outcome = run("-v", "statusline")
    assert outcome.out == "work 10% (2h)\n"
    assert FAKE not in outcome.out + outcome.err
    assert files_below(own_home) == before
    assert no_network.call_count == 0


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"version": 1}', b"[" * 100_000, b"\xff\xfe", b'{"version": 9}']
)
def test_a_damaged_cache_costs_that_service_alone(data: bytes) -> None:
    heard("codex", percent(10))
    heard("claude", percent(20))
    Path(Cache(here().cache_dir).path(Service(name="codex", provider="codex"))).write_bytes(data)
    assert line() == "claude 20%"


@settings(deadline=None, max_examples=30)
@given(st.binary(max_size=100))
def test_any_other_file_in_the_cache_is_passed_over(data: bytes) -> None:
    folder = Path(here().cache_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "other.json").write_bytes(data)
    assert line() == ""


def test_a_mistake_of_ours_is_no_error_for_a_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise AssertionError("a bug")

    monkeypatch.setattr("usagecli.glance.known", broken)
    assert line() == ""
    assert "AssertionError: a bug" in run("-v", "statusline").err


def test_nothing_heavy_is_imported() -> None:
    heard("codex", percent(10))
    outcome = python(
        "import sys; sys.argv = ['usagecli', 'statusline', '--from-claude']\n"
        "from usagecli.cli import main\n"
        "try: main()\n"
        "finally: print([m for m in ('requests', 'sqlite3', 'jinja2', 'tabulate', 'keyring', 'filelock', "
        "'usagecli.client', 'usagecli.collect', 'usagecli.providers.claude') if m in sys.modules])"
    )
    assert outcome.out.splitlines()[-1] == "[]"


# -- the terminal -----------------------------------------------------------------------------------


def test_colours_come_when_they_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    heard("claude", percent(94))
    heard("codex", percent(59))
    heard("zai", percent(100))
    assert "\x1b" not in line()
    assert run("--color", "always", "statusline").out == (
        "\x1b[33mclaude 94%!\x1b[0m · codex 59% · \x1b[31mzai 0 left\x1b[0m\n"
    )


def test_plain_letters_where_the_output_carries_no_others() -> None:
    heard("claude", percent(94))
    heard("codex", percent(59))
    assert process("statusline", env={"PYTHONIOENCODING": "ascii"}).out == "claude 94%! | codex 59%\n"


def test_a_name_moves_no_cursor_and_is_one_line() -> None:
    heard("a\nb\x1b[2J" + "x" * 300, percent(10), provider="codex")
    configure([]).write_text("services: [", encoding="utf-8")
    told = line()
    assert told.startswith("a b [2Jx")
    assert len(told) < 60


@posix
@pytest.mark.parametrize("redirect", [">&-", ">/dev/full", "| true"])
def test_an_output_that_is_closed_or_full_is_no_error(redirect: str) -> None:
    if "full" in redirect and not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full here")
    heard("codex", percent(10))
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m usagecli statusline {redirect}', sys.executable],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.sockets
def test_the_demo_has_something_to_show() -> None:
    outcome = run("--demo", "statusline", "-s", "claude", "-s", "copilot", "-s", "team")
    assert outcome.out == "claude 94%! · copilot 0 left · team ?\n"
    assert outcome.code == 0
