"""Warp: what its API says of credits, and how it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests_mock
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz import mutated, survives
from tests.support import NOW, Reply, d, make_ask, make_machine, payload, serve, utc
from usagecli import assess
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.model import Balance, Quota, Service, Spend, Usage, plan
from usagecli.providers.warp import DESCRIPTOR, fetch, parse

SERVICE = Service(name="warp", provider="warp")
PATH, QUERY = "/graphql/v2", "op=GetRequestLimitInfo"
KEY = "wk-fake"
REFRESH = utc("2026-12-09T19:16:33")
NEW_KEY = "make a new key in Warp: Settings, Platform, API Keys"


def credits_(used: int, limit: int | None, **more: Any) -> Quota:
    return Quota(
        id="credits",
        label="Credits",
        unit="credits",
        used=d(used),
        limit=None if limit is None else d(limit),
        **more,
    )


def bonus(amount: int) -> Balance:
    return Balance(id="bonus", label="Bonus credits", unit="credits", amount=d(amount))


def month(dollars: str) -> Spend:
    return Spend(id="monthly", label="This month", unit="usd", amount=d(dollars))


def answer(info: Any = None, **user: Any) -> Any:
    """The monthly answer with some of its figures replaced."""
    body = payload("warp/monthly")
    found = body["data"]["user"]["user"]
    found["requestLimitInfo"].update(info or {})
    found.update(user)
    return body


def read(info: Any = None, **user: Any) -> Usage:
    return parse(answer(info, **user), now=NOW)


@pytest.mark.parametrize(
    ("case", "expected", "weight"),
    [
        (
            "monthly",
            Usage(
                quotas=(credits_(812, 2500, resets_at=REFRESH),),
                balances=(bonus(875),),
                spend=(month("12.5"),),
            ),
            "ok",
        ),
        (
            "weekly_over",
            Usage(
                quotas=(credits_(165, 150, window_seconds=604800, resets_at=utc("2026-11-26T10:00:00")),),
                balances=(bonus(150),),
                spend=(month("0"),),
            ),
            "exhausted",
        ),
        ("unlimited", Usage(quotas=(credits_(9001, None, unlimited=True),), plan=plan("Unlimited")), "ok"),
    ],
)
def test_parse(case: str, expected: Usage, weight: str) -> None:
    """A spent plan is exhausted, bonus credits or not."""
    assert parse(payload(f"warp/{case}"), now=NOW) == expected
    assert assess.judged(expected, SERVICE)[1] == weight


def test_overage_passes_a_hundred_percent() -> None:
    (quota,) = parse(payload("warp/weekly_over"), now=NOW).quotas
    assert (quota.percent_used, quota.remaining) == (d(110), d(0))


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [
        ("MONTHLY", None),
        ("WEEKLY", 604800),
        ("EVERY_TWO_WEEKS", 1209600),
        ("EveryTwoWeeks", 1209600),
        ("every two weeks", 1209600),
        ("YEARLY", None),
        (None, None),
        (7, None),
    ],
)
def test_the_window_in_any_spelling(duration: Any, seconds: int | None) -> None:
    assert read({"requestLimitRefreshDuration": duration}).quotas[0].window_seconds == seconds


@pytest.mark.parametrize("limit", [0, "0", None])
def test_use_without_a_limit_has_no_percentage(limit: Any) -> None:
    (quota,) = read({"requestLimit": limit}).quotas
    assert (quota.used, quota.limit, quota.percent_used, quota.unlimited) == (d(812), None, None, False)
    assert assess.quota_status(quota, d(10)) is None


def test_the_use_of_an_unlimited_plan_may_be_untold() -> None:
    told = {"requestsUsedSinceLastRefresh": None, "requestLimit": None}
    (quota,) = read({**told, "isUnlimited": True}).quotas
    assert (quota.used, quota.unlimited, assess.quota_status(quota, d(10))) == (None, True, "ok")
    with pytest.raises(PayloadError, match="^requestsUsedSinceLastRefresh: "):
        read(told)


def test_use_below_0_is_none() -> None:
    (quota,) = read({"requestsUsedSinceLastRefresh": -3}).quotas
    assert (quota.used, quota.remaining, quota.percent_used) == (d(0), d(2500), d(0))


@pytest.mark.parametrize("value", [None, False, 0, "true", []])
def test_only_true_is_unlimited(value: Any) -> None:
    usage = read({"isUnlimited": value})
    assert (usage.quotas[0].unlimited, usage.plan) == (False, None)


@pytest.mark.parametrize("value", ["2026-12-09T19:16:33.462988Z", "2026-12-09T19:16:33Z"])
def test_the_refresh_with_and_without_fractions(value: str) -> None:
    assert read({"nextRefreshTime": value}).quotas[0].resets_at == REFRESH


def grant(left: Any, expiration: Any = None) -> dict[str, Any]:
    return {"requestCreditsGranted": 900, "requestCreditsRemaining": left, "expiration": expiration}


@pytest.mark.parametrize(
    ("grants", "balances", "noted"),
    [
        ([grant(5), grant("7")], (bonus(12),), False),
        ([grant(5, "2026-11-21T08:00:00Z"), grant(7, "2026-11-21T08:00:01Z")], (bonus(7),), False),
        ([grant(5, "some day")], (bonus(5),), False),
        ([grant(0)], (), False),
        ([], (), False),
        (None, (), False),
        ([grant(None), grant(3)], (bonus(3),), True),
        ([None], (), True),
    ],
)
def test_bonus_credits_are_those_that_are_left(grants: Any, balances: Any, noted: bool) -> None:
    usage = read(bonusGrants=grants, workspaces=None)
    assert usage.balances == balances
    assert usage.notes == (("a grant of bonus credits could not be read",) if noted else ())


def workspace(cents: Any, *grants: Any) -> dict[str, Any]:
    return {"bonusGrantsInfo": {"grants": list(grants), "spendingInfo": {"currentMonthSpendCents": cents}}}


@pytest.mark.parametrize(
    ("workspaces", "spend"),
    [
        ([workspace(0)], (month("0"),)),
        ([workspace(101), workspace("99")], (month("2"),)),
        ([workspace(None), workspace(7)], (month("0.07"),)),
        ([workspace(None)], ()),
        ([{"bonusGrantsInfo": None}], ()),
        ([None], ()),
        ([], ()),
    ],
)
def test_the_spending_of_all_workspaces(workspaces: Any, spend: Any) -> None:
    assert read(workspaces=workspaces).spend == spend


def test_grants_of_every_workspace_count() -> None:
    assert read(
        bonusGrants=[grant(1)], workspaces=[workspace(0, grant(2)), workspace(0, grant(4))]
    ).balances == (bonus(7),)


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ({"errors": [{"message": "Unauthorized"}]}, AuthError, "Warp refused the key: Unauthorized"),
        ({"errors": [{"message": "403 Forbidden"}], "data": None}, AuthError, "the key: 403 Forbidden"),
        ({"errors": [{"message": "bad auth token"}]}, AuthError, "the key: bad auth token"),
        (
            {"errors": [{"message": "Cannot query field"}], **payload("warp/monthly")},
            PayloadError,
            "errors: Warp answered with an error: Cannot query field",
        ),
        ({"errors": ["x"]}, PayloadError, "errors: Warp answered with an error$"),
        (
            {"errors": [{"message": "Try later"}, {"message": "Unauthorized"}]},
            AuthError,
            "Warp refused the key: Unauthorized",
        ),
        ({"errors": [None, {"message": "Try later"}]}, PayloadError, "with an error: Try later"),
        (
            {"data": {"user": {"__typename": "UserFacingError", "error": {"message": "Try later"}}}},
            PayloadError,
            "data.user: Warp answered with an error: Try later",
        ),
        (
            {"data": {"user": {"__typename": "UserFacingError", "error": {"message": "Not authorized"}}}},
            AuthError,
            "Warp refused the key: Not authorized",
        ),
        (
            {"data": {"user": {"__typename": "Other"}}},
            PayloadError,
            "data.user: Warp answered with an error$",
        ),
        ({"data": None}, PayloadError, "data: expected an object"),
        (
            {"data": {"user": {"__typename": "UserOutput"}}},
            PayloadError,
            "data.user.user: expected an object",
        ),
        (
            {"data": {"user": {"__typename": "UserOutput", "user": {}}}},
            PayloadError,
            "requestLimitInfo: expected an object, got nothing",
        ),
        (answer({"requestsUsedSinceLastRefresh": None}), PayloadError, "requestsUsedSinceLastRefresh: "),
        (answer({"requestLimit": "many"}), PayloadError, "requestLimit: "),
        ([], PayloadError, "body: expected an object"),
    ],
)
def test_errors_within_an_answer(body: Any, kind: type[ProviderError], message: str) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        parse(body, now=NOW)
    assert type(caught.value) is kind
    assert caught.value.hint == (NEW_KEY if kind is AuthError else None)


@given(body=mutated(payload("warp/monthly")))
def test_any_answer_is_read_or_refused(body: Any) -> None:
    try:
        survives(lambda: parse(body, now=NOW))
    except AuthError:
        assert "errors" in body or body["data"]["user"]["__typename"] != "UserOutput"


@given(used=st.integers(0, 10**6), limit=st.integers(1, 10**6))
def test_the_percentage_is_that_of_the_credits(used: int, limit: int) -> None:
    (quota,) = read({"requestsUsedSinceLastRefresh": used, "requestLimit": limit}).quotas
    assert quota.percent_used is not None
    assert abs(float(quota.percent_used) - used / limit * 100) <= 1e-6 * max(1, used / limit)
    assert quota.remaining == max(0, limit - used)


# -- asking -----------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    with serve({PATH: Reply(payload("warp/monthly"))}) as server:
        usage = fetch(make_ask("warp", machine, secret=KEY, base_url=server.url))
    assert usage == parse(payload("warp/monthly"), now=NOW)
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("POST", PATH, QUERY)
    wanted = {
        "authorization": f"Bearer {KEY}",
        "content-type": "application/json",
        "accept": "application/json",
        "user-agent": "Warp/1.0",
        "x-warp-client-id": "warp-app",
        "x-warp-os-category": "Linux",
        "x-warp-os-name": "Linux",
        "x-warp-os-version": "6.1",
    }
    assert {name: seen.headers[name] for name in wanted} == wanted
    body = seen.json()
    query = body.pop("query")
    system = {"category": "Linux", "name": "Linux", "version": "6.1"}
    assert body == {
        "operationName": "GetRequestLimitInfo",
        "variables": {"requestContext": {"clientContext": {}, "osContext": system}},
    }
    grants = "{ requestCreditsGranted requestCreditsRemaining expiration }"
    assert " ".join(query.split()) == (
        "query GetRequestLimitInfo($requestContext: RequestContext!) { "
        "user(requestContext: $requestContext) { __typename ... on UserOutput { user { "
        "requestLimitInfo { isUnlimited nextRefreshTime requestLimit "
        f"requestsUsedSinceLastRefresh requestLimitRefreshDuration }} bonusGrants {grants} workspaces {{ uid "
        f"bonusGrantsInfo {{ grants {grants} spendingInfo {{ currentMonthSpendCents "
        "currentMonthCreditsPurchased currentMonthPeriodEnd } } } } } "
        "... on UserFacingError { error { message } } } }"
    )


def test_the_host_and_the_usual_places(own_home: Path, no_network: requests_mock.Mocker) -> None:
    assert [place.name for place in DESCRIPTOR.places] == ["WARP_API_KEY", "WARP_TOKEN"]
    no_network.post(f"https://app.warp.dev{PATH}", json=payload("warp/unlimited"))
    env = {"WARP_TOKEN": "wk-fake-other", "WARP_API_KEY": KEY}
    assert fetch(make_ask("warp", make_machine(own_home, env))).plan == plan("Unlimited")
    assert no_network.last_request is not None
    assert no_network.last_request.headers["Authorization"] == f"Bearer {KEY}"


WEB_PAGE = {"Content-Type": "text/html"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply({}, 401), AuthError, r"Warp refused the key \(401\)"),
        (Reply({}, 403), AuthError, r"Warp refused the key \(403\)"),
        (Reply(b"<html>no</html>", 403, WEB_PAGE), Unavailable, r"answered with a web page \(403\)"),
        (Reply(b"Rate exceeded.", 429, {"Content-Type": "text/plain"}), RateLimited, "asked us to wait"),
        (Reply({}, 502), Unavailable, r"has a problem of its own \(502\)"),
        (Reply({}, 400), PayloadError, "answered 400"),
        (Reply(b"<html>", 200, WEB_PAGE), PayloadError, "answered with a web page"),
    ],
)
def test_refusals(machine: Machine, reply: Reply, kind: type[ProviderError], message: str) -> None:
    with serve({PATH: reply}) as server, pytest.raises(ProviderError, match=message) as caught:
        fetch(make_ask("warp", machine, secret=KEY, base_url=server.url))
    assert type(caught.value) is kind
    if kind is RateLimited:
        assert "clients that it does not know" in str(caught.value.hint)
    assert len(server.seen) == 1
