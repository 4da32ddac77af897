"""The JSON document: the keys, values and shapes that scripts rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given

from tests.cli import schema
from tests.fuzz import ANY_JSON
from tests.snapshots import CLAUDE, CODEX, COPILOT, OUTAGE, REFUSED, look, percent, report, snapshot, usual
from tests.support import NOW, d
from usagecli import registry
from usagecli.formatters import formatter
from usagecli.formatters.json import document, instant, plain, snapshot_document
from usagecli.model import Balance, Quota, Rates, Refill, Spend, Usage

render = formatter("json")


def test_the_document_of_the_contract() -> None:
    """Key by key, in the order in which people read it."""
    usage = replace(
        CODEX,
        quotas=CODEX.quotas[:1],
        spend=(Spend(id="monthly", label="This month", unit="usd", amount=d("341.39")),),
    )
    body = document(report("codex", usage, provider="codex", rates=Rates(balances={"credits": 11.24})))
    assert body == {
        "schemaVersion": 1,
        "provider": "codex",
        "service": "codex",
        "account": "me@example.com",
        "plan": {"name": "Plus", "renewsAt": None},
        "status": "ok",
        "source": "oauth",
        "fetchedAt": "2026-11-21T08:00:00Z",
        "stale": False,
        "quotas": [
            {
                "id": "five_hour",
                "label": "5-hour limit",
                "scope": None,
                "unit": "percent",
                "used": 28.0,
                "limit": 100.0,
                "remaining": 72.0,
                "percentUsed": 28.0,
                "percentRemaining": 72.0,
                "unlimited": False,
                "windowSeconds": 18000,
                "resetsAt": "2026-11-21T10:15:00Z",
                "refill": None,
                "status": "ok",
                "pace": {
                    "basis": "window",
                    "expectedPercentUsed": 55.0,
                    "projectedPercentUsed": 50.909091,
                    "runsOutAt": None,
                    "lasts": True,
                },
            }
        ],
        "balances": [
            {
                "id": "credits",
                "label": "Credits",
                "scope": None,
                "unit": "credits",
                "amount": 112.4,
                "unlimited": False,
                "status": "ok",
                "pace": {
                    "basis": "history",
                    "perDay": 11.24,
                    "daysLeft": 10.0,
                    "runsOutAt": "2026-12-01T08:00:00Z",
                },
            }
        ],
        "spend": [
            {
                "id": "monthly",
                "label": "This month",
                "unit": "usd",
                "amount": 341.39,
                "since": None,
                "until": None,
            }
        ],
        "notes": [],
        "error": None,
        "incident": None,
        **registry.get("codex").descriptor.contract,
        "planType": "plus",
    }
    assert list(body)[:4] == ["schemaVersion", "provider", "service", "account"]


def test_every_document_fits_the_schema() -> None:
    for found in usual():
        schema().validate(document(found))
    schema().validate(snapshot_document(snapshot(*usual())))
    schema().validate(snapshot_document(snapshot()))


@pytest.mark.parametrize(
    "broken",
    [
        {"schemaVersion": 2},
        {"status": "fine"},
        {"fetchedAt": "2026-11-21T08:00:00.5Z"},
        {"quotas": None},
        {"quotas": [{"id": "x"}]},
        {"error": {"kind": "boom", "message": "x", "hint": None, "retryAt": None}},
        {"stale": None},
        {"source": "guess"},
    ],
)
def test_the_schema_refuses_what_is_no_document(broken: dict[str, Any]) -> None:
    body = document(report("codex", CODEX, provider="codex"))
    assert schema().is_valid(body)
    assert not schema().is_valid({**body, **broken})


def test_a_snapshot_has_its_services_in_order_and_the_worst_status() -> None:
    body = json.loads(render(snapshot(*usual()), look()))
    assert [service["service"] for service in body["services"]] == [
        "codex",
        "copilot",
        "openrouter",
        "claude",
        "team",
        "spare",
    ]
    assert (body["schemaVersion"], body["status"], body["fetchedAt"]) == (
        1,
        "exhausted",
        "2026-11-21T08:00:00Z",
    )


def test_documents_stand_apart_one_a_line() -> None:
    lines = render(snapshot(*usual()), look(apart=True)).splitlines()
    assert [json.loads(line)["service"] for line in lines][:2] == ["codex", "copilot"]
    assert len(lines) == len(usual())


def test_on_a_terminal_it_is_indented() -> None:
    shown = render(snapshot(*usual()), look(indent=True))
    assert shown.startswith('{\n  "schemaVersion": 1,\n')
    assert json.loads(shown) == json.loads(render(snapshot(*usual()), look()))


def test_an_error_without_a_report_keeps_every_key() -> None:
    body = document(report("codex", provider="codex", failure=REFUSED))
    assert set(body) >= {*document(report("codex", CODEX, provider="codex"))}
    assert (body["quotas"], body["balances"], body["spend"], body["notes"]) == ([], [], [], [])
    assert (body["plan"], body["source"], body["fetchedAt"], body["stale"]) == (None, None, None, False)
    assert body["error"] == {
        "kind": "auth",
        "message": "the key was refused (401)",
        "hint": "make a new one at example.com/keys",
        "retryAt": None,
    }


def test_old_figures_are_marked_with_their_own_time_and_the_error() -> None:
    old = report("claude", CLAUDE, failure=OUTAGE, stale=True, fetched_at=NOW - timedelta(hours=2))
    body = document(old)
    assert (body["stale"], body["fetchedAt"]) == (True, "2026-11-21T06:00:00Z")
    assert (body["error"]["kind"], body["error"]["retryAt"]) == ("rate_limited", "2026-11-21T08:05:00Z")
    assert body["status"] == "low", "a known shortage is not masked by an error"


@pytest.mark.parametrize("name", registry.names())
def test_a_contract_never_takes_the_place_of_a_common_key(name: str) -> None:
    usage = replace(
        COPILOT, contract={**registry.get(name).descriptor.contract, "status": "mine", "quotas": 5}
    )
    body = document(report("x", usage, provider=name))
    assert body["status"] == "exhausted"
    assert isinstance(body["quotas"], list)


def test_percentages_keep_six_decimals() -> None:
    quota = Quota(id="k", label="Key", unit="usd", used=d(1), limit=d(3))
    (shown,) = document(report("x", Usage(quotas=(quota,))))["quotas"]
    assert (shown["percentUsed"], shown["percentRemaining"]) == (33.333333, 66.666667)


def test_a_refill() -> None:
    quota = percent("f", "Free", 1, refill=Refill(amount=d("0.83"), every_seconds=3600))
    (shown,) = document(report("x", Usage(quotas=(quota,))))["quotas"]
    assert shown["refill"] == {"amount": 0.83, "everySeconds": 3600}


def test_a_pool_of_two_accounts() -> None:
    spare = replace(
        CODEX, balances=(Balance(id="credits", label="Credits", unit="credits", amount=d(235)),), account=None
    )
    reports = [report("work", CODEX, provider="codex"), report("spare", spare, provider="codex")]
    (pool,) = snapshot_document(snapshot(*reports))["pools"]
    assert pool == {
        "provider": "codex",
        "accounts": 2,
        "active": 2,
        "exhausted": 0,
        "failing": 0,
        "credits": 347.4,
        "creditsUsd": 13.896,
        "unlimitedAccounts": 0,
        "overageReached": False,
        "fullest": {
            "service": "work",
            "account": "me@example.com",
            "quota": "weekly",
            "percentUsed": 59.0,
            "resetsAt": "2026-11-27T09:00:00Z",
        },
    }


def test_text_outside_ascii_is_escaped_where_the_output_cannot_carry_it() -> None:
    usage = replace(CODEX, account="東京")
    assert "東京" in render(snapshot(report("x", usage)), look())
    assert render(snapshot(report("x", usage)), look(unicode=False)).isascii()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), d("-Infinity"), {"a": [float("nan")]}])
def test_nan_and_infinity_become_null(value: Any) -> None:
    assert "null" in json.dumps(plain(value), allow_nan=False)


@given(ANY_JSON)
def test_whatever_a_vendor_sent_can_be_printed(value: Any) -> None:
    text = json.dumps(plain(value), allow_nan=False, ensure_ascii=False)
    text.encode("utf-8")
    json.loads(text)


def test_instants_are_whole_seconds() -> None:
    assert instant(NOW.replace(microsecond=999_999)) == "2026-11-21T08:00:00Z"
    assert instant(None) is None
