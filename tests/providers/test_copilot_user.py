"""What Copilot's own clients are told, one answer by one."""

from __future__ import annotations

from typing import Any

import pytest

from tests.providers.test_copilot import plan_of, status
from tests.support import d, payload, utc
from usagecli import assess
from usagecli.errors import PayloadError
from usagecli.model import Quota, Status, Usage
from usagecli.providers._copilot.billing import organization_spend
from usagecli.providers._copilot.contract import totals
from usagecli.providers._copilot.user import parse, wants_organization

DECEMBER = utc("2026-12-01T00:00:00")
NO_TOTALS = totals()
MISSING = object()
ANSWERS = (
    "user_pro_plus",
    "user_pro_requests",
    "user_over_quota",
    "user_free",
    "user_free_old",
    "user_seat",
    "user_seat_placeholder",
    "user_seat_bare",
    "user_student",
    "user_max",
)


def unlimited(name: str, unit: str, **more: Any) -> Quota:
    label = {"premium_interactions": "AI credits"}.get(name, name.capitalize())
    return Quota(id=name, label=label, unit=unit, unlimited=True, resets_at=DECEMBER, **more)


# What a paid plan does not count.
UNCOUNTED = (unlimited("chat", "messages"), unlimited("completions", "requests"))


def quota(name: str, label: str, unit: str, *figures: str | None) -> Quota:
    """Used, limit, remaining, percent used and percent remaining."""
    names = ("used", "limit", "remaining", "percent_used", "percent_remaining")
    told: dict[str, Any] = {
        key: None if text is None else d(text) for key, text in zip(names, figures, strict=True)
    }
    return Quota(id=name, label=label, unit=unit, resets_at=DECEMBER, **told)


def premium(unit: str, *figures: str | None) -> Quota:
    label = {"credits": "AI credits", "percent": "Premium interactions"}.get(unit, "Premium requests")
    return quota("premium_interactions", label, unit, *figures)


def contract_of(login: str, *included: float, unit: str | None = None) -> dict[str, Any]:
    names = ("includedUsed", "includedRemaining", "includedPercentUsed")
    figures = dict(zip(names, included, strict=True)) if included else {}
    return {
        "user": login,
        "timePeriod": None,
        "totals": {**NO_TOTALS, **figures, "unit": unit},
        "usageItems": [],
    }


