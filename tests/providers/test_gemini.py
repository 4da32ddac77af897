"""Code Assist's answers, one by one. The rest: test_gemini_fetch.py, _credentials.py, _cloud.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Service, Status, Usage
from usagecli.providers._gemini.usage import STANDARD, gemini_project, parse, project_of

SERVICE = Service(name="gemini", provider="gemini")
RESET = utc("2026-11-22T02:48:06")
NONE_REPORTED = "Google reported no quotas of this account"
FEW_CREDITS = "Gemini CLI does not use the credits while there are fewer than 50"


def daily(model: str, unit: str = "percent", **more: Any) -> Quota:
    return Quota(
        id=model, label=model, scope=model, unit=unit, window_seconds=86400, **{"resets_at": RESET, **more}
    )


def credits_(amount: str | int | None) -> Balance:
    return Balance(
        id="google_one_ai",
        label="Google One AI credits",
        unit="credits",
        amount=None if amount is None else d(amount),
    )


STANDARD_USAGE = Usage(
    quotas=(
        daily(
            "gemini-3.1-pro-preview",
            "requests",
            used=d(240),
            limit=d(1500),
            remaining=d(1260),
            percent_used=d(16),
            percent_remaining=d(84),
        ),
        daily(
            "gemini-3-flash-preview",
            used=d(0),
            limit=d(100),
            remaining=d(100),
            percent_used=d(0),
            percent_remaining=d(100),
        ),
    ),
    balances=(credits_(940),),
    account="dev@example.com",
    plan={"name": "Gemini Code Assist Standard", "renewsAt": None},
    source="oauth",
)
SPENT_USAGE = Usage(
    quotas=(
        daily(
            "gemini-2.5-pro",
            used=d(100),
            limit=d(100),
            remaining=d(0),
            percent_used=d(100),
            resets_at=utc("2026-11-21T21:05:40"),
        ),
        daily(
            "gemini-2.5-flash",
            "requests",
            used=d(1405),
            limit=d(1500),
            remaining=d(95),
            percent_used=d("93.66667"),
            resets_at=utc("2026-11-21T21:05:40"),
        ),
    ),
    plan={"name": "Legacy", "renewsAt": None},
    source="oauth",
)
VARIANTS_USAGE = Usage(
    quotas=(
        daily("gemini-2.5-pro", "requests", used=d(750), limit=d(1000), remaining=d(250), percent_used=d(75)),
        daily("gemini-2.5-pro_vertex", used=d(50), limit=d(100), remaining=d(50), percent_used=d(50)),
        daily(
            "gemini-2.5-flash",
            "tokens",
            used=d(500000),
            limit=d(1000000),
            remaining=d(500000),
            percent_used=d(50),
        ),
    ),
    plan={"name": "Free", "renewsAt": None},
    source="oauth",
)
EMPTY_USAGE = Usage(
    balances=(credits_(42),),
    plan={"name": "Gemini Code Assist in Google One AI Pro", "renewsAt": None},
    notes=(NONE_REPORTED, FEW_CREDITS),
    source="oauth",
)


def read(quota: Any = None, loaded: Any = None, **more: Any) -> Usage:
    return parse(payload("gemini/quota_standard") if quota is None else quota, loaded=loaded, **more)


def bucket(**changes: Any) -> Quota | None:
    """The quota of one bucket, changed."""
    row = {"modelId": "m", "tokenType": "REQUESTS", "remainingFraction": 0.5, **changes}
    found = read({"buckets": [row]}).quotas
    return found[0] if found else None


def figures(quota: Quota | None) -> tuple[Any, ...]:
    assert quota is not None
    return quota.unit, quota.used, quota.limit, quota.remaining, quota.percent_used


@pytest.mark.parametrize(
    ("quota", "loaded", "account", "expected", "status"),
    [
        ("quota_standard", "load_standard", "dev@example.com", STANDARD_USAGE, "ok"),
        ("quota_spent", "load_unset", None, SPENT_USAGE, "exhausted"),
        ("quota_variants", "load_free", None, VARIANTS_USAGE, "ok"),
        ("quota_empty", "load_credits", None, EMPTY_USAGE, "ok"),
    ],
)
def test_parse(quota: str, loaded: str, account: str | None, expected: Usage, status: Status) -> None:
    usage = parse(payload(f"gemini/{quota}"), loaded=payload(f"gemini/{loaded}"), account=account)
    assert usage == expected
    assert assess.judged(usage, SERVICE)[1] == status


@pytest.mark.parametrize(
    ("body", "field"),
    [(None, "body"), ([], "body"), ("x", "body"), ({"buckets": {}}, "buckets"), ({"buckets": 1}, "buckets")],
)
def test_parse_names_the_broken_field(body: object, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: "):
        parse(body)


# -- quotas -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [{}, {"buckets": None}, {"buckets": []}, {"buckets": [None, 3, "x", []]}])
def test_no_buckets_are_an_answer_with_a_note(body: Any) -> None:
    usage = read(body)
    assert usage == Usage(notes=(NONE_REPORTED,), source="oauth")
    assert assess.judged(usage, SERVICE)[1] == "ok"


@pytest.mark.parametrize("fraction", [None, "", "most", True, [], {}, float("nan"), "Infinity"])
def test_an_unknown_fraction_leaves_the_bucket_out(fraction: Any) -> None:
    assert bucket(remainingFraction=fraction, remainingAmount="10") is None


@pytest.mark.parametrize("model", [None, "", "  ", "models/", 3, {}])
def test_a_bucket_without_a_model_is_left_out(model: Any) -> None:
    assert bucket(modelId=model) is None


@pytest.mark.parametrize(
    ("fraction", "remaining"),
    [(0.5, "50"), ("0.5", "50"), (1.7, "100"), (-0.2, "0"), (0, "0"), (1, "100"), (0.005, "0.5")],
)
def test_without_an_amount_the_fraction_counts_in_percent(fraction: Any, remaining: str) -> None:
    left = d(remaining)
    assert figures(bucket(remainingFraction=fraction)) == ("percent", 100 - left, d(100), left, 100 - left)


@pytest.mark.parametrize(
    ("amount", "fraction", "limit"),
    [("1260", 0.84, 1500), (1260, "0.84", 1500), ("1260.9", 0.84, 1500), ("333", 0.333, 1000), ("7", 1, 7)],
)
def test_an_amount_gives_the_limit(amount: Any, fraction: Any, limit: int) -> None:
    left = d(int(float(amount)))
    used = (1 - d(str(fraction))) * 100
    quota = bucket(remainingAmount=amount, remainingFraction=fraction)
    assert figures(quota) == ("requests", limit - left, d(limit), left, used)


@pytest.mark.parametrize(
    ("amount", "fraction"), [("0", 0), ("0", 0.5), ("12", 0), ("-3", 0.5), (None, 0.5), ("many", 0.5)]
)
def test_an_amount_that_gives_no_limit_is_not_used(amount: Any, fraction: float) -> None:
    quota = bucket(remainingAmount=amount, remainingFraction=fraction)
    assert figures(quota)[0] == "percent"
    assert figures(quota)[3] == d(str(fraction)) * 100


def test_a_fraction_of_nothing_is_exhausted() -> None:
    usage = read({"buckets": [{"modelId": "m", "remainingFraction": 0, "remainingAmount": "0"}]})
    judged, status = assess.judged(usage, SERVICE)
    assert (judged.quotas[0].status, status) == ("exhausted", "exhausted")


@pytest.mark.parametrize(
    ("fraction", "status"), [(0.1, "ok"), (0.0999, "low"), (0.00001, "low"), (0, "exhausted")]
)
def test_how_a_model_is_judged(fraction: float, status: Status) -> None:
    usage = read({"buckets": [{"modelId": "m", "remainingFraction": fraction}]})
    assert assess.judged(usage, SERVICE)[1] == status


@pytest.mark.parametrize(
    ("kind", "unit"),
    [("REQUESTS", "requests"), (None, "requests"), (3, "requests"), ("OUTPUT_TOKENS", "tokens")],
)
def test_the_token_type_names_the_unit(kind: Any, unit: str) -> None:
    assert figures(bucket(tokenType=kind, remainingAmount="10"))[0] == unit


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_buckets_of_a_model_the_fullest_counts(order: int) -> None:
    names: list[tuple[str, float | None]] = [("models/m", 0.2), ("m", 0.9), ("m", None)]
    rows = [{"modelId": name, "remainingFraction": fraction} for name, fraction in names]
    (quota,) = read({"buckets": rows[::order]}).quotas
    assert (quota.id, quota.remaining) == ("m", d(20))


@pytest.mark.parametrize(
    ("reset", "expected"),
    [
        ("2026-11-22T02:48:06Z", RESET),
        ("2026-11-22T02:48:06.789+00:00", RESET),
        (1795315686, RESET),
        (1795315686000, RESET),
        (None, None),
        ("soon", None),
        (0, None),
    ],
)
def test_the_reset(reset: Any, expected: Any) -> None:
    quota = bucket(resetTime=reset)
    assert quota is not None
    assert (quota.resets_at, quota.window_seconds) == (expected, 86400)


# -- credits ------------------------------------------------------------------------------------------


def credit(*amounts: Any, kind: Any = "GOOGLE_ONE_AI") -> Any:
    rows = [{"creditType": kind, "creditAmount": amount} for amount in amounts]
    return {"currentTier": {"id": "free-tier"}, "paidTier": {"availableCredits": rows}}


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        (credit("940"), (credits_(940),)),
        (credit("900", 40, "0"), (credits_(940),)),
        (credit("0"), (credits_(0),)),
        (credit("900", "many"), (credits_(None),)),
        (credit(None), (credits_(None),)),
        (credit("500", kind="PROMOTION"), ()),
        (credit("500", kind=None), ()),
        (credit(), ()),
        ({"paidTier": {"availableCredits": None}}, ()),
        ({"paidTier": None}, ()),
        (None, ()),
    ],
)
def test_the_credits_of_google_one_are_summed(loaded: Any, expected: tuple[Balance, ...]) -> None:
    assert read(loaded=loaded).balances == expected


@pytest.mark.parametrize(("amount", "told"), [("49", True), ("50", False), ("0", True), (None, False)])
def test_fewer_than_fifty_credits_are_not_used(amount: Any, told: bool) -> None:
    assert (FEW_CREDITS in read(loaded=credit(amount)).notes) is told


def test_an_empty_purse_beside_open_quotas_stops_nothing() -> None:
    judged, status = assess.judged(read(loaded=credit("0")), SERVICE)
    assert (judged.balances[0].status, status) == ("ok", "ok")


# -- plan ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loaded", "hosted", "name"),
    [
        (
            {"paidTier": {"name": "Paid"}, "currentTier": {"id": "free-tier", "name": "Current"}},
            False,
            "Paid",
        ),
        ({"paidTier": {"id": "g1-pro-tier"}, "currentTier": {"name": "Current"}}, False, "Current"),
        ({"currentTier": {"id": "free-tier", "name": "Current"}}, True, "Current"),
        ({"currentTier": {"id": "free-tier"}}, False, "Free"),
        ({"currentTier": {"id": "free-tier"}}, True, "Workspace"),
        ({"currentTier": {"id": "legacy-tier"}}, True, "Legacy"),
        (STANDARD, True, "Standard"),
        ({"currentTier": {"id": "new-tier"}}, False, None),
        ({"currentTier": None}, False, None),
        ({}, True, None),
        (None, True, None),
        ([], True, None),
    ],
)
def test_the_plan(loaded: Any, hosted: bool, name: str | None) -> None:
    plan = read(loaded=loaded, hosted=hosted).plan
    assert plan == (None if name is None else {"name": name, "renewsAt": None})


def test_why_there_is_no_tier_is_told() -> None:
    usage = read(loaded=payload("gemini/load_ineligible"))
    assert usage.notes == (
        "Google gives this account no tier: Verify your account to continue. "
        "(https://accounts.google.com/signin/continue?flow=example)",
    )
    assert usage.quotas == STANDARD_USAGE.quotas


@pytest.mark.parametrize(
    ("loaded", "note"),
    [
        ({"ineligibleTiers": [{"reasonCode": "RESTRICTED_AGE"}]}, "no tier: RESTRICTED_AGE"),
        ({"ineligibleTiers": [{}, {"reasonMessage": "x", "validationUrl": "javascript:1"}]}, "no tier: x"),
    ],
)
def test_a_reason_without_a_link(loaded: Any, note: str) -> None:
    assert read(loaded=loaded).notes == (f"Google gives this account {note}",)


@pytest.mark.parametrize(
    "loaded",
    [
        {"ineligibleTiers": None},
        {"ineligibleTiers": [{}, None]},
        {"currentTier": {"id": "x"}, "ineligibleTiers": [{"reasonCode": "DASHER_USER"}]},
    ],
)
def test_no_reason_is_no_note(loaded: Any) -> None:
    assert read(loaded=loaded).notes == ()


# -- the project --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loaded", "expected"),
    [
        ({"cloudaicompanionProject": "theirs"}, "theirs"),
        ({"cloudaicompanionProject": {"id": "theirs"}}, "theirs"),
        ({"cloudaicompanionProject": {"projectId": "theirs"}}, "theirs"),
        ({"cloudaicompanionProject": {}}, "own"),
        ({"cloudaicompanionProject": None}, "own"),
        ({"currentTier": {"id": "standard-tier"}}, "own"),
        ({"currentTier": {"id": "free-tier"}}, None),
        ({"currentTier": {"id": "free-tier"}, "cloudaicompanionProject": "managed"}, "managed"),
        (None, "own"),
    ],
)
def test_google_s_project_comes_first_and_the_free_tier_takes_no_other(loaded: Any, expected: Any) -> None:
    assert project_of(loaded, "own") == expected


@pytest.mark.parametrize(
    ("projects", "expected"),
    [
        ([{"projectId": "acme"}, {"projectId": "gen-lang-client-1"}], "gen-lang-client-1"),
        ([{"projectId": "acme", "labels": {"generative-language": "enabled"}}], "acme"),
        ([{"projectId": "acme", "labels": {"team": "generative-language"}}], None),
        ([{"labels": {"generative-language": "enabled"}}, None, 3], None),
        (None, None),
    ],
)
def test_the_project_that_was_made_for_gemini(projects: Any, expected: str | None) -> None:
    assert gemini_project({"projects": projects}) == expected


# -- anything at all ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", ["modelId", "tokenType", "remainingFraction", "remainingAmount", "resetTime"]
)
def test_a_null_costs_its_own_bucket_at_most(field: str) -> None:
    body = payload("gemini/quota_standard")
    body["buckets"][0][field] = None
    assert read(body).quotas[-1] == STANDARD_USAGE.quotas[-1]


@pytest.mark.parametrize("field", list(payload("gemini/load_standard")))
def test_no_field_of_the_tiers_costs_a_quota(field: str) -> None:
    loaded = {**payload("gemini/load_standard"), field: None}
    assert read(loaded=loaded).quotas == STANDARD_USAGE.quotas


@pytest.mark.parametrize("case", ["quota_standard", "quota_spent", "quota_variants", "quota_empty"])
@given(data=st.data())
def test_any_json_in_a_quota_answer_is_survived(case: str, data: st.DataObject) -> None:
    body = data.draw(mutated(payload(f"gemini/{case}")))
    survives(lambda: parse(body))


@pytest.mark.parametrize(
    "case", ["load_standard", "load_free", "load_credits", "load_unset", "load_ineligible"]
)
@given(data=st.data())
def test_any_json_in_a_tier_answer_leaves_the_quotas(case: str, data: st.DataObject) -> None:
    loaded = data.draw(mutated(payload(f"gemini/{case}")))
    usage = survives(lambda: read(loaded=loaded))
    assert usage is not None
    assert usage.quotas == STANDARD_USAGE.quotas
    json.dumps(project_of(loaded, None))


@given(body=ANY_JSON)
def test_any_list_of_projects_is_survived(body: Any) -> None:
    assert gemini_project(body) is None or isinstance(gemini_project(body), str)
