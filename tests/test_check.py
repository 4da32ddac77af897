"""`usagecli check`: silence while all is well, else a line for each thing that is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.accounts import accounts
from tests.cli import configure, openrouter, run
from tests.support import NOW, Reply, d, serve, utc
from usagecli import assess
from usagecli.alerts import verdicts
from usagecli.formatters import Look, alert
from usagecli.model import Balance, Failure, Quota, Report, Service, Usage

LOOK = Look(now=NOW)
IN_AN_HOUR = NOW + timedelta(hours=1)
DOWN = Failure(
    kind="unavailable", message="example.com has a problem of its own (503)", hint="try again later"
)


def lines(report: Report) -> list[str]:
    """What `check` says of it without any rule."""
    return [alert.line(hit, LOOK) for hit in verdicts([report]) if hit.hit]


def quota(left: int | None = 50, **more: Any) -> Quota:
    given: dict[str, Any] = {
        "id": "weekly",
        "label": "Weekly limit",
        "unit": "percent",
        "limit": d(100),
        "used": None if left is None else d(100 - left),
    }
    return Quota(**{**given, **more})


def told(usage: Usage | None, failure: Failure | None = None, **service: Any) -> list[str]:
    """The lines for a service called `work`; the threshold of every quota is 10."""
    report = assess.report(
        Service(name="work", provider="codex", **service),
        usage=usage,
        fetched_at=NOW - timedelta(minutes=3),
        stale=failure is not None,
        failure=failure,
        override=None,
        defaults={},
    )
    return lines(report)


def wallet(amount: str | int | None, **more: Any) -> Balance:
    found = None if amount is None else d(amount)
    return Balance(id="credits", label="Credits", unit="usd", amount=found, **more)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (Usage(quotas=(quota(50),)), []),
        (Usage(quotas=(quota(None),)), []),
        (Usage(quotas=(quota(6),)), ["work weekly: low, 6 % left (below 10 %)"]),
        (
            Usage(quotas=(quota(6, resets_at=IN_AN_HOUR),)),
            ["work weekly: low, 6 % left (below 10 %), resets in 1h"],
        ),
        (Usage(quotas=(quota(0),)), ["work weekly: exhausted, 0 % left"]),
        (Usage(quotas=(quota(None, limit=None, reached=True),)), ["work weekly: exhausted"]),
        (
            Usage(quotas=(quota(0, unit="credits", limit=d(1500), used=d(1600)),)),
            ["work weekly: exhausted, 0 of 1,500 left"],
        ),
        (Usage(quotas=(quota(None, unit="credits", reached=True),)), ["work weekly: exhausted"]),
        (
            Usage(quotas=(quota(unit="usd", limit=d(60), used=d(57)),)),
            ["work weekly: low, 5 % left (below 10 %)"],
        ),
        (
            Usage(quotas=(quota(6), quota(50, id="monthly"), quota(0, id="day", label="Day", partial=True))),
            ["work weekly: low, 6 % left (below 10 %)", "work day: exhausted, 0 % left"],
        ),
        (Usage(balances=(wallet(0),)), ["work credits: exhausted, $0 left"]),
        (Usage(balances=(wallet(None, reached=True),)), ["work credits: exhausted"]),
        (Usage(balances=(wallet("4.5"),)), ["work credits: low, $4.50 left (below $5)"]),
        (Usage(balances=(wallet(6),)), []),
        (Usage(stopped=True), ["work: exhausted, the provider says that the account is stopped"]),
        (
            Usage(stopped=True, quotas=(quota(6), quota(0, id="day", label="Day", partial=True))),
            [
                "work weekly: low, 6 % left (below 10 %)",
                "work day: exhausted, 0 % left",
                "work: exhausted, the provider says that the account is stopped",
            ],
        ),
        (Usage(stopped=True, quotas=(quota(0),)), ["work weekly: exhausted, 0 % left"]),
        (Usage(stopped=True, balances=(wallet(-1),)), ["work credits: exhausted, -$1 left"]),
        (
            Usage(partly_stopped=True, quotas=(quota(50),)),
            ["work: low, the provider says that a part of the account is stopped"],
        ),
        (Usage(partly_stopped=True, quotas=(quota(6),)), ["work weekly: low, 6 % left (below 10 %)"]),
    ],
)
def test_a_line_for_each_shortage(usage: Usage, expected: list[str]) -> None:
    assert told(usage, low_balance=d(5)) == expected


def test_what_is_ignored_is_not_told() -> None:
    assert told(Usage(quotas=(quota(0),)), ignore=frozenset(["weekly"])) == []


def test_an_error_is_told_with_what_to_do() -> None:
    unknown = "work: unknown, example.com has a problem of its own (503); try again later"
    assert told(None, DOWN) == [unknown]
    assert told(None, Failure(kind="unavailable", message="no answer")) == ["work: unknown, no answer"]
    stale = told(Usage(quotas=(quota(6),)), DOWN)
    assert stale == ["work weekly: low, 6 % left (below 10 %)", f"{unknown} (last read 3m ago)"]
    assert told(Usage(quotas=(quota(50),)), DOWN) == [f"{unknown} (last read 3m ago)"]


@pytest.mark.parametrize("status", ["ok", "low", "exhausted", "error"])
def test_no_report_that_is_not_ok_is_passed_over(status: Any) -> None:
    shown = {
        "ok": (Usage(quotas=(quota(50),)), None),
        "low": (Usage(quotas=(quota(50),), partly_stopped=True), None),
        "exhausted": (Usage(quotas=(quota(50),), stopped=True), None),
        "error": (None, DOWN),
    }[status]
    report = assess.report(
        Service(name="work", provider="codex"),
        usage=shown[0],
        fetched_at=utc("2026-11-21T07:00:00"),
        stale=False,
        failure=shown[1],
        override=None,
        defaults={},
    )
    assert report.status == status
    assert bool(lines(report)) is (status != "ok")


# -- the command ------------------------------------------------------------------------------------

LOW = "low weekly limit: low, 5 % left (below 10 %), empty in 6h 44m, resets Mon 00:00\n"
SPENT = "spent weekly limit: exhausted, $0 of $60 left, resets Mon 00:00\n"
REFUSED = (
    "refused: unknown, OpenRouter refused the key (401): it is wrong, deleted, disabled or expired; "
    "make a new key at openrouter.ai/settings/keys\n"
)


@pytest.fixture
def utc_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Resets read the same wherever this runs."""
    from datetime import UTC

    monkeypatch.setattr("usagecli.commands._run.Look", lambda **given: Look(**{**given, "zone": UTC}))


