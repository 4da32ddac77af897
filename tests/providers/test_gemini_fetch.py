"""How Google is asked with a login or a key: where, with what, and what each refusal means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock

from tests.providers.test_gemini_credentials import KEY, LOGIN, REFRESH, TOKEN, jwt, put
from tests.support import Reply, Route, Server, make_ask, make_machine, payload, serve
from usagecli.errors import (
    AuthError,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._gemini import login
from usagecli.providers._gemini.usage import STANDARD, parse
from usagecli.providers.gemini import fetch

LOAD, QUOTA = "/v1internal:loadCodeAssist", "/v1internal:retrieveUserQuota"
PROJECTS, MODELS = "/v1/projects", "/v1beta/models"
OWN, TOKEN_URL = "https://cloudcode-pa.googleapis.com", "https://oauth2.googleapis.com/token"
METADATA = {"ideType": "IDE_UNSPECIFIED", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}
CLIENT = {"GEMINI_OAUTH_CLIENT_ID": "42-fake-id", "GEMINI_OAUTH_CLIENT_SECRET": "fake-client-secret"}
HTML = b"<!DOCTYPE html><html>Sorry</html>"
SIGN_IN = "run `gemini` and log in again"
ANTIGRAVITY = "use the provider antigravity instead"


def recorded(case: str, status: int = 200, **headers: str) -> Reply:
    return Reply(payload(f"gemini/{case}"), status, headers)


ROUTES: dict[str, Route] = {LOAD: recorded("load_standard"), QUOTA: recorded("quota_standard")}


@pytest.fixture(autouse=True)
def no_system_roots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "SYSTEM_ROOTS", ())


def read(
    machine: Machine, routes: Mapping[str, Route], secret: Any = TOKEN, **more: Any
) -> tuple[Usage, Server]:
    with serve({**ROUTES, **routes}) as server:
        return fetch(make_ask("gemini", machine, secret=secret, base_url=server.url, **more)), server


def failure(
    machine: Machine, routes: Mapping[str, Route], secret: Any = TOKEN, **more: Any
) -> tuple[ProviderError, Server]:
    with serve({**ROUTES, **routes}) as server, pytest.raises(ProviderError) as caught:
        fetch(make_ask("gemini", machine, secret=secret, base_url=server.url, **more))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value, server


# -- what is sent -------------------------------------------------------------------------------------


@pytest.mark.sockets
def test_a_login(machine: Machine) -> None:
    usage, server = read(machine, {})
    assert usage == parse(payload("gemini/quota_standard"), loaded=payload("gemini/load_standard"))
    assert [(seen.method, seen.path, seen.query, seen.json()) for seen in server.seen] == [
        ("POST", LOAD, "", {"metadata": METADATA}),
        ("POST", QUOTA, "", {"project": "acme-dev-4711"}),
    ]
    for seen in server.seen:
        assert seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert seen.headers["content-type"] == "application/json"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("given", "env", "project"),
    [
        ({"project": "mine"}, {"GOOGLE_CLOUD_PROJECT": "theirs"}, "mine"),
        ({}, {"GOOGLE_CLOUD_PROJECT": "mine", "GOOGLE_CLOUD_PROJECT_ID": "theirs"}, "mine"),
        ({}, {"GOOGLE_CLOUD_PROJECT_ID": "mine"}, "mine"),
        ({"project_id": "mine"}, {}, "mine"),
    ],
)
def test_the_user_s_project(own_home: Path, given: Any, env: Any, project: str) -> None:
    routes = {LOAD: recorded("load_unset")}
    _, server = read(make_machine(own_home, env), routes, given=given)
    assert [seen.json() for seen in server.seen] == [
        {"cloudaicompanionProject": project, "metadata": {**METADATA, "duetProject": project}},
        {"project": project},
    ]


@pytest.mark.sockets
def test_the_free_tier_s_managed_project_wins_over_the_user_s(machine: Machine) -> None:
    _, server = read(machine, {LOAD: recorded("load_free")}, given={"project": "mine"})
    assert server.seen[1].json() == {"project": "example-managed-3f"}


@pytest.mark.sockets
@pytest.mark.parametrize("env", ["GOOGLE_CLOUD_PROJECT", "GOOGLE_CLOUD_PROJECT_ID"])
def test_a_project_number_is_refused_as_the_cli_does(own_home: Path, env: str) -> None:
    error, server = failure(make_machine(own_home, {env: "123456789"}), {})
    assert isinstance(error, ServiceError)
    assert error.message == "the Google Cloud project is given as a number"
    assert server.seen == []


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("projects", "body"),
    [
        (recorded("projects"), {"project": "gen-lang-client-0815"}),
        (Reply({"projects": [{"projectId": "acme"}]}), {}),
        (Reply({}), {}),
        (Reply([]), {}),
        (Reply({}, 401), {}),
        (Reply({}, 403), {}),
        (Reply(HTML), {}),
    ],
)
def test_a_project_is_looked_for_only_where_none_is_known(
    machine: Machine, projects: Reply, body: Any
) -> None:
    usage, server = read(machine, {LOAD: recorded("load_unset"), PROJECTS: projects})
    assert [(seen.method, seen.path) for seen in server.seen] == [
        ("POST", LOAD),
        ("GET", PROJECTS),
        ("POST", QUOTA),
    ]
    assert server.seen[1].headers["authorization"] == f"Bearer {TOKEN}"
    assert server.seen[2].json() == body
    assert usage.notes == ()


@pytest.mark.sockets
def test_the_pages_of_projects_are_followed(machine: Machine) -> None:
    pages = [Reply({"projects": [{"projectId": "acme"}], "nextPageToken": "p 2"}), recorded("projects")]
    _, server = read(machine, {LOAD: recorded("load_unset"), PROJECTS: list(pages)})
    assert [seen.query for seen in server.seen] == ["", "", "pageToken=p+2", ""]
    assert server.seen[3].json() == {"project": "gen-lang-client-0815"}


@pytest.mark.sockets
def test_pages_without_end_are_not(machine: Machine) -> None:
    _, server = read(machine, {LOAD: recorded("load_unset"), PROJECTS: Reply({"nextPageToken": "again"})})
    assert server.paths().count(PROJECTS) == 20


def mock_own(mocker: requests_mock.Mocker, host: str = OWN) -> None:
    mocker.post(host + LOAD, json=payload("gemini/load_standard"))
    mocker.post(host + QUOTA, json=payload("gemini/quota_standard"))


def asked(mocker: requests_mock.Mocker) -> list[tuple[str, str | None]]:
    return [(seen.url, seen.headers.get("Authorization")) for seen in mocker.request_history]


def test_google_s_own_host(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_own(no_network)
    path = put(own_home, LOGIN)
    before = path.read_bytes()
    usage = fetch(make_ask("gemini", make_machine(own_home)))
    assert asked(no_network) == [(OWN + LOAD, f"Bearer {TOKEN}"), (OWN + QUOTA, f"Bearer {TOKEN}")]
    assert (usage.account, usage.source) == ("dev@example.com", "oauth")
    assert path.read_bytes() == before


def test_projects_are_looked_for_at_their_own_host(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_own(no_network)
    no_network.post(OWN + LOAD, json={"currentTier": {"id": "legacy-tier"}})
    url = "https://cloudresourcemanager.googleapis.com/v1/projects"
    no_network.get(url, json=payload("gemini/projects"))
    fetch(make_ask("gemini", make_machine(own_home), secret=TOKEN))
    assert asked(no_network)[1] == (url, f"Bearer {TOKEN}")


def test_the_environment_may_move_the_endpoint(own_home: Path, no_network: requests_mock.Mocker) -> None:
    host = "https://code.example.com"
    no_network.post(f"{host}/v2:loadCodeAssist", json=payload("gemini/load_standard"))
    no_network.post(f"{host}/v2:retrieveUserQuota", json=payload("gemini/quota_standard"))
    env = {"CODE_ASSIST_ENDPOINT": f"{host}/", "CODE_ASSIST_API_VERSION": "v2"}
    assert fetch(make_ask("gemini", make_machine(own_home, env), secret=TOKEN)).quotas


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"CODE_ASSIST_ENDPOINT": "http://code.example.com"}, "CODE_ASSIST_ENDPOINT must be https"),
        ({"CODE_ASSIST_API_VERSION": "v1/../x"}, "CODE_ASSIST_API_VERSION is no version"),
    ],
)
def test_a_wrong_endpoint_of_the_environment(own_home: Path, env: Any, message: str) -> None:
    with pytest.raises(ServiceError, match=message):
        fetch(make_ask("gemini", make_machine(own_home, env), secret=TOKEN))


@pytest.mark.sockets
def test_the_service_s_base_url_wins_and_may_hold_the_version(own_home: Path) -> None:
    machine = make_machine(own_home, {"CODE_ASSIST_ENDPOINT": "https://code.example.com"})
    with serve(ROUTES) as server:
        fetch(make_ask("gemini", machine, secret=TOKEN, base_url=f"{server.url}/v1internal"))
    assert server.paths() == [LOAD, QUOTA]


# -- renewing -----------------------------------------------------------------------------------------


def only(token: str, case: str) -> Any:
    """An answer to that token alone; 401 to others."""

    def answer(request: Any, context: Any) -> Any:
        if request.headers["Authorization"] == f"Bearer {token}":
            return payload(f"gemini/{case}")
        context.status_code = 401
        return {}

    return answer


def mock_renewed(mocker: requests_mock.Mocker, body: Any = None) -> None:
    """Code Assist takes the renewed token only."""
    mocker.post(OWN + LOAD, json=only("ya29.fake-renewed", "load_free"))
    mocker.post(OWN + QUOTA, json=only("ya29.fake-renewed", "quota_standard"))
    mocker.post(TOKEN_URL, json=payload("gemini/token") if body is None else body)


@pytest.mark.parametrize("login", [LOGIN, {**LOGIN, "expiry_date": 1}, {**LOGIN, "expiry_date": 9e12}])
def test_a_refused_token_is_renewed_once_in_memory(
    own_home: Path, no_network: requests_mock.Mocker, login: Any
) -> None:
    """It is tried first, whatever its own date says, and the file stays as it is."""
    mock_renewed(no_network)
    path = put(own_home, login)
    before = path.read_bytes()
    usage = fetch(make_ask("gemini", make_machine(own_home, CLIENT)))
    assert asked(no_network) == [
        (OWN + LOAD, f"Bearer {TOKEN}"),
        (TOKEN_URL, None),
        (OWN + LOAD, "Bearer ya29.fake-renewed"),
        (OWN + QUOTA, "Bearer ya29.fake-renewed"),
    ]
    form = no_network.request_history[1]
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert parse_qs(form.text, strict_parsing=True) == {
        "client_id": ["42-fake-id"],
        "client_secret": ["fake-client-secret"],
        "refresh_token": [REFRESH],
        "grant_type": ["refresh_token"],
    }
    assert (usage.plan, usage.notes) == ({"name": "Workspace", "renewsAt": None}, ())
    assert path.read_bytes() == before


def test_a_login_without_a_token_is_renewed_at_once(own_home: Path, no_network: requests_mock.Mocker) -> None:
    id_token = jwt(email="new@example.com")
    mock_renewed(no_network, {**payload("gemini/token"), "id_token": id_token})
    put(own_home, {"refresh_token": REFRESH})
    usage = fetch(make_ask("gemini", make_machine(own_home, CLIENT)))
    assert [url for url, _ in asked(no_network)] == [TOKEN_URL, OWN + LOAD, OWN + QUOTA]
    assert usage.account == "new@example.com"


def test_a_login_is_renewed_by_the_client_that_stands_beside_it(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    mock_renewed(no_network)
    secret = {"refresh_token": REFRESH, "client_id": "fake-other", "client_secret": "fake-its-own"}
    fetch(make_ask("gemini", make_machine(own_home, CLIENT), secret=json.dumps(secret)))
    assert parse_qs(no_network.request_history[0].text)["client_id"] == ["fake-other"]


def refused(mocker: requests_mock.Mocker, home: Path, login: Any, env: Any = None) -> ProviderError:
    put(home, login)
    with pytest.raises(ProviderError) as caught:
        fetch(make_ask("gemini", make_machine(home, env)))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    return caught.value


def test_without_a_refresh_token_a_401_is_the_end(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_renewed(no_network)
    error = refused(no_network, own_home, {"access_token": TOKEN}, CLIENT)
    assert isinstance(error, AuthError)
    assert error.message.startswith("Google refused the token from ")
    assert str(error.hint).startswith(SIGN_IN)
    assert len(no_network.request_history) == 1


@pytest.mark.parametrize("login", [LOGIN, {"refresh_token": REFRESH}])
def test_without_a_client_the_user_is_to_run_gemini(
    own_home: Path, no_network: requests_mock.Mocker, login: Any
) -> None:
    mock_renewed(no_network)
    error = refused(no_network, own_home, login)
    assert isinstance(error, AuthError)
    assert "Gemini CLI's own client for that was not found" in error.message
    assert str(error.hint).startswith("run `gemini` once")
    assert TOKEN_URL not in [url for url, _ in asked(no_network)]


def test_a_second_401_is_the_end(own_home: Path, no_network: requests_mock.Mocker) -> None:
    mock_renewed(no_network, {"access_token": "ya29.fake-useless"})
    error = refused(no_network, own_home, LOGIN, CLIENT)
    assert (type(error).__mro__[1], error.hint) == (AuthError, SIGN_IN)
    assert [url for url, _ in asked(no_network)] == [OWN + LOAD, TOKEN_URL, OWN + LOAD]


def test_a_token_that_only_the_quota_refuses_is_renewed(
    own_home: Path, no_network: requests_mock.Mocker
) -> None:
    mock_renewed(no_network)
    no_network.post(OWN + LOAD, json=payload("gemini/load_free"))
    put(own_home, LOGIN)
    assert fetch(make_ask("gemini", make_machine(own_home, CLIENT))).quotas
    assert [url for url, _ in asked(no_network)] == [OWN + LOAD, OWN + QUOTA, TOKEN_URL, OWN + QUOTA]


@pytest.mark.parametrize(
    ("status", "body", "error", "hint"),
    [
        (400, payload("gemini/error_grant"), AuthError, SIGN_IN),
        (401, {"error": "invalid_client"}, AuthError, SIGN_IN),
        (403, {}, AuthError, SIGN_IN),
        (403, payload("gemini/error_ended"), AuthError, ANTIGRAVITY),
        (400, {"error": "UNSUPPORTED_CLIENT"}, AuthError, ANTIGRAVITY),
        (429, {}, RateLimited, None),
        (503, {}, Unavailable, "try again later"),
        (200, {}, PayloadError, None),
        (200, {"access_token": " "}, PayloadError, None),
        (200, {"access_token": 5}, PayloadError, None),
        (200, [], PayloadError, None),
    ],
)
def test_a_renewal_that_fails(
    own_home: Path,
    no_network: requests_mock.Mocker,
    status: int,
    body: Any,
    error: type[ProviderError],
    hint: str | None,
) -> None:
    """It is tried once, and its own error is the report's: nothing can be read without a token."""
    mock_renewed(no_network)
    no_network.post(TOKEN_URL, json=body, status_code=status)
    found = refused(no_network, own_home, LOGIN, CLIENT)
    assert (isinstance(found, error), found.hint) == (True, hint)
    assert [url for url, _ in asked(no_network)] == [OWN + LOAD, TOKEN_URL]


