"""How GitHub is asked for Copilot's usage: which source, in which order, and what a refusal costs."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.providers.test_copilot import ASSUMED, EMPTY, NOT_TOLD, usage_of
from tests.providers.test_copilot_user import EXPECTED
from tests.support import Reply, Route, Server, d, make_ask, make_machine, payload, serve, utc
from usagecli import __version__
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._copilot.credentials import RENEW
from usagecli.providers.copilot import fetch

PAT, OAUTH, CLASSIC = "github_pat_fake", "gho_fake", "ghp_fake"
BILLING = "/users/octo-sample/settings/billing"
CREDITS, REQUESTS = f"{BILLING}/ai_credit/usage", f"{BILLING}/premium_request/usage"
USER = "/copilot_internal/user"
GIVEN = {"username": "octo-sample"}
RESET = str(int(utc("2026-11-21T08:20:00").timestamp()))
HTML = Reply(b"<!DOCTYPE html><html>sign in</html>", headers={"Content-Type": "text/html"})


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"copilot/{case}"), status, headers)


UNAUTHORIZED, FORBIDDEN, HIDDEN = (recorded(f"error_{code}", code) for code in (401, 403, 404))
THROTTLED = recorded("error_403", 403, **{"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET})
BROKEN = Reply({}, 500)
ON_CREDITS: dict[str, Route] = {
    "/user": Reply({"login": "octo-sample"}),
    CREDITS: recorded("ai_credits"),
    REQUESTS: recorded("premium_requests_empty"),
}


def ask(
    routes: Mapping[str, Route], machine: Machine, secret: str = PAT, **more: Any
) -> tuple[Usage, Server]:
    """The usage, and the server that was asked for it."""
    with serve(routes) as server:
        return fetch(make_ask("copilot", machine, secret=secret, base_url=server.url, **more)), server


def failure(
    routes: Mapping[str, Route], machine: Machine, secret: str = PAT, **more: Any
) -> tuple[ProviderError, Server]:
    with serve(routes) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("copilot", machine, secret=secret, base_url=server.url, **more))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value, server


# -- the documented reports -------------------------------------------------------------------------


@pytest.mark.sockets
def test_both_reports_are_asked_for_after_the_login(machine: Machine) -> None:
    usage, server = ask(ON_CREDITS, machine)
    assert server.paths() == ["/user", CREDITS, REQUESTS]
    assert {seen.query for seen in server.seen} == {""}
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {PAT}"
        assert seen.headers["accept"] == "application/vnd.github+json"
        assert seen.headers["x-github-api-version"] == "2026-03-10"
        assert seen.headers["user-agent"] == f"usagecli/{__version__}"
        assert "editor-version" not in seen.headers
    assert usage == usage_of("ai_credits", "premium_requests_empty")


@pytest.mark.sockets
def test_a_given_login_saves_a_request(machine: Machine) -> None:
    usage, server = ask(ON_CREDITS, machine, given={**GIVEN, "monthly_credits": d(7000)})
    assert server.paths() == [CREDITS, REQUESTS]
    assert usage == usage_of("ai_credits", "premium_requests_empty", monthly_credits=d(7000))


@pytest.mark.sockets
def test_a_login_is_quoted_in_the_path(machine: Machine) -> None:
    _, server = failure({}, machine, given={"username": "octo/../?x"})
    assert server.paths()[0] == "/users/octo%2F..%2F%3Fx/settings/billing/ai_credit/usage"


@pytest.mark.sockets
@pytest.mark.parametrize("body", [{}, {"login": None}, {"login": " "}, {"login": 5}])
def test_a_token_without_a_login_cannot_be_asked_for(machine: Machine, body: Any) -> None:
    error, server = failure({**ON_CREDITS, "/user": Reply(body)}, machine)
    assert (type(error), error.message, server.paths()) == (
        PayloadError,
        "login: expected a text",
        ["/user"],
    )


@pytest.mark.parametrize(("name", "kind"), [("GITHUB_PAT", "reports"), ("GH_TOKEN", "user")])
def test_the_usual_hosts(own_home: Path, no_network: requests_mock.Mocker, name: str, kind: str) -> None:
    host = "https://api.github.com"
    no_network.get(f"{host}{USER}", json=payload("copilot/user_pro_plus"))
    for path, case in ((CREDITS, "ai_credits_empty"), (REQUESTS, "premium_requests")):
        no_network.get(host + path, json=payload(f"copilot/{case}"))
    env = {name: "gho_fake_env", "GITHUB_USERNAME": "octo-sample", "COPILOT_PRO_MONTHLY_LIMIT": "1500"}
    usage = fetch(make_ask("copilot", make_machine(own_home, env)))
    paths = [CREDITS, REQUESTS] if kind == "reports" else [USER]
    assert [seen.url for seen in no_network.request_history] == [host + path for path in paths]
    assert usage == (
        usage_of("ai_credits_empty", "premium_requests", monthly_limit=d(1500))
        if kind == "reports"
        else EXPECTED["user_pro_plus"]
    )


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "given", "paths"),
    [
        (PAT, {}, ["/user", CREDITS, REQUESTS]),
        (PAT, GIVEN, [CREDITS, REQUESTS]),
        (CLASSIC, GIVEN, [CREDITS, REQUESTS]),
        (CLASSIC, {}, [USER]),
        (OAUTH, GIVEN, [USER]),
        ("ghu_fake", GIVEN, [USER]),
    ],
)
def test_which_source_a_configured_token_is_for(
    machine: Machine, secret: str, given: dict[str, str], paths: list[str]
) -> None:
    routes = {**ON_CREDITS, USER: recorded("user_pro_plus")}
    assert ask(routes, machine, secret, given=given)[1].paths() == paths


# -- one report without the other -------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (UNAUTHORIZED, "GitHub refused the token from the config file (401)"),
        (FORBIDDEN, "GitHub refused the token from the config file: a permission is missing (403)"),
        (HIDDEN, "GitHub shows no Copilot report of octo-sample (404)"),
        (THROTTLED, "GitHub asked us to wait (403)"),
        (BROKEN, "HOST has a problem of its own (500)"),
        (HTML, "body: HOST answered with a web page"),
        (Reply([]), "premium_requests report: expected an object, got a list"),
    ],
)
def test_a_failing_report_costs_only_itself(machine: Machine, reply: Reply, reason: str) -> None:
    usage, server = ask({**ON_CREDITS, REQUESTS: reply}, machine, given=GIVEN)
    told = f"the premium_request report could not be read: {reason}".replace("HOST", server.url[7:])
    assert usage == usage_of("ai_credits", notes=(told,))
    assert server.paths() == [CREDITS, REQUESTS]


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [FORBIDDEN, HIDDEN, BROKEN, HTML, Reply({"usageItems": 5})])
def test_the_older_report_stands_without_the_newer(machine: Machine, reply: Reply) -> None:
    routes = {**ON_CREDITS, CREDITS: reply, REQUESTS: recorded("premium_requests")}
    usage, _ = ask(routes, machine, given=GIVEN)
    (told, assumed) = usage.notes
    assert told.startswith("the ai_credit report could not be read: ")
    assert assumed == ASSUMED
    assert usage == usage_of("premium_requests", notes=(told,))


@pytest.mark.sockets
@pytest.mark.parametrize("hanging", [CREDITS, REQUESTS])
def test_a_report_that_hangs_costs_only_itself(machine: Machine, hanging: str) -> None:
    """It never takes all of the run's time."""
    over = threading.Event()

    def hang(handler: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    routes: dict[str, Route] = {CREDITS: recorded("ai_credits"), REQUESTS: recorded("premium_requests")}
    with serve({**routes, hanging: hang}) as server:
        asked = make_ask("copilot", machine, secret=PAT, base_url=server.url, given=GIVEN, timeout_s=4.0)
        usage = fetch(asked)
        over.set()
    assert [quota.id for quota in usage.quotas] == [
        "premium_requests" if hanging == CREDITS else "ai_credits"
    ]
    assert "did not answer in time" in usage.notes[0]
    assert asked.transport.remaining() > 0


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("first", "second", "kind"),
    [
        (BROKEN, "premium_requests_empty", Unavailable),
        (FORBIDDEN, "premium_requests_empty", AuthError),
        (HTML, "premium_requests_empty", PayloadError),
        (recorded("ai_credits_empty"), BROKEN, Unavailable),
        (recorded("ai_credits_empty"), FORBIDDEN, AuthError),
        (FORBIDDEN, BROKEN, AuthError),  # the first says why
        (BROKEN, FORBIDDEN, Unavailable),
        (BROKEN, THROTTLED, RateLimited),  # but one that ends the calls wins
        (BROKEN, UNAUTHORIZED, AuthError),
    ],
)
def test_an_empty_report_does_not_stand_in_for_one_that_failed(
    machine: Machine, first: Reply, second: Reply | str, kind: type[ProviderError]
) -> None:
    reply = recorded(second) if isinstance(second, str) else second
    error, _ = failure({**ON_CREDITS, CREDITS: first, REQUESTS: reply}, machine)
    assert isinstance(error, kind)


