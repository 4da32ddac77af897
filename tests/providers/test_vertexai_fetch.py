"""Google's application default credentials, the project they are for, and how it is asked."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import requests_mock

from tests.process import posix
from tests.support import NOW, Reply, Server, make_ask, make_machine, payload, serve
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.machine import Machine
from usagecli.model import Service
from usagecli.providers._vertexai.credentials import accept, project_of
from usagecli.providers._vertexai.series import parse
from usagecli.providers._vertexai.token import access_token
from usagecli.providers.vertexai import fetch

TOKEN_URL = "https://oauth2.googleapis.com/token"
PATH = "/v3/projects/demo-1/timeSeries"
SIGN_IN = "run: gcloud auth application-default login"
USER = {
    "type": "authorized_user",
    "client_id": "fake-client-id",
    "client_secret": "fake-client-secret",
    "refresh_token": "fake-refresh",
    "quota_project_id": "billed-1",
}
ANSWERS = Reply(payload("vertexai/usage")), Reply(payload("vertexai/limits"))


def write(home: Path, body: Any = None, name: str = "application_default_credentials.json") -> Path:
    path = home / ".config" / "gcloud" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body or USER), encoding="utf-8")
    return path


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="vertexai", provider="vertexai", named=named)
    return credentials.find(registry.get("vertexai"), service, machine)


def account(**change: Any) -> dict[str, Any]:
    """A service account's file, with a key made for this test."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    told = {"type": "service_account", "project_id": "own-1", "client_email": "bot@example.com"}
    return {**told, "private_key": pem.decode(), "private_key_id": "k1", "token_uri": TOKEN_URL, **change}


# -- which login ------------------------------------------------------------------------------------


def test_the_first_file_that_exists(own_home: Path, tmp_path: Path) -> None:
    env = {"GOOGLE_APPLICATION_CREDENTIALS": str(tmp_path / "named.json")}
    with pytest.raises(NotConfigured, match="^no Google Vertex AI credential was found"):
        find(make_machine(own_home, env))
    write(own_home, {**USER, "refresh_token": "fake-home"})
    assert find(make_machine(own_home, env)).secret.reveal() == "fake-home"
    (tmp_path / "application_default_credentials.json").write_text(
        json.dumps({**USER, "refresh_token": "fake-moved"}), encoding="utf-8"
    )
    env["CLOUDSDK_CONFIG"] = str(tmp_path)
    assert find(make_machine(own_home, env)).secret.reveal() == "fake-moved"
    (tmp_path / "named.json").write_text(
        json.dumps({**USER, "refresh_token": "fake-named"}), encoding="utf-8"
    )
    assert find(make_machine(own_home, env)).secret.reveal() == "fake-named"


def test_where_gcloud_keeps_it_on_windows(own_home: Path, tmp_path: Path) -> None:
    (tmp_path / "gcloud").mkdir()
    (tmp_path / "gcloud" / "application_default_credentials.json").write_text(json.dumps(USER))
    machine = make_machine(own_home, {"APPDATA": str(tmp_path)}, platform="win32")
    assert find(machine).kind == "authorized_user"


def test_a_login_counts_as_found_only_beside_a_trace_of_vertex_ai(own_home: Path) -> None:
    write(own_home)
    with pytest.raises(NotConfigured):
        find(make_machine(own_home), named=False)
    for name in ("GOOGLE_GENAI_USE_VERTEXAI", "CLAUDE_CODE_USE_VERTEX", "ANTHROPIC_VERTEX_PROJECT_ID"):
        assert find(make_machine(own_home, {name: "1"}), named=False).kind == "authorized_user"


@pytest.mark.parametrize("name", ["refresh_token", "client_id", "client_secret"])
def test_an_incomplete_login(own_home: Path, name: str) -> None:
    write(own_home, {**USER, name: None})
    with pytest.raises(ServiceError, match=f"holds no {name}$") as caught:
        find(make_machine(own_home))
    assert caught.value.hint == SIGN_IN


@pytest.mark.parametrize("change", [{"private_key": " "}, {"client_email": None}])
def test_an_incomplete_service_account(own_home: Path, change: Any) -> None:
    told = {"type": "service_account", "client_email": "bot@example.com", "private_key": "fake"}
    write(own_home, {**told, **change})
    with pytest.raises(ServiceError, match="holds no private_key and client_email$"):
        find(make_machine(own_home))