# -- what the quota stands without --------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (Reply({}, 403), "Google Gemini refused the credential (403)"),
        (Reply({}, 404), "answered 404"),
        (Reply({}, 429), "asked us to wait (429)"),
        (Reply({}, 500), "has a problem of its own (500)"),
        (Reply(HTML, 403), "answered with a web page (403)"),
        (Reply(b"{broken"), "answered with something that is not JSON"),
        (
            recorded("error_validation", 403),
            "verified first (403): https://accounts.google.com/signin/continue",
        ),
    ],
)
def test_tiers_that_cannot_be_read_are_a_note(machine: Machine, reply: Reply, told: str) -> None:
    usage, server = read(machine, {LOAD: reply, PROJECTS: recorded("projects")})
    assert usage.quotas == parse(payload("gemini/quota_standard")).quotas
    assert (usage.plan, usage.balances) == (None, ())
    (note,) = usage.notes
    assert note.startswith("plan and credits could not be read: ")
    assert told in note
    assert server.seen[-1].json() == {"project": "gen-lang-client-0815"}


@pytest.mark.sockets
def test_without_tiers_the_user_s_project_is_asked_for(machine: Machine) -> None:
    _, server = read(machine, {LOAD: Reply({}, 500)}, given={"project": "mine"})
    assert server.paths() == [LOAD, QUOTA]
    assert server.seen[1].json() == {"project": "mine"}


