"""Descriptors of a few lines, checked and run offline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.catalog import told
from tests.support import NOW
from usagecli.credentials import Credential, Secret
from usagecli.declarative.loader import load
from usagecli.declarative.provider import evaluator, provider, read
from usagecli.declarative.recorded import Recorded, answer
from usagecli.declarative.spec import Spec

SIMPLE = """\
key: ACME_API_KEY
url: https://api.acme.example/v1/usage
balances: {credits: {unit: usd, amount: credits}}
"""


def spec_of(text: str, folder: Path) -> Spec:
    """The descriptor with that text. Raises ConfigError."""
    path = folder / "acme.yaml"
    path.write_text(text, encoding="utf-8")
    return load(str(path), "acme")


def recorded(answers: Mapping[str, Any]) -> Recorded:
    """Answers by request: a body, a list of bodies, or a pair of status and body for each."""
    made = {}
    for name, given in answers.items():
        listed = given if isinstance(given, list) else [given]
        pairs = [one if isinstance(one, tuple) else (200, one) for one in listed]
        made[name] = [answer(body, NOW, status) for status, body in pairs]
    return Recorded(made)


def report(
    text: str,
    answers: Any,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    kind: str = "key",
    key: str = "fake-key",
) -> dict[str, Any]:
    """What the descriptor reports, as catalog cases write it. Raises ProviderError."""
    return run(text, answers, folder, options=options, kind=kind, key=key)[0]


def run(
    text: str,
    answers: Any,
    folder: Path,
    *,
    options: Mapping[str, Any] | None = None,
    kind: str = "key",
    key: str = "fake-key",
) -> tuple[dict[str, Any], list[str]]:
    """The report, and the requests in order: `GET /path?query`."""
    spec = spec_of(text, folder)
    send = recorded({"answer": answers} if spec.single else answers)
    credential = Credential(secret=Secret(key), origin="ACME_API_KEY", kind=kind)
    known = evaluator(spec, credential, options or {}, NOW)
    usage = read(spec, provider(spec).descriptor, known, send)
    asked = []
    for call in send.calls:
        query = "&".join(f"{name}={value}" for name, value in call.query.items())
        asked.append(f"{call.request.method} {call.path}{'?' if query else ''}{query}")
    return told(usage), asked
