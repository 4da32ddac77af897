"""What networks and servers do to a run: a clear error each, the right exit code, nothing lost."""

from __future__ import annotations

import gzip
import json
import socket
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.cli import KEY, Outcome, configure, files_below, openrouter, run
from tests.support import Reply, Route, Server, serve
from usagecli.machine import here

pytestmark = pytest.mark.sockets


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port on loopback where nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        yield found.getsockname()[1]


def asked(base_url: str, *options: str) -> Outcome:
    """Ask one service at that address; the credential shows up nowhere."""
    configure([openrouter(base_url)])
    outcome = run("-v", "openrouter", "--json", *options)
    machine = here()
    everywhere = (
        outcome.out + outcome.err + repr(files_below(machine.cache_dir)) + repr(files_below(machine.data_dir))
    )
    assert "fake-key" not in everywhere
    return outcome


def failed(outcome: Outcome, kind: str) -> str:
    """The run failed with that kind of error; its message."""
    assert outcome.code == 3
    document = outcome.document
    assert (document["status"], document["error"]["kind"]) == ("error", kind)
    assert (document["quotas"], document["balances"], document["stale"]) == ([], [], False)
    return str(document["error"]["message"])


def answering(route: Route) -> Outcome:
    """Ask a server whose main call answers so."""
    with serve({"/key": route}) as server:
        return asked(server.url)


# -- no answer --------------------------------------------------------------------------------------


def test_refused_connection(closed_port: int) -> None:
    outcome = asked(f"http://127.0.0.1:{closed_port}")
    assert failed(outcome, "unavailable") == f"127.0.0.1:{closed_port} refused the connection"
    # No network lies in between.
    assert outcome.document["error"]["hint"] == "is the server there running?"


def test_refused_by_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.util.connection.create_connection", refused)
    outcome = asked("https://gateway.example.com")
    assert failed(outcome, "unavailable") == "gateway.example.com refused the connection"
    assert outcome.document["error"]["hint"] == "check the network, then try again"


def test_name_that_cannot_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: Any, **kwargs: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    message = failed(asked("https://nowhere.invalid"), "unavailable")
    assert message == "the name nowhere.invalid cannot be found (DNS)"


@pytest.mark.skipif(sys.platform != "linux", reason="a full backlog refuses elsewhere")
def test_connect_timeout() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(full.getsockname())
            waiting.append(client)
        message = failed(
            asked(f"http://127.0.0.1:{full.getsockname()[1]}", "--timeout", "0.6"), "unavailable"
        )
        for client in waiting:
            client.close()
    assert "in time" in message or "no answer within" in message