@pytest.mark.sockets
def test_a_service_perimeter_hides_a_standard_tier(machine: Machine) -> None:
    usage, _ = read(machine, {LOAD: recorded("error_perimeter", 403)}, given={"project": "mine"})
    assert usage == parse(payload("gemini/quota_standard"), loaded=STANDARD)


@pytest.mark.sockets
def test_tiers_that_hang_leave_time_for_the_quota(machine: Machine) -> None:
    def hang(handler: Any) -> None:
        handler.rfile.read(1)

    usage, _ = read(machine, {LOAD: hang, PROJECTS: Reply({})}, timeout_s=1.5)
    assert usage.quotas
    assert "did not answer in time" in usage.notes[0]


# -- the end of personal plans ------------------------------------------------------------------------

ENDED = [
    payload("gemini/error_ended"),
    {"error": {"message": "IneligibleTierError: no"}},
    {"error": {"details": [{"reason": "UNSUPPORTED_CLIENT"}]}},
    {"error": {"message": "This is no longer  supported for\nGemini Code Assist for individuals."}},
    {"error": {"message": "please MIGRATE to the antigravity suite"}},
]


@pytest.mark.sockets
@pytest.mark.parametrize("body", ENDED)
@pytest.mark.parametrize("path", [LOAD, QUOTA])
def test_personal_plans_are_over(machine: Machine, path: str, body: Any) -> None:
    error, server = failure(machine, {path: Reply(body, 403)})
    assert isinstance(error, AuthError)
    assert error.message == "Google ended Gemini CLI for personal plans on 2026-06-18"
    assert error.hint == ANTIGRAVITY
    assert server.paths()[-1] == path


