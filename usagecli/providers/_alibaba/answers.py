"""The envelopes of Alibaba's consoles: what lies inside, and the errors that they tell with HTTP 200."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from usagecli import wire
from usagecli.errors import AuthError, ProviderError, Unavailable
from usagecli.log import mask
from usagecli.providers._alibaba.credentials import SIGN_IN

# What an envelope's contents stand under, in whichever order.
_INNER = ("data", "DataV2", "successResponse", "body")
_DEEPEST = 8
_SIGNED_OUT = ("notlogined", "needlogin")
_FORBIDDEN = ("forbidden.ram", "nopermission")
_PERMISSION = "give it the permission AliyunTokenPlanReadOnlyAccess"
_REFUSED = ("401", "403")
_FINE = "200"


def levels(body: Any) -> Iterator[Mapping[str, Any]]:
    """The envelope, and each object inside it, the outermost first; also those that are JSON in a text."""
    todo = [(body, 0)]
    while todo:
        value, depth = todo.pop(0)
        if isinstance(value, str) and value.lstrip().startswith("{"):
            value = _parsed(value)
        if isinstance(value, dict):
            yield value
            if depth < _DEEPEST:
                todo += [(value[name], depth + 1) for name in _INNER if name in value]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def holding(body: Any, *keys: str) -> Mapping[str, Any]:
    """The outermost object that holds one of the keys; an empty one where none does."""
    return next((level for level in levels(body) if any(key in level for key in keys)), {})


def refusal(body: Any, hint: str = SIGN_IN) -> ProviderError | None:
    """The error in an envelope, at whatever depth it stands; None for none. `hint` renews the credential."""
    found = list(levels(body))
    # An outer level may only say that it failed, and an inner one why.
    codes = [word for level in found for word in _codes(level)]
    said = " ".join(codes).lower().replace("_", "")
    if any(word in said for word in _FORBIDDEN):
        return AuthError(
            "Alibaba does not let this account read the plan's usage",
            # A plan's own keys never have it.
            hint=_PERMISSION if hint == SIGN_IN else f"{_PERMISSION}; {hint}",
        )
    if any(word in said for word in _SIGNED_OUT) or any(code in _REFUSED for code in codes):
        return AuthError("Alibaba does not accept the credential", hint=hint)
    failed = next((i for i, level in enumerate(found) if level.get("success") is False), None)
    if failed is None:
        return None
    return Unavailable(f"Alibaba answered with an error: {_reason(found[failed:])}", hint="try again later")


def _codes(level: Mapping[str, Any]) -> list[str]:
    told = (level.get(name) for name in ("errorCode", "code", "statusCode"))
    return [word for word in map(_word, told) if word]


def _reason(found: list[Mapping[str, Any]]) -> str:
    """What a failed level and those inside it say of it: a message, else a code."""
    messages = (level.get(name) for level in found for name in ("errorMsg", "message"))
    texts = (wire.as_text(mask(message)) for message in messages if isinstance(message, str))
    codes = (code for level in found for code in _codes(level) if code != _FINE)
    return next((text for text in texts if text), None) or next(codes, "it gave no reason")


def _word(value: Any) -> str:
    """A code as text; "" for none."""
    return str(value) if isinstance(value, int) else wire.as_text(value) or ""
