"""What Alibaba's consoles and `bl` answer. How they are asked: test_alibaba_fetch.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from tests.fuzz import ANY_JSON, mutated, survives
from tests.support import d, payload, utc
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable
from usagecli.model import Quota, Usage, plan
from usagecli.providers._alibaba.answers import refusal
from usagecli.providers._alibaba.usage import (
    parse_coding_plan,
    parse_credits,
    parse_printed_coding_plan,
    parse_token_plan,
)

FIVE_HOURS, WEEK, MONTH = utc("2026-11-22T09:33:20"), utc("2026-11-27T08:00:00"), utc("2026-12-23T04:26:40")
SIGN_IN = "run: bl auth login --console (it lasts on one device at a time)"
NO_LIMITS = "Alibaba told no limits of the plan"


def share(id_: str, label: str, used: str, window: int | None, resets_at: Any) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=window,
        resets_at=resets_at,
    )


def five_hour(used: str, resets_at: Any = FIVE_HOURS) -> Quota:
    return share("five_hour", "5-hour limit", used, 18000, resets_at)


def weekly(used: str, resets_at: Any = WEEK) -> Quota:
    return share("weekly", "Weekly limit", used, 604800, resets_at)


def requests_(id_: str, label: str, used: int, limit: int, window: int | None, resets_at: Any) -> Quota:
    return Quota(
        id=id_,
        label=label,
        unit="requests",
        used=d(used),
        limit=d(limit),
        window_seconds=window,
        resets_at=resets_at,
    )


REQUESTS = (
    requests_("five_hour", "5-hour limit", 340, 1200, 18000, FIVE_HOURS),
    requests_("weekly", "Weekly limit", 2100, 9000, 604800, WEEK),
    requests_("monthly", "Monthly limit", 5200, 18000, None, MONTH),
)
TOKEN_PLAN = Usage(quotas=(five_hour("18.3"), weekly("41")), plan=plan("Standard"), source="oauth")


def wrapped(told: Any) -> Any:
    return {"code": "200", "data": {"success": True, "DataV2": {"data": {"data": told}}}}


# -- token plan -------------------------------------------------------------------------------------


def test_a_token_plan() -> None:
    found = parse_token_plan(
        payload("alibaba/token_plan"), subscription=payload("alibaba/subscription"), source="oauth"
    )
    assert found == TOKEN_PLAN


@pytest.mark.parametrize(
    ("told", "quotas"),
    [
        ({"per5HourPercentage": 0.183}, (five_hour("18.3", None),)),
        ({"per1WeekPercentage": "0.05", "per1WeekResetTime": "1795766400000"}, (weekly("5"),)),
        ({"per5HourPercentage": 0, "per1WeekPercentage": None}, (five_hour("0", None),)),
        ({"per5HourPercentage": 1}, (five_hour("100", None),)),
        (
            {"per1MonthPercentage": 0.5, "per1MonthResetTime": 1798000000000},
            (share("monthly", "Monthly limit", "50", None, MONTH),),
        ),
    ],
)
def test_shares_from_0_to_1(told: Any, quotas: Any) -> None:
    for body in (told, wrapped(told), {"data": json.dumps(told)}):
        assert parse_token_plan(body).quotas == quotas


@pytest.mark.parametrize("value", [True, False, "much", "18%", [], {}, -0.1])
def test_a_share_that_is_none(value: Any) -> None:
    with pytest.raises(PayloadError, match="^per5HourPercentage: expected "):
        parse_token_plan(wrapped({"per5HourPercentage": value, "per1WeekPercentage": 0.1}))


def test_no_window_stands_only_beside_a_valid_subscription() -> None:
    empty = payload("alibaba/token_plan_empty")
    found = parse_token_plan(empty, subscription=payload("alibaba/subscription"))
    assert found == Usage(plan=plan("Standard"), notes=(NO_LIMITS,), source="oauth")
    others: list[Any] = [None, {}, wrapped({"specCode": "pro", "status": "EXPIRED"}), wrapped({"status": 7})]
    for subscription in others:
        with pytest.raises(PayloadError, match="^usage: no window of a token plan was answered$"):
            parse_token_plan(empty, subscription=subscription)


def test_a_subscription_that_says_nothing_costs_only_the_plan() -> None:
    found = parse_token_plan(payload("alibaba/token_plan"), subscription=[])
    assert (found.quotas, found.plan) == (TOKEN_PLAN.quotas, None)


@pytest.mark.parametrize("body", [[], None, "x", 7])
def test_an_answer_that_is_no_object(body: Any) -> None:
    for parse in (parse_token_plan, parse_coding_plan, parse_printed_coding_plan):
        with pytest.raises(PayloadError, match="^body: expected an object"):
            parse(body)


# -- a plan's credits -------------------------------------------------------------------------------


def credits_(used: str, limit: str, left: str) -> Usage:
    quota = Quota(
        id="credits",
        label="Token plan credits",
        unit="credits",
        used=d(used),
        limit=d(limit),
        remaining=d(left),
    )
    return Usage(quotas=(quota,), source="cookie")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (payload("alibaba/summary"), credits_("4499.5", "25000", "20500.5")),
        (
            {"data": {"TotalCount": "1", "TotalValue": "100", "TotalSurplusValue": "0"}},
            credits_("100", "100", "0"),
        ),
        ({"EquityList": [{}, {"CycleTotalValue": 9, "CycleSurplusValue": 4}]}, credits_("5", "9", "4")),
    ],
)
def test_a_surplus_is_what_is_left(body: Any, expected: Usage) -> None:
    assert parse_credits(body) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"TotalValue": "0", "TotalSurplusValue": "0"},
        {"TotalValue": "5", "TotalSurplusValue": "6"},
        {"TotalValue": "5"},
        [],
    ],
)
def test_no_credits(body: Any) -> None:
    with pytest.raises(PayloadError, match="^usage: no window and no credits"):
        parse_credits(body)


# -- coding plan ------------------------------------------------------------------------------------


def test_a_coding_plan_is_the_valid_one_of_several() -> None:
    assert parse_coding_plan(payload("alibaba/coding_plan")) == Usage(
        quotas=REQUESTS, plan=plan("Coding Plan Lite")
    )


VALID = payload("alibaba/coding_plan")["data"]["codingPlanInstanceInfos"][1]
QUOTA = VALID["codingPlanQuotaInfo"]


def instances(*rows: Any, **more: Any) -> Any:
    return {"data": {"codingPlanInstanceInfos": list(rows), **more}}


@pytest.mark.parametrize(
    "body",
    [
        instances({**VALID, "status": "active"}),
        instances({"planName": "Coding Plan Lite", "codingPlanQuotaInfo": QUOTA}),
        instances({"planName": "Coding Plan Lite", "status": "VALID"}, codingPlanQuotaInfo=QUOTA),
        {"successResponse": {"body": json.dumps(instances(VALID))}},
        {"data": {"successResponse": {"body": json.dumps(instances(VALID))}}},
    ],
)
def test_where_the_quota_may_stand(body: Any) -> None:
    assert parse_coding_plan(body) == Usage(quotas=REQUESTS, plan=plan("Coding Plan Lite"))


def test_quotas_without_an_instance() -> None:
    assert parse_coding_plan({"data": {"codingPlanQuotaInfo": QUOTA}}) == Usage(quotas=REQUESTS)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (instances({**VALID, "status": "EXPIRED"}), "^codingPlanInstanceInfos: no coding plan of this"),
        (instances({"a": 1}, {"b": 2}), "^codingPlanInstanceInfos: no coding plan of this"),
        # Never another's quota.
        (instances({"status": "VALID"}, {**VALID, "status": "EXPIRED"}), "^codingPlanQuotaInfo: no window"),
        (
            instances({"status": "VALID"}, {"status": "EXPIRED"}, codingPlanQuotaInfo=QUOTA),
            "^codingPlanQuotaInfo: no window",
        ),
        (instances(), "^codingPlanQuotaInfo: no window"),
        ({}, "^codingPlanQuotaInfo: no window"),
        (instances({"status": "VALID", "planUsage": "much"}), "^codingPlanQuotaInfo: no window"),
        (instances({"status": "VALID", "planUsage": 18}), "^codingPlanQuotaInfo: no window"),
    ],
)
def test_no_quota_of_the_plan_in_use(body: Any, message: str) -> None:
    with pytest.raises(PayloadError, match=message):
        parse_coding_plan(body)


@pytest.mark.parametrize(
    "change",
    [{"per5HourTotalQuota": 0}, {"per5HourTotalQuota": None}, {"per5HourUsedQuota": None}]
    + [{"per5HourUsedQuota": value} for value in (-1, True, "x")],
)
def test_a_window_without_both_figures_is_left_out(change: Any) -> None:
    body = instances({**VALID, "codingPlanQuotaInfo": {**QUOTA, **change}})
    assert parse_coding_plan(body).quotas == REQUESTS[1:]


def test_only_a_text_tells_the_use() -> None:
    found = parse_coding_plan(instances({"status": "VALID", "planUsage": " 18.5% "}))
    assert found.quotas == (share("plan", "Coding plan", "18.5", None, None),)


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ({"planName": "A", "instanceName": "B", "packageName": "C"}, "A"),
        ({"instanceName": "B", "packageName": "C"}, "B"),
        ({"packageName": "C"}, "C"),
        ({"planName": " ", "instanceName": None, "packageName": "C"}, "C"),
        ({}, None),
    ],
)
def test_the_name_of_a_coding_plan(names: Any, name: str | None) -> None:
    found = parse_coding_plan(instances({"status": "VALID", "codingPlanQuotaInfo": QUOTA, **names}))
    assert found.plan == (plan(name) if name else None)


def test_a_coding_plan_as_bl_prints_it() -> None:
    body = {
        "instanceType": "lite",
        "per5Hour": {"usedQuota": 340, "totalQuota": 1200, "percentage": 0.28, "resetTime": 1795340000000},
        "perWeek": {"usedQuota": 2100, "totalQuota": 9000, "resetTime": 1795766400000},
        "perBillMonth": {"usedQuota": 5200, "totalQuota": 18000, "resetTime": 1798000000000},
    }
    assert parse_printed_coding_plan(body) == Usage(quotas=REQUESTS, plan=plan("lite"), source="cli")


# -- errors in envelopes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (payload("alibaba/signed_out"), AuthError, "does not accept the credential"),
        ({"code": "ConsoleNeedLogin", "message": "need login"}, AuthError, "does not accept the credential"),
        ({"statusCode": 403}, AuthError, "does not accept the credential"),
        ({"data": {"statusCode": "401"}}, AuthError, "does not accept the credential"),
        ({"code": "Forbidden.RAM"}, AuthError, "does not let this account read"),
        (
            {"data": {"success": False, "errorCode": "NoPermission"}},
            AuthError,
            "does not let this account read",
        ),
        (
            {"data": {"success": False, "errorCode": "Throttled", "errorMsg": "too many"}},
            Unavailable,
            "^Alibaba answered with an error: too many$",
        ),
        ({"data": {"success": False, "errorCode": "Throttled"}}, Unavailable, "error: Throttled$"),
        ({"success": False}, Unavailable, "error: it gave no reason$"),
        (wrapped({"success": False, "errorMsg": "deep"}), Unavailable, "error: deep$"),
        # The outer level only says that it failed, the inner one why.
        ({"success": False, "data": {"errorCode": "NotLogined"}}, AuthError, "does not accept"),
        ({"code": "200", "success": False, "data": {"code": "NoPermission"}}, AuthError, "does not let"),
        ({"success": False, "data": {"errorCode": "Throttled"}}, Unavailable, "error: Throttled$"),
        (
            {"code": "200", "message": "successful", "data": {"success": False, "errorMsg": "too many"}},
            Unavailable,
            "error: too many$",
        ),
    ],
)
def test_an_error_with_status_200(body: Any, kind: type[ProviderError], message: str) -> None:
    found = refusal(body)
    assert type(found) is kind
    assert found is not None
    with pytest.raises(kind, match=message):
        raise found


def test_what_to_do_about_a_refusal() -> None:
    signed_out, forbidden = refusal(payload("alibaba/signed_out")), refusal({"code": "NoPermission"})
    assert signed_out is not None
    assert forbidden is not None
    assert signed_out.hint == SIGN_IN
    assert forbidden.hint == "give it the permission AliyunTokenPlanReadOnlyAccess"
    of_a_key = refusal({"code": "NoPermission"}, "sign in")
    assert of_a_key is not None
    assert of_a_key.hint == "give it the permission AliyunTokenPlanReadOnlyAccess; sign in"


@pytest.mark.parametrize("case", ["token_plan", "token_plan_empty", "coding_plan", "summary", "user_info"])
def test_a_success_is_no_error(case: str) -> None:
    assert refusal(payload(f"alibaba/{case}")) is None


@given(usage=mutated(payload("alibaba/token_plan")), subscription=mutated(payload("alibaba/subscription")))
def test_any_token_plan_is_read_or_refused(usage: Any, subscription: Any) -> None:
    survives(lambda: parse_token_plan(usage, subscription=subscription))
    refusal(usage)


@given(body=mutated(payload("alibaba/coding_plan")), anything=ANY_JSON)
def test_any_coding_plan_is_read_or_refused(body: Any, anything: Any) -> None:
    survives(lambda: parse_coding_plan(body))
    survives(lambda: parse_printed_coding_plan(anything))


@given(body=mutated(payload("alibaba/summary")))
def test_any_summary_is_read_or_refused(body: Any) -> None:
    survives(lambda: parse_credits(body))
