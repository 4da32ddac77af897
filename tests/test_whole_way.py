"""Every provider the whole way: the real command, a real server behind TLS, the report, the cache."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.catalog import base_path, cases, play, script
from tests.cli import configure, files_below, run
from tests.entries import ON_THIS_MACHINE, SERVICES, secret_words
from tests.support import NOW, PAYLOADS, Reply, Route, payload, serve
from usagecli import registry
from usagecli.demo import server
from usagecli.demo.server import DemoServer, filled
from usagecli.machine import here

pytestmark = [pytest.mark.sockets, pytest.mark.usefixtures("fixed_clock")]

FIGURES = ("used", "remaining", "percentUsed", "percentRemaining", "amount")
QUOTA_FILE = ".config/JetBrains/PyCharm2026.1/options/AIAssistantQuotaManager2.xml"
GROUPS = ("quotas", "balances", "spend")
_USER_STATUS = "/exa.seat_management_pb.SeatManagementService/GetUserStatus"
_BLOCKS = "/api/trpc/user.getCreditBlocks,kiloPass.getState,user.getAutoTopUpPaymentMethod"

# What the demo's answers come to: the status, the source, and the ids of what is reported.
DEMO = {
    "amp": ("ok", "api", "agent orb individual"),
    "anthropic": ("ok", "api", "spend_limit_usage_tier monthly tokens"),
    "azure-openai": (
        "ok",
        "api",
        "eastus2/OpenAI.GlobalStandard.gpt-5.1 example-east/chat budget/team monthly",
    ),
    "bedrock": ("ok", "api", "us-east-1/L-00000001 us-east-1/L-00000002 monthly"),
    "claude": ("low", "oauth", "five_hour weekly"),
    "codex": ("ok", "oauth", "five_hour weekly credits"),
    "copilot": ("exhausted", "api", "ai_credits overage"),
    "gemini": ("ok", "oauth", "gemini-3.1-pro gemini-3-flash"),
    "openai": ("ok", "api", "spend_limit monthly tokens"),
    "opencode": ("ok", "api", "five_hour weekly monthly"),
    "openrouter": ("ok", "api", "key_limit credits daily weekly monthly total last_30_days"),
    "zai": ("ok", "api", "five_hour weekly"),
}
# The same of the other providers in Python, and by path the recorded answers, in their order.
RECORDED: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "alibaba": ("ok", "oauth", "five_hour weekly", {"/cli/api.json": "token_plan subscription"}),
    "antigravity": (
        "ok",
        "oauth",
        "gemini_weekly gemini_5h claude_gpt_weekly claude_gpt_5h google_one_ai",
        {"/v1internal:loadCodeAssist": "loaded", "/v1internal:retrieveUserQuotaSummary": "summary"},
    ),
    "augment": ("ok", "api", "credits_used", {"/analytics/v0/credit-usage-by-user": "page_1 page_2"}),
    "cursor": (
        "ok",
        "cookie",
        "total auto api grok_bot on_demand credits included",
        {
            "/api/usage-summary": "summary",
            "/api/auth/me": "me",
            "/api/usage": "requests_none",
            "/api/dashboard/get-sand-usage-status": "grok",
            "/api/auth/stripe": "stripe",
        },
    ),
    "deepseek": (
        "ok",
        "api",
        "cny usd monthly",
        {"/user/balance": "both_currencies", "/api/v0/usage/cost": "cost"},
    ),
    "devin": ("ok", "oauth", "daily weekly extra_usage", {_USER_STATUS: "status"}),
    "factory": (
        "ok",
        "api",
        "five_hour weekly monthly core_five_hour extra_usage",
        {"/api/billing/limits": "limits", "/api/app/auth/me": "me"},
    ),
    "grok": (
        "ok",
        "oauth",
        "weekly on_demand prepaid",
        {"/v1/billing": "weekly", "/v1/settings": "settings"},
    ),
    "jetbrains": ("ok", "local", "credits tariff", {}),
    "kilo": (
        "ok",
        "api",
        "kilo_pass credits",
        {"/api/profile/balance": "balance", "/api/profile": "profile", _BLOCKS: "state"},
    ),
    "kimi": ("ok", "api", "five_hour weekly extra_usage_cap extra_usage", {"/usages": "counts"}),
    "kiro": ("ok", "oauth", "credits trial bonus bonus_2", {"/getUsageLimits": "free"}),
    "minimax": ("ok", "api", "general:interval general:weekly", {"/v1/token_plan/remains": "percent"}),
    "mistral": ("ok", "api", "monthly", {"/v1/admin/usage": "usage"}),
    "perplexity": ("ok", "cookie", "recurring promotional", {"/rest/billing/credits": "pro"}),
    "vertexai": (
        "low",
        "oauth",
        "TunedModelTokensPerProject:global CustomModelTrainingCPUsPerProjectPerRegion:europe-west4",
        {"/v3/projects/demo-1/timeSeries": "usage limits"},
    ),
    "warp": ("ok", "api", "credits bonus monthly", {"/graphql/v2": "monthly"}),
    "windsurf": ("low", "oauth", "daily weekly extra_usage", {_USER_STATUS: "status"}),
    "zed": ("ok", "oauth", "edit_predictions", {"/client/users/me": "free"}),
}
# Providers of the catalog whose first recorded case is not of the status ok.
NOT_OK = {"deepl": "exhausted"}
# What an IDE wrote, which nobody is asked for.
QUOTA_FILE = ".config/JetBrains/PyCharm2026.1/options/AIAssistantQuotaManager2.xml"
FIGURES = ("used", "remaining", "percentUsed", "percentRemaining", "amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """What a provider needs to be asked, and what is to come of it.

    `service` is its entry in the config, where `http://demo` is the server; `routes` is None where the
    demo's server answers. `told` is what the document says, quotas before balances before spend: some
    keys of each.
    """

    service: Mapping[str, Any]
    told: Sequence[Mapping[str, Any]]
    status: str
    source: str
    secrets: Sequence[str] = ()
    routes: dict[str, Route] | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def way_of(name: str, home: Path) -> Way:
    """The way of a provider; where it has none, the message says what to add."""
    if name in registry.catalog():
        return _of_the_catalog(name, home)
    missing = f"{name} has no row in DEMO or RECORDED: add what its recorded answers come to"
    assert name in DEMO or name in RECORDED, missing
    status, source, ids, *answers = (DEMO | RECORDED)[name]
    told = [{"id": id_} for id_ in ids.split()]
    if name in ON_THIS_MACHINE:
        _write(home / QUOTA_FILE, (PAYLOADS / "jetbrains" / "known.xml").read_text(encoding="utf-8"))
        return Way(service={"provider": name}, told=told, status=status, source=source, routes={})
    assert name in SERVICES, f"{name} has no service in tests/entries.py"
    service = {"base_url": "http://demo", **SERVICES[name]}
    routes = {path: _replies(name, cases_) for path, cases_ in answers[0].items()} if answers else None
    hidden = list(secret_words(service["credential"]))
    assert hidden, f"{name} has no credential in tests/entries.py that says what it is"
    return Way(service=service, told=told, status=status, source=source, secrets=hidden, routes=routes)


def _replies(name: str, recorded: str) -> Route:
    return [Reply(payload(f"{name}/{case}")) for case in recorded.split()]


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _of_the_catalog(name: str, home: Path) -> Way:
    """The first recorded case of a report that a server can play."""
    for case in cases():
        if case.provider != name or "expected" not in case.body or not case.sent:
            continue
        played = play(case, home)
        routes = script(case, played)
        if routes is None:
            continue
        service = {"provider": name, "base_url": f"http://demo{base_path(played.base_url)}"}
        return Way(
            service=service | {"options": case.body.get("options", {})},
            told=[entry for group in GROUPS for entry in case.body["expected"].get(group, [])],
            status=NOT_OK.get(name, "ok"),
            source="api",
            secrets=(case.key,),
            routes=routes,
            env={key: value.replace("$HOME", str(home)) for key, value in case.env.items()},
        )
    pytest.fail(f"{name} has no recorded case of a report: add one to tests/payloads/{name}")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@contextmanager
def answering(way: Way, authority: trustme.CA) -> Iterator[str]:
    """The address of a server that answers for the provider over TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    if way.routes is not None:
        with serve({}) as made:
            # As it is: a script is no plain dict.
            made.routes = way.routes
            made.http.socket = context.wrap_socket(made.http.socket, server_side=True)
            yield made.url.replace("http:", "https:")
        return
    with DemoServer() as demo:
        demo.socket = context.wrap_socket(demo.socket, server_side=True)
        thread = threading.Thread(target=demo.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{demo.server_address[1]}"
        demo.shutdown()
        thread.join()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs trust the authority, and the demo's resets lie ahead of their clock."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    monkeypatch.setattr(server, "filled", lambda value, _now: filled(value, NOW))


def check_figures(document: Any, told: Sequence[Mapping[str, Any]]) -> None:
    """What is expected of each entry is what the document says, and each has a figure."""
    entries = [entry for group in GROUPS for entry in document[group]]
    assert len(entries) == len(told) > 0
    for entry, wanted in zip(entries, told, strict=True):
        # A recorded case also says what a document does not.
        assert {key: entry.get(key) for key in wanted if key in entry} == {
            key: value for key, value in wanted.items() if key in entry
        }
        assert entry.get("unlimited") or any(entry.get(key) is not None for key in FIGURES)


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("name", registry.names())
def test_the_whole_way(
    name: str, own_home: Path, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = way_of(name, own_home)
    for variable, value in way.env.items():
        monkeypatch.setenv(variable, value)
    with answering(way, authority) as url:
        service = {"name": "fine", **way.service}
        if "base_url" in service:
            service["base_url"] = service["base_url"].replace("http://demo", url)
        configure([service])
        first = run("-v", name, "--json")
    document = first.document
    assert document["error"] is None
    assert (document["status"], document["source"], document["stale"]) == (way.status, way.source, False)
    assert first.code == (0 if way.status == "ok" else 1)
    check_figures(document, way.told)
    # The server has gone: the second answer comes from the cache.
    second = run("-v", name, "--json")
    assert (second.code, second.out) == (first.code, first.out)
    kept = [files_below(folder) for folder in (here().cache_dir, here().data_dir)]
    everywhere = first.out + first.err + second.err + repr(kept)
    assert [secret for secret in way.secrets if secret in everywhere] == []


def test_every_row_is_of_a_provider() -> None:
    rows = {*DEMO, *RECORDED, *NOT_OK}
    assert rows <= set(registry.names())
    assert not {*DEMO} & {*RECORDED}
