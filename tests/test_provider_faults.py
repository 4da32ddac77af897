"""What a bad answer costs, for every provider: a clear error, the right exit code, no secret anywhere."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.cli import Outcome, configure, files_below, run
from tests.entries import ON_THIS_MACHINE, SERVICES, secret_words
from tests.support import Reply, Route, Server, serve
from usagecli import registry
from usagecli.machine import here

pytestmark = pytest.mark.sockets

HTML = b"<!DOCTYPE html><html><body>Sorry</body></html>"
IN_HTML = {"Content-Type": "text/html"}
# What the SDK of AWS governs itself: redirects and the size of a body.
OF_THE_SDK = "bedrock"
# One engine runs the whole catalog, so that a descriptor of each shape stands for the others: one
# request, several of which one is optional, GraphQL, a server of one's own.
OF_THE_CATALOG = ("hyperbolic", "deepinfra", "runpod", "litellm")
TESTED = SERVICES | {
    name: {"provider": name, "credential": {"value": "demo-not-a-key"}} for name in OF_THE_CATALOG
}


class Always(dict[str, Route]):
    """One route for whatever is asked."""

    def __init__(self, route: Route) -> None:
        super().__init__()
        self.route = route

    def get(self, key: str, default: Any = None) -> Any:
        return self.route


def asked(provider: str, base_url: str, *options: str) -> Outcome:
    """Ask one service at that address; its credential shows up nowhere."""
    service = {**TESTED[provider], "name": "fine", "base_url": base_url}
    configure([service])
    outcome = run("-v", provider, "--json", *options)
    kept = [files_below(folder) for folder in (here().cache_dir, here().data_dir)]
    everywhere = outcome.out + outcome.err + repr(kept)
    assert [word for word in secret_words(service["credential"]) if word in everywhere] == []
    return outcome


def answered(provider: str, route: Route, *options: str) -> tuple[Outcome, Server]:
    with serve({}) as server:
        server.routes = Always(route)
        outcome = asked(provider, server.url, *options)
    return outcome, server


def kind_of(outcome: Outcome) -> str:
    """The kind of the error of a run that failed as it should."""
    assert outcome.code == 3
    document = outcome.document
    assert document["status"] == "error"
    assert (document["quotas"], document["balances"], document["spend"]) == ([], [], [])
    assert document["error"]["message"]
    return str(document["error"]["kind"])


def test_every_provider_is_here() -> None:
    code = set(registry.names()) - set(registry.catalog())
    assert set(SERVICES) == code - ON_THIS_MACHINE, "tests/entries.py has a service of each"


@pytest.mark.parametrize("provider", sorted(TESTED))
class TestEvery:
    """Each provider in turn."""

    def test_a_refused_connection(self, provider: str) -> None:
        with serve({}) as server:
            gone = server.url
        assert kind_of(asked(provider, gone, "--timeout", "6")) == "unavailable"

    @pytest.mark.parametrize("status", [500, 503])
    def test_trouble_of_the_provider_s_own(self, provider: str, status: int) -> None:
        outcome, _ = answered(provider, Reply(HTML, status, IN_HTML), "--timeout", "8")
        assert kind_of(outcome) == "unavailable"

    def test_a_refused_credential(self, provider: str) -> None:
        outcome, _ = answered(provider, Reply({"message": "no"}, 401))
        assert kind_of(outcome) == "auth"
        assert outcome.document["error"]["hint"]

    @pytest.mark.parametrize("headers", [{"Retry-After": "90"}, {"Retry-After": "0"}, {}])
    def test_a_request_to_wait(self, provider: str, headers: dict[str, str]) -> None:
        outcome, server = answered(provider, Reply({}, 429, headers))
        assert kind_of(outcome) == "rate_limited"
        assert outcome.document["error"]["retryAt"]
        before = len(server.seen)
        assert kind_of(asked(provider, server.url, "--no-cache")) == "rate_limited"
        assert len(server.seen) == before, "it is left alone until then"

    @pytest.mark.parametrize(
        "body",
        [HTML, b"", b'{"data": {"limit": 60', b"[]", b'"text"', b"null", b"7", b"[" * 50_000, b"\xff\xfe"],
    )
    def test_a_200_that_cannot_be_read(self, provider: str, body: bytes) -> None:
        headers = IN_HTML if body == HTML else {}
        outcome, _ = answered(provider, Reply(body, 200, headers))
        # In front of Azure a web page is a gateway's, whatever its status.
        gateway = provider == "azure-openai" and body == HTML
        assert kind_of(outcome) == ("unavailable" if gateway else "invalid_response")

    def test_a_body_of_20_mb(self, provider: str) -> None:
        if provider == OF_THE_SDK:
            pytest.skip("the SDK governs it")
        outcome, _ = answered(provider, Reply(b'{"a": "' + b"x" * 20_000_000 + b'"}'))
        assert kind_of(outcome) == "invalid_response"
        assert "10 MB" in outcome.document["error"]["message"]

    def test_a_redirect_to_another_host_gets_no_credential(self, provider: str) -> None:
        if provider == OF_THE_SDK:
            pytest.skip("the SDK governs it")
        with serve({}) as other:
            other.routes = Always(Reply({}))
            outcome, _ = answered(provider, Reply({}, 302, {"Location": f"{other.url}/x"}))
            assert other.seen == []
        assert kind_of(outcome) == "invalid_response"

    def test_a_dropped_connection(self, provider: str) -> None:
        def drop(handler: BaseHTTPRequestHandler) -> None:
            handler.close_connection = True

        outcome, _ = answered(provider, drop, "--timeout", "6")
        assert kind_of(outcome) == "unavailable"