EXPECTED = {
    "user_pro_plus": Usage(
        quotas=(premium("credits", "2533.75", "7000", "4466.25", "36.196429", "63.803571"), *UNCOUNTED),
        account="octo-sample",
        plan=plan_of("Pro+", 7000.0),
        notes=("paid use beyond the allowance is switched on, for up to 2,500 credits",),
        source="oauth",
        contract=contract_of("octo-sample", 2533.75, 4466.25, 36.2, unit="ai_credits"),
    ),
    # Figures as text; the percentage knows more than the whole rest.
    "user_pro_requests": Usage(
        quotas=(premium("requests", "213", "300", "87", "70.7", "29.3"), *UNCOUNTED),
        account="octo-yearly",
        plan=plan_of("Pro", 300.0),
        source="oauth",
        contract=contract_of("octo-yearly", 213.0, 87.0, 71.0, unit="premium_requests"),
    ),
    "user_over_quota": Usage(
        quotas=(premium("credits", "1537.5", "1500", "0", "102.5", "0"), *UNCOUNTED),
        account="octo-over",
        plan=plan_of("Pro", 1500.0),
        notes=(
            "37.5 credits were used beyond the allowance",
            "paid use beyond the allowance is switched on, for up to 1,000 credits",
        ),
        source="oauth",
        contract=contract_of("octo-over", 1500.0, 0.0, 100.0, unit="ai_credits"),
    ),
    # 100 % of nothing is no figure: the premium bucket is left out.
    "user_free": Usage(
        quotas=(
            quota("chat", "Chat", "messages", "46", "200", "154", "23", "77"),
            quota("completions", "Completions", "requests", "190", "2000", "1810", "9.5", "90.5"),
        ),
        account="octo-free",
        plan=plan_of("Free", None),
        source="oauth",
        contract=contract_of("octo-free"),
    ),
    "user_free_old": Usage(
        quotas=(
            quota("chat", "Chat", "messages", "18", "50", "32", "36", "64"),
            quota("completions", "Completions", "requests", "580", "2000", "1420", "29", "71"),
        ),
        account="octo-free",
        plan=plan_of("Free", None),
        source="oauth",
        contract=contract_of("octo-free"),
    ),
    "user_seat": Usage(
        quotas=(unlimited("premium_interactions", "credits", used=d("312.75")), *UNCOUNTED),
        account="octo-member",
        plan=plan_of("Business", None),
        source="oauth",
        contract=contract_of("octo-member"),
    ),
    "user_seat_placeholder": Usage(
        quotas=(unlimited("premium_interactions", "credits", used=d("12.5")),),
        account="octo-member",
        plan=plan_of("Enterprise", None),
        source="oauth",
        contract=contract_of("octo-member"),
    ),
    "user_seat_bare": Usage(
        account="octo-member",
        plan=plan_of("Business", None),
        notes=("GitHub tells neither a limit nor the use of this seat; an organization pays it",),
        source="oauth",
        contract=contract_of("octo-member"),
    ),
    "user_student": Usage(
        quotas=(premium("percent", "58.5", "100", "41.5", "58.5", "41.5"), *UNCOUNTED),
        account="octo-student",
        plan=plan_of("Student", None),
        source="oauth",
        contract=contract_of("octo-student"),
    ),
    "user_max": Usage(
        quotas=(
            premium("credits", "18100", "20000", "1900", "90.5", "9.5"),
            *UNCOUNTED,
            quota("spark", "Spark", "requests", "30", "50", "20", "60", "40"),
        ),
        account="octo-max",
        plan=plan_of("Max", 20000.0),
        source="oauth",
        contract=contract_of("octo-max", 18100.0, 1900.0, 90.5, unit="ai_credits"),
    ),
}
WEIGHTS: dict[str, Status] = {"user_over_quota": "exhausted", "user_max": "low"}


@pytest.mark.parametrize("case", ANSWERS)
def test_parse(case: str) -> None:
    usage = parse(payload(f"copilot/{case}"))
    assert usage == EXPECTED[case]
    assert status(usage) == WEIGHTS.get(case, "ok")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (None, "body"),
        ([], "body"),
        ({}, "quota_snapshots"),
        ({"quota_snapshots": None}, "quota_snapshots"),
        ({"quota_snapshots": []}, "quota_snapshots"),
        ({"quota_snapshots": {"chat": {"entitlement": 0, "percent_remaining": 100}}}, "quota_snapshots"),
        ({"token_based_billing": "true"}, "quota_snapshots"),
    ],
)
def test_parse_names_the_broken_field(body: Any, field: str) -> None:
    with pytest.raises(PayloadError, match=f"^{field}: ") as caught:
        parse(body)
    assert caught.value.hint is None


def test_an_account_without_a_plan_is_told_so() -> None:
    with pytest.raises(PayloadError) as caught:
        parse(payload("copilot/user_no_plan"))
    assert caught.value.hint == "this account has no Copilot plan yet: github.com/settings/copilot"


def body_of(name: str = "premium_interactions", **bucket: Any) -> dict[str, Any]:
    """An answer with one bucket of these fields; those that are MISSING are left out."""
    told = {key: value for key, value in bucket.items() if value is not MISSING}
    return {"login": "octo-sample", "token_based_billing": True, "quota_snapshots": {name: told}}


def one(name: str = "premium_interactions", **bucket: Any) -> Quota | None:
    """The quota of that bucket, None where it is skipped."""
    found = parse(body_of(name, **bucket)).quotas
    assert len(found) <= 1
    return found[0] if found else None


def needed(name: str = "premium_interactions", **bucket: Any) -> Quota:
    found = one(name, **bucket)
    assert found is not None
    return found


def figures(found: Quota) -> tuple[Any, ...]:
    return found.used, found.limit, found.remaining, found.percent_used, found.percent_remaining


