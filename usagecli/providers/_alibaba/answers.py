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
_REFUSED = ("401", "403")


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
    for level in levels(body):
        told = [_word(level.get(name)) for name in ("errorCode", "code", "statusCode")]
        said = " ".join(told).lower().replace("_", "")
        if any(word in said for word in _FORBIDDEN):
            return AuthError(
                "Alibaba does not let this account read the plan's usage",
                hint="give it the permission AliyunTokenPlanReadOnlyAccess",
            )
        if any(word in said for word in _SIGNED_OUT) or any(code in _REFUSED for code in told):
            return AuthError("Alibaba does not accept the credential", hint=hint)
        if level.get("success") is False:
            message = level.get("errorMsg") or level.get("message")
            why = wire.as_text(mask(message)) if isinstance(message, str) else None
            why = why or next((word for word in told if word), "it gave no reason")
            return Unavailable(f"Alibaba answered with an error: {why}", hint="try again later")
    return None


def _word(value: Any) -> str:
    """A code as text; "" for none."""
    return str(value) if isinstance(value, int) else wire.as_text(value) or ""
