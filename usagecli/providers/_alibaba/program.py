"""What Alibaba's command line `bl` prints about usage, where nothing else gives access."""

from __future__ import annotations

import json
from typing import Any

from usagecli import programs, wire
from usagecli.client import Ask
from usagecli.errors import AuthError, NotConfigured, PayloadError, Unavailable
from usagecli.log import mask
from usagecli.model import Usage
from usagecli.providers._alibaba.credentials import SIGN_IN
from usagecli.providers._alibaba.usage import has_shares, parse_printed_coding_plan, parse_token_plan

_LONGEST_S = 15.0
_MAX_TEXT = 100_000
_SIGNED_OUT = ("login", "log in", "logged in", "auth", "credential")


def fetch(ask: Ask) -> Usage:
    """Ask for the token plan, else for the coding plan.

    Raises AuthError, NotConfigured, Unavailable, PayloadError.
    """
    shares = _printed(ask, "token-plan")
    if has_shares(shares):
        return parse_token_plan(shares, source="cli")
    return parse_printed_coding_plan(_printed(ask, "coding-plan"))


def _printed(ask: Ask, what: str) -> Any:
    timeout_s = max(0.1, min(_LONGEST_S, ask.transport.remaining()))
    words = ("usage", what, "--output", "json")
    done = programs.output(ask.machine, "bl", *words, timeout_s=timeout_s, errors=True)
    if done is None:
        raise NotConfigured("bl is not on the PATH any more", hint=SIGN_IN)
    if done.code is None:
        raise Unavailable("bl did not answer in time", hint=f"run by hand: bl usage {what}")
    body = _json(done.text)
    error = _error(body) or _error(_json(done.errors))
    if error is not None:
        raise error
    if done.code != 0 or not isinstance(body, dict):
        raise PayloadError("usage: bl printed nothing that can be read", hint=f"run by hand: bl usage {what}")
    return body


def _json(text: str) -> Any:
    try:
        return json.loads(text[:_MAX_TEXT], parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _error(body: Any) -> AuthError | Unavailable | None:
    """The error in {"error": {"message": "...", "hint": "..."}}; None for anything else."""
    error = wire.as_mapping(body).get("error")
    if not error:
        return None
    texts = [wire.as_text(wire.as_mapping(error).get(name)) for name in ("message", "hint")]
    said = mask(texts[0] or "it gave no reason")
    if any(word in (text or "").lower() for text in texts for word in _SIGNED_OUT):
        return AuthError(f"bl is not signed in: {said}", hint=SIGN_IN)
    return Unavailable(f"bl answered with an error: {said}", hint="try again later")
