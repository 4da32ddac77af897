"""An API key: whether it works, which is all that Google says of it."""

from __future__ import annotations

from usagecli import wire
from usagecli.client import Ask
from usagecli.model import Usage, plan
from usagecli.providers._gemini.errors import judge_key

_GEMINI_API = "https://generativelanguage.googleapis.com"
_UNTOLD = (
    "Google tells no program what an API key has used or left: see https://aistudio.google.com/rate-limit"
)


def fetch(ask: Ask) -> Usage:
    """Read the first page of the list of models: it costs nothing and takes a key that works."""
    base_url = (ask.service.base_url or _GEMINI_API).removesuffix("/v1beta")
    client = ask.client(base_url, {"x-goog-api-key": ask.credential.secret.reveal()})
    wire.mapping(client.get_json("/v1beta/models", judge=judge_key), "body")
    return Usage(plan=plan("API key"), notes=(_UNTOLD,))
