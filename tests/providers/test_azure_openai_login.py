"""Signing in to Azure: in which order, through what, and what a refusal means."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import trustme

from tests.support import PAYLOADS, Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from usagecli import credentials, registry, services
from usagecli.client import Ask
from usagecli.credentials import Credential, Secret
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
from usagecli.providers._azure_openai.credentials import accept
from usagecli.providers._azure_openai.login import Login, login

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
IDS = {"AZURE_TENANT_ID": "tenant-1", "AZURE_CLIENT_ID": "client-1"}
PRINCIPAL = {**IDS, "AZURE_CLIENT_SECRET": "fake-client-secret", "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}
TOKEN_PATH = "/tenant-1/oauth2/v2.0/token"
DISCOVERY_PATH = "/tenant-1/v2.0/.well-known/openid-configuration"
GRANTED = Reply(payload("azure-openai/token"))
windows = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for az is a POSIX script")


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="azure-openai", provider="azure-openai", named=named)
    return credentials.find(registry.get("azure-openai"), service, machine)


def install_az(folder: Path, *, code: int = 0, out: str = "", err: str = "", default: str = "") -> str:
    """A stand-in for the Azure CLI that keeps what it was asked; its PATH."""
    folder.mkdir(exist_ok=True)
    (folder / "out").write_text(out, encoding="utf-8")
    (folder / "err").write_text(err, encoding="utf-8")
    (folder / "default").write_text(default, encoding="utf-8")
    script = (
        f'#!/bin/sh\ncd "{folder}"\necho "$@" >> asked\n'
        'if [ "$2" = show ]; then /bin/cat default; exit 0; fi\n'
        f"/bin/cat out\n/bin/cat err >&2\nexit {code}\n"
    )
    (folder / "az").write_text(script, encoding="utf-8")
    (folder / "az").chmod(0o755)
    return str(folder)


def asked(folder: Path) -> list[str]:
    path = folder / "asked"
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


# -- where the credential stands ----------------------------------------------------------------------


def test_the_places_in_their_order(tmp_path: Path) -> None:
    az = tmp_path / "bin" / ("az.cmd" if sys.platform == "win32" else "az")
    az.parent.mkdir()
    az.write_text("", encoding="utf-8")
    az.chmod(0o755)
    (tmp_path / "token").write_text("fake-assertion\n", encoding="utf-8")
    env = {
        **PRINCIPAL,
        "AZURE_FEDERATED_TOKEN_FILE": "~/token",
        "PATH": str(az.parent),
        "AZURE_OPENAI_API_KEY": "fake-api-key",
        "PATHEXT": ".CMD",
    }
    found = []
    for gone in ("", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        env.pop(gone, None)
        credential = find(make_machine(tmp_path, env))
        found.append((credential.kind, credential.secret.reveal(), credential.account_id))
    assert found == [
        ("client_secret", "fake-client-secret", "client-1"),
        ("federated", "fake-assertion", "client-1"),
        ("cli", "", None),
    ]
    del env["PATH"]
    with pytest.raises(NotConfigured, match="^AZURE_OPENAI_API_KEY only runs models") as caught:
        find(make_machine(tmp_path, env))
    assert "az login" in str(caught.value.hint)


@pytest.mark.parametrize("lost", list(IDS))
@pytest.mark.parametrize("name", ["AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"])
def test_an_application_without_its_ids(tmp_path: Path, lost: str, name: str) -> None:
    (tmp_path / "token").write_text("fake-assertion", encoding="utf-8")
    env = {**IDS, name: str(tmp_path / "token"), lost: " "}
    with pytest.raises(NotConfigured) as caught:
        find(make_machine(tmp_path, env))
    assert (caught.value.message, caught.value.hint) == (f"{name} is set, and {lost} is not", f"set {lost}")


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_a_workload_without_its_token(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "token").write_text(text, encoding="utf-8")
    with pytest.raises(NotConfigured, match="token is not there, or is empty$"):
        find(make_machine(tmp_path, {**IDS, "AZURE_FEDERATED_TOKEN_FILE": "~/token"}))


def test_a_workload_s_token_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "token").mkdir()
    with pytest.raises(ServiceError, match="^AZURE_FEDERATED_TOKEN_FILE: ~"):
        find(make_machine(tmp_path, {**IDS, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}))


def test_a_login_of_azure_alone_is_not_found_unless_named(tmp_path: Path) -> None:
    machine = make_machine(tmp_path, PRINCIPAL)
    with pytest.raises(NotConfigured):
        find(machine, named=False)
    traced = make_machine(tmp_path, {**PRINCIPAL, "AZURE_OPENAI_ENDPOINT": "https://x.example.com"})
    assert find(traced, named=False).kind == "client_secret"


def test_an_api_key_alone_is_no_service(tmp_path: Path) -> None:
    env = {"AZURE_OPENAI_API_KEY": "fake-api-key", "AZURE_OPENAI_ENDPOINT": "https://x.example.com"}
    assert services.discover(make_machine(tmp_path, env)) == []


def test_looking_for_services_imports_nothing_of_azure() -> None:
    env = {**os.environ, **PRINCIPAL, "AZURE_OPENAI_ENDPOINT": "https://x.example.com"}
    code = (
        "import sys; from usagecli import services; from usagecli.machine import here; "
        "services.discover(here()); print([m for m in sys.modules if m.split('.')[0] in ('azure', 'msal')])"
    )
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


@windows
@pytest.mark.parametrize("folder", [None, "own"])
def test_another_default_subscription_is_another_account(tmp_path: Path, folder: str | None) -> None:
    """By the CLI's own list, which begins with a byte order mark."""
    env = {"PATH": install_az(tmp_path / "bin"), **({"AZURE_CONFIG_DIR": "~/own"} if folder else {})}
    path = tmp_path / (folder or ".azure") / "azureProfile.json"
    path.parent.mkdir()
    listed: list[Any] = [{"id": "sub-a", "isDefault": False}, {"id": "sub-b", "isDefault": True}]
    path.write_text("\ufeff" + json.dumps({"subscriptions": listed}), encoding="utf-8")
    assert find(make_machine(tmp_path, env)).account_id == "sub-b"
    for text in ("{", "[]", '{"subscriptions": [null, {"isDefault": true}]}'):
        path.write_text(text, encoding="utf-8")
        assert find(make_machine(tmp_path, env)).account_id is None
    assert asked(tmp_path / "bin") == []


