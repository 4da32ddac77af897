"""Claude: the 5-hour and weekly windows of a subscription, and the money spent beyond it.

Sources: what Claude Code's own `/usage` asks (api.anthropic.com/api/oauth/usage) and what claude.ai
shows (with a session cookie); neither is documented for others. Answers captured by users from
2026-04 to 2026-09, read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usagecli import wire
from usagecli.client import Answer, Ask, Client
from usagecli.credentials import Credential
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable
from usagecli.model import Usage
from usagecli.providers import _claude_credentials as credentials
from usagecli.providers._claude_usage import parse
from usagecli.registry import Descriptor, register

_WEB = "https://claude.ai"
_ENRICH_S = 5.0
_SCOPE_HINT = (
    "this token cannot read usage (a setup-token?): sign in with `claude` and `/login`, "
    "and unset CLAUDE_CODE_OAUTH_TOKEN if a login exists"
)
_COOKIE_HINT = "copy the sessionKey cookie of claude.ai again"

DESCRIPTOR = Descriptor(
    name="claude",
    title="Claude",
    reports="The 5-hour and weekly limits of a subscription, limits of single models, extra usage.",
    base_url="https://api.anthropic.com",
    places=credentials.places(),
    access=(
        "Install Claude Code and sign in: run `claude`, then `/login`.",
        "That is all: usagecli reads the login that Claude Code keeps.",
        "Without Claude Code: copy the cookie `sessionKey` of claude.ai (browser developer tools, "
        "Application, Cookies) into CLAUDE_AI_SESSION_KEY.",
    ),
    dashboard="https://claude.ai/settings/usage",
    documented="Not documented by the vendor: the endpoint that Claude Code's own /usage asks.",
    renew=credentials.RENEW,
    # The endpoint throttles a token for long; its own client asks seldom.
    min_interval=300,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    if ask.credential.kind == "cookie":
        return _from_web(ask)
    credential = ask.credential
    if credentials.lacks_scope(credential.facts):
        raise AuthError("the Claude login lacks the scope user:profile", hint=_SCOPE_HINT)
    try:
        body = _oauth_client(ask, credential).get_json("/api/oauth/usage", judge=_judge_oauth)
    except AuthError:
        # Claude Code may have renewed its login since it was read.
        renewed = credential.reread() if credential.reread else None
        if renewed is None or renewed.secret == credential.secret:
            raise
        credential = renewed
        body = _oauth_client(ask, credential).get_json("/api/oauth/usage", judge=_judge_oauth)
    profile = _optional(_oauth_client(ask, credential), "/api/oauth/profile")
    return parse(
        body,
        subscription=credential.facts.get("subscriptionType"),
        tier=credential.facts.get("rateLimitTier"),
        account=_account_of(profile),
    )


def _oauth_client(ask: Ask, credential: Credential) -> Client:
    return ask.client(
        headers={
            "Authorization": f"Bearer {credential.secret.reveal()}",
            "anthropic-beta": "oauth-2025-04-20",
            "Content-Type": "application/json",
            # Any other agent is answered 429 at once, whatever it asked before.
            "User-Agent": "claude-code/2.1.69",
        }
    )


def _judge_oauth(answer: Answer) -> ProviderError | None:
    if answer.status == 403 and (b"scope" in answer.body or b"permission_error" in answer.body):
        return AuthError("Claude refused the token: it lacks the scope user:profile (403)", hint=_SCOPE_HINT)
    if answer.status == 403 and answer.is_html:
        return _blocked(answer)
    return None


def _from_web(ask: Ask) -> Usage:
    """The same figures through claude.ai, with a browser's session cookie."""
    key = ask.credential.secret.reveal()
    client = ask.client(ask.service.base_url or _WEB, {"Cookie": f"sessionKey={key}"})
    organization = _organization(client.get_json("/api/organizations", judge=_judge_web))
    id_ = str(wire.first(organization, "uuid", "id"))
    below = f"/api/organizations/{id_}"
    body = client.get_json(f"{below}/usage", judge=_judge_web)
    account = _optional(client, "/api/account")
    web = {
        "overage": _optional(client, f"{below}/overage_spend_limit"),
        "prepaid": _optional(client, f"{below}/prepaid/credits"),
        "account": _own_membership(account, id_),
        "routines": _optional(client, "/v1/code/routines/run-budget"),
    }
    return parse(
        body,
        web=web,
        tier=wire.as_text(organization.get("rate_limit_tier")),
        account=wire.as_text(wire.as_mapping(account).get("email_address")) or wire.as_text(id_),
        source="cookie",
    )


def _judge_web(answer: Answer) -> ProviderError | None:
    if answer.status == 403 and answer.is_html:
        return _blocked(answer)
    if answer.status in (401, 403):
        return AuthError(f"claude.ai refused the cookie ({answer.status})", hint=_COOKIE_HINT)
    return None


def _blocked(answer: Answer) -> Unavailable:
    return Unavailable(
        f"{answer.host} showed a challenge for browsers (403)",
        hint="sign in with Claude Code instead of the cookie",
    )


def _organization(body: Any) -> Mapping[str, Any]:
    """The first that chats, else the first that is not for the API alone, else the first."""
    found = [row for row in wire.rows(body, "organizations") if isinstance(row, dict)]
    usable = [row for row in found if _id_is_safe(wire.first(row, "uuid", "id"))]
    if not usable:
        raise PayloadError("organizations: none with an id")
    chatting = [row for row in usable if "chat" in wire.as_rows(row.get("capabilities"))]
    not_only_api = [row for row in usable if wire.as_rows(row.get("capabilities")) != ["api"]]
    return next(iter((*chatting, *not_only_api, *usable)))


def _id_is_safe(value: Any) -> bool:
    """It becomes a part of a path."""
    return isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum() and value.isascii()


def _own_membership(account: Any, id_: str) -> Mapping[str, Any]:
    """The account with only the membership of the organisation that was asked."""
    found = [
        row
        for row in wire.as_rows(wire.as_mapping(account).get("memberships"))
        if wire.as_mapping(wire.as_mapping(row).get("organization")).get("uuid") == id_
    ]
    return {"memberships": found}


def _account_of(profile: Any) -> str | None:
    body = wire.as_mapping(profile)
    return wire.as_text(wire.as_mapping(body.get("account")).get("email")) or wire.as_text(
        wire.as_mapping(body.get("organization")).get("uuid")
    )


def _optional(client: Client, path: str) -> Any:
    """A call that only enriches the report: None where it fails."""
    try:
        return client.get_json(path, timeout_s=_ENRICH_S)
    except ProviderError:
        return None
