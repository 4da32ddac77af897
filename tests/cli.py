"""Running usagecli as a user does: through the root command, every JSON document checked."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from usagecli.cli import cli
from usagecli.commands.schema import HISTORY_PATH, PATH, TOKENS_PATH
from usagecli.machine import here

# Every secret that the tests use holds this word, so that none can slip out unseen.
FAKE = "fake"

# OpenRouter's main answer for an ordinary key, well above any threshold.
KEY: dict[str, Any] = {
    "data": {
        "label": "sk-or-v1-fak...key",
        "limit": 60,
        "limit_remaining": 41.37,
        "limit_reset": "weekly",
        "include_byok_in_limit": False,
        "usage": 214.92,
        "usage_daily": 2.4,
        "usage_weekly": 18.63,
        "usage_monthly": 55.08,
        "is_free_tier": False,
        "is_management_key": False,
        "expires_at": None,
    }
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """Exit code, stdout and stderr of one run."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        """The JSON documents on stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def document(self) -> Any:
        """The only JSON document on stdout."""
        (found,) = self.documents
        return found


@cache
def schema() -> Draft202012Validator:
    """The published schema, itself checked; and stricter than published, where new keys are allowed."""
    body = json.loads(Path(PATH).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(body)
    for name in (
        "snapshot",
        "quota",
        "balance",
        "pace",
        "drain",
        "spend",
        "error",
        "pool",
        "alert",
        "verdict",
        "incident",
        "incidents",
    ):
        body["$defs"][name]["additionalProperties"] = False
    return Draft202012Validator(body)


@cache
def tokens_schema() -> Draft202012Validator:
    """The published schema of `tokens --json`, itself checked."""
    body = json.loads(Path(TOKENS_PATH).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(body)
    return Draft202012Validator(body)


@cache
def history_schema() -> Draft202012Validator:
    """The published schema of `history --json`, itself checked."""
    body = json.loads(Path(HISTORY_PATH).read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(body)
    return Draft202012Validator(body)


def run(*args: str) -> Outcome:
    """Run `usagecli ARGS` in this process. No traceback, and every document fits the schema."""
    result = CliRunner().invoke(cli, list(args), prog_name="usagecli")
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.stderr
    outcome = Outcome(result.exit_code, result.stdout, result.stderr)
    if "--json" in args or "-j" in args:
        own = {"tokens": tokens_schema, "history": history_schema}
        validator = next((find() for command, find in own.items() if command in args), schema())
        for body in outcome.documents:
            validator.validate(body)
    return outcome


def configure(services: Sequence[Mapping[str, Any]], **defaults: Any) -> Path:
    """Write the config file of this test's home."""
    path = Path(here().config_dir) / "config.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    body: dict[str, Any] = {"services": [dict(service) for service in services]}
    if defaults:
        body["defaults"] = defaults
    path.write_text(yaml.safe_dump(body), encoding="utf-8")
    path.chmod(0o600)
    return path


def openrouter(base_url: str, name: str = "router", **more: Any) -> dict[str, Any]:
    """A service of OpenRouter: the simplest provider, for what concerns all of them."""
    return {
        "name": name,
        "provider": "openrouter",
        "credential": {"value": f"sk-or-v1-fake-key-of-{name}"},
        "base_url": base_url,
        **more,
    }


def files_below(folder: str | Path) -> dict[str, bytes]:
    """Every file below a folder, with its bytes."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            found[str(path.relative_to(folder))] = path.read_bytes()
    return found
