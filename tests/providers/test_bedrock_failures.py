"""What each refusal, fault and silence of AWS costs the report, over real boto3 clients on loopback."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme

from tests.providers.test_bedrock import BUSY
from tests.providers.test_bedrock_fetch import (
    HTML,
    KEYS,
    OPTIONS,
    WEB_PAGE,
    XML,
    account,
    ask_all,
    aws,
    failure,
    operation,
    recorded,
    refused,
)
from tests.support import Reply, Route, make_ask, utc
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
from usagecli.providers.bedrock import fetch

# -- when a call that the report needs fails ----------------------------------------------------------

NEEDED = {
    "ListServiceQuotas": ("Service Quotas", "servicequotas:ListServiceQuotas"),
    "ListMetrics": ("CloudWatch", "cloudwatch:ListMetrics"),
    "GetMetricData": ("CloudWatch", "cloudwatch:GetMetricData"),
}


@pytest.mark.sockets
@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("code", ["AccessDeniedException", "AccessDenied"])
def test_a_missing_permission_is_named(machine: Machine, name: str, code: str) -> None:
    error = failure({name: refused(code)}, machine)
    title, action = NEEDED[name]
    assert (error.kind, error.message) == ("auth", f"{title} refused: {action} is not allowed")
    assert error.hint == f"allow the IAM action {action}"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (refused("UnrecognizedClientException"), AuthError, "UnrecognizedClientException"),
        (refused("InvalidClientTokenId", 403), AuthError, "InvalidClientTokenId"),
        (refused("SignatureDoesNotMatch", 403), AuthError, "SignatureDoesNotMatch"),
        (refused("InvalidSignatureException"), AuthError, "InvalidSignatureException"),
        (refused("ExpiredTokenException"), AuthError, "ExpiredTokenException"),
        (refused("ExpiredToken"), AuthError, "ExpiredToken"),
        (refused("SomethingElse", 401), AuthError, "SomethingElse"),
        (Reply(b"", 403), AuthError, "403"),
        (refused("TooManyRequestsException", 429), RateLimited, "asked us to wait"),
        (refused("ThrottlingException"), RateLimited, "asked us to wait"),
        (refused("Throttling", 503), RateLimited, "asked us to wait"),
        (refused("LimitExceededException"), RateLimited, "asked us to wait"),
        (Reply(b"", 429), RateLimited, "asked us to wait"),
        (refused("NoSuchResourceException"), ServiceError, "Bedrock is not offered in this Region"),
        (refused("ServiceException", 400), Unavailable, "problem of its own"),
        (Reply(b"<html>oops</html>", 500, HTML), Unavailable, "problem of its own"),
        (Reply({}, 503), Unavailable, "problem of its own"),
        (refused("ValidationException"), PayloadError, ".* answered "),
        (Reply(b"", 302, {"Location": "https://portal.example.com"}), PayloadError, ".* answered 302"),
        (WEB_PAGE, PayloadError, "Quotas: expected a list"),
        (Reply(b'{"Quotas": ['), PayloadError, "Quotas: expected a list"),
        (Reply(b""), PayloadError, "Quotas: expected a list"),
        (Reply([]), PayloadError, "body: Service Quotas answered in a shape"),
        (Reply({"Quotas": [7]}), PayloadError, "body: Service Quotas answered in a shape"),
        (Reply({"Quotas": [], "NextToken": 7}), PayloadError, "NextToken: Service Quotas sent no text"),
    ],
)
def test_what_a_failing_call_says(
    machine: Machine, reply: Reply, kind: type[ProviderError], words: str
) -> None:
    with pytest.raises(ProviderError, match=words) as caught:
        ask_all({**account(), "ListServiceQuotas": reply}, machine)
    assert type(caught.value) is kind
    assert "fake" not in (caught.value.message + str(caught.value.hint))
    assert caught.value.hint or kind in (PayloadError, RateLimited)


@pytest.mark.sockets
def test_a_region_without_bedrock_says_so_only_of_service_quotas(machine: Machine) -> None:
    assert failure({"ListMetrics": refused("NoSuchResourceException")}, machine).kind == "invalid_response"


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("headers", "retry_at"), [({"Retry-After": "90"}, "2026-11-21T08:01:30"), ({}, None)]
)
def test_how_long_it_asks_us_to_wait(machine: Machine, headers: dict[str, str], retry_at: str | None) -> None:
    error = failure({"ListServiceQuotas": refused("TooManyRequestsException", 429, **headers)}, machine)
    assert error.retry_at == (utc(retry_at) if retry_at else None)


@pytest.mark.sockets
@pytest.mark.parametrize("first", [refused("ThrottlingException"), Reply({}, 500), Reply({}, 503)])
def test_a_call_is_made_twice_at_most(machine: Machine, first: Reply) -> None:
    answers = account()
    answers["ListServiceQuotas"] = [first, recorded("quotas_1"), recorded("quotas_2")]
    assert ask_all(answers, machine)[0] == BUSY
    with aws({**account(), "ListServiceQuotas": first}) as server, pytest.raises(ProviderError):
        fetch(make_ask("bedrock", machine, secret=KEYS, base_url=server.url, given=OPTIONS))
    assert len(server.seen) == 2


@pytest.mark.sockets
def test_nobody_listens(machine: Machine) -> None:
    with aws(account()) as server:
        pass
    with pytest.raises(Unavailable, match="no connection to Service Quotas"):
        fetch(make_ask("bedrock", machine, secret=KEYS, base_url=server.url, given=OPTIONS))


@contextmanager
def hanging() -> Iterator[Route]:
    over = threading.Event()

    def hang(_: BaseHTTPRequestHandler) -> None:
        over.wait(20)

    try:
        yield hang
    finally:
        over.set()


@pytest.mark.sockets
def test_the_run_s_deadline_holds(machine: Machine) -> None:
    with hanging() as hang, pytest.raises(Unavailable, match="Service Quotas did not answer in time"):
        ask_all({**account(), "ListServiceQuotas": hang}, machine, timeout_s=0.4)
    with pytest.raises(Unavailable, match="did not answer in time"):
        ask_all(account(), machine, timeout_s=0)


@pytest.mark.sockets
def test_the_deadline_holds_between_pages(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    instants = iter([0.0, 0.0])
    monkeypatch.setattr("usagecli.providers._bedrock.aws.monotonic", lambda: next(instants, 1e9))
    with aws(account()) as server, pytest.raises(Unavailable, match="did not answer in time"):
        fetch(make_ask("bedrock", machine, secret=KEYS, base_url=server.url, given=OPTIONS))
    assert [operation(one) for one in server.seen] == ["ListServiceQuotas"]


@pytest.mark.sockets
def test_a_proxy_of_the_environment_is_used(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="^the proxy on the way to Service Quotas refused or failed$"):
        fetch(make_ask("bedrock", machine, secret=KEYS, given=OPTIONS))


@pytest.mark.sockets
def test_the_trust_store_is_that_of_the_environment(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with aws(account()) as server:
        server.http.socket = context.wrap_socket(server.http.socket, server_side=True)
        url = server.url.replace("http:", "https:")
        ask = make_ask("bedrock", machine, secret=KEYS, base_url=url, given=OPTIONS)
        with pytest.raises(Unavailable, match="its certificate is not trusted"):
            fetch(ask)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
        assert fetch(ask) == BUSY


# -- when another call fails --------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (refused("DataUnavailableException"), "Cost Explorer has no figures for this month yet"),
        (refused("OptInRequired"), "Cost Explorer is not enabled in this account"),
        (
            refused("AccessDeniedException"),
            "ce:GetCostAndUsage is not allowed, or Cost Explorer is not enabled for this account",
        ),
        (
            refused("AccessDenied", 403),
            "ce:GetCostAndUsage is not allowed, or Cost Explorer is not enabled for this account",
        ),
        (refused("LimitExceededException"), "Cost Explorer asked us to wait (LimitExceededException)"),
        (Reply(b"<html>", 500, HTML), "Cost Explorer has a problem of its own (500)"),
        (WEB_PAGE, "Cost Explorer gave no figure for this month"),
        (Reply({"ResultsByTime": 7}), "body: Cost Explorer answered in a shape that cannot be read"),
    ],
)
def test_without_cost_the_quotas_stand(machine: Machine, reply: Reply, note: str) -> None:
    usage, seen = ask_all({**account(), "GetCostAndUsage": reply}, machine, {**OPTIONS, "cost": True})
    assert usage == replace_notes(f"the cost could not be read: {note}")
    # Every request is billed: there is no second try.
    assert [operation(one) for one in seen].count("GetCostAndUsage") == 1


def replace_notes(*notes: str) -> Usage:
    return Usage(quotas=BUSY.quotas, account=BUSY.account, notes=(*BUSY.notes, *notes))


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (refused("AccessDeniedException"), "AWS Budgets refused: budgets:ViewBudget is not allowed"),
        (Reply({}, 503), "AWS Budgets has a problem of its own (503)"),
        (Reply({"Budgets": 7}), "body: AWS Budgets answered in a shape that cannot be read"),
    ],
)
def test_without_budgets_the_quotas_stand(machine: Machine, reply: Reply, note: str) -> None:
    usage, _ = ask_all({**account(), "DescribeBudgets": reply}, machine, {**OPTIONS, "budgets": True})
    assert usage == replace_notes(f"the budgets could not be read: {note}")


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (
            Reply(b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>", 403, XML),
            "STS refused: sts:GetCallerIdentity is not allowed",
        ),
        (Reply(b"junk", 200, XML), "body: STS answered in a shape that cannot be read"),
        (Reply(b"<a/>", 200, XML), "body: STS answered in a shape that cannot be read"),
    ],
)
def test_without_the_account_s_id_the_quotas_stand(machine: Machine, reply: Reply, note: str) -> None:
    usage, _ = ask_all({**account(), "GetCallerIdentity": reply}, machine, {**OPTIONS, "budgets": True})
    told = (
        f"the account's id could not be read: {note}",
        "the budgets could not be read: they need the account's id",
    )
    assert usage == Usage(quotas=BUSY.quotas, notes=(*BUSY.notes, *told))


@pytest.mark.sockets
def test_a_call_that_hangs_costs_its_own_entries_only(machine: Machine) -> None:
    with hanging() as hang, aws({**account(), "GetCostAndUsage": hang}) as server:
        options = {**OPTIONS, "cost": True}
        ask = make_ask("bedrock", machine, secret=KEYS, base_url=server.url, given=options, timeout_s=4.0)
        usage = fetch(ask)
    assert usage == replace_notes("the cost could not be read: Cost Explorer did not answer in time")
    assert ask.transport.remaining() > 0
