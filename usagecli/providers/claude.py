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
from usagecli.providers._claude import credentials, kept
from usagecli.providers._claude.money import is_told
from usagecli.providers._claude.usage import parse
from usagecli.registry import Descriptor, Way, register

_WEB = "https://claude.ai"
_SCOPE_HINT = (
    "this looks like a setup-token: sign in with `claude` and `/login`, "
    "and unset CLAUDE_CODE_OAUTH_TOKEN if a login exists"
)

DESCRIPTOR = Descriptor(
    name="claude",
    title="Claude",
    kind="agent",
    reports="The 5-hour and weekly limits of a subscription, limits of single models, extra usage.",
    base_url="https://api.anthropic.com",
    places=credentials.places(),
    access=(
        "Install Claude Code and sign in: run `claude`, then `/login`.",
        "That is all: usagecli reads the login that Claude Code keeps, and never renews or changes it. "
        "macOS may ask whether Python may read its keychain: choose Always Allow.",
        "Without Claude Code: copy the cookie `sessionKey` of claude.ai (browser developer tools, "
        "Application, Cookies) into CLAUDE_AI_SESSION_KEY.",
        "Without any token: let Claude Code's status line run `usagecli statusline --from-claude`, which "
        "keeps the limits that it is handed.",
    ),
    dashboard="https://claude.ai/settings/usage",
    documented="Not documented by the vendor: the endpoint that Claude Code's own /usage asks.",
    ways=(
        Way(about="the limits of a subscription, with a login or a cookie"),
        Way(about="what Claude Code's status line was told last", kinds=("statusline",), local=True),
    ),
    renew=credentials.RENEW,
    # The endpoint throttles a token for long; its own client asks seldom.
    min_interval=300,
)


@register(DESCRIPTOR, credentials.accept, recall=kept.recall)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    return _from_web(ask) if ask.credential.kind == "cookie" else _from_oauth(ask)


# -- with Claude Code's login -----------------------------------------------------------------------


def _from_oauth(ask: Ask) -> Usage:
    credential = ask.credential
    try:
        body = _oauth_usage(ask, credential)
    except AuthError:
        # Claude Code may have renewed its login since it was read.
        renewed = credentials.renewed(credential)
        if renewed is None:
            raise
        credential = renewed
        body = _oauth_usage(ask, credential)
    return parse(
        body,
        subscription=credential.facts.get("subscriptionType"),
        tier=credential.facts.get("rateLimitTier"),
        account=_account_of(_optional(_oauth_client(ask, credential), "/api/oauth/profile")),
    )


def _oauth_usage(ask: Ask, credential: Credential) -> Mapping[str, Any]:
    if credentials.lacks_scope(credential):
        raise AuthError(f"the token from {credential.origin} cannot read usage", hint=_SCOPE_HINT)
    body = _oauth_client(ask, credential).get_json("/api/oauth/usage", judge=_judge_oauth)
    return wire.mapping(body, "body")


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
    if answer.status == 403 and answer.is_html:
        # A gateway in between speaks, not the API.
        return Unavailable(f"{answer.host} answered with a web page (403)", hint="try again later")
    if answer.status == 403 and b"scope" in answer.body:
        return AuthError("Claude refused the token: it may not read usage (403)", hint=_SCOPE_HINT)
    return None


def _account_of(profile: Any) -> str | None:
    body = wire.as_mapping(profile)
    email = wire.as_text(wire.as_mapping(body.get("account")).get("email"))
    return email or wire.as_text(wire.as_mapping(body.get("organization")).get("uuid"))


# -- with a browser's cookie ------------------------------------------------------------------------


def _from_web(ask: Ask) -> Usage:
    client = ask.client(
        ask.service.base_url or _WEB, {"Cookie": f"sessionKey={ask.credential.secret.reveal()}"}
    )
    organization = _organization(client.get_json("/api/organizations", judge=_judge_web))
    id_ = _id_of(organization)
    below = f"/api/organizations/{id_}"
    body = wire.mapping(client.get_json(f"{below}/usage", judge=_judge_web), "body")
    notes: list[str] = []
    overage = None
    if not is_told(body):
        overage = _optional(client, f"{below}/overage_spend_limit", "extra usage", notes)
    prepaid = _optional(client, f"{below}/prepaid/credits", "the prepaid balance", notes)
    account = wire.as_mapping(_optional(client, "/api/account"))
    routines = _optional(client, "/v1/code/routines/run-budget", "the budget of routine runs", notes)
    membership = _membership(account, id_)
    own = wire.as_mapping(membership.get("organization"))
    return parse(
        body,
        overage=overage,
        prepaid_=prepaid,
        routines=routines,
        tier=wire.as_text(organization.get("rate_limit_tier")) or wire.as_text(own.get("rate_limit_tier")),
        seat=wire.as_text(membership.get("seat_tier")),
        account=wire.as_text(account.get("email_address")) or id_,
        source="cookie",
        notes=tuple(notes),
    )


def _judge_web(answer: Answer) -> ProviderError | None:
    if answer.status == 403 and answer.is_html:
        return Unavailable(
            f"{answer.host} showed a challenge for browsers (403)",
            hint="sign in with Claude Code (`claude`, then `/login`) instead of the cookie",
        )
    if answer.status in (401, 403):
        return AuthError(
            f"claude.ai refused the cookie ({answer.status}): expired, or signed out",
            hint=credentials.COPY_COOKIE,
        )
    return None


def _organization(body: Any) -> Mapping[str, Any]:
    """The first that chats, else the first that is not for the API alone, else the first."""
    usable = [row for row in map(wire.as_mapping, wire.rows(body, "organizations")) if _id_of(row)]
    if not usable:
        raise PayloadError("organizations: none with an id")
    able = [wire.as_rows(row.get("capabilities")) for row in usable]
    chosen = next((index for index, abilities in enumerate(able) if "chat" in abilities), None)
    if chosen is None:
        chosen = next((index for index, abilities in enumerate(able) if abilities != ["api"]), 0)
    return usable[chosen]


def _id_of(organization: Mapping[str, Any]) -> str:
    """Its id where that can be a part of a path, else ""."""
    id_ = str(wire.first(organization, "uuid", "id") or "")
    return id_ if id_.isascii() and id_.replace("-", "").replace("_", "").isalnum() else ""


def _membership(account: Mapping[str, Any], id_: str) -> Mapping[str, Any]:
    """The account's membership in that organisation; empty where it has none."""
    rows = map(wire.as_mapping, wire.as_rows(account.get("memberships")))
    return next((row for row in rows if _id_of(wire.as_mapping(row.get("organization"))) == id_), {})


# -- what only enriches the report ------------------------------------------------------------------


def _optional(client: Client, path: str, what: str | None = None, notes: list[str] | None = None) -> Any:
    """The answer of a call that the report stands without: None where it fails, which a note tells.

    Calls that only name the account fail without one.
    """
    try:
        return client.get_json(path, timeout_s=client.ask.transport.spare())
    except ProviderError as error:
        if notes is not None:
            refused = "this login may not read it" if isinstance(error, AuthError) else error.message
            notes.append(f"{what} could not be read: {refused}")
        return None