@pytest.mark.sockets
def test_personal_plans_are_over_in_a_good_answer_too(machine: Machine) -> None:
    error, server = failure(machine, {LOAD: recorded("load_ended")})
    assert error.hint == ANTIGRAVITY
    assert server.paths() == [LOAD]


@pytest.mark.sockets
def test_who_has_another_tier_is_served(machine: Machine) -> None:
    loaded = {**payload("gemini/load_ended"), "currentTier": {"id": "standard-tier"}}
    assert read(machine, {LOAD: Reply(loaded), PROJECTS: Reply({})})[0].quotas


# -- refusals of the quota ----------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "error", "message", "hint"),
    [
        (Reply({}, 403), AuthError, "refused the credential (403)", SIGN_IN),
        (Reply(b"", 401), AuthError, "Google refused the token from the config file (401)", SIGN_IN),
        (
            recorded("error_validation", 403),
            AuthError,
            "verified first (403): https://accounts.google.com/signin/continue?flow=example",
            "open that link in a browser, then try again",
        ),
        (recorded("error_perimeter", 403), AuthError, "service perimeter (VPC-SC)", "ask the administrator"),
        (Reply({}, 429), RateLimited, "asked us to wait (429)", None),
        (Reply({}, 499), Unavailable, "gave up on the request (499)", "try again later"),
        (Reply({}, 500), Unavailable, "has a problem of its own (500)", "try again later"),
        (Reply(HTML, 502), Unavailable, "has a problem of its own (502)", "try again later"),
        (Reply(HTML, 403), Unavailable, "answered with a web page (403)", "try again later"),
        (Reply(HTML, 404), Unavailable, "answered with a web page (404)", "try again later"),
        (Reply({}, 400), PayloadError, "answered 400", "check base_url"),
        (Reply(HTML), PayloadError, "answered with a web page", None),
        (Reply(b"nope"), PayloadError, "something that is not JSON", None),
        (Reply([]), PayloadError, "body: expected an object", None),
        (Reply({"buckets": "x"}), PayloadError, "buckets: expected a list", None),
    ],
)
def test_refusals(
    machine: Machine, reply: Reply, error: type[ProviderError], message: str, hint: str | None
) -> None:
    found, _ = failure(machine, {QUOTA: reply})
    assert isinstance(found, error)
    assert message in found.message
    assert str(found.hint).startswith(str(hint))


