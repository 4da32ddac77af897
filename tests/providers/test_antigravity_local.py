"""Antigravity's server on this machine: how it is found, what it is asked, and what it may say."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import trustme

from tests.providers.test_antigravity import SUMMARY
from tests.support import Reply, Route, Server, d, make_ask, make_machine, payload, serve
from usagecli import credentials, registry
from usagecli.credentials import Credential, Secret
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError, Unavailable
from usagecli.machine import Machine
from usagecli.model import Service, Usage, plan
from usagecli.providers._antigravity import local, processes
from usagecli.providers._antigravity.processes import Door, servers
from usagecli.providers._antigravity.usage import report
from usagecli.providers.antigravity import fetch
from usagecli.transport import loopback_session

SERVICE = "/exa.language_server_pb.LanguageServerService/"
QUOTA, STATUS = f"{SERVICE}RetrieveUserQuotaSummary", f"{SERVICE}GetUserStatus"
CONFIGS = f"{SERVICE}GetCommandModelConfigs"
CSRF = "fake-csrf-token"
BODY = {
    "metadata": {
        "ideName": "antigravity",
        "extensionName": "antigravity",
        "ideVersion": "unknown",
        "locale": "en",
    }
}
ROUTES: dict[str, Route] = {
    QUOTA: Reply({"response": payload("antigravity/summary")}),
    STATUS: Reply(payload("antigravity/user_status")),
}
WHOLE = report(SUMMARY, name="Google AI Ultra", account="dev@example.com", source="local")


def door(server: Server, token: str | None = CSRF) -> Door:
    return Door(port=int(server.url.rpartition(":")[2]), token=Secret(token) if token else None)


def read(machine: Machine, routes: Mapping[str, Route]) -> tuple[Usage, Server]:
    ask = make_ask("antigravity", machine, secret="ya29.fake")
    with serve(routes) as server:
        return local.read(ask, [door(server)]), server


def failure(machine: Machine, routes: Mapping[str, Route]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(machine, routes)
    return caught.value


@contextmanager
def secured(server: Server) -> Iterator[None]:
    """The server behind a certificate that nobody trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("somewhere.example.com").configure_cert(context)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    yield


# -- what it is asked -------------------------------------------------------------------------------


@pytest.mark.sockets
def test_the_summary_of_the_app(machine: Machine) -> None:
    found, server = read(machine, ROUTES)
    assert found == WHOLE
    assert [(seen.method, seen.path, seen.json()) for seen in server.seen] == [
        ("POST", QUOTA, BODY),
        ("POST", STATUS, BODY),
    ]
    for seen in server.seen:
        names = ("content-type", "connect-protocol-version", "x-codeium-csrf-token")
        assert [seen.headers[name] for name in names] == ["application/json", "1", CSRF]
        # What goes to the cloud stays away from it.
        assert "authorization" not in seen.headers


@pytest.mark.sockets
def test_behind_a_certificate_of_its_own(machine: Machine) -> None:
    ask = make_ask("antigravity", machine, secret="ya29.fake")
    with serve(ROUTES) as server, secured(server):
        assert local.read(ask, [door(server)]) == WHOLE


@pytest.mark.sockets
def test_a_door_without_a_token(machine: Machine) -> None:
    ask = make_ask("antigravity", machine, secret="ya29.fake")
    with serve(ROUTES) as server:
        assert local.read(ask, [door(server, None)]) == WHOLE
    assert "x-codeium-csrf-token" not in server.seen[0].headers


@pytest.mark.sockets
def test_the_first_door_that_answers(machine: Machine) -> None:
    ask = make_ask("antigravity", machine, secret="ya29.fake")
    with serve({}) as gone:
        shut = door(gone)
    with serve({QUOTA: Reply({}, 500)}) as other, serve(ROUTES) as server:
        assert local.read(ask, [shut, door(other), door(server)]) == WHOLE


@pytest.mark.sockets
@pytest.mark.parametrize(
    "reply", [Reply({}, 404), Reply({"code": 5, "message": "x"}), Reply({}), Reply(b"?")]
)
def test_the_editor_knows_no_summary(machine: Machine, reply: Reply) -> None:
    found, server = read(machine, {**ROUTES, QUOTA: reply})
    assert [(quota.id, quota.remaining, quota.window_seconds) for quota in found.quotas] == [
        ("gemini", d(60), 18000),
        ("claude_gpt", d(90), 18000),
    ]
    assert (found.plan, found.account, found.source) == (plan("Google AI Ultra"), "dev@example.com", "local")
    assert server.paths() == [QUOTA, STATUS]


