"""Kiro: the credits of the month, trial and bonus credits, overage.

Source: what the Kiro editor and `kiro-cli` ask and print themselves; not documented. Read 2026-11.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask, Judge
from usagecli.credentials import Credential, renewed
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited, Unavailable
from usagecli.local import as_told
from usagecli.model import Usage
from usagecli.providers._kiro import credentials, usage
from usagecli.registry import Descriptor, Way, register

_QUERY = {"origin": "AI_EDITOR", "resourceType": "AGENTIC_REQUEST", "isEmailRequired": "true"}
_TARGET = "AmazonCodeWhispererService.GetUsageLimits"
# What the sort of account asks for besides.
_HEADERS = {"ExternalIdp": {"TokenType": "EXTERNAL_IDP"}, "Internal": {"redirect-for-internal": "true"}}
_REFUSALS = ("AccessDenied", "Unauthorized", "UnrecognizedClient", "ExpiredToken", "InvalidSignature")

DESCRIPTOR = Descriptor(
    name="kiro",
    title="Kiro",
    kind="agent",
    reports="The credits of the month against the plan, trial and bonus credits and their expiry, overage "
    "and what it costs.",
    base_url=f"https://q.{credentials.REGION}.amazonaws.com",
    places=credentials.places(),
    access=(
        "Sign in in the Kiro editor, or run: kiro-cli login. usagecli reads that login and writes nothing.",
        "Without a login it shows what the editor wrote down last, or what `kiro-cli` prints.",
    ),
    dashboard="https://app.kiro.dev/account/usage",
    documented="Not documented by the vendor: what Kiro's own programs ask.",
    ways=(
        Way(about="the credits, with a login or by kiro-cli"),
        Way(about="what the editor was told last", kinds=("local",), local=True),
    ),
    renew=credentials.RENEW,
    traces=("~/.kiro",),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account, or what Kiro's programs tell by themselves.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    credential = ask.credential
    if credential.kind == "program":
        from usagecli.providers._kiro import program

        return program.fetch(ask)
    if credential.kind == "local":
        return _of_editor(ask)
    try:
        return _read(ask, credential)
    except AuthError:
        # Kiro may have renewed its login since.
        again = renewed(credential)
        if again is None:
            raise
        return _read(ask, again)


def _of_editor(ask: Ask) -> Usage:
    """What the editor wrote down."""
    told = ask.credential.facts
    at = told["written_at"]
    found = usage.still(usage.parse(told["reply"], source="local"), ask.now())
    return replace(found, as_of=at, notes=(*found.notes, as_told("Kiro", at)))


def _read(ask: Ask, credential: Credential) -> Usage:
    try:
        return usage.parse(_editor_s(ask, credential))
    except (PayloadError, Unavailable) as error:
        if credential.kind != "cli" or ask.transport.remaining() <= 0:
            raise
        try:
            return usage.parse(_cli_s(ask, credential))
        except ProviderError:
            raise error from None


def _editor_s(ask: Ask, credential: Credential) -> Any:
    """The reply as the editor asks for it."""
    arn = credential.facts["profile_arn"]
    headers = {"Authorization": f"Bearer {credential.secret.reveal()}"}
    headers |= _HEADERS.get(credential.facts["provider"] or "", {})
    client = ask.client(
        ask.service.base_url or f"https://q.{credentials.region_of(arn)}.amazonaws.com", headers
    )
    params = {**_QUERY, **({"profileArn": arn} if arn else {})}
    # Should it hang, the other form is still to be asked.
    timeout_s = ask.transport.remaining() / 2 if credential.kind == "cli" else None
    return client.get_json("/getUsageLimits", params=params, timeout_s=timeout_s, judge=_judge(credential))


def _cli_s(ask: Ask, credential: Credential) -> Any:
    """The same reply as `kiro-cli` asks for it."""
    arn = credential.facts["profile_arn"]
    headers = {
        "Authorization": f"Bearer {credential.secret.reveal()}",
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": _TARGET,
    }
    region = credentials.region_of(arn)
    client = ask.client(ask.service.base_url or f"https://codewhisperer.{region}.amazonaws.com")
    body = {"profileArn": arn} if arn else {}
    return client.post_json("/", body, headers=headers, judge=_judge(credential))


def _judge(credential: Credential) -> Judge:
    hint = credentials.RUN if credential.kind == "cli" else credentials.OPEN

    def judge(answer: Answer) -> ProviderError | None:
        told = _error(answer)
        if answer.status == 429 or "Throttling" in told:
            return RateLimited(f"{answer.host} asked us to wait ({answer.status})", retry_at=answer.retry_at)
        if answer.status == 400 and "profilearn" in told.lower():
            return AuthError(
                "Kiro does not know the profile of this login (400)", hint=f"sign in again: {hint}"
            )
        if answer.status in (401, 403) or (answer.status == 400 and any(word in told for word in _REFUSALS)):
            return AuthError(
                f"Kiro refused the login ({answer.status}): it has expired or is wrong", hint=hint
            )
        return None

    return judge


def _error(answer: Answer) -> str:
    """The type and the message of an error's body, and the type in its header."""
    try:
        body = wire.as_mapping(answer.json())
    except PayloadError:
        body = {}
    words = [
        answer.headers.get("x-amzn-errortype"),
        *(body.get(key) for key in ("__type", "message", "reason")),
    ]
    return " ".join(word for word in words if isinstance(word, str))
