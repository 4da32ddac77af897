"""`--format nagios`: the plug-in convention, whatever a vendor's texts hold."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.accounts import accounts
from tests.cli import configure, openrouter, run
from tests.snapshots import CODEX, COPILOT, OUTAGE, REFUSED, look, percent, report, snapshot, usual
from tests.support import d, golden
from usagecli.formatters import formatter, nagios
from usagecli.model import Balance, Failure, Quota, Report, Usage

# One figure of the performance data: 'label'=value[UOM];warn;crit;min;max
FIGURE = re.compile(r"'([^'=|\n]*)'=(-?[\d.]+)(%?);([\d.:-]*);([\d.:-]*);(\d*);(\d*)")


def told(*reports: Report) -> str:
    return formatter("nagios")(snapshot(*reports), look())


def data(*reports: Report) -> list[str]:
    """The figures of the performance data, each read by the convention's grammar."""
    _, bar, after = told(*reports).partition("\n")[0].partition(" | ")
    found = [match[0] for match in FIGURE.finditer(after)]
    assert " ".join(found) == after
    assert bool(bar) is bool(found)
    return found


def test_the_whole() -> None:
    assert told(*usual()) == golden("usual.nagios")


@pytest.mark.parametrize(
    ("reports", "line", "code"),
    [
        ([report("a", CODEX)], "OK - 1 ok", 0),
        ([report("a", Usage(quotas=(percent("w", "W", 95),)))], "WARNING - 1 low (a low)", 1),
        ([report("a", COPILOT)], "CRITICAL - 1 exhausted (a exhausted)", 2),
        ([report("a", failure=REFUSED)], "UNKNOWN - 1 failed (a failed)", 3),
        ([], "UNKNOWN - nothing to report", 3),
        ([report("a", failure=REFUSED), report("b", CODEX)], "UNKNOWN - 1 ok, 1 failed (a failed)", 3),
        (
            [report("a", failure=REFUSED), report("b", COPILOT)],
            "CRITICAL - 1 exhausted, 1 failed (a failed, b exhausted)",
            2,
        ),
    ],
)
def test_the_status_line_and_its_code(reports: list[Report], line: str, code: int) -> None:
    assert told(*reports).partition("\n")[0].partition(" | ")[0] == line
    assert nagios.exit_code(snapshot(*reports)) == code


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (percent("weekly", "Weekly", 28), ["'a weekly'=28%;90;100;0;100"]),
        (percent("weekly", "Weekly", "99.5"), ["'a weekly'=99.5%;90;100;0;100"]),
        (percent("weekly", "Weekly", 120), ["'a weekly'=120%;90;100;0;100"]),
        (percent("weekly", "Weekly", 28, partial=True), ["'a weekly'=28%;90;;0;100"]),
        (percent("weekly", "Weekly", 28, judged=False), ["'a weekly'=28%;;;0;100"]),
        (Quota(id="weekly", label="Weekly", unit="requests", used=d(5)), []),
        (Quota(id="weekly", label="Weekly", unit="requests", unlimited=True), []),
    ],
)
def test_a_quota_is_its_percentage_and_its_thresholds(quota: Quota, expected: list[str]) -> None:
    assert data(report("a", Usage(quotas=(quota,)))) == expected


@pytest.mark.parametrize(
    ("known", "expected"), [({"override": d("5.5")}, "94.5"), ({"defaults": {"weekly": d(40)}}, "60")]
)
def test_the_warning_is_the_threshold_that_judges(known: dict[str, Any], expected: str) -> None:
    (figure,) = data(report("a", Usage(quotas=(percent("weekly", "Weekly", 28),)), **known))
    assert figure == f"'a weekly'=28%;{expected};100;0;100"


@pytest.mark.parametrize(
    ("usage", "floor", "expected"),
    [
        (
            Usage(balances=(Balance(id="credits", label="C", unit="usd", amount=d("4.50")),)),
            5,
            "=4.5;5:;0:;;",
        ),
        (Usage(balances=(Balance(id="credits", label="C", unit="usd", amount=d(100)),)), None, "=100;;0:;;"),
        (
            Usage(
                quotas=(Quota(id="w", label="W", unit="usd"),),
                balances=(Balance(id="credits", label="C", unit="usd", amount=d("-1E+3")),),
            ),
            None,
            "=-1000;;;;",
        ),
        (
            Usage(balances=(Balance(id="credits", label="C", unit="usd", amount=d(1), judged=False),)),
            5,
            "=1;;;;",
        ),
    ],
)
def test_a_balance_is_its_amount(usage: Usage, floor: int | None, expected: str) -> None:
    low = None if floor is None else d(floor)
    assert data(report("a", usage, low_balance=low)) == [f"'a credits usd'{expected}"]