@pytest.mark.parametrize(
    ("text", "kind", "secret"),
    [("fake-token", "token", "fake-token"), (json.dumps(USER), "authorized_user", "fake-refresh")],
)
def test_what_may_be_configured(machine: Machine, text: str, kind: str, secret: str) -> None:
    found = accept({"": text}, "x", machine)
    assert (found.kind, found.secret.reveal()) == (kind, secret)


def test_what_only_gcloud_reads_is_not_configured_by_its_text(machine: Machine) -> None:
    with pytest.raises(ServiceError, match="^x holds neither an authorized_user nor a service_account$"):
        accept({"": '{"type": "external_account"}'}, "x", machine)


# -- which project ----------------------------------------------------------------------------------

DEFAULT = "configurations/config_default"


def login(**facts: str) -> Credential:
    return Credential(secret=credentials.Secret(""), origin="x", facts=facts)


def test_the_project_in_the_order_of_its_places(own_home: Path) -> None:
    told = login(quota_project="billed-1", project="own-1")
    env = {"GCLOUD_PROJECT": "gcloud-1", "CLOUDSDK_CORE_PROJECT": "core-1"}
    assert project_of("option-1", told, make_machine(own_home, env)) == "option-1"
    assert project_of(None, told, make_machine(own_home, env)) == "gcloud-1"
    env.pop("GCLOUD_PROJECT")
    assert project_of(None, told, make_machine(own_home, env)) == "core-1"
    machine = make_machine(own_home)
    assert project_of(None, told, machine) == "billed-1"
    write(own_home, "[compute]\nproject = no-1\n[core]\naccount = x\nproject = config-1\n", DEFAULT)
    assert project_of(None, told, machine) == "config-1"
    write(own_home, "[core]\nproject=active-1\n", "configurations/config_work")
    write(own_home, "work\n", "active_config")
    assert project_of(None, told, machine) == "active-1"
    write(own_home, "../work\n", "active_config")
    assert project_of(None, told, machine) == "billed-1"
    assert project_of(None, login(project="own-1"), machine) == "own-1"


@pytest.mark.parametrize("text", ["", "[core]\n", "project = no-1\n", "[core]\n# project = no-1\n"])
def test_a_configuration_without_a_project(own_home: Path, text: str) -> None:
    (own_home / ".config" / "gcloud" / "configurations").mkdir(parents=True)
    write(own_home, text, DEFAULT)
    assert project_of(None, login(), make_machine(own_home)) is None


def test_without_a_project_nothing_is_asked(machine: Machine) -> None:
    with pytest.raises(NotConfigured, match="^the Google Cloud project is not known$") as caught:
        fetch(make_ask("vertexai", machine, secret="fake-token"))
    assert caught.value.hint == "set GOOGLE_CLOUD_PROJECT, or the option project"


def test_a_report_is_of_a_project(own_home: Path) -> None:
    """Whoever is signed in; another project of gcloud's is another account."""
    write(own_home)
    seen = [
        find(make_machine(own_home)).account_id,
        find(make_machine(own_home, {"GCLOUD_PROJECT": "p2"})).account_id,
    ]
    assert seen == ["billed-1", "p2"]


# -- tokens -----------------------------------------------------------------------------------------