def judged(found: Quota) -> Status | None:
    return assess.quota_status(found, d(10))


# -- which buckets are shown ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bucket",
    [
        {"entitlement": 0, "percent_remaining": 100.0},
        {"entitlement": "0", "percent_remaining": 100.0, "remaining": 0, "unlimited": False},
        {"entitlement": 0, "credits_used": 0},
        {"entitlement": 0, "credits_used": "-1"},
        {"entitlement": 100},
        {"remaining": 50},
        {"entitlement": -5, "remaining": 50},
        {"entitlement": "many", "remaining": "some", "percent_remaining": "most"},
        {"entitlement": None, "percent_remaining": None},
        {"entitlement": True, "remaining": True, "percent_remaining": True},
        {},
    ],
)
def test_a_bucket_without_a_figure_is_skipped(bucket: dict[str, Any]) -> None:
    assert one(**bucket) is None


@pytest.mark.parametrize("bucket", [None, [], "text", 5])
def test_a_bucket_that_is_none_is_skipped(bucket: Any) -> None:
    body = {**body_of(entitlement=100, remaining=50), "login": "x"}
    body["quota_snapshots"]["chat"] = bucket
    assert [quota.id for quota in parse(body).quotas] == ["premium_interactions"]


@pytest.mark.parametrize(
    ("name", "quota_id", "shown"),
    [
        ("spark", "spark", True),
        ("spark", None, False),
        ("spark", "", False),
        ("chat", None, True),
        ("completions", None, True),
        ("premium_interactions", None, True),
        ("\x1b ", "odd", False),
    ],
)
def test_an_unknown_bucket_needs_an_id(name: str, quota_id: Any, shown: bool) -> None:
    found = one(name, quota_id=quota_id, entitlement=10, remaining=5)
    assert (found is not None) == shown
    assert found is None or found.id == name


def test_no_id_is_given_twice() -> None:
    body = body_of("chat", entitlement=10, remaining=5)
    body["quota_snapshots"][" chat"] = {"quota_id": "x", "entitlement": 20, "remaining": 5}
    assert [(quota.id, quota.limit) for quota in parse(body).quotas] == [("chat", d(10))]


def test_the_credits_come_first() -> None:
    body = payload("copilot/user_pro_plus")
    assert next(iter(body["quota_snapshots"])) == "chat"
    assert parse(body).quotas[0].id == "premium_interactions"


@pytest.mark.parametrize(
    ("name", "account", "bucket", "unit", "label"),
    [
        ("premium_interactions", True, MISSING, "credits", "AI credits"),
        ("premium_interactions", False, MISSING, "requests", "Premium requests"),
        ("premium_interactions", MISSING, MISSING, "requests", "Premium requests"),
        ("premium_interactions", False, True, "credits", "AI credits"),
        ("premium_interactions", True, False, "requests", "Premium requests"),
        ("premium_interactions", True, None, "credits", "AI credits"),
        ("chat", True, True, "messages", "Chat"),
        ("completions", True, True, "requests", "Completions"),
        ("agent_sessions", True, True, "requests", "Agent sessions"),
    ],
)
def test_the_unit_is_by_bucket_then_by_account(
    name: str, account: Any, bucket: Any, unit: str, label: str
) -> None:
    body = body_of(name, quota_id=name, entitlement=10, remaining=5, token_based_billing=bucket)
    body["token_based_billing"] = account
    found = parse({key: value for key, value in body.items() if value is not MISSING}).quotas[0]
    assert (found.unit, found.label, found.window_seconds) == (unit, label, None)


