"""`usagecli providers`: what is supported, and what stands in each place of a credential."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli import configure, openrouter, run
from tests.process import on_terminal, posix
from usagecli import registry

pytestmark = pytest.mark.usefixtures("fixed_clock")

KEY = "sk-or-v1-fake-key-of-the-environment"
MASKED = "sk-o…ent"


def section(text: str, head: str) -> list[str]:
    """The lines below a heading, up to the next blank one."""
    return text.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()


def places(provider: str = "openrouter") -> list[str]:
    return section(run("providers", provider).out, "Where credentials are looked for, in this order:")


def test_each_line_says_where_access_comes_from() -> None:
    lines = {line.split()[0]: line for line in run("providers").out.splitlines() if line.startswith("  ")}
    assert len(lines) == len(registry.names()) >= 75
    for name, line in lines.items():
        names = [place.name for place in registry.get(name).descriptor.places]
        assert line.endswith(f" Access: {', '.join(names)}.")


def test_the_list_names_every_provider_with_what_it_reports() -> None:
    outcome = run("providers")
    assert (outcome.code, outcome.err) == (0, "")
    *groups, last = outcome.out.rstrip("\n").split("\n\n")
    shown = []
    for (kind, heading), group in zip(registry.KINDS.items(), groups, strict=True):
        first, *lines = group.splitlines()
        assert first == heading
        for line in lines:
            descriptor = registry.get(line.split()[0]).descriptor
            assert descriptor.kind == kind
            told = line.split(maxsplit=1)[1]
            # What is documented is said once: of the whole, or of each way.
            assert told.startswith(f"{descriptor.title}{', ' if len(descriptor.ways) < 2 else ': '}")
            assert f": {descriptor.reports}" in told
            shown.append(descriptor.name)
        assert lines == sorted(lines)
    assert sorted(shown) == list(registry.names())
    assert last.startswith(f"{len(shown)} providers; ")


@pytest.mark.parametrize(
    ("word", "names"),
    [
        ("zhipu", ["zai"]),
        ("GITHUB_PAT", ["copilot"]),
        ("Ai Credits", ["antigravity", "copilot", "gemini", "jetbrains", "warp"]),
    ],
)
def test_a_search_keeps_those_about_a_word(word: str, names: list[str]) -> None:
    outcome = run("providers", "--search", word)
    assert (outcome.code, outcome.err) == (0, "")
    lines = [line for line in outcome.out.splitlines() if line.startswith("  ")]
    assert sorted(line.split()[0] for line in lines) == names
    assert f"{len(names)} provider{'' if len(names) == 1 else 's'}; " in outcome.out


def test_a_search_without_a_find_says_so() -> None:
    outcome = run("providers", "--search", "no such word")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "No provider is about 'no such word'.\n")


@posix
def test_on_a_terminal_a_line_is_no_longer_than_it_is() -> None:
    _, shown = on_terminal("providers", stream="stdout")
    lines = [line for line in shown.splitlines() if line.startswith("  ")]
    assert len(lines) == len(registry.names())
    assert max(map(len, lines)) == 80
    assert ", not documented: " in shown
    end = shown.rstrip().splitlines()[-2:]
    assert max(map(len, end)) <= 80
    told = "usagecli providers ID says what one reports and how to give it access."
    assert " ".join(end).endswith(told)


@pytest.mark.parametrize("name", registry.names())
def test_a_page_says_what_a_newcomer_needs(name: str) -> None:
    descriptor = registry.get(name).descriptor
    outcome = run("providers", name)
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.startswith(f"{descriptor.title} ({name})\n")
    words = " ".join(outcome.out.split())
    for number, step in enumerate(descriptor.access, 1):
        assert f"{number}. {' '.join(step.split())}" in words
    for number, place in enumerate(descriptor.places, 1):
        assert f"{number}. {place.name}" in words
    for part, about in descriptor.parts.items():
        assert f"{part}: {about}" in words
    for option in descriptor.options:
        assert f"{option.name}: {option.about}" in words
        assert option.env is None or f"In the environment: {option.env}." in words
    assert f"Dashboard: {descriptor.dashboard}" in words
    asks = descriptor.base_url or "base_url" in [option.name for option in descriptor.options]
    assert (f"at most once in {descriptor.min_interval} s" in words) == bool(asks)
    for way in descriptor.ways:
        assert way.min_interval is None or f"{way.about} (once in {way.min_interval} s)" in words
    assert ("Read on this machine: nobody is asked." in words) == (not asks)


def test_an_unknown_provider_exits_2_with_a_suggestion() -> None:
    outcome = run("providers", "opnrouter")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "Error: there is no provider 'opnrouter'; did you mean 'openrouter'?\n"


def test_the_first_place_that_works_is_marked_as_used(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert all("<-" not in line for line in places())
    monkeypatch.setenv("OPENROUTER_KEY", KEY)
    (own_home / ".config" / "openrouter").mkdir(parents=True)
    (own_home / ".config" / "openrouter" / "key.json").write_text("sk-or-fake")
    assert [line for line in places() if "<-" in line] == [
        f"  2. OPENROUTER_KEY  <- used: {MASKED}",
        "  4. ~/.config/openrouter/key.json  <- found: ***",
    ]


def test_a_place_that_cannot_be_used_is_not_the_one_in_use(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (own_home / ".config" / "openrouter").mkdir(parents=True)
    (own_home / ".config" / "openrouter" / "key.json").write_text('{"key": ')
    monkeypatch.setenv("OPENROUTER_MANAGEMENT_API_KEY", "sk-or-fake")
    fourth, sixth = [line for line in places() if "<-" in line]
    assert fourth.startswith("  4. ~/.config/openrouter/key.json  <- unusable: ")
    assert "not valid JSON" in fourth
    assert sixth == "  6. OPENROUTER_MANAGEMENT_API_KEY  <- used: ***"


def test_a_shared_place_says_when_it_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GH_TOKEN", "gho_fake")
    found = places("copilot")
    told = "GH_TOKEN (unless GH_HOST names another host) (shared with other tools)  <- used: ***"
    assert told in found[2]
    assert " ".join(" ".join(found[-2:]).split()) == (
        "A shared one counts only beside a trace of GitHub Copilot on this machine, or when copilot is named."
    )
    assert "A shared one" not in run("providers", "openrouter").out


@pytest.mark.parametrize(
    ("provider", "told"),
    [
        ("openrouter", "ANTHROPIC_AUTH_TOKEN (where it starts with sk-or-)"),
        ("devin", "DEVIN_API_KEY (where it starts with cog_)"),
        ("codex", "CODEX_ACCESS_TOKEN (where it starts with at-)"),
        ("codex", "keyring (Codex Auth; where config.toml chooses it)"),
        ("gemini", "keyring (gemini-cli-oauth; where GEMINI_FORCE_ENCRYPTED_FILE_STORAGE is true)"),
        ("zai", "ANTHROPIC_AUTH_TOKEN (where ANTHROPIC_BASE_URL names api.z.ai)"),
    ],
)
def test_a_place_says_on_what_condition_it_counts(provider: str, told: str) -> None:
    assert told in [line.partition(". ")[2] for line in places(provider)]


def test_the_services_of_the_config_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    own = openrouter("https://gateway.example.com", "work")
    missing = openrouter("https://gateway.example.com", "gone", credential={"env": "NOT_SET"})
    elsewhere = {"name": "else", "provider": "codex"}
    configure([own, missing, elsewhere])
    # Both have a credential of their own: nobody uses the variable.
    assert places()[0] == f"  1. OPENROUTER_API_KEY  <- found: {MASKED}"
    assert section(run("providers", "openrouter").out, "Services in the config:") == [
        "  work (https://gateway.example.com): sk-o…ork from the config file",
        "  gone (https://gateway.example.com): the environment variable NOT_SET is not set",
    ]
    configure([own, {"name": "usual", "provider": "openrouter"}])
    assert places()[0] == f"  1. OPENROUTER_API_KEY  <- used: {MASKED}"
    assert f"  usual: {MASKED} from OPENROUTER_API_KEY" in run("providers", "openrouter").out


def test_a_broken_config_is_told_and_no_obstacle() -> None:
    path = configure([{"name": "work"}])
    outcome = run("providers", "openrouter")
    assert outcome.code == 0
    assert outcome.out.startswith("OpenRouter (openrouter)\n")
    assert outcome.err.startswith(f"Warning: {path}:")


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", KEY)
    configure([openrouter("https://gateway.example.com")])
    for words in (["providers", "openrouter"], ["doctor"], ["config", "show"]):
        outcome = run("-v", *words)
        assert "fake-key" not in outcome.out + outcome.err
