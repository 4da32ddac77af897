"""`usagecli push`: what a Pushgateway and an OpenTelemetry receiver get, and what they never get."""

from __future__ import annotations

import base64
import gzip
import re
import socket
import sys
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)

from tests.accounts import accounts
from tests.cli import FAKE, configure, run
from tests.process import process
from tests.support import Reply, Server, serve
from tests.test_metrics import parsed
from usagecli import __version__
from usagecli.metrics import METRICS

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("fixed_clock")]

TOKEN = "USAGECLI_PUSH_TOKEN"
OTEL = "OTEL_EXPORTER_OTLP_HEADERS"
HOST = socket.gethostname()
GROUP = f"/metrics/job/usagecli/instance/{HOST}"
METRICS_PATH = "/v1/metrics"


@pytest.fixture
def receiver() -> Iterator[Server]:
    """Takes what is pushed, by either way."""
    with serve({GROUP: Reply(b"", 202), METRICS_PATH: Reply(b"")}) as server:
        yield server


def host(server: Server) -> str:
    return server.url.removeprefix("http://")


# -- Pushgateway ------------------------------------------------------------------------------------


def test_a_gateway_gets_what_the_format_prints(receiver: Server) -> None:
    with accounts("fine", "other"):
        page = run("status", "--format", "prometheus").out
        outcome = run("push", "--gateway", receiver.url)
    (seen,) = receiver.seen
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert (seen.method, seen.path) == ("PUT", GROUP)
    assert seen.body.decode() == page
    assert seen.headers["content-type"].startswith("text/plain; version=")
    assert seen.headers["user-agent"] == f"usagecli/{__version__}"
    assert "authorization" not in seen.headers


def test_job_and_instance_are_the_group(receiver: Server) -> None:
    def encoded(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode()

    path = f"/deep/metrics/job@base64/{encoded('a/b')}/instance@base64/{encoded('x y')}"
    receiver.routes[path] = Reply(b"")
    with accounts("fine"):
        outcome = run("push", "--gateway", f"{receiver.url}/deep/", "--job", "a/b", "--instance", "x y")
    assert (outcome.code, outcome.err) == (0, "")
    assert receiver.paths() == [path]


def test_a_token_goes_as_bearer_and_nowhere_else(receiver: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TOKEN, " fake-push-token ")
    with accounts("fine") as server:
        outcome = run("-v", "push", "--gateway", receiver.url, "--no-cache")
    assert receiver.seen[0].headers["authorization"] == "Bearer fake-push-token"
    assert "fake-push-token" not in outcome.out + outcome.err
    assert all("fake-push-token" not in str(seen) for seen in server.seen)
    assert f"{host(receiver)}: PUT 202" in outcome.err


def test_only_the_services_named_are_pushed(receiver: Server) -> None:
    with accounts("fine", "other") as server:
        run("push", "other", "--gateway", receiver.url)
    assert all(path.startswith("/other/") for path in server.paths())
    names = {dict(labels)["service"] for _, labels in parsed(receiver.seen[0].body.decode())}
    assert names == {"other"}


def test_nothing_found_takes_away_what_was_pushed_before(receiver: Server) -> None:
    configure([])
    outcome = run("push", "--gateway", receiver.url)
    assert outcome.code == 3
    assert "names no enabled service" in outcome.err
    assert [(seen.method, seen.body) for seen in receiver.seen] == [("PUT", b"")]


@pytest.mark.parametrize("option", ["--gateway", "--otlp"])
@pytest.mark.parametrize(
    ("names", "words", "code"),
    [
        (["fine"], [], 0),
        (["low"], [], 1),
        (["spent", "refused"], [], 1),
        (["fine", "refused"], [], 3),
        (["low", "refused"], ["--exit-zero"], 0),
        (["low"], ["--low-below", "1"], 0),
    ],
)
def test_the_exit_code_is_that_of_status(
    option: str, names: list[str], words: list[str], code: int, receiver: Server
) -> None:
    with accounts(*names):
        outcome = run("push", option, receiver.url, *words)
    assert (outcome.code, outcome.out, outcome.err) == (code, "", "")
    assert len(receiver.seen) == 1


# -- what goes wrong --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "who", "token"), [("--gateway", "Pushgateway", TOKEN), ("--otlp", "OTLP", OTEL)]
)
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (400, "refused the metrics (400)"),
        (401, "refused the credentials, or wants some (401); set {token}"),
        (403, "refused the credentials, or wants some (403); set {token}"),
        (404, "takes no metrics there (404); is the address right?"),
        (307, "redirects (307); give the address where it really is"),
        (500, "has a problem of its own (500); try again later"),
    ],
)
@pytest.mark.parametrize("words", [[], ["--exit-zero"]])
def test_a_delivery_that_is_refused_is_told_and_exits_3(
    option: str, who: str, token: str, status: int, told: str, words: list[str], receiver: Server
) -> None:
    with serve({}) as elsewhere, accounts("low"):
        reply = Reply(b"fake body", status, {"Location": elsewhere.url})
        receiver.routes = {GROUP: reply, METRICS_PATH: reply}
        outcome = run("push", option, receiver.url, *words)
        assert elsewhere.seen == []
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"Error: {who}: {host(receiver)} {told.format(token=token)}\n"


