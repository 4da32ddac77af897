"""Codex's own keys of the document; and that no odd answer brings a report down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cli import FAKE, configure, files_below, run
from tests.fuzz import ANY_JSON, SCALARS, mutated, places, replaced, sound, survives
from tests.providers.test_codex import MISSING, WHOLE, body, read
from tests.providers.test_codex_credits import HEADERS
from tests.support import NOW, Reply, payload, serve
from usagecli.providers._codex.usage import parse
from usagecli.providers.codex import DESCRIPTOR

NO_PAIR = {"primary": None, "secondary": None}
PRIMARY = {
    "allowed": True,
    "limitReached": False,
    "usedPercent": 37.0,
    "windowSeconds": 18000,
    "resetAfterSeconds": 11550,
    "resetAtEpoch": 1795259550,
    "resetAtIso": "2026-11-21T11:12:30Z",
}
SECONDARY = {
    "allowed": True,
    "limitReached": False,
    "usedPercent": 64.0,
    "windowSeconds": 604800,
    "resetAfterSeconds": 410400,
    "resetAtEpoch": 1795658400,
    "resetAtIso": "2026-11-26T02:00:00Z",
}
PLUS = {
    "planType": "plus",
    "limits": {"primary": PRIMARY, "secondary": SECONDARY},
    "codeReviewLimits": NO_PAIR,
    "credits": {"hasCredits": True, "unlimited": False, "balance": 831.25},
}


def contract(case: str = "plus", **changes: Any) -> Any:
    return read(case, **changes).contract


def test_the_whole_contract() -> None:
    assert contract() == PLUS


@pytest.mark.parametrize("case", WHOLE)
def test_the_contract_has_exactly_its_keys(case: str) -> None:
    found = contract(case)
    assert list(found) == list(DESCRIPTOR.contract)
    assert list(found["credits"]) == list(DESCRIPTOR.contract["credits"])
    for name in ("limits", "codeReviewLimits"):
        assert list(found[name]) == ["primary", "secondary"]
        for window in found[name].values():
            assert window is None or list(window) == list(PRIMARY)


def test_while_nothing_is_known_all_is_null() -> None:
    assert DESCRIPTOR.contract == {
        "planType": None,
        "limits": NO_PAIR,
        "codeReviewLimits": NO_PAIR,
        "credits": {"hasCredits": None, "unlimited": None, "balance": None},
    }


@pytest.mark.parametrize(
    ("value", "expected"),
    [(MISSING, ""), (None, ""), (7, ""), ("brand_new", "brand_new"), ("prolite", "prolite")],
)
def test_plan_type_is_the_vendor_s_own_word(value: Any, expected: str) -> None:
    assert contract(plan_type=value)["planType"] == expected


def test_the_slots_are_kept_whatever_their_length() -> None:
    limits = contract("plus_weekly_only")["limits"]
    assert (limits["primary"]["windowSeconds"], limits["secondary"]) == (604800, None)


def test_code_review_of_its_own_block() -> None:
    assert contract("pro_monthly")["codeReviewLimits"] == {
        "primary": {
            "allowed": False,
            "limitReached": True,
            "usedPercent": 100.0,
            "windowSeconds": 604800,
            "resetAfterSeconds": 86400,
            "resetAtEpoch": 1795334400,
            "resetAtIso": "2026-11-22T08:00:00Z",
        },
        "secondary": None,
    }


@pytest.mark.parametrize("block", [MISSING, None, {}, {"primary_window": [], "secondary_window": 7}])
def test_windows_that_are_no_objects_are_null(block: Any) -> None:
    """A missing block, too: on usage-based workspaces it is an answer, not a fault."""
    assert contract(rate_limit=block)["limits"] == NO_PAIR
    assert contract(code_review_rate_limit=block)["codeReviewLimits"] == NO_PAIR


@pytest.mark.parametrize("block", [[], "x", 7, True])
def test_a_code_review_block_of_another_type_is_null(block: Any) -> None:
    assert contract(code_review_rate_limit=block) == PLUS


@pytest.mark.parametrize(
    ("field", "sent", "key", "expected"),
    [
        ("used_percent", "37.126", "usedPercent", 37.13),
        ("used_percent", 0, "usedPercent", 0.0),
        ("used_percent", "bad", "usedPercent", None),
        ("used_percent", None, "usedPercent", None),
        ("limit_window_seconds", "18000", "windowSeconds", 18000),
        ("limit_window_seconds", 18000.7, "windowSeconds", 18000),
        ("limit_window_seconds", "x", "windowSeconds", None),
        ("reset_after_seconds", "11550.0", "resetAfterSeconds", 11550),
        ("reset_after_seconds", [], "resetAfterSeconds", None),
        ("reset_at", "1795259550", "resetAtEpoch", 1795259550),
    ],
)
def test_numbers_of_a_window(field: str, sent: Any, key: str, expected: Any) -> None:
    block = body()["rate_limit"]
    block["primary_window"][field] = sent
    found = contract(rate_limit=block)["limits"]
    assert found == {"primary": {**PRIMARY, key: expected}, "secondary": SECONDARY}


@pytest.mark.parametrize(
    ("sent", "epoch", "iso"),
    [
        (1795259550.9, 1795259550, "2026-11-21T11:12:30Z"),
        (None, None, None),
        ("soon", None, None),
        (0, 0, None),
    ],
)
def test_resets_of_a_window(sent: Any, epoch: int | None, iso: str | None) -> None:
    block = body()["rate_limit"]
    block["primary_window"]["reset_at"] = sent
    found = contract(rate_limit=block)["limits"]["primary"]
    assert (found["resetAtEpoch"], found["resetAtIso"]) == (epoch, iso)


@pytest.mark.parametrize("sent", [None, MISSING, "true", 1])
@pytest.mark.parametrize(("field", "key"), [("allowed", "allowed"), ("limit_reached", "limitReached")])
def test_flags_that_are_not_sent_are_false(field: str, key: str, sent: Any) -> None:
    block = {**body()["rate_limit"], field: sent}
    if sent is MISSING:
        del block[field]
    assert contract(rate_limit=block)["limits"]["primary"][key] is False


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (MISSING, (False, False, None)),
        (None, (False, False, None)),
        ("x", (False, False, None)),
        ({"has_credits": True, "balance": "831.256789"}, (True, False, 831.2568)),
        ({"unlimited": True, "balance": None}, (False, True, None)),
        ({"has_credits": False, "balance": "0"}, (False, False, 0.0)),
        ({"has_credits": "true", "balance": "much"}, (False, False, None)),
    ],
)
def test_credits_of_the_contract(block: Any, expected: tuple[bool, bool, float | None]) -> None:
    """A balance that nobody sent is null, not 0."""
    assert tuple(contract(credits=block)["credits"].values()) == expected


# -- the whole document -----------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("case", WHOLE)
def test_the_document_fits_the_schema_and_holds_no_secret(case: str, own_home: Path) -> None:
    secrets = {"access_token": "fake-access-token", "account_id": "acc-71d0"}
    routes = {
        "/backend-api/wham/usage": Reply(payload(f"codex/{case}")),
        "/backend-api/wham/rate-limit-reset-credits": Reply(payload("codex/reset_credits")),
    }
    with serve(routes) as server:
        credential = {part: {"value": text} for part, text in secrets.items()}
        base_url = f"{server.url}/backend-api"
        configure([{"name": "work", "provider": "codex", "credential": credential, "base_url": base_url}])
        done = run("codex", "--json")
    found = done.document
    assert (found["error"], found["provider"], found["source"]) == (None, "codex", "oauth")
    assert {name: found[name] for name in DESCRIPTOR.contract} == contract(case)
    kept = {name: data for name, data in files_below(own_home).items() if not name.endswith("config.yaml")}
    assert kept, "the cache holds the report"
    for told in (done.out, done.err, *map(str, kept.values())):
        assert FAKE not in told
        assert "RateLimitResetCredit" not in told
        assert "text that stays here" not in told


# -- whatever comes ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("case", "path"), [(case, path) for case in WHOLE for path in places(payload(f"codex/{case}"))]
)
def test_null_at_any_place(case: str, path: tuple[Any, ...]) -> None:
    answer = replaced(payload(f"codex/{case}"), path, None)
    usage = survives(lambda: parse(answer, now=NOW))
    assert (usage is None) == (path == ())


@pytest.mark.parametrize("case", WHOLE)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_any_answer(case: str, data: st.DataObject) -> None:
    answer = data.draw(mutated(payload(f"codex/{case}")))
    survives(lambda: parse(answer, now=NOW))


@given(
    monthly=mutated(payload("codex/monthly_usage")) | ANY_JSON,
    resets=mutated(payload("codex/reset_credits")) | ANY_JSON,
    headers=st.dictionaries(st.sampled_from(sorted(HEADERS)), SCALARS.map(str)),
)
@settings(max_examples=150, deadline=None)
def test_anything_beside_the_answer(monthly: Any, resets: Any, headers: dict[str, str]) -> None:
    plain = read()
    usage = parse(body(), now=NOW, monthly=monthly, resets=resets, headers=headers)
    sound(usage)
    assert usage.quotas[:2] == plain.quotas[:2]
    assert usage.balances == plain.balances
    survives(lambda: parse({}, now=NOW, headers=headers))