# -- the figures of a bucket ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "expected", "weight"),
    [
        # The exact rest wins over the whole one and over the rounded percentage.
        (
            {"entitlement": 1500, "remaining": 12, "quota_remaining": 12.75, "percent_remaining": 0.8},
            ("1487.25", "1500", "12.75", "99.15", "0.85"),
            "low",
        ),
        # The percentage knows fractions that the whole rest does not.
        (
            {"entitlement": 1500, "remaining": 12, "percent_remaining": 0.9},
            ("1488", "1500", "12", "99.1", "0.9"),
            "low",
        ),
        ({"entitlement": 1500, "remaining": 12}, ("1488", "1500", "12", "99.2", "0.8"), "low"),
        # A percentage that merely rounds to 0 is not spent ...
        (
            {"entitlement": 1500, "remaining": 1, "percent_remaining": 0.0},
            ("1499", "1500", "1", "100", "0"),
            "low",
        ),
        (
            {"entitlement": 1500, "remaining": 0, "quota_remaining": 0.4, "percent_remaining": 0.0},
            ("1499.6", "1500", "0.4", "99.973333", "0.026667"),
            "low",
        ),
        # ... a rest of 0 is, whatever the percentage, and whether or not paid use goes on.
        (
            {"entitlement": 1500, "remaining": 0, "percent_remaining": 0.1, "overage_permitted": True},
            ("1500", "1500", "0", "99.9", "0.1"),
            "exhausted",
        ),
        (
            {"entitlement": 100, "remaining": -25, "percent_remaining": -25.0},
            ("125", "100", "0", "125", "0"),
            "exhausted",
        ),
        (
            {"entitlement": 100, "remaining": -1, "quota_remaining": -1},
            ("101", "100", "0", "101", "0"),
            "exhausted",
        ),
        # More left than a month gives: nothing is used.
        ({"entitlement": 100, "remaining": 130}, ("0", "100", "130", "0", "100"), "ok"),
        ({"entitlement": 100, "percent_remaining": 40}, (None, "100", None, "60", "40"), "ok"),
        ({"percent_remaining": 8}, ("92", "100", "8", "92", "8"), "low"),
        ({"entitlement": -5, "percent_remaining": 101}, ("0", "100", "100", "0", "100"), "ok"),
        ({"percent_remaining": 0}, ("100", "100", "0", "100", "0"), "exhausted"),
        (
            {"entitlement": "1500", "remaining": "12", "quota_remaining": "12.75"},
            ("1487.25", "1500", "12.75", "99.15", "0.85"),
            "low",
        ),
        (
            {"entitlement": 100, "remaining": 60, "quota_remaining": "bad", "percent_remaining": None},
            ("40", "100", "60", "40", "60"),
            "ok",
        ),
    ],
)
def test_the_figures_of_a_bucket(
    bucket: dict[str, Any], expected: tuple[str | None, ...], weight: Status
) -> None:
    found = needed(**bucket)
    assert figures(found) == tuple(None if text is None else d(text) for text in expected)
    assert found.unit == ("credits" if "entitlement" in bucket and bucket["entitlement"] != -5 else "percent")
    assert judged(found) == weight


@pytest.mark.parametrize(
    ("bucket", "used", "unit"),
    [
        ({"unlimited": True, "entitlement": 0, "percent_remaining": 100}, None, "messages"),
        ({"unlimited": True, "entitlement": 300, "remaining": 5}, None, "messages"),
        ({"entitlement": -1, "remaining": -1}, None, "messages"),
        ({"entitlement": "-1", "remaining": "-1", "percent_remaining": 0}, None, "messages"),
        ({"unlimited": True, "credits_used": 0}, "0", "credits"),
        ({"unlimited": True, "credits_used": "7.5"}, "7.5", "credits"),
        ({"entitlement": -1, "credits_used": 3}, "3", "credits"),
        # Used where no limit exists: nothing to divide by.
        ({"entitlement": 0, "credits_used": 7.5, "percent_remaining": 100}, "7.5", "credits"),
        ({"entitlement": "0", "credits_used": 7.5, "has_quota": False}, "7.5", "credits"),
    ],
)
def test_an_unlimited_bucket_has_no_limit_and_no_percentage(
    bucket: dict[str, Any], used: str | None, unit: str
) -> None:
    found = needed("chat", **bucket)
    assert found.unlimited
    assert figures(found) == (None if used is None else d(used), None, None, None, None)
    assert (found.unit, judged(found)) == (unit, "ok")