@pytest.mark.parametrize(("option", "who"), [("--gateway", "Pushgateway"), ("--otlp", "OTLP")])
def test_nobody_there(option: str, who: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with accounts("fine"):
        outcome = run("push", option, f"http://127.0.0.1:{port}", "--timeout", "0.9")
    assert (outcome.code, outcome.out) == (3, "")
    # Windows asks such a port for two seconds.
    why = "(refused the connection; is the server there running|did not answer in time; try again)"
    assert re.fullmatch(f"Error: {who}: 127.0.0.1:{port} {why}.*\n", outcome.err)


def test_one_receiver_that_fails_costs_the_other_nothing(receiver: Server) -> None:
    del receiver.routes[GROUP]
    with accounts("fine"):
        outcome = run("push", "--gateway", receiver.url, "--otlp", receiver.url)
    assert receiver.paths() == [GROUP, METRICS_PATH]
    assert (outcome.code, outcome.err.count("\n")) == (3, 1)
    receiver.routes = {}
    with accounts("fine"):
        outcome = run("push", "--gateway", receiver.url, "--otlp", receiver.url)
    assert (outcome.code, outcome.err.count("takes no metrics there")) == (3, 2)


OPEN = "would cross the network in the open: give https, or unset it"
INSECURE = "must be https (http only on loopback); in a network that you trust, add --insecure-http"
USER = f"must hold no user, query or fragment; credentials stand in the environment: {TOKEN}, {OTEL}"


@pytest.mark.parametrize(
    ("words", "env", "told"),
    [
        ([], {}, "say where to: --gateway URL, --otlp URL, or both"),
        (["--gateway", "http://gateway.example.com:9091"], {}, f"--gateway {INSECURE}"),
        (["--otlp", "http://10.0.0.1:4318"], {}, f"--otlp {INSECURE}"),
        (["--gateway", "https://me:fake-password@gateway.example.com"], {}, f"--gateway {USER}"),
        (["--otlp", "https://me@gateway.example.com"], {}, f"--otlp {USER}"),
        (["--gateway", "gateway"], {}, "--gateway is not a URL such as https://gateway.example.com"),
        (["--gateway", "ftp://gateway.example.com", "--insecure-http"], {}, f"--gateway {INSECURE}"),
        (["--gateway", "http://10.0.0.1", "--insecure-http"], {TOKEN: "fake-token"}, f"{TOKEN} {OPEN}"),
        (["--otlp", "http://10.0.0.1", "--insecure-http"], {OTEL: "authorization=fake"}, f"{OTEL} {OPEN}"),
        (
            ["--otlp", "http://10.0.0.1", "--insecure-http"],
            {"OTEL_EXPORTER_OTLP_METRICS_HEADERS": "authorization=fake"},
            f"OTEL_EXPORTER_OTLP_METRICS_HEADERS {OPEN}",
        ),
        (
            ["--gateway", "https://gateway.example.com"],
            {TOKEN: "fake\ntoken"},
            "characters that no token has",
        ),
        (["--gateway", "https://gateway.example.com", "--job", " "], {}, "--job is empty"),
        (["--gateway", "https://gateway.example.com", "--instance", ""], {}, "--instance is empty"),
    ],
)
def test_what_may_not_be_sent_to_is_refused_before_anybody_is_asked(
    words: list[str], env: Mapping[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    with accounts("fine") as server:
        outcome = run("push", *words)
    assert (outcome.code, outcome.out, server.seen) == (2, "", [])
    assert f"Error: {told}\n" in outcome.err or told in outcome.err
    assert FAKE not in outcome.err


def test_http_to_a_network_that_is_trusted(receiver: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    # The name is no loopback's, so that the proxy, which is the receiver, gets the request.
    monkeypatch.setenv("HTTP_PROXY", receiver.url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    receiver.routes = {f"http://gateway.example.com{GROUP}": Reply(b"")}
    with accounts("fine"):
        outcome = run("push", "--gateway", "http://gateway.example.com", "--insecure-http")
    assert (outcome.code, outcome.err) == (0, "")
    assert len(receiver.seen) == 1


@pytest.mark.parametrize("option", ["--gateway", "--otlp"])
def test_no_proxy_sees_what_goes_to_this_machine(
    option: str, receiver: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with accounts("fine"), serve({}) as proxy:
        run("status")
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert run("push", option, receiver.url).code == 0
        assert (len(receiver.seen), proxy.seen) == (1, [])


def test_without_its_packages_otlp_says_what_to_install(
    receiver: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.metrics.export", None)
    with accounts("fine") as server:
        outcome = run("push", "--otlp", receiver.url)
        assert server.seen == []
        assert run("push", "--gateway", receiver.url).code == 0
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == (
        "Error: --otlp needs OpenTelemetry, which is not installed: pip install 'usagecli[otlp]'\n"
    )


# -- OpenTelemetry ----------------------------------------------------------------------------------


def attributes(found: Any) -> dict[str, str]:
    return {entry.key: entry.value.string_value for entry in found}


def exported(body: bytes) -> tuple[dict[str, str], dict[Any, float], dict[str, str]]:
    """The resource's attributes, the samples as `parsed` gives them, and each metric's unit."""
    request = ExportMetricsServiceRequest.FromString(body)
    (resource,) = request.resource_metrics
    (scope,) = resource.scope_metrics
    assert (scope.scope.name, scope.scope.version) == ("usagecli", __version__)
    found: dict[Any, float] = {}
    for metric in scope.metrics:
        assert metric.WhichOneof("data") == "gauge"
        for point in metric.gauge.data_points:
            found[metric.name, frozenset(attributes(point.attributes).items())] = point.as_double
            assert point.time_unix_nano == 1795248000 * 10**9
    return attributes(resource.resource.attributes), found, {m.name: m.unit for m in scope.metrics}


def test_a_receiver_gets_the_figures_that_the_format_prints(receiver: Server) -> None:
    with accounts("fine", "low", "refused"):
        page = run("status", "--format", "prometheus").out
        outcome = run("push", "--otlp", receiver.url)
    (seen,) = receiver.seen
    resource, found, units = exported(seen.body)
    assert (outcome.code, outcome.out, outcome.err) == (1, "", "")
    assert (seen.method, seen.path) == ("POST", METRICS_PATH)
    assert seen.headers["content-type"] == "application/x-protobuf"
    assert found == parsed(page)
    assert units == {metric.name: metric.unit for metric in METRICS if metric.name in units}
    assert {name: resource[name] for name in ("service.name", "service.instance.id", "service.version")} == {
        "service.name": "usagecli",
        "service.instance.id": HOST,
        "service.version": __version__,
    }


@pytest.mark.parametrize("path", ["/otlp/v1/metrics", "/otlp", "/otlp/"])
def test_the_path_of_metrics_is_added_once(path: str, receiver: Server) -> None:
    receiver.routes["/otlp/v1/metrics"] = Reply(b"")
    with accounts("fine"):
        assert run("push", "--otlp", receiver.url + path).code == 0
    assert receiver.paths() == ["/otlp/v1/metrics"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [([], ("from-env", HOST, "test")), (["--job", "given", "--instance", "here"], ("given", "here", "test"))],
)
def test_otel_variables_are_honoured_below_what_is_given(
    words: list[str], expected: tuple[str, str, str], receiver: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SERVICE_NAME", "from-env")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
    monkeypatch.setenv(OTEL, "authorization=Bearer%20fake-otlp-token")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    with accounts("fine"):
        outcome = run("-v", "push", "--otlp", receiver.url, *words)
    (seen,) = receiver.seen
    resource, _, _ = exported(gzip.decompress(seen.body))
    names = ("service.name", "service.instance.id", "deployment.environment")
    assert tuple(resource[name] for name in names) == expected
    assert seen.headers["authorization"] == "Bearer fake-otlp-token"
    assert "fake-otlp-token" not in outcome.err
    assert f"{host(receiver)}: POST 200" in outcome.err


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "nonsense"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "nonsense"),
        (OTEL, "fake-header-without-a-name"),
    ],
)
def test_a_variable_that_cannot_be_read_is_passed_over(name: str, value: str, receiver: Server) -> None:
    with accounts("fine"):
        outcome = process("push", "--otlp", receiver.url, env={name: value})
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
    assert len(receiver.seen) == 1


def test_a_header_that_cannot_be_sent_is_an_error(receiver: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OTEL, "authorization=fake%0Atoken")
    with accounts("fine"):
        outcome = run("push", "--otlp", receiver.url)
    assert (outcome.code, receiver.seen) == (3, [])
    assert outcome.err == (
        f"Error: OTLP: nothing could be sent to {host(receiver)}; check the OTEL_EXPORTER_OTLP_* variables\n"
    )


def test_figures_that_the_receiver_leaves_out_are_an_error(receiver: Server) -> None:
    answer = ExportMetricsServiceResponse()
    answer.partial_success.rejected_data_points = 3
    receiver.routes[METRICS_PATH] = Reply(answer.SerializeToString())
    with accounts("fine"):
        outcome = run("push", "--otlp", receiver.url)
    assert (outcome.code, outcome.err) == (
        3,
        f"Error: OTLP: {host(receiver)} rejected 3 of the figures\n",
    )


@pytest.mark.parametrize("body", [b"ok", b"\xff\xff", b"{}"])
def test_an_answer_that_is_no_protobuf_is_taken_as_success(body: bytes, receiver: Server) -> None:
    receiver.routes[METRICS_PATH] = Reply(body)
    with accounts("fine"):
        assert run("push", "--otlp", receiver.url).code == 0


@pytest.mark.parametrize("option", ["--gateway", "--otlp"])
@pytest.mark.parametrize("url", ["https://pushgateway.example.com", "http://192.0.2.7:9091"])
def test_the_demo_sends_nothing_beyond_this_machine(
    option: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the demo asks before it refuses")

    monkeypatch.setattr("usagecli.commands.push.take", nobody)
    outcome = run("--demo", "push", option, url, "--insecure-http")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.endswith(
        f"Error: --demo sends nothing beyond this machine: leave it out, or give {option} a loopback address "
        "such as http://localhost:9091\n"
    )


# -- secrets ----------------------------------------------------------------------------------------


def test_no_account_and_no_secret_is_pushed(receiver: Server) -> None:
    accounts_ = [service["account"] for service in run("--demo", "status", "--json").document["services"]]
    run("--demo", "push", "--gateway", receiver.url, "--otlp", receiver.url)
    assert receiver.paths() == [GROUP, METRICS_PATH]
    for seen in receiver.seen:
        assert len(seen.body) > 5000
        for word in (*(account for account in accounts_ if account), FAKE, "@example.com"):
            assert word.encode() not in seen.body, word
