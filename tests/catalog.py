"""Recorded cases of the providers in usagecli/providers/catalog: read, run offline, and compared.

A case is `tests/payloads/ID/CASE.json`; CONTRIBUTING.md says what it holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.support import NOW, PAYLOADS, Reply, make_machine
from usagecli import credentials, options
from usagecli.credentials import Credential
from usagecli.declarative.asking import Call
from usagecli.declarative.expressions import Evaluator
from usagecli.declarative.loader import load
from usagecli.declarative.provider import base_url, evaluator, provider, read
from usagecli.declarative.recorded import Recorded, answer
from usagecli.declarative.spec import Spec
from usagecli.errors import ProviderError
from usagecli.formatters.json import instant, plain
from usagecli.machine import Machine
from usagecli.model import Balance, Quota, Service, Spend, Usage
from usagecli.registry import CATALOG, catalog

KEY = "fake-key-0123456789-abcdef"
BEARER = "Authorization: Bearer {key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded case of a provider."""

    provider: str
    name: str
    body: Mapping[str, Any] = field(repr=False)

    @property
    def answers(self) -> dict[str, list[dict[str, Any]]]:
        """The recorded answers of each request: a single one, or a list for pages and elements."""
        told = self.body["requests"]
        return {name: found if isinstance(found, list) else [found] for name, found in told.items()}

    @property
    def key(self) -> str:
        return str(self.body.get("key") or next(iter(self.env.values())))

    @property
    def env(self) -> dict[str, str]:
        """The variables of the case; without any the first one that the descriptor names holds a key."""
        first = next(key.env for key in spec(self.provider).keys if key.env)
        return dict(self.body.get("env", {first: KEY}))

    def auth(self, request: str) -> str:
        """How the key travels: one way for all requests, or those by name that have another."""
        told = self.body.get("auth", BEARER)
        return str(told.get(request, BEARER) if isinstance(told, Mapping) else told)

    @property
    def sent(self) -> list[dict[str, Any]]:
        """What is sent, in order: `request` ("GET URL"), and `headers`, `body` and `auth` where told."""
        return [{"request": sent} if isinstance(sent, str) else sent for sent in self.body.get("sent", [])]


def spec(name: str) -> Spec:
    """The descriptor of a provider of the catalog."""
    return load(f"{CATALOG}/{name}.yaml", name)


def cases() -> list[Case]:
    """Every recorded case of every provider of the catalog."""
    return [
        Case(provider=name, name=path.stem, body=json.loads(path.read_text(encoding="utf-8")))
        for name in catalog()
        for path in sorted((PAYLOADS / name).glob("*.json"))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came of a case: a usage or an error, the calls, and the base URL that they were below."""

    usage: Usage | None
    error: ProviderError | None
    calls: tuple[Call, ...]
    base_url: str


def machine_of(case: Case, home: Path) -> Machine:
    """The machine of a case, with its variables and the files of its home."""
    for name, content in case.body.get("files", {}).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return make_machine(home, {name: value.replace("$HOME", str(home)) for name, value in case.env.items()})


def play(case: Case, home: Path, answers: Mapping[str, list[dict[str, Any]]] | None = None) -> Played:
    """Run a case without a network, from the credential to the report."""
    found, made = spec(case.provider), provider(spec(case.provider))
    machine = machine_of(case, home)
    service = Service(name=case.provider, provider=case.provider, options=case.body.get("options", {}))
    send = Recorded(
        {
            name: [answer(a.get("body"), NOW, a.get("status", 200), a.get("headers")) for a in told]
            for name, told in (answers or case.answers).items()
        }
    )
    settings = options.resolve(made.descriptor, service, machine)[0]
    usage = error = None
    address = ""
    try:
        credential = credentials.find(made, service, machine)
        known = _evaluator(found, credential, settings)
        address = base_url(found, None, settings, known)
        usage = read(found, made.descriptor, known, send)
    except ProviderError as raised:
        error = raised
    return Played(usage=usage, error=error, calls=tuple(send.calls), base_url=address)


# A GET that is answered so is sent again.
_RETRIED = (502, 503, 504)


class Script(dict[str, Any]):
    """Routes of a server that answers in this order, whatever the path."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        super().__init__()
        self.replies = list(replies)

    def get(self, _path: str, _default: Any = None) -> Reply:
        return self.replies.pop(0)


def script(case: Case, played: Played) -> Script | None:
    """A server's answers; None where one is missing or would be asked for again."""
    found = []
    for call in played.calls:
        told = case.answers.get(call.request.name, [])[call.number :]
        if not told or told[0].get("status") in _RETRIED:
            return None
        found.append(Reply(told[0].get("body"), told[0].get("status", 200), told[0].get("headers", {})))
    return Script(found)


def _evaluator(found: Spec, credential: Credential, settings: Mapping[str, Any]) -> Evaluator:
    return evaluator(found, credential, settings, NOW)


def requested(played: Played) -> list[str]:
    """The calls as a case writes them: `GET https://api.example.com/usage?days=30`."""
    return [
        f"{call.request.method} {played.base_url}{call.path}"
        + (f"?{urlencode(call.query)}" if call.query else "")
        for call in played.calls
    ]


def base_path(url: str) -> str:
    """The path of a base URL."""
    return urlsplit(url).path


def told(usage: Usage) -> dict[str, Any]:
    """A usage as a case writes it: camelCase as in the JSON document, what is not told left out."""
    plan = usage.plan["name"] if usage.plan else None
    return _short(
        {
            "account": usage.account,
            "plan": plan,
            "quotas": [_quota(quota) for quota in usage.quotas],
            "balances": [_balance(balance) for balance in usage.balances],
            "spend": [_spend(spend) for spend in usage.spend],
            "notes": list(usage.notes),
            "exhausted": usage.stopped,
        }
    )


def _quota(quota: Quota) -> dict[str, Any]:
    return _short(
        {
            "id": quota.id,
            "label": quota.label,
            "scope": quota.scope,
            "unit": quota.unit,
            "used": quota.used,
            "limit": quota.limit,
            "remaining": quota.remaining,
            "percentUsed": quota.percent_used,
            "percentRemaining": quota.percent_remaining,
            "unlimited": quota.unlimited,
            "windowSeconds": quota.window_seconds,
            "resetsAt": quota.resets_at,
            "refill": quota.refill
            and {"amount": plain(quota.refill.amount), "everySeconds": quota.refill.every_seconds},
            "exhausted": quota.reached,
            "shownOnly": not quota.judged,
            "partial": quota.partial,
        }
    )


def _balance(balance: Balance) -> dict[str, Any]:
    told = _short(
        {
            "id": balance.id,
            "label": balance.label,
            "scope": balance.scope,
            "unit": balance.unit,
            "amount": balance.amount,
            "unlimited": balance.unlimited,
            "exhausted": balance.reached,
            "shownOnly": not balance.judged,
        }
    )
    return told if balance.stops is None else {**told, "stops": balance.stops}


def _spend(spend: Spend) -> dict[str, Any]:
    return _short(
        {
            "id": spend.id,
            "label": spend.label,
            "unit": spend.unit,
            "amount": spend.amount,
            "since": spend.since,
            "until": spend.until,
        }
    )


def _short(body: dict[str, Any]) -> dict[str, Any]:
    """Without what is null, false or empty; figures as JSON numbers, instants as text."""
    kept = {k: v for k, v in body.items() if v is not None and v is not False and v != []}
    return {k: instant(v) if isinstance(v, datetime) else plain(v) for k, v in kept.items()}
