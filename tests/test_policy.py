"""`policy: documented-only`: who is asked, who is not, and what is said instead."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli import KEY, Outcome, configure, openrouter, run
from tests.providers.test_codex_rollouts import line
from tests.support import Reply, Server, payload, serve
from usagecli import policy, registry
from usagecli.credentials import Credential, Secret
from usagecli.machine import here

pytestmark = pytest.mark.usefixtures("fixed_clock")

PROVIDERS = tuple(registry.names())
CODE = tuple(name for name in PROVIDERS if name not in registry.catalog())


# -- what is documented -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", PROVIDERS)
def test_every_provider_says_of_each_way_whether_it_is_documented(name: str) -> None:
    ways = registry.get(name).descriptor.ways
    assert ways
    assert all(way.about and not way.about.endswith(".") for way in ways)
    assert not any(way.documented and way.local for way in ways)
    # Beside those that an option switches on, one at most is for all the rest.
    assert len([way for way in ways if not way.kinds and way.option is None]) <= 1
    kinds = [kind for way in ways for kind in way.kinds]
    assert len(kinds) == len(set(kinds))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_way_hangs_on_options_that_there_are(name: str) -> None:
    descriptor = registry.get(name).descriptor
    options = {option.name for option in descriptor.options}
    assert {way.option for way in descriptor.ways} - {None} <= options


@pytest.mark.parametrize(
    ("provider", "kind", "options", "allowed"),
    [
        ("amp", "login", {}, False),
        ("amp", "cookie", {}, False),
        ("anthropic", "admin", {}, True),
        ("anthropic", "key", {}, True),
        ("antigravity", "oauth", {}, False),
        ("antigravity", "local", {}, False),
        ("augment", "cli", {}, False),
        ("azure-openai", "az", {}, True),
        ("bedrock", "keys", {}, True),
        ("claude", "oauth", {}, False),
        ("claude", "cookie", {}, False),
        ("codex", "oauth", {}, False),
        ("codex", "pat", {}, False),
        ("copilot", "pat", {}, True),
        ("copilot", "oauth", {}, False),
        ("copilot", "oauth", {"username": "dev"}, False),
        ("copilot", "either", {}, False),
        ("copilot", "either", {"username": "dev"}, True),
        ("cursor", "team", {}, True),
        ("cursor", "oauth", {}, False),
        ("deepseek", "key", {}, True),
        ("devin", "enterprise", {}, True),
        ("devin", "login", {}, False),
        ("devin", "web", {}, False),
        ("factory", "key", {}, False),
        ("gemini", "oauth", {}, False),
        ("gemini", "oauth", {"cloud": True}, True),
        ("gemini", "key", {}, True),
        ("grok", "oauth", {}, False),
        ("grok", "log", {}, True),
        ("jetbrains", "local", {}, True),
        ("kilo", "oauth", {}, False),
        ("kimi", "code_key", {}, False),
        ("kimi", "login", {}, False),
        ("kimi", "platform_key", {}, True),
        ("kiro", "cli", {}, False),
        ("kiro", "program", {}, False),
        ("kiro", "local", {}, True),
        ("minimax", "key", {}, True),
        ("mistral", "admin_key", {}, True),
        ("mistral", "cookie", {}, False),
        ("openai", "admin", {}, True),
        ("opencode", "key", {}, False),
        ("opencode", "cookie", {}, False),
        ("openrouter", "key", {}, True),
        ("openrouter", "management", {}, True),
        ("perplexity", "cookie", {}, False),
        ("warp", "key", {}, False),
        ("windsurf", "team", {}, True),
        ("windsurf", "key", {}, False),
        ("windsurf", "local", {}, True),
        ("zai", "global", {}, False),
        ("zed", "oauth", {}, False),
        ("groq", "key", {}, True),
        ("deepinfra", "key", {}, False),
    ],
)
def test_what_each_credential_may_be_used_for(
    provider: str, kind: str, options: dict[str, Any], allowed: bool
) -> None:
    assert policy.allows(registry.get(provider).descriptor, kind, options) is allowed


def test_the_readme_says_the_same() -> None:
    text = Path(__file__).parent.parent.joinpath("README.md").read_text(encoding="utf-8")
    rows = [row.strip("| ").split(" | ") for row in text.splitlines() if row.startswith("| `")]
    told = {row[0].strip("`"): row[-1] for row in rows if row[0].strip("`") in PROVIDERS}
    for name, word in told.items():
        ways = registry.get(name).descriptor.ways
        documented = any(way.documented for way in ways)
        assert documented is (not word.startswith("no")), f"{name}: {word}"


def test_further_secrets_for_what_is_not_documented_are_left_out() -> None:
    credential = Credential(
        secret=Secret("fake-key"), origin="here", others={"platform_token": Secret("fake-session")}
    )
    found = policy.narrowed(registry.get("deepseek").descriptor, credential, {})
    assert (found.secret, dict(found.others)) == (credential.secret, {})


def test_parts_that_belong_together_stay() -> None:
    credential = Credential(
        secret=Secret("fake-id"), origin="here", kind="keys", others={"secret_access_key": Secret("fake")}
    )
    assert policy.narrowed(registry.get("bedrock").descriptor, credential, {}) == credential


# -- runs -------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    """Answers OpenRouter, which documents that; all else is no route."""
    with serve({"/key": Reply(KEY)}) as running:
        yield running


def zai(server: Server) -> dict[str, Any]:
    return {"provider": "zai", "credential": {"value": "fake-key-of-zai"}, "base_url": server.url}


def error_of(outcome: Outcome) -> Any:
    return outcome.document["error"]


REFUSED = {
    "kind": "config",
    "message": "the policy documented-only forbids it: Z.ai does not document the quotas, as its own plug-in "
    "asks for them",
    "hint": "Z.ai documents nothing that would do",
    "retryAt": None,
}


@pytest.mark.sockets
@pytest.mark.parametrize("by", ["option", "config"])
def test_only_what_is_documented_is_asked(server: Server, by: str) -> None:
    path = configure([openrouter(server.url), zai(server)])
    words = ["--documented-only"] if by == "option" else []
    if by == "config":
        path.write_text(f"policy: documented-only\n{path.read_text()}")
    outcome = run("status", "--json", *words)
    router, refused = outcome.document["services"]
    assert (router["error"], router["status"]) == (None, "ok")
    assert (refused["error"], refused["status"], refused["quotas"]) == (REFUSED, "error", [])
    assert outcome.code == 3
    assert {*server.paths()} == {"/key", "/credits"}
    assert "the policy documented-only forbids it" in run("check", *words).out
    assert error_of(run("zai", "--json", *words)) == REFUSED


@pytest.mark.sockets
def test_without_the_policy_everything_is_asked(server: Server) -> None:
    configure([zai(server)])
    assert error_of(run("zai", "--json"))["kind"] == "invalid_response"
    assert server.seen


@pytest.mark.sockets
def test_what_an_earlier_run_read_is_not_shown(server: Server) -> None:
    configure([zai(server)])
    server.routes["/api/monitor/usage/quota/limit"] = Reply(payload("zai/credits_pro"))
    assert run("zai", "--json").document["quotas"]
    forbidden = run("zai", "--json", "--documented-only").document
    assert (forbidden["quotas"], forbidden["error"]) == ([], REFUSED)


@pytest.mark.sockets
def test_services_are_not_tried_against_the_policy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZAI_FAKE", "fake-key-of-zai")
    path = configure([openrouter(server.url)])
    path.write_text(f"policy: documented-only\n{path.read_text()}")
    before = path.read_text()
    words = ["--provider", "zai", "--credential", "env:ZAI_FAKE", "--base-url", server.url]
    added = run("services", "add", *words)
    assert (added.code, path.read_text()) == (3, before)
    assert "the policy documented-only forbids it" in added.err
    assert server.seen == []


def test_a_documented_source_takes_the_place_of_the_first(
    no_network: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CURSOR_SESSION_TOKEN", "user_01FAKE%3A%3Afake.session.token")
    monkeypatch.setenv("CURSOR_API_KEY", "key_fake_of_a_team")
    no_network.post("https://api.cursor.com/teams/spend", json=payload("cursor/spend"))
    outcome = run("cursor", "--documented-only", "--json")
    assert outcome.document["error"] is None
    assert outcome.document["spend"]
    assert {request.hostname for request in no_network.request_history} == {"api.cursor.com"}


def test_a_part_that_is_documented_is_read_alone(no_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIMI_CODE_API_KEY", "sk-kimi-fake-key")
    monkeypatch.setenv("MOONSHOT_API_KEY", "sk-fake-platform-key")
    no_network.get("https://api.moonshot.ai/v1/users/me/balance", json=payload("kimi/balance"))
    found = run("kimi", "--documented-only", "--json").document
    assert (found["error"], found["quotas"], len(found["balances"])) == (None, [], 1)
    assert [request.hostname for request in no_network.request_history] == ["api.moonshot.ai"]


def test_what_would_do_instead_is_told(no_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURSOR_SESSION_TOKEN", "user_01FAKE%3A%3Afake.session.token")
    error = error_of(run("cursor", "--documented-only", "--json"))
    assert error["hint"] == "allowed is a team's spend, with CURSOR_API_KEY"
    assert no_network.request_history == []


def test_what_a_key_alone_cannot_read_is_left_out(no_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPSEEK_API_KEY", "sk-fake-key")
    monkeypatch.setenv("DEEPSEEK_PLATFORM_TOKEN", "fake-session")
    monkeypatch.setenv("DEEPSEEK_USER_TOKEN", "fake-session")
    no_network.get("https://api.deepseek.com/user/balance", json=payload("deepseek/both_currencies"))
    outcome = run("deepseek", "--documented-only", "--json")
    assert (outcome.document["error"], outcome.document["spend"]) == (None, [])
    assert not [note for note in outcome.document["notes"] if "could not be read" in note]
    assert [request.path for request in no_network.request_history] == ["/user/balance"]


def test_the_credit_grants_of_openai_are_not_asked(no_network: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-fake-key")
    no_network.get("https://api.openai.com/v1/organization/costs", status_code=403, json={})
    assert error_of(run("openai", "--documented-only", "--json"))["kind"] == "auth"
    assert {request.path for request in no_network.request_history} == {"/v1/organization/costs"}


def test_figures_on_this_machine_stand_in(own_home: Path, no_network: Any) -> None:
    folder = own_home / ".codex" / "sessions" / "2026" / "11" / "21"
    folder.mkdir(parents=True)
    (own_home / ".codex" / "auth.json").write_text(
        json.dumps({"tokens": {"access_token": "fake-token", "account_id": "acc-fake"}})
    )
    # Of before the session, so that it is this login's.
    os.utime(own_home / ".codex" / "auth.json", (0, 0))
    (folder / "rollout-2026-11-21T07-00-00-1.jsonl").write_bytes(line() + b"\n")
    outcome = run("codex", "--documented-only", "--json")
    found = outcome.document
    assert (found["source"], found["stale"]) == ("local", True)
    assert [quota["percentUsed"] for quota in found["quotas"]] == [36.5, 22]
    assert found["error"]["kind"] == "config"
    assert found["error"]["hint"] == "allowed is what Codex's own sessions were told last"
    assert no_network.request_history == []


@pytest.mark.parametrize("option", ["--documented-only", "--offline"])
def test_files_of_an_app_are_read(option: str, own_home: Path, no_network: Any) -> None:
    log = own_home / ".grok" / "logs" / "unified.jsonl"
    log.parent.mkdir(parents=True)
    log.write_bytes((Path(__file__).parent / "payloads" / "grok" / "unified.jsonl").read_bytes())
    found = run("grok", option, "--json").document
    assert (found["source"], found["error"], no_network.request_history) == ("local", None, [])
    assert not found["stale"]


@pytest.mark.sockets
@pytest.mark.parametrize(("documented", "kind"), [("true", None), ("false", "config"), (None, "config")])
def test_a_descriptor_of_ones_own(
    documented: str | None, kind: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", "fake-key-of-acme")
    folder = Path(here().config_dir, "providers")
    folder.mkdir(parents=True)
    with serve({"/v1/usage": Reply({"credits": 12.5})}) as running:
        told = "" if documented is None else f"documented: {documented}\n"
        (folder / "acme.yaml").write_text(
            f"title: Acme\nkey: ACME_API_KEY\nurl: {running.url}/v1/usage\n{told}"
            "balances: {credits: {unit: usd, amount: credits}}\n"
        )
        error = error_of(run("acme", "--documented-only", "--json"))
        assert bool(running.seen) is (kind is None)
    assert (error and error["kind"]) == kind


# -- the config -------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["documented", "true", "[documented-only]", "7", "''"])
def test_another_policy_is_refused(value: str) -> None:
    path = configure([])
    path.write_text(f"policy: {value}\nservices: []\n")
    outcome = run("status")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == f"Error: {path}:1: policy: expected documented-only\n"


# -- what is said of it -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "word", "each"),
    [
        ("anthropic", "documented", ""),
        ("zai", "not documented", ""),
        ("jetbrains", "on this machine", ""),
        (
            "codex",
            "not documented",
            " Not documented: the limits of a ChatGPT plan, with a login. On this machine: what Codex's own "
            "sessions were told last.",
        ),
        (
            "cursor",
            "partly documented",
            " Documented: a team's spend, with CURSOR_API_KEY. Not documented: one person's usage, with a "
            "login or a cookie.",
        ),
    ],
)
def test_the_list_says_what_is_documented(name: str, word: str, each: str) -> None:
    descriptor = registry.get(name).descriptor
    (line,) = [line for line in run("providers").out.splitlines() if line.split()[:1] == [name]]
    # In a pipe the ways say it all; a terminal's line is cut before them.
    told = descriptor.title if each else f"{descriptor.title}, {word}"
    assert line.split(maxsplit=1)[1].startswith(f"{told}: {descriptor.reports}{each} Access: ")


@pytest.mark.parametrize("name", CODE)
def test_a_page_says_of_each_way_whether_it_is_documented(name: str) -> None:
    words = " ".join(run("providers", name).out.split())
    for way in registry.get(name).descriptor.ways:
        word = "documented" if way.documented else "on this machine" if way.local else "not documented"
        assert f"{word} {way.about}" in words