def test_a_login_s_token_is_made_in_memory(own_home: Path, no_network: requests_mock.Mocker) -> None:
    path = write(own_home)
    before = path.read_bytes()
    no_network.post(TOKEN_URL, json={"access_token": "fake-access", "expires_in": 3599})
    assert access_token(make_ask("vertexai", make_machine(own_home))).reveal() == "fake-access"
    request = no_network.request_history[0]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(request.text)) == {
        "client_id": "fake-client-id",
        "client_secret": "fake-client-secret",
        "refresh_token": "fake-refresh",
        "grant_type": "refresh_token",
    }
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (
            {"json": payload("vertexai/invalid_grant"), "status_code": 400},
            AuthError,
            r"^Google gave no token for the login \(invalid_grant\)$",
        ),
        ({"text": "no", "status_code": 401}, AuthError, r"\(401\)$"),
        ({"text": "<html>", "status_code": 403}, Unavailable, r"answered with a web page \(403\)"),
        ({"text": "{}", "status_code": 429}, RateLimited, "asked us to wait"),
        ({"text": "{}", "status_code": 500}, Unavailable, "problem of its own"),
        ({"json": {"access_token": " "}}, PayloadError, "^access_token: expected a text$"),
        ({"json": []}, PayloadError, "^body: expected an object"),
    ],
)
def test_a_token_that_google_does_not_give(
    own_home: Path, no_network: requests_mock.Mocker, reply: Any, kind: type[ProviderError], message: str
) -> None:
    write(own_home)
    no_network.post(TOKEN_URL, **reply)
    with pytest.raises(ProviderError, match=message) as caught:
        access_token(make_ask("vertexai", make_machine(own_home)))
    assert type(caught.value) is kind
    if kind is AuthError:
        assert caught.value.hint == SIGN_IN


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_service_account_signs_for_itself(own_home: Path, no_network: requests_mock.Mocker) -> None:
    body = account()
    write(own_home, body)
    no_network.post(TOKEN_URL, json={"access_token": "fake-access"})
    assert access_token(make_ask("vertexai", make_machine(own_home))).reveal() == "fake-access"
    form = dict(parse_qsl(no_network.request_history[0].text))
    assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
    head, claims, signature = form["assertion"].split(".")
    assert decoded(head) == {"alg": "RS256", "typ": "JWT", "kid": "k1"}
    issued = int(NOW.timestamp())
    assert decoded(claims) == {
        "iss": "bot@example.com",
        "scope": "https://www.googleapis.com/auth/monitoring.read",
        "aud": TOKEN_URL,
        "iat": issued,
        "exp": issued + 600,
    }
    verify(body["private_key"], f"{head}.{claims}", signature)


def verify(pem: str, text: str, signature: str) -> None:
    """Raise where the signature is not the key's."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa

    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    told = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    key.public_key().verify(told, text.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"private_key": "fake-no-pem"}, "holds no usable private_key$"),
        ({"token_uri": "http://oauth2.example.com/token"}, "^token_uri of .* must be https"),
    ],
)
def test_a_service_account_that_cannot_be_used(own_home: Path, change: Any, message: str) -> None:
    write(own_home, account(**change))
    with pytest.raises(ServiceError, match=message):
        access_token(make_ask("vertexai", make_machine(own_home)))


def gcloud(folder: Path, script: str) -> dict[str, str]:
    """A PATH with a gcloud of that script."""
    program = folder / "gcloud"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin"}


@posix
@pytest.mark.parametrize("body", [{"type": "external_account"}, {"type": "impersonated_service_account"}, {}])
def test_gcloud_makes_the_token_of_other_logins(own_home: Path, tmp_path: Path, body: Any) -> None:
    write(own_home, {**body, "x": 1})
    env = gcloud(tmp_path, 'test "$*" = "auth application-default print-access-token" && echo fake-access')
    assert access_token(make_ask("vertexai", make_machine(own_home, env))).reveal() == "fake-access"


@posix
def test_gcloud_signs_where_the_package_is_missing(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(own_home, account())
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    machine = make_machine(own_home, gcloud(tmp_path, "echo fake-access"))
    assert access_token(make_ask("vertexai", machine)).reveal() == "fake-access"


@posix
@pytest.mark.parametrize("script", ["exit 1", "exit 0", "echo fake-access; exit 1", "echo not a token"])
def test_gcloud_without_a_token(own_home: Path, tmp_path: Path, script: str) -> None:
    write(own_home, {"type": "external_account"})
    machine = make_machine(own_home, gcloud(tmp_path, script))
    with pytest.raises(AuthError, match="^gcloud gave no token") as caught:
        access_token(make_ask("vertexai", machine))
    assert caught.value.hint == SIGN_IN


def test_without_gcloud(own_home: Path) -> None:
    write(own_home, {"type": "external_account"})
    with pytest.raises(NotConfigured, match="needs a program to make a token of it$") as caught:
        access_token(make_ask("vertexai", make_machine(own_home)))
    assert caught.value.hint == "install gcloud, or: pip install 'usagecli[vertexai]'"


@posix
def test_gcloud_is_not_asked_for_a_configured_login(
    own_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would answer for another one."""
    text = json.dumps(account())
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric", None)
    machine = make_machine(own_home, gcloud(tmp_path, "echo fake-other"))
    with pytest.raises(NotConfigured, match="needs a program"):
        access_token(make_ask("vertexai", machine, secret=text))