def test_a_balance_called_like_its_unit_says_it_once() -> None:
    wallet = Balance(id="credits", label="Credits", unit="credits", amount=d(7), judged=False)
    assert data(report("a", Usage(balances=(wallet,)))) == ["'a credits'=7;;;;"]
    assert data(report("a", Usage(balances=(Balance(id="c", label="C", unit="usd"),)))) == []


HOSTILE = st.text(max_size=10) | st.sampled_from(
    ["a|b", "'", "a=b", "x'=9%;0;0;0;0 'y", "a\nCRITICAL - b", "a\r\n|", "\u2028|", "\x1b[31m", "'a'='b'"]
)


@settings(deadline=None, max_examples=150)
@given(HOSTILE, HOSTILE, HOSTILE, st.integers(0, 120))
def test_no_text_breaks_the_format(name: str, id_: str, message: str, used: int) -> None:
    usage = Usage(
        quotas=(percent(id_, message or "x", used, scope=name),),
        balances=(Balance(id=id_, label=message or "x", unit="usd", amount=d(used)),),
        plan={"name": message},
        account=name,
    )
    failure = Failure(kind="unavailable", message=message, hint=name)
    one = report(name, usage, failure=failure)
    figures = data(one)
    assert [figure.split("'=")[1].split(";")[0] for figure in figures] == [f"{used}%", f"{used}"]
    head, *rest = told(one).split("\n")
    assert head.count("|") == 1
    assert len(rest) == 3
    assert not any("|" in line or "\r" in line or "\x1b" in line for line in rest)
    assert head.startswith(
        {0: "OK", 1: "WARNING", 2: "CRITICAL", 3: "UNKNOWN"}[nagios.exit_code(snapshot(one))]
    )


def test_an_error_with_old_figures_tells_both() -> None:
    lines = told(report("a", CODEX, failure=OUTAGE, stale=True)).split("\n")
    assert lines[0].startswith("UNKNOWN - 1 failed (a failed) | 'a five_hour'=28%")
    assert lines[-1].startswith("a: rate limited: api.example.com asked us to wait (429)")


# -- the commands -----------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock")
class TestCommands:
    @pytest.mark.parametrize("command", ["status", "check", "openrouter"])
    @pytest.mark.parametrize(
        ("names", "words", "code", "state"),
        [
            (["fine"], [], 0, "OK"),
            (["fine", "low"], [], 1, "WARNING"),
            (["low", "spent"], [], 2, "CRITICAL"),
            (["fine", "refused"], [], 3, "UNKNOWN"),
            (["refused", "spent"], ["--exit-zero"], 0, "CRITICAL"),
            (["low"], ["--low-below", "1"], 0, "OK"),
        ],
    )
    def test_state_and_exit_code(
        self, command: str, names: list[str], words: list[str], code: int, state: str
    ) -> None:
        with accounts(*names):
            outcome = run(command, "--format", "nagios", *words)
        assert (outcome.code, outcome.err) == (code, "")
        assert outcome.out.startswith(f"{state} - ")
        assert len(outcome.out.splitlines()) == 1 + len(names)


@pytest.mark.parametrize("command", ["status", "check", "openrouter"])
def test_a_config_that_is_wrong_is_unknown_and_not_critical(command: str) -> None:
    configure([openrouter("https://gateway.example.com", colour="red")])
    outcome = run(command, "--format", "nagios")
    assert (outcome.code, outcome.err) == (3, "")
    assert outcome.out.startswith("UNKNOWN - ")
    assert "colour" in outcome.out
    assert outcome.out.count("\n") == 1
    assert run(command).code == 2


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("status", "UNKNOWN - nothing to report"),
        ("check", "UNKNOWN - nothing to report"),
        ("codex", "UNKNOWN - 1 failed (codex failed)"),
    ],
)
def test_nothing_configured_is_unknown(command: str, line: str) -> None:
    configure([])
    outcome = run(command, "--format", "nagios")
    assert (outcome.code, outcome.out.splitlines()[0]) == (3, line)


def test_a_misspelt_option_stays_a_usage_error() -> None:
    assert run("status", "--format", "nagios", "--nonsense").code == 2
