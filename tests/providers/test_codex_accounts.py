"""Several Codex accounts: a service for every home, and credits that an answer is silent on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.cli import configure, run
from tests.support import Reply, payload, serve
from usagecli.model import CredentialSource, Service
from usagecli.providers._codex.credentials import each_home


def sign_in(home: Path, name: str, account: str) -> str:
    """A Codex home below that folder, with a login of its own; its path."""
    folder = home / name
    folder.mkdir(parents=True)
    tokens = {"access_token": f"fake-token-of-{account}", "account_id": account}
    (folder / "auth.json").write_text(json.dumps({"tokens": tokens}), encoding="utf-8")
    return str(folder)


def several(homes: list[str], **more: Any) -> tuple[Service, ...]:
    return each_home(Service(name="codex", provider="codex", options={"homes": tuple(homes)}, **more))


@pytest.mark.parametrize(
    ("homes", "names"),
    [
        (["~/codex/work", "~/codex/private/"], ["codex:work", "codex:private"]),
        (["~/.codex"], ["codex:codex"]),
        (["~/work/.codex", "~/private/.codex"], ["codex:work/.codex", "codex:private/.codex"]),
        ([r"C:\Users\me\work", "D:/me/private"], ["codex:work", "codex:private"]),
    ],
)
def test_a_service_is_named_after_its_homes_last_folder(homes: list[str], names: list[str]) -> None:
    found = several(homes)
    assert [service.name for service in found] == names
    assert {service.group for service in found} == {"codex"}
    assert [service.env["CODEX_HOME"] for service in found] == homes
    assert all(service.options == {} for service in found)


def test_without_homes_it_is_one_service() -> None:
    service = Service(name="work", provider="codex")
    assert each_home(service) == (service,)


def test_homes_have_their_own_logins() -> None:
    with pytest.raises(ValueError, match=r"^homes: .* leave out credential"):
        several(["~/codex/work"], credential={"": CredentialSource("env", "X")})


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"homes": "~/codex"}, "services[0].options.homes: expected a list of texts"),
        ({"homes": []}, "services[0].options.homes: expected a list of texts"),
        ({"homes": [5]}, "services[0].options.homes: expected a list of texts"),
        ({"homes": ["~/a/x", "~/a/x"]}, "the name 'codex:a/x' is given to two services"),
    ],
)
def test_homes_that_are_none_are_refused(options: dict[str, Any], words: str) -> None:
    configure([{"provider": "codex", "options": options}])
    outcome = run("status")
    assert outcome.code == 2
    assert words in outcome.err


def test_a_credential_beside_homes_is_refused_with_its_line() -> None:
    configure([{"provider": "codex", "credential": {"env": "X"}, "options": {"homes": ["~/x"]}}])
    outcome = run("status")
    assert (outcome.code, outcome.out) == (2, "")
    assert "services[0].options: homes: every home has a login of its own" in outcome.err


@pytest.mark.sockets
class TestAsked:
    """Two homes against one server."""

    @pytest.fixture
    def homes(self, own_home: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        # The variables are of one account, so no home may take them for its own.
        monkeypatch.setenv("CHATGPT_ACCESS_TOKEN", "fake-token-of-nobody")
        monkeypatch.setenv("CHATGPT_ACCOUNT_ID", "acc-nobody")
        return [sign_in(own_home, f"codex/{name}", f"acc-{name}") for name in ("work", "private")]

    def test_every_home_is_asked_with_its_own_login(self, homes: list[str]) -> None:
        with serve({"/api/codex/usage": Reply(payload("codex/plus"))}) as server:
            configure([{"provider": "codex", "base_url": server.url, "options": {"homes": homes}}])
            outcome = run("codex", "--json")
        assert [document["service"] for document in outcome.documents] == ["codex:work", "codex:private"]
        assert sorted(seen.headers["chatgpt-account-id"] for seen in server.seen) == [
            "acc-private",
            "acc-work",
        ]
        assert {seen.headers["authorization"] for seen in server.seen} == {
            "Bearer fake-token-of-acc-work",
            "Bearer fake-token-of-acc-private",
        }

    @pytest.mark.parametrize(
        ("words", "services"),
        [
            (("codex", "--account", "codex:work"), ["codex:work"]),
            (("codex", "--account", "chatgpt"), ["codex:work", "codex:private"]),
            (("status", "chatgpt"), ["codex:work", "codex:private"]),
            (("status", "codex:private"), ["codex:private"]),
        ],
    )
    def test_one_home_or_all_of_them_are_picked(
        self, homes: list[str], words: tuple[str, ...], services: list[str]
    ) -> None:
        with serve({"/api/codex/usage": Reply(payload("codex/plus"))}) as server:
            service = {"name": "chatgpt", "provider": "codex", "base_url": server.url}
            configure([{**service, "options": {"homes": homes}}])
            outcome = run(*(word.replace("codex:", "chatgpt:") for word in words), "--json")
        found = outcome.document["services"] if words[0] == "status" else outcome.documents
        assert [document["service"].replace("chatgpt", "codex") for document in found] == services

    def test_they_have_a_pool(self, homes: list[str]) -> None:
        with serve({"/api/codex/usage": Reply(payload("codex/plus"))}) as server:
            configure([{"provider": "codex", "base_url": server.url, "options": {"homes": homes}}])
            (pool,) = run("status", "--json").document["pools"]
        assert (pool["provider"], pool["accounts"], pool["active"]) == ("codex", 2, 2)

    @pytest.mark.parametrize("words", [("status",), ("doctor",)])
    def test_a_home_without_a_login_is_named_by_its_path(
        self, homes: list[str], words: tuple[str, ...]
    ) -> None:
        configure([{"provider": "codex", "options": {"homes": ["~/codex/nowhere"]}}])
        told = " ".join(run(*words).out.split())
        path = os.path.join("~", "codex", "nowhere", "auth.json")
        assert f"no Codex login was found: {path} does not exist" in told
        assert "run `codex login` with CODEX_HOME set to it" in told
        assert "CHATGPT_ACCESS_TOKEN" not in told

    def test_doctor_says_where_each_login_stands(self, homes: list[str]) -> None:
        configure([{"provider": "codex", "options": {"homes": homes}}])
        out = run("doctor").out
        assert f"work{os.sep}auth.json" in out
        assert f"private{os.sep}auth.json" in out


@pytest.mark.sockets
@pytest.mark.parametrize("block", ["absent", "null", "a list"])
def test_credits_stay_while_an_answer_is_silent_on_them(own_home: Path, block: str) -> None:
    spoken = payload("codex/plus")
    silent = {key: value for key, value in spoken.items() if key != "credits"}
    blocks: dict[str, dict[str, Any]] = {"absent": {}, "null": {"credits": None}, "a list": {"credits": []}}
    silent.update(blocks[block])
    spoken["credits"] = {"has_credits": True, "unlimited": False, "balance": "347.50"}
    home = sign_in(own_home, "codex/work", "acc-work")
    with serve({"/api/codex/usage": [Reply(spoken), Reply(silent), Reply(silent)]}) as server:
        configure([{"provider": "codex", "base_url": server.url, "options": {"homes": [home]}}])
        first, second, third = (run("codex", "--json", "--no-cache").document for _ in range(3))
    assert [balance["amount"] for balance in first["balances"] if balance["id"] == "credits"] == [347.5]
    for later in (second, third):
        assert [balance["amount"] for balance in later["balances"] if balance["id"] == "credits"] == [347.5]
        assert any(note.startswith("credits are as of 20") for note in later["notes"])
    assert second["notes"] == third["notes"]