def test_credits_used_are_never_divided_by_an_entitlement() -> None:
    found = needed(entitlement=1000, remaining=900, credits_used=5000)
    assert figures(found)[:4] == (d(100), d(1000), d(900), d(10))


# -- the reset --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bucket", "account", "expected"),
    [
        (1796083200, {"quota_reset_date_utc": "2027-01-01T00:00:00Z"}, "2026-12-01T00:00:00"),
        (1796083200000, {}, "2026-12-01T00:00:00"),
        ("1796083200", {}, "2026-12-01T00:00:00"),
        ("2026-12-01T00:00:00Z", {}, "2026-12-01T00:00:00"),
        (0, {"quota_reset_date_utc": "2027-01-01T00:00:00.000Z"}, "2027-01-01T00:00:00"),
        (
            None,
            {"quota_reset_date_utc": "2027-01-01", "quota_reset_date": "2027-02-01"},
            "2027-01-01T00:00:00",
        ),
        (None, {"quota_reset_date_utc": "", "quota_reset_date": "2027-02-01"}, "2027-02-01T00:00:00"),
        (None, {"quota_reset_date_utc": "soon", "quota_reset_date": "2027-02-01"}, "2027-02-01T00:00:00"),
        (
            None,
            {"limited_user_reset_date": "2027-03-01", "quota_reset_date": "2027-02-01"},
            "2027-02-01T00:00:00",
        ),
        (None, {"limited_user_reset_date": "2027-03-01"}, "2027-03-01T00:00:00"),
        (None, {"quota_reset_at": "2027-04-01T00:00:00Z"}, "2027-04-01T00:00:00"),
        (
            None,
            {"quota_reset_at": "2027-04-01T00:00:00Z", "quota_reset_date": "2027-02-01"},
            "2027-02-01T00:00:00",
        ),
        (None, {"quota_reset_date_utc": "2026-12-01T02:00:00+02:00"}, "2026-12-01T00:00:00"),
        ("soon", {"quota_reset_date": ""}, None),
        (MISSING, {}, None),
    ],
)
def test_the_reset_is_the_bucket_s_then_the_account_s(
    bucket: Any, account: dict[str, str], expected: str | None
) -> None:
    body = {**body_of(entitlement=10, remaining=5, quota_reset_at=bucket), **account}
    assert parse(body).quotas[0].resets_at == (utc(expected) if expected else None)


# -- the older shape of the Free plan ---------------------------------------------------------------


def test_the_older_shape_is_read_only_where_no_bucket_is_usable() -> None:
    """A paid answer may still carry it."""
    old = payload("copilot/user_free_old")
    assert parse({**payload("copilot/user_free"), **_free_part(old)}) == EXPECTED["user_free"]
    placeholder = {"premium_interactions": {"entitlement": 0, "percent_remaining": 100.0}}
    assert parse({**old, "quota_snapshots": placeholder}) == EXPECTED["user_free_old"]


def _free_part(body: dict[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in ("limited_user_quotas", "monthly_quotas")}


@pytest.mark.parametrize(
    ("monthly", "left", "expected"),
    [
        (50, 60, ("0", "50", "60", "0", "100")),
        (50, 0, ("50", "50", "0", "100", "0")),
        (50, -3, ("53", "50", "0", "106", "0")),
        ("50", "32", ("18", "50", "32", "36", "64")),
        (0, 0, None),
        (-1, 5, None),
        (None, 5, None),
        (50, None, None),
        ("many", 5, None),
    ],
)
def test_the_older_shape_tells_what_is_left(monthly: Any, left: Any, expected: Any) -> None:
    body = {
        "monthly_quotas": {"chat": monthly, "completions": 2000},
        "limited_user_quotas": {"chat": left, "completions": 100},
    }
    found = {quota.id: quota for quota in parse(body).quotas}
    assert figures(found["completions"]) == (d(1900), d(2000), d(100), d(95), d(5))
    assert (figures(found["chat"]) if "chat" in found else None) == (
        None if expected is None else tuple(d(text) for text in expected)
    )


# -- plan, account and notes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sku", "told", "name"),
    [
        (None, "individual", "Pro"),
        (None, "individual_pro", "Pro+"),
        (None, "individual_max", "Max"),
        (None, "individual_edu", "Student"),
        (None, "business", "Business"),
        (None, "enterprise", "Enterprise"),
        (None, "pro", "Pro"),
        (None, "free", "Free"),
        (None, "paid", "Paid"),
        (None, "something_new", "Something New"),
        ("free_limited_copilot", "individual", "Free"),
        ("free_educational_quota", "individual", "Student"),
        ("free_educational_quota", None, "Student"),
        ("monthly_subscriber", "individual", "Pro"),
        (5, "individual", "Pro"),
        (None, None, None),
        (None, 5, None),
        (None, "", None),
    ],
)
def test_the_plan_s_name(sku: Any, told: Any, name: str | None) -> None:
    body = {**body_of(), "access_type_sku": sku, "copilot_plan": told}
    assert parse(body).plan == plan_of(name, None)