def test_read_timeout() -> None:
    def silent(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(1.5)

    started = time.monotonic()
    with serve({"/key": silent}) as server:
        message = failed(asked(server.url, "--timeout", "0.5"), "unavailable")
        assert time.monotonic() - started < 1.4
    assert "in time" in message or "no answer within 0.5 s" in message


@pytest.mark.parametrize("where", ["head", "body"])
def test_a_server_that_drips(where: str) -> None:
    def drip(handler: BaseHTTPRequestHandler) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"
        data = b" " * 1000 if where == "body" else b"HTTP/1.1 200 OK\r\nX-Slow: " + b"y" * 1000
        try:
            if where == "body":
                handler.wfile.write(head)
            for byte in data[:40]:
                handler.wfile.write(bytes([byte]))
                handler.wfile.flush()
                time.sleep(0.1)
        except OSError:
            pass

    started = time.monotonic()
    with serve({"/key": drip}) as server:
        message = failed(asked(server.url, "--timeout", "0.7"), "unavailable")
        assert time.monotonic() - started < 2.5
    assert "in time" in message or "no answer within 0.7 s" in message


def test_a_dropped_connection_is_tried_again() -> None:
    tries = []

    def drop(handler: BaseHTTPRequestHandler) -> None:
        tries.append(1)
        handler.connection.shutdown(socket.SHUT_RDWR)

    message = failed(answering(drop), "unavailable")
    assert "dropped the connection" in message
    assert len(tries) == 3


def test_a_body_cut_short_is_tried_again() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        handler.wfile.write(b'{"data": {')

    assert "dropped the connection" in failed(answering(cut), "unavailable")


def test_a_gateway_that_recovers() -> None:
    outcome = answering([Reply({}, 502), Reply({}, 503), Reply(KEY)])
    assert (outcome.code, outcome.document["error"]) == (0, None)


# -- TLS --------------------------------------------------------------------------------------------


def serve_tls(server: Server, host: str) -> trustme.CA:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
    server.url = server.url.replace("http:", "https:")
    return authority


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_unknown_authority() -> None:
    with serve({"/key": Reply(KEY)}) as server:
        serve_tls(server, "127.0.0.1")
        message = failed(asked(server.url), "unavailable")
        assert server.seen == []
    assert "its certificate is not trusted (unknown authority)" in message


@pytest.mark.parametrize(("host", "code"), [("other.example.com", 3), ("127.0.0.1", 0)])
def test_a_certificate_for_another_host(
    host: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve({"/key": Reply(KEY)}) as server:
        serve_tls(server, host).cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        outcome = asked(server.url)
    assert outcome.code == code
    if code:
        assert "it is for another host" in failed(outcome, "unavailable")


def test_a_certificate_bundle_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    with serve({}) as server:
        serve_tls(server, "127.0.0.1")
        assert "REQUESTS_CA_BUNDLE" in failed(asked(server.url), "unavailable")


# -- statuses ---------------------------------------------------------------------------------------

HTML = Reply(b"<!DOCTYPE html><html><body>Sorry</body></html>", headers={"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (Reply({"error": {"code": 401}}, 401), "auth", "401"),
        (Reply({"error": {"code": 403}}, 403), "auth", "403"),
        (Reply({"error": {"code": 404}}, 404), "invalid_response", "404"),
        (Reply(HTML.body, 500, HTML.headers), "unavailable", "500"),
        (HTML, "invalid_response", "a web page"),
        (Reply(b'{"data": {"limit": 60'), "invalid_response", "not JSON"),
        (Reply(b""), "invalid_response", "not JSON"),
        (Reply(b"[" * 100_000), "invalid_response", "not JSON"),
        (Reply(b'{"data": ' + b"9" * 5000 + b"}"), "invalid_response", "not JSON"),
        (Reply(b'{"data": "\xff\xfe"}'), "invalid_response", "not JSON"),
        (Reply([1, 2]), "invalid_response", "body"),
        (Reply({"data": None}), "invalid_response", "data"),
        (Reply({"data": "text"}), "invalid_response", "data"),
        (Reply({"data": []}), "invalid_response", "data"),
    ],
)
def test_an_answer_that_is_none(reply: Reply, kind: str, words: str) -> None:
    assert words in failed(answering(reply), kind)


@pytest.mark.parametrize("value", ["90", "Sat, 21 Nov 2099 08:00:00 GMT", "1.5"])
def test_a_429_that_says_how_long(value: str) -> None:
    outcome = answering(Reply({}, 429, {"Retry-After": value}))
    assert failed(outcome, "rate_limited") == f"{outcome.document['error']['message']}"
    assert outcome.document["error"]["retryAt"] is not None


@pytest.mark.parametrize(
    "headers", [{}, {"Retry-After": "0"}, {"Retry-After": "soon"}, {"Retry-After": "-5"}]
)
def test_a_429_that_does_not_say_waits_five_minutes(headers: dict[str, str]) -> None:
    with serve({"/key": Reply({}, 429, headers)}) as server:
        before = here().clock()
        document = asked(server.url).document
        again = asked(server.url, "--no-cache").document
    from tests.support import utc

    wait = (utc(document["error"]["retryAt"].rstrip("Z")) - before).total_seconds()
    assert 298 <= wait <= 302
    # Left alone until then, --no-cache or not.
    assert again["error"] == document["error"]
    assert len(server.seen) == 1


# -- bodies -----------------------------------------------------------------------------------------


def test_a_body_of_20_mb_is_refused() -> None:
    assert "more than 10 MB" in failed(answering(Reply(b" " * 20_000_000)), "invalid_response")


def test_a_body_of_unsaid_size_is_refused_at_10_mb() -> None:
    sent = []

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(200):
                handler.wfile.write(b" " * 100_000)
                sent.append(1)
        except OSError:
            pass

    assert "more than 10 MB" in failed(answering(endless), "invalid_response")


def test_a_small_body_that_unpacks_to_20_mb_is_refused() -> None:
    body = gzip.compress(b" " * 20_000_000)
    assert "more than 10 MB" in failed(
        answering(Reply(body, headers={"Content-Encoding": "gzip"})), "invalid_response"
    )


def test_gzip_is_read() -> None:
    body = gzip.compress(json.dumps(KEY).encode())
    assert answering(Reply(body, headers={"Content-Encoding": "gzip"})).code == 0


def test_gzip_that_is_none() -> None:
    outcome = answering(Reply(b"not packed", headers={"Content-Encoding": "gzip"}))
    assert "cannot be unpacked" in failed(outcome, "invalid_response")


def test_figures_as_text_nan_and_infinity_stay_out_of_the_document() -> None:
    odd = {**KEY["data"], "limit": "60", "limit_remaining": float("nan"), "usage_daily": float("inf")}
    outcome = answering(Reply({"data": odd}))
    assert outcome.code == 0
    assert "NaN" not in outcome.out
    assert "Infinity" not in outcome.out


# -- redirects, proxies, .netrc ---------------------------------------------------------------------


def test_a_redirect_to_another_host_gets_no_credential() -> None:
    with serve({"/key": Reply(KEY)}) as other, serve({}) as server:
        server.routes["/key"] = Reply({}, 302, {"Location": f"{other.url}/key"})
        message = failed(asked(server.url), "invalid_response")
        assert other.seen == []
    assert "another host" in message


@pytest.mark.parametrize("location", ["/elsewhere", "elsewhere"])
def test_a_redirect_on_the_same_host_is_followed(location: str) -> None:
    with serve({"/key": Reply({}, 307, {"Location": location}), "/elsewhere": Reply(KEY)}) as server:
        assert asked(server.url).code == 0


def test_a_redirect_in_circles() -> None:
    assert "circles" in failed(answering(Reply({}, 301, {"Location": "/key"})), "invalid_response")


@pytest.mark.parametrize("location", ["http://[broken", "//evil.example.com/key", "ftp://127.0.0.1/"])
def test_a_redirect_to_nowhere(location: str) -> None:
    failed(answering(Reply({}, 302, {"Location": location})), "invalid_response")


def test_a_proxy_that_refuses(closed_port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", f"http://user:fake-key@127.0.0.1:{closed_port}")
    message = failed(asked("https://gateway.example.com"), "unavailable")
    assert message == "the proxy on the way to gateway.example.com refused or failed"


def test_a_proxy_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def through(handler: BaseHTTPRequestHandler) -> None:
        data = json.dumps(KEY).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    routes: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {"http://127.0.0.9:1/key": through}
    with serve(routes) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        outcome = asked("http://127.0.0.9:1")
    assert outcome.code == 0


def test_netrc_is_never_read(own_home: Path) -> None:
    (own_home / ".netrc").write_text("machine 127.0.0.1 login someone password other-fake-key\n")
    (own_home / ".netrc").chmod(0o600)
    with serve({"/key": Reply(KEY)}) as server:
        assert asked(server.url).code == 0
    assert {seen.headers["authorization"] for seen in server.seen} == {"Bearer sk-or-v1-fake-key-of-router"}


def test_we_say_who_we_are() -> None:
    from usagecli import __version__

    with serve({"/key": Reply(KEY)}) as server:
        asked(server.url)
    assert server.seen[0].headers["user-agent"] == f"usagecli/{__version__}"


def test_a_key_that_no_header_carries() -> None:
    with serve({"/key": Reply(KEY)}) as server:
        configure([openrouter(server.url, credential={"value": "sk-or-fake\u00e9"})])
        outcome = run("openrouter", "--json")
    assert failed(outcome, "config").startswith("the OpenRouter credential holds characters")
    assert server.seen == []