@pytest.mark.sockets
def test_two_empty_reports_are_a_new_month(machine: Machine) -> None:
    usage, _ = ask({**ON_CREDITS, CREDITS: recorded("ai_credits_empty")}, machine)
    assert usage == usage_of("ai_credits_empty", "premium_requests_empty")
    assert usage.notes == (EMPTY, ASSUMED)


# -- refusals ---------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (UNAUTHORIZED, "auth", "GitHub refused the token from the config file (401)", RENEW),
        (
            FORBIDDEN,
            "auth",
            "GitHub refused the token from the config file: a permission is missing (403)",
            "give it the account permission Plan: read",
        ),
        (
            HIDDEN,
            "auth",
            "GitHub shows no Copilot report of octo-sample (404)",
            "check username and token: they belong together; a seat paid by an organization shows nothing",
        ),
        (
            Reply({}, 400),
            "invalid_response",
            "HOST answered 400",
            "check base_url and the options of the service",
        ),
        (THROTTLED, "rate_limited", "GitHub asked us to wait (403)", None),
        (Reply({}, 429), "rate_limited", "GitHub asked us to wait (429)", None),
        (BROKEN, "unavailable", "HOST has a problem of its own (500)", "try again later"),
        (Reply({}, 503), "unavailable", "HOST has a problem of its own (503)", "try again later"),
        (HTML, "invalid_response", "body: HOST answered with a web page", None),
        (
            Reply(b'{"usageItems": ['),
            "invalid_response",
            "body: HOST answered with something that is not JSON",
            None,
        ),
        (Reply({}), "invalid_response", "usageItems: expected a list, got nothing", None),
        (Reply([]), "invalid_response", "ai_credits report: expected an object, got a list", None),
    ],
)
def test_what_a_refused_report_says(
    machine: Machine, reply: Reply, kind: str, message: str, hint: str | None
) -> None:
    error, server = failure(
        {"/user": Reply({"login": "octo-sample"}), CREDITS: reply, REQUESTS: reply}, machine
    )
    assert (error.kind, error.message) == (kind, message.replace("HOST", server.url[7:]))
    assert error.hint == hint


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [UNAUTHORIZED, THROTTLED, Reply({}, 429)])
def test_a_401_and_a_rate_limit_end_the_calls(machine: Machine, reply: Reply) -> None:
    _, server = failure({**ON_CREDITS, CREDITS: reply}, machine)
    assert server.paths() == ["/user", CREDITS]
    _, server = failure({**ON_CREDITS, "/user": reply}, machine)
    assert server.paths() == ["/user"]


