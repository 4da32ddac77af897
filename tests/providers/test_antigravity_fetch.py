"""How Antigravity's cloud is asked: which host, with what, and what a refusal costs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests
import requests_mock

from tests.providers.test_antigravity import MODELS, SUMMARY
from tests.support import Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from tests.vscode import jwt, write_state
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage, plan
from usagecli.providers._antigravity.usage import pools, report
from usagecli.providers.antigravity import fetch

DAILY, PRODUCTION = "https://daily-cloudcode-pa.googleapis.com", "https://cloudcode-pa.googleapis.com"
GOOGLE = "https://oauth2.googleapis.com/token"
LOAD, QUOTA = "/v1internal:loadCodeAssist", "/v1internal:retrieveUserQuotaSummary"
MODEL, BUCKETS = "/v1internal:fetchAvailableModels", "/v1internal:retrieveUserQuota"
TOKEN, REFRESH, NEW = "ya29.fake-token", "1//fake-refresh", "ya29.fake-new"
RENEW = "open Antigravity, or run `agy`: either renews the sign-in"
SECRET = {"ANTIGRAVITY_OAUTH_CLIENT_SECRET": "fake-client-secret"}

ROUTES: dict[str, Route] = {
    LOAD: Reply(payload("antigravity/loaded")),
    QUOTA: Reply(payload("antigravity/summary")),
    MODEL: Reply(payload("antigravity/models")),
    BUCKETS: Reply(payload("antigravity/buckets")),
}
WHOLE = report(SUMMARY, loaded=payload("antigravity/loaded"))
BY_MODELS = report(pools(MODELS, paid=True), loaded=payload("antigravity/loaded"))


def read(machine: Machine, routes: Mapping[str, Route], secret: str = TOKEN) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(
            make_ask("antigravity", machine, secret=secret, base_url=server.url, timeout_s=8)
        ), server


def failure(machine: Machine, routes: Mapping[str, Route], secret: str = TOKEN) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(machine, routes, secret)
    assert "fake" not in caught.value.message
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_login(machine: Machine) -> None:
    found, server = read(machine, ROUTES)
    assert found == WHOLE
    assert [(seen.method, seen.path, seen.json()) for seen in server.seen] == [
        (
            "POST",
            LOAD,
            {
                "metadata": {
                    "ideType": "ANTIGRAVITY",
                    "platform": "PLATFORM_UNSPECIFIED",
                    "pluginType": "GEMINI",
                }
            },
        ),
        ("POST", QUOTA, {"project": "example-project"}),
    ]
    for seen in server.seen:
        names = ("authorization", "content-type", "accept", "user-agent")
        assert [seen.headers[name] for name in names] == [
            f"Bearer {TOKEN}",
            "application/json",
            "application/json",
            "antigravity",
        ]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "body"),
    [
        (TOKEN, {}),
        (json.dumps({"access_token": TOKEN, "project_id": "own-project"}), {"project": "own-project"}),
    ],
)
def test_without_plan_and_credits(machine: Machine, secret: str, body: Any) -> None:
    found, server = read(machine, {**ROUTES, LOAD: Reply({}, 500)}, secret)
    assert (found.quotas, found.plan, found.balances) == (SUMMARY, None, ())
    assert found.notes[0].startswith("plan and credits could not be read: ")
    assert server.seen[-1].json() == body


@pytest.mark.sockets
@pytest.mark.parametrize(("status", "paths"), [(401, [LOAD]), (403, [LOAD, QUOTA])])
def test_a_refused_token_is_not_tried_again(machine: Machine, status: int, paths: list[str]) -> None:
    """A 403 may be of the plan alone."""
    with serve({**ROUTES, LOAD: Reply({}, status)}) as server:
        ask = make_ask("antigravity", machine, secret=TOKEN, base_url=server.url)
        if status == 401:
            with pytest.raises(AuthError):
                fetch(ask)
        else:
            assert fetch(ask).quotas == SUMMARY
    assert server.paths() == paths


@pytest.mark.sockets
def test_the_plan_by_the_editor_s_own_record(machine: Machine) -> None:
    login = {"apiKey": TOKEN, "userStatusProtoBinaryBase64": "ogIcCgtnMS1wcm8tdGllchINR29vZ2xlIEFJIFBybw=="}
    write_state(machine, "Antigravity", {"antigravityAuthStatus": login})
    for routes, by_models in (({}, False), ({QUOTA: Reply({}, 404)}, True)):
        with serve({**ROUTES, LOAD: Reply({}, 500), **routes}) as server:
            found = fetch(make_ask("antigravity", machine, base_url=server.url))
        assert found.plan == plan("Google AI Pro")
        assert found.quotas == (BY_MODELS.quotas if by_models else SUMMARY)


@pytest.mark.sockets
def test_whose_it_is(machine: Machine) -> None:
    login = {"access_token": TOKEN, "id_token": jwt(email="dev@example.com")}
    assert read(machine, ROUTES, json.dumps(login))[0].account == "dev@example.com"


@pytest.mark.sockets
def test_an_answer_without_buckets_is_one(machine: Machine) -> None:
    """Its models would show what is not there."""
    found, server = read(machine, {**ROUTES, QUOTA: Reply({"groups": []})})
    assert found.quotas == ()
    assert server.paths() == [LOAD, QUOTA]


# -- which host -------------------------------------------------------------------------------------


def cloud(mock: requests_mock.Mocker, host: str, **change: Any) -> None:
    for path, name in ((LOAD, "loaded"), (QUOTA, "summary"), (MODEL, "models"), (BUCKETS, "buckets")):
        mock.post(host + path, **change.get(name, {"json": payload(f"antigravity/{name}")}))


def asked(mock: requests_mock.Mocker) -> list[str]:
    return [request.url for request in mock.request_history]


def test_the_first_host_is_the_one_that_counts(machine: Machine, no_network: requests_mock.Mocker) -> None:
    cloud(no_network, DAILY)
    assert fetch(make_ask("antigravity", machine, secret=TOKEN)) == WHOLE
    assert asked(no_network) == [DAILY + LOAD, DAILY + QUOTA]


@pytest.mark.parametrize(
    "error",
    [requests.exceptions.ConnectTimeout, requests.exceptions.ConnectionError, requests.exceptions.SSLError],
)
def test_the_second_host_where_the_first_cannot_be_reached(
    machine: Machine, no_network: requests_mock.Mocker, error: type[Exception]
) -> None:
    cloud(no_network, DAILY, loaded={"exc": error})
    cloud(no_network, PRODUCTION)
    found = fetch(make_ask("antigravity", machine, secret=TOKEN))
    assert found.quotas == SUMMARY
    assert found.notes == (
        "the usual host cannot be reached; the figures of the other one may be out of date",
    )
    # Once is enough to know.
    assert asked(no_network) == [DAILY + LOAD, PRODUCTION + LOAD, PRODUCTION + QUOTA]


def test_neither_host_can_be_reached(machine: Machine, no_network: requests_mock.Mocker) -> None:
    for host in (DAILY, PRODUCTION):
        no_network.post(host + LOAD, exc=requests.exceptions.ConnectTimeout)
        no_network.post(host + QUOTA, exc=requests.exceptions.ConnectTimeout)
    with pytest.raises(Unavailable):
        fetch(make_ask("antigravity", machine, secret=TOKEN))


@pytest.mark.parametrize("status", [500, 503, 429, 418, 401])
def test_an_answer_of_the_first_host_is_final(
    machine: Machine, no_network: requests_mock.Mocker, status: int
) -> None:
    cloud(no_network, DAILY, summary={"status_code": status}, models={"status_code": status})
    cloud(no_network, PRODUCTION)
    with pytest.raises(ProviderError):
        fetch(make_ask("antigravity", machine, secret=TOKEN))
    assert not [url for url in asked(no_network) if url.startswith(PRODUCTION)]


# -- where there is no summary ----------------------------------------------------------------------

NO_SUMMARY = [
    Reply({}, 404),
    Reply({}),
    Reply({"code": 5, "message": "x"}),
    Reply([]),
    Reply(b"<html></html>"),
]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", NO_SUMMARY)
def test_the_models_stand_in(machine: Machine, reply: Reply) -> None:
    found, server = read(machine, {**ROUTES, QUOTA: reply})
    assert found == BY_MODELS
    assert server.paths() == [LOAD, QUOTA, MODEL]
    assert server.seen[-1].json() == {"project": "example-project"}


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply", [Reply({}, 400), Reply({}, 418), Reply({}, 302, {"Location": "/elsewhere"})]
)
def test_another_refusal_of_the_summary_is_final(machine: Machine, reply: Reply) -> None:
    with serve({**ROUTES, QUOTA: reply}) as server, pytest.raises(PayloadError):
        fetch(make_ask("antigravity", machine, secret=TOKEN, base_url=server.url))
    assert server.paths() == [LOAD, QUOTA]


def full(share: float = 1) -> Any:
    """Models of which all is left."""
    return {
        "models": {
            name: {"displayName": name, "quotaInfo": {"remainingFraction": share}}
            for name in ("Gemini 3", "Claude")
        }
    }


@pytest.mark.sockets
def test_all_full_is_asked_once_more(machine: Machine) -> None:
    routes = {**ROUTES, QUOTA: Reply({}, 404), MODEL: Reply(full())}
    found, server = read(machine, routes)
    assert [(quota.id, str(quota.used)) for quota in found.quotas] == [
        ("gemini", "16.00"),
        ("claude_gpt", "0"),
    ]
    assert server.paths() == [LOAD, QUOTA, MODEL, BUCKETS]
    found, _ = read(machine, {**routes, BUCKETS: Reply({}, 500)})
    assert [(quota.id, str(quota.used)) for quota in found.quotas] == [("gemini", "0"), ("claude_gpt", "0")]
    assert read(machine, {**routes, MODEL: Reply(full(0.9))})[1].paths() == [LOAD, QUOTA, MODEL]


@pytest.mark.sockets
def test_models_that_are_refused(machine: Machine) -> None:
    routes = {**ROUTES, QUOTA: Reply({}, 404), MODEL: Reply({}, 403)}
    found, server = read(machine, routes)
    assert [quota.id for quota in found.quotas] == ["gemini"]
    assert server.paths() == [LOAD, QUOTA, MODEL, BUCKETS]
    assert isinstance(failure(machine, {**routes, BUCKETS: Reply({}, 403)}), AuthError)
    assert isinstance(failure(machine, {**routes, MODEL: Reply({}, 401)}), AuthError)


@pytest.mark.sockets
def test_where_neither_can_be_read_the_answer_is_none(machine: Machine) -> None:
    for reply in NO_SUMMARY:
        for other in (Reply({}), Reply({"models": {}}), Reply({}, 404)):
            assert isinstance(failure(machine, {**ROUTES, QUOTA: reply, MODEL: other}), PayloadError)


# -- refusals ---------------------------------------------------------------------------------------

THROTTLED = {
    "error": {
        "code": 429,
        "status": "RESOURCE_EXHAUSTED",
        "details": [
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "QUOTA_EXHAUSTED",
                "metadata": {"quotaResetDelay": "90s", "quotaResetTimeStamp": "2026-11-21T08:01:30Z"},
            }
        ],
    }
}


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "until"),
    [
        (Reply({}, 401), AuthError, "refused Antigravity's login (401)", None),
        (Reply({}, 403), AuthError, "refused Antigravity's login (403)", None),
        (Reply({}, 408), RateLimited, "(408)", None),
        (Reply({}, 429), RateLimited, "(429)", None),
        (Reply(THROTTLED, 429), RateLimited, "(429)", "2026-11-21T08:01:30"),
        (Reply(THROTTLED, 408), RateLimited, "(408)", "2026-11-21T08:01:30"),
        (Reply({}, 429, {"Retry-After": "60"}), RateLimited, "(429)", "2026-11-21T08:01:00"),
        (Reply({}, 500), Unavailable, "(500)", None),
    ],
)
def test_refusals(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, until: str | None
) -> None:
    error = failure(machine, {**ROUTES, QUOTA: reply})
    assert (type(error) is kind or issubclass(type(error), kind), message in error.message) == (True, True)
    assert error.retry_at == (utc(until) if until else None)
    assert kind is not AuthError or error.hint == RENEW


# -- renewing ---------------------------------------------------------------------------------------


def login(**more: Any) -> str:
    token = {"access_token": TOKEN, "refresh_token": REFRESH, **more}
    return json.dumps({"token": {name: value for name, value in token.items() if value}})


def answering(mock: requests_mock.Mocker, good: str = NEW) -> None:
    """A cloud that takes one token only."""

    def reply(request: Any, context: Any) -> Any:
        if request.headers["Authorization"] != f"Bearer {good}":
            context.status_code = 401
            return {}
        return payload("antigravity/loaded" if request.url.endswith(LOAD) else "antigravity/summary")

    for path in (LOAD, QUOTA):
        mock.post(DAILY + path, json=reply)


def renewals(mock: requests_mock.Mocker) -> list[dict[str, list[str]]]:
    return [parse_qs(request.text) for request in mock.request_history if request.url == GOOGLE]


FORM = {
    "client_id": ["1071006060591-tmhssin2h21lcre235vtolojh4g403ep.apps.googleusercontent.com"],
    "client_secret": ["fake-client-secret"],
    "refresh_token": [REFRESH],
    "grant_type": ["refresh_token"],
}


@pytest.mark.parametrize(
    ("secret", "first"),
    [
        # Old by its own date: renewed first. Within a minute of it too.
        (login(expiry="2026-11-21T07:00:00Z"), GOOGLE),
        (login(expiry="2026-11-21T08:00:59Z"), GOOGLE),
        (login(access_token=None), GOOGLE),
        # Fresh, or of no known age: tried first.
        (login(expiry="2026-11-21T08:01:00Z"), DAILY + LOAD),
        (login(), DAILY + LOAD),
    ],
)
def test_a_token_is_renewed_in_memory(
    own_home: Path, no_network: requests_mock.Mocker, secret: str, first: str
) -> None:
    answering(no_network)
    id_token = jwt(email="dev@example.com")
    no_network.post(GOOGLE, json={"access_token": NEW, "expires_in": 3599, "id_token": id_token})
    found = fetch(make_ask("antigravity", make_machine(own_home, SECRET), secret=secret))
    assert (found.quotas, found.account) == (SUMMARY, "dev@example.com")
    assert asked(no_network)[0] == first
    assert renewals(no_network) == [FORM]
    assert not list(own_home.rglob("*"))


def test_a_login_with_its_own_client(machine: Machine, no_network: requests_mock.Mocker) -> None:
    answering(no_network)
    no_network.post(GOOGLE, json={"access_token": NEW})
    body = {
        "access_token": TOKEN,
        "refresh_token": REFRESH,
        "client_id": "own-id",
        "client_secret": "fake-own",
    }
    assert fetch(make_ask("antigravity", machine, secret=json.dumps(body))).quotas == SUMMARY
    assert renewals(no_network) == [{**FORM, "client_id": ["own-id"], "client_secret": ["fake-own"]}]


def test_an_old_token_without_a_client_is_tried_all_the_same(
    machine: Machine, no_network: requests_mock.Mocker
) -> None:
    answering(no_network, TOKEN)
    old = login(expiry="2026-11-21T07:00:00Z")
    assert fetch(make_ask("antigravity", machine, secret=old)).quotas == SUMMARY
    assert renewals(no_network) == []


def test_only_a_refresh_token_and_no_client(machine: Machine, no_network: requests_mock.Mocker) -> None:
    with pytest.raises(AuthError, match="needs renewing, and Antigravity's own client") as caught:
        fetch(make_ask("antigravity", machine, secret=login(access_token=None)))
    assert str(caught.value.hint).startswith(RENEW)
    assert asked(no_network) == []


def test_a_new_token_that_is_refused_is_not_renewed_again(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    answering(no_network, "ya29.fake-third")
    no_network.post(GOOGLE, json={"access_token": NEW})
    with pytest.raises(AuthError, match="401"):
        fetch(make_ask("antigravity", make_machine(own_home, SECRET), secret=login()))
    assert len(renewals(no_network)) == 1


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"error": "invalid_grant"}, AuthError),
        (401, {}, AuthError),
        (408, {}, Unavailable),
        (429, {}, Unavailable),
        (503, {}, Unavailable),
        (200, {}, PayloadError),
        (200, {"access_token": " "}, PayloadError),
    ],
)
def test_a_renewal_that_fails(
    own_home: Path, no_network: requests_mock.Mocker, status: int, body: Any, kind: type[ProviderError]
) -> None:
    no_network.post(GOOGLE, json=body, status_code=status)
    with pytest.raises(ProviderError) as caught:
        fetch(make_ask("antigravity", make_machine(own_home, SECRET), secret=login(access_token=None)))
    assert type(caught.value) is kind
    assert kind is not AuthError or caught.value.hint == RENEW
