"""Running `usagecli services` with a stdin, and an OpenRouter that refuses all but good keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import requests_mock
import yaml
from click.testing import CliRunner

from tests.cli import FAKE, KEY, Outcome
from usagecli.cli import cli
from usagecli.machine import here

GATEWAY = "https://gateway.example.com"
GOOD, BAD = "sk-or-v1-fake-good-key-of-work", "sk-or-v1-fake-refused-key-of-work"
OTHER = "sk-or-v1-fake-good-key-of-home"

ADD = ("add", "--provider", "openrouter", "--base-url", GATEWAY)
# Where the secret of `work` is without a keyring, and what is said of that.
KEPT = "~/.config/usagecli/secrets/work"
NO_KEYRING = (
    "No keyring was used (this machine has no working keyring): "
    "the secret is in a file that only you can read.\n"
)
TRIED = "Tried work: openrouter answered.\n"


def services(*args: str, stdin: str | bytes = "") -> Outcome:
    """Run `usagecli services ARGS`. Nothing that it prints holds a secret."""
    result = CliRunner().invoke(cli, ["services", *args], input=stdin, prog_name="usagecli")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert FAKE not in result.output
    return Outcome(result.exit_code, result.stdout, result.stderr)


def answer(requests: requests_mock.Mocker, base_url: str = GATEWAY) -> None:
    """Answer at that base URL: 200 for keys that are called good, 401 for all others."""

    def key(request: Any, context: Any) -> Any:
        if "good" in request.headers["Authorization"]:
            return KEY
        context.status_code = 401
        return {"error": {"code": 401, "message": "no"}}

    requests.get(f"{base_url}/key", json=key)
    for path in ("credits", "activity", "keys"):
        requests.get(f"{base_url}/{path}", status_code=403, json={})


def config_path() -> Path:
    return Path(here().config_dir) / "config.yaml"


def written() -> list[dict[str, Any]]:
    """The services of the config file; none where there is no file."""
    path = config_path()
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    assert FAKE not in text
    found: list[dict[str, Any]] = (yaml.safe_load(text) or {}).get("services") or []
    return found


def secret_files() -> dict[str, str]:
    """What usagecli keeps in files, by name."""
    folder = config_path().parent / "secrets"
    return {path.name: path.read_text() for path in folder.iterdir()} if folder.exists() else {}


def work(**more: Any) -> dict[str, Any]:
    """What the config says of the service that most tests add."""
    return {
        "name": "work",
        "provider": "openrouter",
        "credential": {"file": KEPT},
        "base_url": GATEWAY,
        **more,
    }


def add_work(*args: str, stdin: str = GOOD) -> None:
    outcome = services(*ADD, "--name", "work", "--secret-stdin", *args, stdin=stdin)
    assert outcome.code == 0, outcome.err


def listed() -> list[dict[str, Any]]:
    """What `services list --json` prints."""
    outcome = services("list", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    found: list[dict[str, Any]] = json.loads(outcome.out)
    return found
