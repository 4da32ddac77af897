"""Windsurf: the daily and weekly quota of a plan, an older plan's credits, a team's add-on credits.

Sources: the state that Windsurf's app keeps and the endpoint that it asks (not documented), and the
team credit balance (https://docs.devin.ai/desktop). Read 2026-11.
"""

from __future__ import annotations

import json

from usagecli.client import Ask
from usagecli.errors import PayloadError
from usagecli.model import Usage
from usagecli.providers import _codeium
from usagecli.providers._refusal import refused
from usagecli.providers._windsurf import credentials, usage
from usagecli.registry import Descriptor, Way, register

_TEAMS = "https://server.codeium.com"
_BILLING_READ = "make a service key with the permission Billing Read (Enterprise only)"

DESCRIPTOR = Descriptor(
    name="windsurf",
    title="Windsurf",
    kind="agent",
    reports="What is left of a plan's daily and weekly quota; of an older plan the prompt, flow and flex "
    "credits; with a service key a team's add-on credits.",
    base_url="https://server.self-serve.windsurf.com",
    places=credentials.places(),
    access=(
        "Sign in to the Windsurf app (now Devin Desktop) and start it once. usagecli reads its login, or the "
        "figures that it wrote down, and writes nothing.",
        "Or set an API key (sk-ws-01-...) as WINDSURF_API_KEY.",
        "For a team make a service key with the permission Billing Read (Enterprise) and set it as "
        "WINDSURF_SERVICE_KEY.",
    ),
    dashboard="https://windsurf.com/subscription/usage",
    documented="A team's credits are documented: https://docs.devin.ai/desktop. A person's plan is not: the "
    "endpoint that Windsurf's own app asks.",
    ways=(
        Way(about="a team's credits, with WINDSURF_SERVICE_KEY", documented=True, kinds=("team",)),
        Way(about="what the app was told last", kinds=("local",), local=True),
        Way(about="one person's plan, with a login or a key"),
    ),
    renew=credentials.RENEW,
    parts={
        credentials.SERVICE_KEY: "an Enterprise service key with Billing Read, for a team's credits",
        credentials.KEY: "an API key (sk-ws-01-...)",
    },
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one person's plan, a team's credits, or what the app wrote down.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    credential = ask.credential
    if credential.kind == "team":
        client = ask.client(ask.service.base_url or _TEAMS)
        body = {"service_key": credential.secret.reveal()}
        judge = refused("Windsurf refused the service key", _BILLING_READ)
        return usage.parse_team(client.post_json("/api/v1/GetTeamCreditBalance", body, judge=judge))
    if credential.kind == "local":
        info = _json(credential.facts["info"])
        return usage.parse_local(info, now=ask.now(), written_at=credential.facts["written_at"])
    return usage.parse_status(
        _codeium.plan_status(ask, ask.base_url, credential.secret, "windsurf", credentials.RENEW)
    )


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise PayloadError(
            "cachedPlanInfo: the figures of Windsurf's app are not valid JSON", hint="start Windsurf once"
        ) from None