@pytest.mark.sockets
def test_no_answer_at_all(machine: Machine) -> None:
    def drop(handler: Any) -> None:
        handler.close_connection = True

    assert isinstance(failure(machine, {QUOTA: drop})[0], Unavailable)


# -- an API key ---------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize("below", ["", "/v1beta"])
def test_a_key(machine: Machine, below: str) -> None:
    with serve({MODELS: recorded("models")}) as server:
        usage = fetch(make_ask("gemini", machine, secret=KEY, base_url=server.url + below))
    assert usage == Usage(
        plan={"name": "API key", "renewsAt": None},
        notes=(
            "Google tells no program what an API key has used or left: "
            "see https://aistudio.google.com/rate-limit",
        ),
    )
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.query) == ("GET", MODELS, "")
    assert seen.headers["x-goog-api-key"] == KEY
    assert "authorization" not in seen.headers


def test_a_key_goes_to_the_gemini_api(own_home: Path, no_network: requests_mock.Mocker) -> None:
    """Not to where the environment moves Code Assist."""
    no_network.get("https://generativelanguage.googleapis.com" + MODELS, json={})
    env = {"GEMINI_API_KEY": KEY, "CODE_ASSIST_ENDPOINT": "https://code.example.com"}
    assert fetch(make_ask("gemini", make_machine(own_home, env))).source == "api"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "error", "message"),
    [
        (recorded("error_key_invalid", 400), AuthError, "Google refused the API key (400)"),
        (Reply(b"API key not valid.", 400), AuthError, "Google refused the API key (400)"),
        (Reply({}, 401), AuthError, "Google refused the API key (401)"),
        (Reply({}, 403), AuthError, "Google refused the API key (403): it may be restricted"),
        (recorded("error_key_invalid", 403), AuthError, "Google refused the API key (403)"),
        (Reply({}, 400), PayloadError, "answered 400"),
        (recorded("error_key_429", 429), RateLimited, "limit 20 model gemini-3-flash"),
        (Reply(HTML, 403), Unavailable, "answered with a web page (403)"),
        (Reply({}, 500), Unavailable, "has a problem of its own (500)"),
        (Reply(HTML), PayloadError, "answered with a web page"),
        (Reply([]), PayloadError, "body: expected an object"),
    ],
)
def test_refusals_of_a_key(machine: Machine, reply: Reply, error: type[ProviderError], message: str) -> None:
    found, server = failure(machine, {MODELS: reply}, KEY)
    assert isinstance(found, error)
    assert message in found.message
    if error is AuthError:
        assert found.hint == "make a new key at https://aistudio.google.com/app/apikey"
    assert server.paths() == [MODELS]