@pytest.mark.sockets
def test_the_models_of_commands_come_last(machine: Machine) -> None:
    configs = payload("antigravity/user_status")["userStatus"]["cascadeModelConfigData"]
    found, server = read(machine, {CONFIGS: Reply(configs)})
    assert [(quota.id, quota.window_seconds) for quota in found.quotas] == [
        ("gemini", None),
        ("claude_gpt", None),
    ]
    assert (found.plan, found.account) == (None, None)
    assert server.paths() == [QUOTA, STATUS, CONFIGS]


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("status", "name"),
    [
        (
            {"userTier": {"name": "Google AI Pro"}, "planStatus": {"planInfo": {"planName": "Pro"}}},
            "Google AI Pro",
        ),
        ({"planStatus": {"planInfo": {"planName": "Pro"}}}, "Pro"),
        ({}, None),
    ],
)
def test_the_tier_s_name_goes_before_the_plan_s(machine: Machine, status: Any, name: str | None) -> None:
    found, _ = read(machine, {**ROUTES, STATUS: Reply({"userStatus": status})})
    assert found.plan == (plan(name) if name else None)


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("routes", "kind"),
    [
        ({QUOTA: Reply({"code": "unauthenticated", "message": "missing CSRF token"}, 401)}, AuthError),
        ({QUOTA: Reply({}, 403)}, AuthError),
        ({QUOTA: Reply({}, 500)}, Unavailable),
        ({}, PayloadError),
    ],
)
def test_refusals(machine: Machine, routes: dict[str, Route], kind: type[ProviderError]) -> None:
    error = failure(machine, routes)
    assert (type(error), bool(error.hint)) == (kind, kind is not PayloadError)


@pytest.mark.sockets
def test_no_door_at_all(machine: Machine) -> None:
    with pytest.raises(Unavailable, match="none of its ports answers"):
        local.read(make_ask("antigravity", machine, secret="ya29.fake"), [])


@pytest.mark.parametrize(
    "url", ["https://127.0.0.2:1/", "https://localhost:1/", "http://example.com/", "https://example.com/"]
)
def test_certificates_are_passed_over_on_loopback_only(url: str) -> None:
    with loopback_session() as session, pytest.raises(requests.exceptions.InvalidSchema):
        session.get_adapter(url)


# -- how it is found --------------------------------------------------------------------------------

# A server of Antigravity as far as its name, its options and its answers go.
PROGRAM = """
import http.server, json, sys
routes = json.loads(sys.argv[1])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.dumps(routes.get(self.path, {})).encode()
        self.send_response(200 if self.path in routes else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
"""


@contextmanager
def running(name: str, *options: str) -> Iterator[int]:
    """A process of that name with these options; gives the port on which it listens."""
    routes = {path: reply.body for path, reply in ROUTES.items() if isinstance(reply, Reply)}
    with subprocess.Popen(
        [name, "-c", PROGRAM, json.dumps(routes), *options],
        executable=sys.executable,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


on_linux = pytest.mark.skipif(sys.platform != "linux", reason="/proc is of Linux")


@on_linux
@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("language_server", ("--app_data_dir", "antigravity", "--csrf_token", CSRF), CSRF),
        ("language-server", ("--csrf_token=fake-csrf-token", "--app_data_dir=antigravity-ide"), CSRF),
        ("/opt/x/language_server_linux_x64", ("--app_data_dir", "/home/x/.gemini/antigravity"), None),
        ("agy", (), None),
        ("language_server", ("--app_data_dir", "windsurf", "--csrf_token", CSRF), False),
        ("language_server", (), False),
        ("another", ("--app_data_dir", "antigravity"), False),
    ],
)
def test_servers_on_linux(machine: Machine, name: str, options: tuple[str, ...], found: Any) -> None:
    with running(name, *options) as port:
        doors = [door_ for door_ in servers(machine) if door_.port == port]
    expected = Door(port=port, token=Secret(found) if found else None)
    assert doors == ([] if found is False else [expected])


