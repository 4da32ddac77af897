"""How the pages are asked, over real sockets: what is sent, what goes wrong, what is kept."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.incidents import page as recorded_page
from tests.incidents import recorded
from tests.support import NOW, Reply, Route, Server, serve
from usagecli.incidents.pages import PAGES, Page
from usagecli.incidents.reading import Reading
from usagecli.machine import Machine
from usagecli.model import Incident

pytestmark = pytest.mark.sockets

GITHUB = "/www.githubstatus.com/api/v2/summary.json"
OPENAI_FEED = "/status.openai.com/proxy/status.openai.com"
OPENAI_SUMMARY = "/status.openai.com/api/v2/summary.json"
OPENAI_INCIDENTS = "/status.openai.com/api/v2/incidents.json"
DEVIN = "/www.devinstatus.com/api/v2/summary.json"
DEEPSEEK = "/status.deepseek.com/feed.rss"
DEEPSEEK_ATOM = "/status.deepseek.com/feed.atom"


def of(*providers: str) -> list[Page]:
    return [next(page for page in PAGES if name in page.providers) for name in providers]


@pytest.fixture
def ask(machine: Machine) -> Callable[..., list[Incident]]:
    """Read these providers' pages at a server; gives what they say, in order."""

    def asked(server: Server, *providers: str, timeout_s: float = 5.0, **changes: Any) -> list[Incident]:
        here = replace(machine, status_pages=server.url, **changes)
        found = Reading(here, of(*providers), timeout_s=timeout_s).wait()
        return [found[page] for page in of(*providers)]

    return asked


Ask = Callable[..., list[Incident]]


def test_what_a_page_says(ask: Ask) -> None:
    with serve({GITHUB: Reply(recorded_page("github_copilot"))}) as server:
        (found,) = ask(server, "copilot")
    assert found == Incident(
        status="outage",
        vendor="GitHub",
        url="https://www.githubstatus.com",
        summary="Elevated errors in Copilot",
        started_at=NOW.replace(hour=6, minute=50),
    )


def test_no_credential_and_no_cookie_is_sent(
    ask: Ask, own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_home / ".netrc").write_text("machine 127.0.0.1 login me password fake-password\n")
    (own_home / ".netrc").chmod(0o600)
    headers = {"Set-Cookie": "session=fake-cookie; Path=/"}
    routes: dict[str, Route] = {
        OPENAI_FEED: Reply(recorded_page("openai_feed"), headers=headers),
        OPENAI_INCIDENTS: Reply(recorded_page("openai_incidents"), headers=headers),
    }
    with serve(routes) as server:
        (found,) = ask(server, "codex")
        assert server.paths() == [OPENAI_FEED, OPENAI_INCIDENTS]
        for seen in server.seen:
            assert {*seen.headers} == {"host", "user-agent", "accept", "accept-encoding", "connection"}
            assert (seen.method, seen.query) == ("GET", "")
    assert found.summary == "Codex CLI cannot sign in"


def test_pages_are_asked_at_once(ask: Ask) -> None:
    together = threading.Barrier(2, timeout=5)

    def wait(body: Any) -> Callable[[BaseHTTPRequestHandler], None]:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            together.wait()
            data = Reply(body).data()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        return answer

    routes = {GITHUB: wait(recorded_page("github")), DEVIN: wait(recorded_page("devin"))}
    with serve(routes) as server:
        assert [one.status for one in ask(server, "copilot", "devin")] == ["ok", "ok"]


def test_one_page_of_two_providers_is_asked_once(ask: Ask) -> None:
    with serve({DEVIN: Reply(recorded_page("devin"))}) as server:
        assert [one.status for one in ask(server, "devin", "windsurf", "devin")] == ["ok", "degraded", "ok"]
        assert server.paths() == [DEVIN]


def test_json_in_utf_16(ask: Ask) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    path = "/health.aws.amazon.com/public/currentevents"
    with serve({path: Reply(recorded("aws.json"), headers=headers)}) as server:
        assert [one.status for one in ask(server, "bedrock", "kiro")] == ["degraded", "ok"]


def test_a_page_for_people_only_is_unknown(ask: Ask) -> None:
    with serve({}) as server:
        (found,) = ask(server, "jetbrains")
        assert (found.status, found.summary, server.seen) == ("unknown", "this page is for people only", [])


# -- what goes wrong --------------------------------------------------------------------------------