@pytest.mark.sockets
@pytest.mark.parametrize("secret", [PAT, OAUTH])
@pytest.mark.parametrize(
    ("status", "headers", "retry_at"),
    [
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET}, "2026-11-21T08:20:00"),
        (403, {"X-RateLimit-Remaining": "0"}, None),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "soon"}, None),
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1795248000"}, None),  # now
        (403, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}, "2026-11-28T08:00:00"),
        (403, {"Retry-After": "90"}, "2026-11-21T08:01:30"),
        (403, {"Retry-After": "0"}, None),
        (
            403,
            {"Retry-After": "90", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET},
            "2026-11-21T08:01:30",
        ),
        # The reset of a limit that is not reached is another matter.
        (
            403,
            {"Retry-After": "90", "X-RateLimit-Remaining": "17", "X-RateLimit-Reset": RESET},
            "2026-11-21T08:01:30",
        ),
        (429, {"X-RateLimit-Remaining": "17", "X-RateLimit-Reset": RESET}, None),
        (429, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": RESET}, "2026-11-21T08:20:00"),
        (429, {"Retry-After": "90"}, "2026-11-21T08:01:30"),
        (429, {}, None),
    ],
)
def test_how_long_github_asks_us_to_wait(
    machine: Machine, secret: str, status: int, headers: dict[str, str], retry_at: str | None
) -> None:
    reply = recorded("error_403", status, **headers)
    error, server = failure({CREDITS: reply, USER: reply}, machine, secret, given=GIVEN)
    assert (type(error), error.message) == (RateLimited, f"GitHub asked us to wait ({status})")
    assert error.retry_at == (utc(retry_at) if retry_at else None)
    assert len(server.seen) == 1


