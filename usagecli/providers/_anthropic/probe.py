"""What an ordinary key of Anthropic's shows: the rate-limit headers of a request that costs nothing.

Counting tokens is free of charge and may carry the headers; one message of one token surely does and
is billed, so it is sent only with the user's leave.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Client, usual_error
from usagecli.errors import PayloadError, ServiceError
from usagecli.model import Balance, Usage
from usagecli.providers._anthropic.errors import judge
from usagecli.providers._anthropic.headers import quotas

NEW_KEY = "make a new key in the Claude Console: Settings, API keys"
_NO_FIGURES = "an ordinary key shows no use: costs, tokens and limits need an admin key (sk-ant-admin...)"
_NO_PROBE = "the limits per minute need the option probe, which sends a billed message of one token"
_NO_MODEL = "no model was offered to read the limits per minute of: set the option model"
_TOO_LOW = "credit balance is too low"
_judge = judge(key=NEW_KEY, missing="check base_url and the option model")
_BUY = "the prepaid credits are used up: buy more in the Claude Console, Settings, Billing"
# How much is left is told nowhere, but that it is nothing.
_SPENT = Balance(id="credits", label="Credits", unit="usd", reached=True)


def read(client: Client, model: str | None, *, paid: bool) -> Usage:
    """Read the limits per minute of one model; `paid`: a message may be sent for it.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    chosen = model or _first_model(client)
    if chosen is None:
        return Usage(notes=(_NO_FIGURES, _NO_MODEL))
    question: dict[str, Any] = {"model": chosen, "messages": [{"role": "user", "content": "."}]}
    asked = [("/v1/messages/count_tokens", question)]
    if paid:
        asked.append(("/v1/messages", {**question, "max_tokens": 1}))
    usage = Usage()
    for path, body in asked:
        usage = _usage(client, client.post(path, body), chosen, named=model is not None)
        if usage.quotas or usage.balances:
            return usage
    return replace(usage, notes=(_NO_FIGURES, *(() if paid else (_NO_PROBE,))))


def _first_model(client: Client) -> str | None:
    body = wire.mapping(client.get_json("/v1/models", judge=_judge), "body")
    ids = (wire.as_text(wire.as_mapping(row).get("id")) for row in wire.rows(body.get("data"), "data"))
    return next((id_ for id_ in ids if id_), None)


def _usage(client: Client, answer: Answer, model: str, *, named: bool) -> Usage:
    """What an answer about the model says, also where it refuses the work; else its error is raised."""
    throttled = answer.status == 429
    usage = Usage(
        quotas=quotas(answer.headers, model, refused=throttled),
        account=wire.as_text(answer.headers.get("anthropic-organization-id")),
    )
    if _is_spent(answer):
        return replace(usage, balances=(_SPENT,), notes=(_BUY,))
    if throttled and any(not quota.partial for quota in usage.quotas):
        return usage
    if answer.status == 404 and named and not answer.is_html:
        raise ServiceError(f"Anthropic knows no model {model} (404)", hint="correct the option model")
    if answer.status != 200:
        raise _judge(answer) or usual_error(answer, client.ask.descriptor)
    if not usage.quotas:
        # Something in between may answer everything with a page of its own.
        wire.mapping(answer.json(), "body")
    return usage


def _is_spent(answer: Answer) -> bool:
    """Whether the answer says that the prepaid balance is used up."""
    if answer.status not in (400, 402) or answer.is_html:
        return False
    try:
        error = wire.as_mapping(wire.as_mapping(answer.json()).get("error"))
    except PayloadError:
        error = {}
    message = wire.as_text(error.get("message")) or ""
    return answer.status == 402 or _TOO_LOW in message.lower()