def _cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"status": {')


def _drop(handler: BaseHTTPRequestHandler) -> None:
    handler.connection.shutdown(socket.SHUT_RDWR)


TROUBLED = recorded_page("github_copilot")


@pytest.mark.parametrize(
    ("route", "words"),
    [
        (Reply(TROUBLED, 404), "answered 404"),
        (Reply(TROUBLED, 401), "answered 401"),
        (Reply(TROUBLED, 429), "answered 429"),
        (Reply(TROUBLED, 500), "answered 500"),
        (Reply(TROUBLED, 503), "answered 503"),
        (Reply(TROUBLED, 204), "answered 204"),
        (Reply(b"<!DOCTYPE html><html>outage</html>", headers={"Content-Type": "text/html"}), "not JSON"),
        (Reply(b""), "not JSON"),
        (Reply(b'{"status": {"indicator": "major"'), "not JSON"),
        (Reply(b"[" * 100_000), "not JSON"),
        (Reply({"status": "major_outage"}), "the page has changed"),
        (Reply([]), "the page has changed"),
        (Reply({**TROUBLED, "components": []}), "the page has changed"),
        (Reply(b" " * 10_000_001), "more than 10 MB"),
        (_cut, "dropped the connection"),
        (_drop, "dropped the connection"),
    ],
)
def test_a_failed_fetch_is_unknown(ask: Ask, route: Route, words: str) -> None:
    with serve({GITHUB: route}) as server:
        (found,) = ask(server, "copilot")
    assert (found.status, found.started_at, found.url) == ("unknown", None, "https://www.githubstatus.com")
    assert words in (found.summary or "")


def test_nobody_listens(machine: Machine) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        here = replace(machine, status_pages=f"http://127.0.0.1:{closed.getsockname()[1]}")
        found = Reading(here, of("copilot"), timeout_s=5).wait()
    assert [one.status for one in found.values()] == ["unknown"]


@pytest.mark.parametrize(
    "data", [b"<html><body>outage</body></html>", b"{}", b"", b'<!DOCTYPE rss [<!ENTITY a "b">]><rss/>']
)
def test_a_feed_that_is_none_is_unknown(ask: Ask, data: bytes) -> None:
    path = "/status.mistral.ai/feed.rss"
    with serve({path: Reply(data)}) as server:
        assert [one.status for one in ask(server, "mistral")] == ["unknown"]


def test_the_next_address_is_tried(ask: Ask) -> None:
    with serve({DEEPSEEK_ATOM: Reply(recorded("deepseek.atom"))}) as server:
        assert [one.status for one in ask(server, "deepseek")] == ["degraded"]
        assert server.paths() == [DEEPSEEK, DEEPSEEK_ATOM]


def test_a_feed_that_nobody_documents_may_go(ask: Ask) -> None:
    """Then the whole page counts, since the other one does not tell the groups apart."""
    routes: dict[str, Route] = {
        OPENAI_FEED: Reply({"changed": True}),
        OPENAI_SUMMARY: Reply(recorded_page("openai_summary")),
        OPENAI_INCIDENTS: Reply(recorded_page("openai_incidents")),
    }
    with serve(routes) as server:
        (found,) = ask(server, "openai")
    assert (found.status, found.summary) == ("outage", "Videos fail")


# -- time -------------------------------------------------------------------------------------------


def _drip(handler: BaseHTTPRequestHandler) -> None:
    try:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        for _ in range(40):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.1)
    except OSError:
        pass


def _silent(handler: BaseHTTPRequestHandler) -> None:
    time.sleep(1.5)


@pytest.mark.parametrize("route", [_drip, _silent])
def test_a_page_that_does_not_end_is_unknown_in_time(ask: Ask, machine: Machine, route: Route) -> None:
    started = time.monotonic()
    with serve({GITHUB: route, DEVIN: Reply(recorded_page("devin"))}) as server:
        slow, fine = ask(server, "copilot", "devin", timeout_s=0.5)
        assert time.monotonic() - started < 1.4
    assert (slow.status, fine.status) == ("unknown", "ok")
    # What came too late is not kept.
    with serve({GITHUB: Reply(recorded_page("github"))}) as server:
        assert [one.status for one in ask(server, "copilot")] == ["ok"]


def test_ten_seconds_are_the_most(machine: Machine) -> None:
    with serve({GITHUB: Reply(recorded_page("github"))}) as server:
        reading = Reading(replace(machine, status_pages=server.url), of("copilot"), timeout_s=600)
        assert reading._transport.timeout_s == 10
        reading.wait()


# -- redirects --------------------------------------------------------------------------------------


@contextmanager
def secure(routes: Mapping[str, Route], folder: Path) -> Iterator[Server]:
    """The server with TLS, its authority in `folder`/ca.pem."""
    with serve(routes) as server:
        authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(str(folder / "ca.pem"))
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
        yield server