@pytest.mark.sockets
@pytest.mark.usefixtures("fixed_clock", "utc_zone")
class TestCommand:
    @pytest.mark.parametrize(
        ("names", "words", "code", "expected"),
        [
            (["fine"], [], 0, ""),
            (["fine", "other"], ["--json"], 0, ""),
            (["fine", "low"], [], 1, LOW),
            (["spent", "fine"], [], 1, SPENT),
            (["refused", "fine"], [], 3, REFUSED),
            (["refused", "low", "spent"], [], 1, REFUSED + LOW + SPENT),
            (["refused", "low"], ["fine"], 2, ""),
            (["refused", "low"], ["low"], 1, LOW),
            (["refused", "low"], ["--account", "refused"], 3, REFUSED),
            (["refused", "low"], ["--exit-zero"], 0, REFUSED + LOW),
            (["low"], ["--low-below", "5"], 0, ""),
            (["low"], ["--low-below", "5.5"], 1, LOW.replace("10 %", "5.5 %")),
        ],
    )
    def test_lines_and_exit_code(self, names: list[str], words: list[str], code: int, expected: str) -> None:
        with accounts(*names):
            outcome = run("check", *words)
        assert (outcome.code, outcome.out) == (code, expected)
        assert (outcome.err == "") is (code != 2)

    @pytest.mark.parametrize(
        ("more", "defaults"), [({"low_below": 40}, {"low_below": 5}), ({}, {"low_below": 40})]
    )
    def test_the_threshold_that_is_told_is_the_one_that_judged(
        self, more: dict[str, Any], defaults: dict[str, Any]
    ) -> None:
        with serve({"/key": Reply({"data": {"limit": 60, "limit_remaining": 20, "usage": 40}})}) as server:
            configure([openrouter(server.url, **more)], **defaults)
            assert "33.3 % left (below 40 %)" in run("check").out

    def test_stale_figures_are_told(self) -> None:
        with accounts("low") as server:
            assert run("check").out == LOW
            server.routes["/low/key"] = Reply({}, 500)
            outcome = run("check", "--no-cache")
        host = server.url.removeprefix("http://")
        assert outcome.code == 1
        # Old figures lead nowhere.
        told = LOW.replace("empty in 6h 44m, ", "")
        assert outcome.out == (
            f"{told}low: unknown, {host} has a problem of its own (500); try again later (last read 1m ago)\n"
        )

    def test_json_is_a_snapshot_of_what_is_not_ok_whose_pool_counts_all(self) -> None:
        with accounts("fine", "low", "refused"):
            outcome = run("check", "--json")
            whole = run("status", "--json").document
        body = outcome.document
        assert [service["service"] for service in body["services"]] == ["low", "refused"]
        assert body == {**whole, "services": whole["services"][1:]}
        assert (outcome.code, outcome.err) == (1, "")
        assert body["pools"][0]["accounts"] == 3
