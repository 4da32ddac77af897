"""Grok: the plan's weekly or monthly credits, on-demand spending, prepaid balance.

Source: what xAI's own open-source command line asks (xai-org/grok-build), not documented for
others; and the answers that it writes into its log. Read 2026-11. The API platform (keys `xai-...`)
is another product with another bill.
"""

from __future__ import annotations

from typing import Any

from usagecli.client import Ask, Client
from usagecli.credentials import Credential, read_with
from usagecli.errors import ProviderError
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._grok import credentials
from usagecli.providers._refusal import refused
from usagecli.registry import Descriptor, Way, register

_OVERRIDE = "GROK_CLI_CHAT_PROXY_BASE_URL"
_VERSION = "/v1"
_PLATFORM_KEY = "xai-"

DESCRIPTOR = Descriptor(
    name="grok",
    title="Grok",
    kind="agent",
    reports="The plan's weekly or monthly credits, on-demand spending against its cap, a prepaid balance.",
    base_url="https://cli-chat-proxy.grok.com/v1",
    places=credentials.places(),
    access=(
        "Install Grok's command line and run `grok login`.",
        "That is all: usagecli reads the login that it keeps, and never changes it.",
        "Without a login the last figures in Grok's own log are shown, as old as they are.",
    ),
    dashboard="https://grok.com",
    documented="Not documented by the vendor: the endpoint that its own command line asks.",
    ways=(
        Way(about="the plan, with a login"),
        Way(about="what grok's own log was told last", kinds=(credentials.LOG,), local=True),
    ),
    renew=credentials.RENEW,
    # Nobody asks it more often than every few minutes.
    min_interval=180,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    if ask.credential.kind == credentials.LOG:
        from usagecli.providers._grok.usage import from_log

        return from_log(ask.credential.facts["answer"], now=ask.now())
    return read_with(ask.credential, lambda credential: _read(ask, credential))


def _read(ask: Ask, credential: Credential) -> Usage:
    from usagecli.providers._grok.usage import parse

    token = credential.secret.reveal()
    kind = "a key of the xAI API" if token.startswith(_PLATFORM_KEY) else "the login"
    judge = refused(f"Grok refused {kind}", credentials.RENEW)
    base_url = _override.base_url(ask, _OVERRIDE)
    client = ask.client(
        base_url if base_url.endswith(_VERSION) else base_url + _VERSION,
        {"Authorization": f"Bearer {token}", "X-XAI-Token-Auth": "xai-grok-cli"},
    )
    # Without the format, accounts on the newer credits get zeros.
    body = client.get_json("/billing", params={"format": "credits"}, judge=judge)
    return parse(body, settings=_settings(client), account=credential.facts.get("email"))


def _settings(client: Client) -> Any:
    """What names the plan; the report stands without it."""
    try:
        return client.get_json("/settings", timeout_s=client.ask.transport.spare())
    except ProviderError:
        return None