# -- asking -----------------------------------------------------------------------------------------


def fetched(machine: Machine, replies: list[Reply]) -> Server:
    with serve({PATH: replies}) as server:
        ask = make_ask(
            "vertexai",
            machine,
            secret="fake-token",
            base_url=server.url,
            given={"project": "demo-1"},
            timeout_s=8,
        )
        usage = fetch(ask)
    assert usage == parse([payload("vertexai/usage")], [payload("vertexai/limits")], project="demo-1")
    return server


@pytest.mark.sockets
def test_what_is_asked(machine: Machine) -> None:
    server = fetched(machine, list(ANSWERS))
    common = {
        "interval.startTime": "2026-11-20T08:00:00Z",
        "interval.endTime": "2026-11-21T08:00:00Z",
        "aggregation.alignmentPeriod": "3600s",
        "aggregation.perSeriesAligner": "ALIGN_MAX",
        "view": "FULL",
    }
    of_vertex = 'resource.type="consumer_quota" AND resource.label.service="aiplatform.googleapis.com"'
    kinds = ("quota/allocation/usage", "quota/limit")
    assert [dict(parse_qsl(seen.query)) for seen in server.seen] == [
        {"filter": f'metric.type="serviceruntime.googleapis.com/{kind}" AND {of_vertex}', **common}
        for kind in kinds
    ]
    for seen in server.seen:
        assert (seen.method, seen.path) == ("GET", PATH)
        assert seen.headers["authorization"] == "Bearer fake-token"
        assert "x-goog-user-project" not in seen.headers


@pytest.mark.sockets
def test_pages_until_there_is_no_token(machine: Machine) -> None:
    usage = payload("vertexai/usage")
    first = {"timeSeries": usage["timeSeries"][:1], "nextPageToken": "t1"}
    second = {"timeSeries": usage["timeSeries"][1:], "nextPageToken": ""}
    server = fetched(machine, [Reply(first), Reply(second), ANSWERS[1]])
    tokens = [dict(parse_qsl(seen.query)).get("pageToken") for seen in server.seen]
    assert tokens == [None, "t1", None]


def test_the_hosts_and_whom_the_calls_are_billed_to(own_home: Path, no_network: requests_mock.Mocker) -> None:
    write(own_home)
    no_network.post(TOKEN_URL, json={"access_token": "fake-access"})
    answers = [{"json": payload(f"vertexai/{name}")} for name in ("usage", "limits")]
    no_network.get("https://monitoring.googleapis.com/v3/projects/billed-1/timeSeries", answers)
    usage = fetch(make_ask("vertexai", make_machine(own_home)))
    assert (usage.account, len(usage.quotas)) == ("billed-1", 2)
    for request in no_network.request_history[1:]:
        assert request.headers["Authorization"] == "Bearer fake-access"
        assert request.headers["x-goog-user-project"] == "billed-1"


@pytest.mark.sockets
def test_a_project_is_quoted(machine: Machine) -> None:
    with serve({"/v3/projects/example.com%3Ademo/timeSeries": list(ANSWERS)}) as server:
        ask = make_ask(
            "vertexai",
            machine,
            secret="fake-token",
            base_url=server.url,
            given={"project": "example.com:demo"},
        )
        assert fetch(ask).account == "example.com:demo"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (Reply({}, 401), AuthError, r"refused the token \(401\)", SIGN_IN),
        (Reply({}, 403), AuthError, r"project's quotas \(403\)", "Monitoring Viewer"),
        (Reply(b"<html>", 403), Unavailable, "web page", None),
        (Reply({}, 404), AuthError, "no such project", "GOOGLE_CLOUD_PROJECT"),
        (Reply({}, 429), RateLimited, "asked us to wait", None),
        (Reply({}, 500), Unavailable, "problem of its own", None),
        (Reply(b"no"), PayloadError, "not JSON", None),
        (Reply(payload("vertexai/no_data")), PayloadError, "no quota data", None),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_failures(
    machine: Machine, reply: Reply, kind: type[ProviderError], message: str, hint: Any, number: int
) -> None:
    with pytest.raises(ProviderError, match=message) as caught:
        fetched(machine, [*ANSWERS[:number], reply])
    assert type(caught.value) is kind
    assert hint is None or hint in str(caught.value.hint)