@on_linux
def test_the_editor_s_own_port(machine: Machine) -> None:
    options = ("--app_data_dir", "antigravity", "--csrf_token", CSRF, "--extension_server_port", "41234")
    with running("language_server", *options, "--extension_server_csrf_token", "fake-other") as port:
        doors = [door_ for door_ in servers(machine) if door_.port in (port, 41234)]
    assert doors == [Door(port=port, token=Secret(CSRF)), Door(port=41234, token=Secret("fake-other"))]


def find(machine: Machine) -> Credential:
    return credentials.find(registry.get("antigravity"), Service(name="a", provider="antigravity"), machine)


@on_linux
@pytest.mark.sockets
def test_the_app_alone_is_enough(own_home: Path, machine: Machine) -> None:
    with running("language_server", "--app_data_dir", "antigravity", "--csrf_token", CSRF):
        # Nobody's processes are looked through where Antigravity was never used.
        with pytest.raises(NotConfigured):
            find(machine)
        (own_home / ".gemini/antigravity").mkdir(parents=True)
        found = find(machine)
        assert (found.kind, found.secret.reveal()) == ("local", "")
        assert fetch(make_ask("antigravity", machine)) == WHOLE
    with pytest.raises(NotConfigured):
        find(machine)


@pytest.mark.parametrize("given", [True, False])
def test_a_refused_login_leaves_the_app(
    own_home: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch, no_network: Any, given: bool
) -> None:
    """But not where the login is one of the config: the app may have another account's."""
    for method in ("loadCodeAssist", "retrieveUserQuotaSummary"):
        no_network.post(f"https://daily-cloudcode-pa.googleapis.com/v1internal:{method}", status_code=401)
    path = own_home / ".gemini/antigravity/antigravity-oauth-token"
    path.parent.mkdir(parents=True)
    path.write_text("ya29.fake", encoding="utf-8")
    monkeypatch.setattr(local, "read", lambda ask, doors: WHOLE)
    ask = make_ask("antigravity", machine, secret="ya29.fake" if given else None)
    if given:
        with pytest.raises(AuthError):
            fetch(ask)
    else:
        assert fetch(ask) == WHOLE


def test_a_refused_login_without_the_app(own_home: Path, machine: Machine, no_network: Any) -> None:
    for method in ("loadCodeAssist", "retrieveUserQuotaSummary"):
        no_network.post(f"https://daily-cloudcode-pa.googleapis.com/v1internal:{method}", status_code=401)
    path = own_home / ".gemini/antigravity/antigravity-oauth-token"
    path.parent.mkdir(parents=True)
    path.write_text("ya29.fake", encoding="utf-8")
    windows = make_machine(own_home, platform="win32")
    with pytest.raises(AuthError, match="refused Antigravity's login"):
        fetch(make_ask("antigravity", windows))


PS = f"""  412 /Apps/Anti gravity.app/language_server_macos_arm --app_data_dir antigravity --csrf_token {CSRF}
  413 /Apps/Windsurf.app/language_server_macos_arm --app_data_dir windsurf
  414 /usr/local/bin/agy
    1 /sbin/launchd
"""


@pytest.mark.skipif(os.name == "nt", reason="the stand-ins are shell scripts")
def test_servers_on_macos(own_home: Path) -> None:
    folder = own_home / "bin"
    folder.mkdir()
    for name, script in {
        "ps": f"cat <<'END'\n{PS}END\n",
        "lsof": 'case "$*" in *"-p 412 "*) echo p412; echo f5; echo n127.0.0.1:50001; echo "n[::1]:50002";; '
        '*"-p 414 "*) echo n127.0.0.1:50003;; esac\n',
    }.items():
        (folder / name).write_text(f"#!/bin/sh\nPATH=/bin:/usr/bin\n{script}", encoding="utf-8")
        (folder / name).chmod(0o755)
    mac = make_machine(own_home, {"PATH": str(folder)}, platform="darwin")
    assert servers(mac) == [
        Door(port=50001, token=Secret(CSRF)),
        Door(port=50002, token=Secret(CSRF)),
        Door(port=50003, token=None),
    ]
    assert servers(make_machine(own_home, platform="darwin")) == []


def test_no_servers_elsewhere(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert servers(make_machine(own_home, platform="win32")) == []
    monkeypatch.setattr(processes, "_PROC", str(own_home / "none"))
    assert servers(make_machine(own_home)) == []