def test_a_redirect_to_https_is_followed(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with secure({"/new": Reply(recorded_page("github_copilot"))}, tmp_path) as new:
        moved = Reply({}, 301, {"Location": f"{new.url}/new", "Set-Cookie": "a=fake"})
        with serve({GITHUB: moved}) as server:
            (found,) = ask(server, "copilot")
        assert new.paths() == ["/new"]
        assert "cookie" not in new.seen[0].headers
        assert "authorization" not in new.seen[0].headers
    assert found.status == "outage"


@pytest.mark.parametrize(
    "location", ["{url}/new", "/new", "file:///etc/hostname", "//", "https://", "http://[", ""]
)
def test_a_redirect_elsewhere_is_not(ask: Ask, location: str) -> None:
    routes: dict[str, Route] = {"/new": Reply(recorded_page("github_copilot"))}
    with serve(routes) as server:
        server.routes[GITHUB] = Reply({}, 302, {"Location": location.format(url=server.url)})
        (found,) = ask(server, "copilot")
        assert server.paths() == [GITHUB]
    assert (found.status, found.summary) == (
        "unknown",
        f"could not be read: redirect: {server.url.removeprefix('http://')} does not lead to https",
    )


def test_redirects_in_circles_end(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with secure({}, tmp_path) as server:
        server.routes[GITHUB] = Reply({}, 302, {"Location": f"{server.url}{GITHUB}"})
        (found,) = ask(server, "copilot")
        assert len(server.seen) == 5
    assert found.status == "unknown"


# -- what is kept -----------------------------------------------------------------------------------


@pytest.mark.parametrize("reply", [Reply(recorded_page("github_copilot")), Reply({}, 500)])
def test_a_page_is_asked_once_in_5_minutes(ask: Ask, reply: Reply) -> None:
    with serve({GITHUB: reply}) as server:
        first = ask(server, "copilot")
        later = [ask(server, "copilot", clock=lambda: NOW + timedelta(seconds=s)) for s in (0, 299)]  # noqa: B023
        assert later == [first, first]
        assert server.paths() == [GITHUB]
        ask(server, "copilot", clock=lambda: NOW + timedelta(seconds=301))
        assert server.paths() == [GITHUB, GITHUB]


def test_parts_of_one_page_are_kept_apart(ask: Ask) -> None:
    with serve({DEVIN: Reply(recorded_page("devin"))}) as server:
        ask(server, "devin", "windsurf")
        assert [one.status for one in ask(server, "windsurf", "devin")] == ["degraded", "ok"]
        assert server.paths() == [DEVIN]


def test_a_clock_that_was_set_back_asks_again(ask: Ask) -> None:
    with serve({GITHUB: Reply(recorded_page("github"))}) as server:
        ask(server, "copilot")
        ask(server, "copilot", clock=lambda: NOW - timedelta(hours=1))
        assert server.paths() == [GITHUB, GITHUB]


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"null", b'{"checkedAt": 1e300}', b"[" * 99_000, b'{"checkedAt": "now"}']
)
def test_a_broken_file_is_a_miss(ask: Ask, machine: Machine, data: bytes) -> None:
    with serve({GITHUB: Reply(recorded_page("github"))}) as server:
        ask(server, "copilot")
        (path,) = Path(machine.cache_dir, "status-pages").iterdir()
        path.write_bytes(data)
        assert [one.status for one in ask(server, "copilot")] == ["ok"]
        assert len(server.seen) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_the_file_is_its_owners_alone(ask: Ask, machine: Machine) -> None:
    with serve({GITHUB: Reply(recorded_page("github"))}) as server:
        ask(server, "copilot")
    (path,) = Path(machine.cache_dir, "status-pages").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_cache_that_cannot_be_written_costs_only_the_cache(ask: Ask, machine: Machine) -> None:
    Path(machine.cache_dir).parent.mkdir(parents=True, exist_ok=True)
    Path(machine.cache_dir).write_text("a file")
    with serve({GITHUB: Reply(recorded_page("github_copilot"))}) as server:
        assert [one.status for one in ask(server, "copilot")] == ["outage"]


def test_offline_asks_nobody(ask: Ask, machine: Machine) -> None:
    with serve({GITHUB: Reply(recorded_page("github_copilot"))}) as server:
        here = replace(machine, status_pages=server.url)
        before = Reading(here, of("copilot"), timeout_s=5, offline=True).wait()
        assert server.seen == []
        ask(server, "copilot")
        after = Reading(here, of("copilot"), timeout_s=5, offline=True).wait()
        assert len(server.seen) == 1
    assert [(one.status, one.summary) for one in before.values()] == [("unknown", "not asked (--offline)")]
    assert [one.status for one in after.values()] == ["outage"]