@windows
def test_a_program_of_the_working_directory_is_not_the_azure_cli(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(install_az(tmp_path / "bin"))
    with pytest.raises(NotConfigured, match="^no Azure OpenAI credential was found"):
        find(make_machine(tmp_path, {"PATH": "."}))


# -- a credential of the config -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ({"": "eyJ-fake"}, ("bare", "eyJ-fake", None, {})),
        ({"access_token": "eyJ-fake"}, ("token", "eyJ-fake", None, {})),
        ({"api_key": "fake-key"}, ("api_key", "fake-key", None, {})),
        (
            {"client_secret": "fake-s", "tenant_id": "t", "client_id": "c"},
            ("client_secret", "fake-s", "c", {"tenant_id": "t", "client_id": "c"}),
        ),
        (
            {"": (PAYLOADS / "azure-openai" / "az_token.json").read_text(encoding="utf-8").strip()},
            ("token", "eyJ-fake-cli-token", SUBSCRIPTION, {"subscription": SUBSCRIPTION}),
        ),
        ({"": '{"access_token": " fake "}'}, ("token", "fake", None, {})),
    ],
)
def test_what_a_credential_may_be(machine: Machine, parts: dict[str, str], expected: tuple[Any, ...]) -> None:
    found = accept(parts, "the config file", machine)
    assert (found.kind, found.secret.reveal(), found.account_id, found.facts) == expected