@pytest.mark.sockets
def test_a_limit_that_is_not_reached_makes_no_rate_limit(machine: Machine) -> None:
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": RESET}
    error, _ = failure({USER: recorded("error_403", 403, **headers)}, machine, OAUTH)
    assert error.kind == "auth"


# -- a login that is not the token's ----------------------------------------------------------------

OLD = "/users/octo-old/settings/billing/ai_credit/usage"
OLD_REQUESTS = "/users/octo-old/settings/billing/premium_request/usage"
MOVED = "the token is of octo-sample, not of octo-old: correct the option username"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("refused", "paths"),
    [
        ({OLD: HIDDEN, OLD_REQUESTS: HIDDEN}, [OLD, OLD_REQUESTS]),
        ({OLD: UNAUTHORIZED}, [OLD]),
        ({OLD: HIDDEN, OLD_REQUESTS: recorded("premium_requests_empty")}, [OLD, OLD_REQUESTS]),
        ({OLD: recorded("ai_credits_empty"), OLD_REQUESTS: UNAUTHORIZED}, [OLD, OLD_REQUESTS]),
        ({OLD: BROKEN, OLD_REQUESTS: HIDDEN}, [OLD, OLD_REQUESTS]),
    ],
)
def test_a_renamed_login_is_looked_up_again(
    machine: Machine, refused: dict[str, Route], paths: list[str]
) -> None:
    usage, server = ask({**ON_CREDITS, **refused}, machine, given={"username": "octo-old"})
    assert server.paths() == [*paths, "/user", CREDITS, REQUESTS]
    assert usage == usage_of("ai_credits", "premium_requests_empty", notes=(MOVED,))
    assert usage.notes == (MOVED, NOT_TOLD)


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [UNAUTHORIZED, BROKEN, Reply({}), Reply({"login": "Octo-Old"})])
@pytest.mark.parametrize(("refusal", "code"), [(HIDDEN, "(404)"), (UNAUTHORIZED, "(401)")])
def test_without_another_login_the_refusal_stands(
    machine: Machine, reply: Reply, refusal: Reply, code: str
) -> None:
    routes: dict[str, Route] = {"/user": reply, OLD: refusal, OLD_REQUESTS: refusal}
    error, server = failure(routes, machine, given={"username": "octo-old"})
    assert type(error).__mro__[1] is AuthError
    assert code in error.message
    assert server.paths()[-1] == "/user"


@pytest.mark.sockets
@pytest.mark.parametrize("reply", [FORBIDDEN, BROKEN, THROTTLED])
def test_the_login_is_not_doubted_for_another_reason(machine: Machine, reply: Reply) -> None:
    _, server = failure(
        {**ON_CREDITS, OLD: reply, OLD_REQUESTS: reply}, machine, given={"username": "octo-old"}
    )
    assert "/user" not in server.paths()


@pytest.mark.sockets
def test_a_login_that_github_just_told_is_not_asked_for_again(machine: Machine) -> None:
    _, server = failure({**ON_CREDITS, CREDITS: HIDDEN, REQUESTS: HIDDEN}, machine)
    assert server.paths() == ["/user", CREDITS, REQUESTS]