@pytest.mark.parametrize(
    ("told", "beside", "account"),
    [
        ("octo-sample", "octo-token", "octo-sample"),
        (None, "octo-token", "octo-token"),
        ("", "octo-token", "octo-token"),
        (5, None, None),
    ],
)
def test_the_account_is_the_login_else_the_one_beside_the_token(
    told: Any, beside: str | None, account: str | None
) -> None:
    usage = parse({**body_of(), "login": told}, login=beside)
    assert (usage.account, usage.contract["user"]) == (account, account)


@pytest.mark.parametrize(
    ("bucket", "notes", "reached"),
    [
        ({}, (), False),
        ({"overage_count": 0, "overage_permitted": False, "overage_entitlement": 0}, (), False),
        ({"overage_count": "1234.5"}, ("1,234.5 credits were used beyond the allowance",), False),
        ({"overage_count": 1e6}, ("1,000,000 credits were used beyond the allowance",), False),
        ({"overage_permitted": True}, ("paid use beyond the allowance is switched on",), False),
        (
            {"overage_count": 500, "overage_entitlement": 500, "overage_permitted": True},
            (
                "500 credits were used beyond the allowance",
                "paid use beyond the allowance is switched on, for up to 500 credits",
            ),
            True,
        ),
        ({"overage_count": "bad", "overage_entitlement": None, "overage_permitted": "yes"}, (), False),
    ],
)
def test_use_beyond_the_allowance_is_a_note_and_no_spend(
    bucket: dict[str, Any], notes: tuple[str, ...], reached: bool
) -> None:
    usage = parse(body_of(entitlement=100, remaining=0, **bucket))
    assert (usage.notes, usage.overage_reached, usage.spend) == (notes, reached, ())


# -- a seat that an organisation pays ---------------------------------------------------------------


@pytest.mark.parametrize("case", ANSWERS)
def test_only_a_seat_without_a_limit_wants_the_organization_s_totals(case: str) -> None:
    assert wants_organization(payload(f"copilot/{case}")) == case.startswith("user_seat")


@pytest.mark.parametrize(
    ("account", "bucket", "wanted"),
    [(True, MISSING, True), (MISSING, True, True), (False, False, False), (MISSING, MISSING, False)],
)
def test_the_flag_may_stand_on_the_account_or_on_a_bucket(account: Any, bucket: Any, wanted: bool) -> None:
    body = body_of(entitlement=0, percent_remaining=100, token_based_billing=bucket)
    body = {
        key: value for key, value in {**body, "token_based_billing": account}.items() if value is not MISSING
    }
    assert wants_organization(body) == wanted
    if wanted:
        usage = parse(body)
        assert (usage.quotas, status(usage)) == ((), "ok")
    else:
        with pytest.raises(PayloadError, match="^quota_snapshots: "):
            parse(body)


def test_the_organization_s_totals_are_no_quota() -> None:
    summary = payload("copilot/org_summary")
    usage = parse(payload("copilot/user_seat"), organization=summary)
    assert usage.quotas == EXPECTED["user_seat"].quotas
    assert usage.spend == tuple(organization_spend(summary))
    assert usage.contract == EXPECTED["user_seat"].contract