def test_an_api_key_beside_a_login(machine: Machine) -> None:
    found = accept({"access_token": "eyJ-fake", "api_key": "fake-key"}, "the config file", machine)
    assert (found.kind, found.others) == ("token", {"api_key": Secret("fake-key")})


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"tenant_id": "t"}, "the Azure credential holds no secret"),
        ({"": "{"}, "the Azure credential is not valid JSON (truncated?)"),
        ({"": "{}"}, "the Azure credential holds no access token"),
        ({"": '{"accessToken": 7}'}, "the Azure credential holds no access token"),
        ({"": '{"accessToken": " "}'}, "the Azure credential holds no access token"),
    ],
)
def test_a_credential_of_another_shape(machine: Machine, parts: dict[str, str], message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        accept(parts, "the config file", machine)
    assert (caught.value.message, "az login" in str(caught.value.hint)) == (message, True)


# -- a ready token ------------------------------------------------------------------------------------


def signed_in(machine: Machine, **more: Any) -> Login:
    return login(make_ask("azure-openai", machine, **more))


def test_a_ready_token_needs_nothing_else(machine: Machine) -> None:
    found = signed_in(machine, secret="eyJ-fake", given={"subscription_id": SUBSCRIPTION})
    assert (found.token.reveal(), found.subscription) == ("eyJ-fake", SUBSCRIPTION)
    assert found.resource == "https://management.azure.com"


def test_a_token_that_az_printed_names_its_subscription(machine: Machine) -> None:
    text = (PAYLOADS / "azure-openai" / "az_token.json").read_text(encoding="utf-8")
    assert signed_in(machine, secret=text).subscription == SUBSCRIPTION


def test_without_a_subscription(machine: Machine) -> None:
    with pytest.raises(NotConfigured) as caught:
        signed_in(machine, secret="eyJ-fake")
    assert caught.value.message == "the Azure subscription is not given"
    assert "AZURE_SUBSCRIPTION_ID" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["../x", "-x", "a b", "a&b", "x" * 101])
def test_a_subscription_that_is_none(machine: Machine, text: str) -> None:
    with pytest.raises(ServiceError, match="^subscription_id is not"):
        signed_in(machine, secret="eyJ-fake", given={"subscription_id": text})


