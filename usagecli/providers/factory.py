"""Factory (Droid): the 5-hour, weekly and 30-day token-rate limits, extra usage; an older plan's tokens.

Source: what droid's own `/limits` asks, not documented for others; answers seen by users up to
2026-09, read 2026-11.
"""

from __future__ import annotations

from typing import Any

from usagecli.client import Answer, Ask, Client
from usagecli.credentials import Credential, read_with
from usagecli.errors import AuthError, ProviderError
from usagecli.model import Usage
from usagecli.providers._factory import credentials
from usagecli.registry import Descriptor, Way, register

_LIMITS = "/api/billing/limits"
_TOKENS = "/api/organization/subscription/usage"
_ME = "/api/app/auth/me"
_FOR_MANAGERS = b"must be manager"

DESCRIPTOR = Descriptor(
    name="factory",
    title="Factory",
    kind="agent",
    reports="Droid's 5-hour, weekly and 30-day limits, those of Droid Core, the extra-usage balance; "
    "standard and premium tokens of the month for older organizations.",
    base_url="https://api.factory.ai",
    places=credentials.places(),
    access=(
        "Make a key at https://app.factory.ai/settings/api-keys and set it as FACTORY_API_KEY.",
        "Or sign in with droid: usagecli reads the login that it keeps, and never changes it.",
    ),
    dashboard="https://app.factory.ai/settings/billing",
    documented="Not documented by the vendor: the endpoint behind droid's own /limits.",
    ways=(Way(about="the limits, as droid asks for them"),),
    renew=f"{credentials.NEW_KEY}, or {credentials.RUN_DROID}",
    # Nobody asks it more often than every few minutes.
    min_interval=180,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    return read_with(ask.credential, lambda credential: _read(ask, credential))


def _read(ask: Ask, credential: Credential) -> Usage:
    from usagecli.providers._factory.usage import by_rate, parse

    login = credential.kind == credentials.LOGIN
    renew = credentials.RUN_DROID if login else credentials.NEW_KEY

    def judge(answer: Answer) -> ProviderError | None:
        if answer.status not in (401, 403):
            return None
        if answer.status == 403 and _FOR_MANAGERS in answer.body.lower():
            return AuthError(
                "Factory tells an organization's tokens to its managers only (403)",
                hint="ask a manager of the organization for a key, or to look",
            )
        what = "droid's login" if login else "the key"
        return AuthError(f"Factory refused {what} ({answer.status})", hint=renew)

    client = ask.client(headers={"Authorization": f"Bearer {credential.secret.reveal()}"})
    limits = client.get_json(_LIMITS, judge=judge)
    tokens = None
    if not by_rate(limits):
        tokens = client.get_json(_TOKENS, params={"useCache": "true"}, judge=judge)
    me, notes = _me(client)
    return parse(
        limits,
        now=ask.now(),
        tokens=tokens,
        me=me,
        account=credential.facts.get("user"),
        notes=notes,
        source="oauth" if login else "api",
    )


def _me(client: Client) -> tuple[Any, tuple[str, ...]]:
    """What names plan and account; the report stands without it."""
    try:
        return client.get_json(_ME, timeout_s=client.ask.transport.spare()), ()
    except AuthError:
        # Made for browsers: not every key may ask it.
        return None, ()
    except ProviderError as error:
        return None, (f"the plan could not be read: {error.message}",)