@pytest.mark.parametrize(
    ("host", "resource"),
    [
        ("login.microsoftonline.us", "https://management.usgovcloudapi.net"),
        ("https://login.chinacloudapi.cn/", "https://management.chinacloudapi.cn"),
        ("https://login.microsoftonline.com", "https://management.azure.com"),
    ],
)
def test_each_cloud_is_asked_at_its_own_host(tmp_path: Path, host: str, resource: str) -> None:
    env = {"AZURE_AUTHORITY_HOST": host, "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION}
    assert signed_in(make_machine(tmp_path, env), secret="eyJ-fake").resource == resource


@pytest.mark.parametrize("host", ["http://login.example.com", "https://", "https://a@example.com"])
def test_an_authority_that_is_not_safe(tmp_path: Path, host: str) -> None:
    with pytest.raises(ServiceError, match="^AZURE_AUTHORITY_HOST "):
        signed_in(make_machine(tmp_path, {**PRINCIPAL, "AZURE_AUTHORITY_HOST": host}))


# -- an application -----------------------------------------------------------------------------------


@contextmanager
def authority(
    secure: bool, token: Route, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **more: Route
) -> Iterator[Server]:
    """A stand-in for Microsoft Entra: over TLS for azure-identity, else asked plainly."""
    with serve({TOKEN_PATH: token}) as server:
        if secure:
            ca, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            ca.issue_cert("127.0.0.1").configure_cert(context)
            server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
            server.url = server.url.replace("http:", "https:")
            ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
            root = f"{server.url}/tenant-1"
            described = {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "issuer": f"{root}/v2.0",
            }
            server.routes[DISCOVERY_PATH] = more.get("described", Reply(described))
        yield server


def of(server: Server, tmp_path: Path, env: Mapping[str, str] | None = None, **more: Any) -> Ask:
    given = {**PRINCIPAL, **(env or {}), "AZURE_AUTHORITY_HOST": server.url}
    return make_ask("azure-openai", make_machine(tmp_path, {k: v for k, v in given.items() if v}), **more)


both = pytest.mark.parametrize("secure", [True, False])


@pytest.mark.sockets
@both
def test_a_service_principal(secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(secure, GRANTED, tmp_path, monkeypatch) as server:
        found = login(of(server, tmp_path))
    assert (found.token.reveal(), found.subscription) == ("eyJ-fake-arm-token", SUBSCRIPTION)
    assert server.paths() == [*([DISCOVERY_PATH] if secure else []), TOKEN_PATH]
    sent = server.seen[-1]
    form = {name: values[0] for name, values in parse_qs(sent.body.decode()).items()}
    form.pop("client_info", None)
    assert (sent.method, form) == (
        "POST",
        {
            "grant_type": "client_credentials",
            "client_id": "client-1",
            "client_secret": "fake-client-secret",
            "scope": "https://management.azure.com/.default",
        },
    )
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.sockets
@both
def test_a_workload(secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("fake-assertion\n", encoding="utf-8")
    env = {"AZURE_CLIENT_SECRET": "", "AZURE_FEDERATED_TOKEN_FILE": "~/token"}
    with authority(secure, GRANTED, tmp_path, monkeypatch) as server:
        found = login(of(server, tmp_path, env))
    form = parse_qs(server.seen[-1].body.decode())
    assert found.token.reveal() == "eyJ-fake-arm-token"
    assert form["client_assertion"] == ["fake-assertion"]
    assert form["client_assertion_type"] == ["urn:ietf:params:oauth:client-assertion-type:jwt-bearer"]
    assert form["grant_type"] == ["client_credentials"]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("secret", "given"),
    [
        ({"client_secret": "fake-s", "tenant_id": "tenant-1", "client_id": "client-1"}, {}),
        ({"client_secret": "fake-s"}, {"tenant_id": "tenant-1", "client_id": "client-1"}),
        ("fake-s", {"tenant_id": "tenant-1", "client_id": "client-1"}),
    ],
)
def test_a_service_principal_of_the_config(machine: Machine, secret: Any, given: dict[str, str]) -> None:
    with serve({TOKEN_PATH: GRANTED}) as server:
        options = {**given, "subscription_id": SUBSCRIPTION, "authority_host": server.url}
        found = signed_in(machine, secret=secret, given=options)
    assert found.token.reveal() == "eyJ-fake-arm-token"
    assert parse_qs(server.seen[0].body.decode())["client_secret"] == ["fake-s"]


@pytest.mark.parametrize("name", ["tenant_id", "client_id"])
def test_a_service_principal_of_the_config_without_an_id(machine: Machine, name: str) -> None:
    parts = {"client_secret": "fake-s", "tenant_id": "t", "client_id": "c"}
    del parts[name]
    with pytest.raises(NotConfigured) as caught:
        signed_in(machine, secret=parts, given={"subscription_id": SUBSCRIPTION})
    assert caught.value.message == f"the service principal's {name} is not given"
    assert f"AZURE_{name.upper()}" in str(caught.value.hint)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    machine = make_machine(tmp_path, PRINCIPAL)
    with pytest.raises(NotConfigured) as caught:
        signed_in(machine)
    assert caught.value.message == "azure-identity, which signs in to Azure, is not installed"
    assert caught.value.hint == "pip install 'usagecli[azure]'"
    assert signed_in(machine, secret="eyJ-fake").token.reveal() == "eyJ-fake"


SECRET = (
    "Microsoft Entra refused the client secret (AADSTS7000215): it is wrong or has expired",
    "not its id",
)
IDS_WRONG = "Microsoft Entra knows no such tenant or client"


@pytest.mark.sockets
@both
@pytest.mark.parametrize(
    ("reply", "kind", "message", "hint"),
    [
        (Reply(payload("azure-openai/error_client"), 401), AuthError, *SECRET),
        (Reply(payload("azure-openai/error_client"), 400), AuthError, *SECRET),
        (
            Reply(payload("azure-openai/error_tenant"), 400),
            AuthError,
            f"{IDS_WRONG} (AADSTS90002)",
            "AZURE_TENANT_ID",
        ),
        (
            Reply(payload("azure-openai/error_unknown_client"), 400),
            AuthError,
            f"{IDS_WRONG} (AADSTS700016)",
            "AZURE_CLIENT_ID",
        ),
        (Reply({"error": "unauthorized_client"}, 400), AuthError, f"{IDS_WRONG} (400)", "AZURE_CLIENT_ID"),
        (Reply({}, 429, {"Retry-After": "30"}), RateLimited, "HOST asked us to wait (429)", "None"),
        (Reply({}, 500), Unavailable, "HOST has a problem of its own (500)", "later"),
        (Reply(b"<html>", 503), Unavailable, "HOST has a problem of its own (503)", "later"),
        (Reply(b"<html>"), Unavailable, "HOST has a problem of its own (200)", "later"),
        (Reply({"token_type": "Bearer"}), PayloadError, None, "None"),
        (Reply(b"junk"), PayloadError, None, "None"),
        (Reply({}, 302, {"Location": "https://evil.example.com/"}), PayloadError, None, ""),
    ],
)
def test_what_a_refusal_means(
    secure: bool,
    reply: Reply,
    kind: type[ProviderError],
    message: str | None,
    hint: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with authority(secure, reply, tmp_path, monkeypatch) as server, pytest.raises(ProviderError) as caught:
        login(of(server, tmp_path))
    host = server.url.partition("://")[2]
    assert type(caught.value) is kind
    assert message is None or caught.value.message == message.replace("HOST", host)
    assert hint in str(caught.value.hint)
    assert server.paths().count(TOKEN_PATH) == 1
    assert "fake" not in caught.value.message
    assert capfd.readouterr().err == ""
    if kind is RateLimited:
        assert caught.value.retry_at == utc("2026-11-21T08:00:30")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("described", "kind"),
    [
        (Reply(payload("azure-openai/error_tenant"), 400), AuthError),
        (Reply(b"<html>", 502), Unavailable),
        (Reply([]), PayloadError),
    ],
)
def test_what_a_refusal_to_describe_the_tenant_means(
    described: Reply, kind: type[ProviderError], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standing = authority(True, GRANTED, tmp_path, monkeypatch, described=described)
    with standing as server, pytest.raises(ProviderError) as caught:
        login(of(server, tmp_path))
    assert type(caught.value) is kind
    assert server.paths() == [DISCOVERY_PATH]


@pytest.mark.sockets
@both
def test_a_refused_workload(secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "token").write_text("fake-assertion", encoding="utf-8")
    env = {"AZURE_CLIENT_SECRET": "", "AZURE_FEDERATED_TOKEN_FILE": "~/token"}
    reply = Reply({"error": "invalid_client", "error_description": "AADSTS700213: No match."}, 401)
    with authority(secure, reply, tmp_path, monkeypatch) as server, pytest.raises(AuthError) as caught:
        login(of(server, tmp_path, env))
    assert caught.value.message == "Microsoft Entra refused the workload's token (AADSTS700213)"
    assert "AZURE_FEDERATED_TOKEN_FILE" in str(caught.value.hint)


@pytest.mark.sockets
def test_an_authority_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(True, GRANTED, tmp_path, monkeypatch) as server:
        closed = of(server, tmp_path)
    with pytest.raises(Unavailable, match="^no answer from 127.0.0.1:"):
        login(closed)


@pytest.mark.sockets
@both
def test_an_authority_that_hangs(secure: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also once it has described the tenant."""

    def hang(handler: BaseHTTPRequestHandler) -> None:
        threading.Event().wait(5)

    with authority(secure, hang, tmp_path, monkeypatch) as server, pytest.raises(Unavailable) as caught:
        login(of(server, tmp_path, timeout_s=1.0))
    assert server.url.partition("://")[2] in caught.value.message
    assert server.paths()[-1] == TOKEN_PATH


@pytest.mark.sockets
def test_an_authority_that_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with authority(True, GRANTED, tmp_path, monkeypatch) as server:
        monkeypatch.delenv("REQUESTS_CA_BUNDLE")
        with pytest.raises(Unavailable, match="^no answer from 127.0.0.1:"):
            login(of(server, tmp_path))
    assert server.seen == []


def test_a_tenant_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="^tenant_id is not"):
        signed_in(make_machine(tmp_path, {**PRINCIPAL, "AZURE_TENANT_ID": "a/b"}))


# -- the Azure CLI ------------------------------------------------------------------------------------


@windows
@pytest.mark.parametrize("given", [None, "sub-own"])
def test_the_azure_cli_is_asked(tmp_path: Path, given: str | None) -> None:
    folder = tmp_path / "bin"
    env = {"PATH": install_az(folder, out=json.dumps(payload("azure-openai/az_token")))}
    found = signed_in(make_machine(tmp_path, env), given={"subscription_id": given} if given else None)
    more = f" --subscription {given}" if given else ""
    assert asked(folder) == [
        f"account get-access-token --output json --resource https://management.azure.com/{more}"
    ]
    assert (found.token.reveal(), found.subscription) == ("eyJ-fake-cli-token", given or SUBSCRIPTION)
    assert found.renew == "run: az login"


@windows
@pytest.mark.parametrize(("default", "subscription"), [("sub-default\n", "sub-default"), ("", None)])
def test_the_default_subscription_of_the_azure_cli(
    tmp_path: Path, default: str, subscription: str | None
) -> None:
    folder = tmp_path / "bin"
    env = {"PATH": install_az(folder, out='{"accessToken": "fake"}', default=default)}
    try:
        found = signed_in(make_machine(tmp_path, env)).subscription
    except NotConfigured:
        found = ""
    assert (found or None) == subscription
    assert asked(folder)[1] == "account show --query id -o tsv"


@windows
@pytest.mark.parametrize(
    ("code", "out", "err", "kind", "message", "hint"),
    [
        (
            1,
            "",
            "ERROR: Please run 'az login' to setup account.",
            AuthError,
            "the Azure CLI is not signed in, or its login is over",
            "run: az login",
        ),
        (
            1,
            "",
            "AADSTS70043: The refresh token has expired",
            AuthError,
            "the Azure CLI is not signed in, or its login is over",
            "run: az login",
        ),
        (
            3,
            "",
            "ERROR: boom",
            ServiceError,
            "the Azure CLI failed with exit code 3",
            "run it by hand: az account get-access-token",
        ),
        (0, "junk", "", PayloadError, "accessToken: az printed no token", None),
        (0, "[]", "", PayloadError, "accessToken: az printed no token", None),
        (0, '{"accessToken": null}', "", PayloadError, "accessToken: az printed no token", None),
    ],
)
def test_what_the_azure_cli_refuses(
    tmp_path: Path, code: int, out: str, err: str, kind: type[ProviderError], message: str, hint: str | None
) -> None:
    env = {"PATH": install_az(tmp_path / "bin", code=code, out=out, err=err)}
    with pytest.raises(ProviderError) as caught:
        signed_in(make_machine(tmp_path, env))
    assert (type(caught.value), caught.value.message, caught.value.hint) == (kind, message, hint)


@windows
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\nexec /bin/sleep 20\n", "the Azure CLI did not answer in time"),
        ("#!/no/such/shell\n", "the Azure CLI cannot be run: "),
    ],
)
def test_an_azure_cli_that_hangs_or_is_broken(tmp_path: Path, script: str, message: str) -> None:
    folder = tmp_path / "bin"
    env = {"PATH": install_az(folder)}
    (folder / "az").write_text(script, encoding="utf-8")
    with pytest.raises(ServiceError) as caught:
        signed_in(make_machine(tmp_path, env), timeout_s=0.5)
    assert caught.value.message.startswith(message)
    assert caught.value.hint == "run it by hand: az account get-access-token"


@windows
def test_a_default_that_cannot_be_asked_is_none(tmp_path: Path) -> None:
    folder = tmp_path / "bin"
    env = {"PATH": install_az(folder)}
    (folder / "az").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    with pytest.raises(NotConfigured, match="subscription is not given"):
        signed_in(make_machine(tmp_path, env), secret="eyJ-fake")
