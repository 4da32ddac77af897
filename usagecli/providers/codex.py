"""Codex: the 5-hour and weekly windows of a ChatGPT plan, its credits and spend limits.

Source: what OpenAI's own open-source CLI asks (github.com/openai/codex: backend-client,
codex-backend-openapi-models, login); not documented for others. Read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, Ask, Client, check_base_url, usual_error
from usagecli.credentials import Credential
from usagecli.errors import AuthError, ProviderError, ServiceError, Unavailable
from usagecli.model import Usage
from usagecli.providers import _codex_contract
from usagecli.providers import _codex_credentials as credentials
from usagecli.providers._codex_usage import individual_limit, parse
from usagecli.registry import Descriptor, Option, register

_AUTH_API = "https://auth.openai.com/api/accounts"
_ENRICH_S = 5.0
# Plans of one person, which have no workspace and so no cap set by one.
_PERSONAL = frozenset(("guest", "free", "go", "plus", "pro", "prolite", ""))

DESCRIPTOR = Descriptor(
    name="codex",
    title="Codex (ChatGPT)",
    reports="The 5-hour and weekly limits of a ChatGPT plan, limits of single models, credits, spend limits.",
    base_url="https://chatgpt.com/backend-api",
    places=credentials.places(),
    access=(
        "Install the Codex CLI and sign in with ChatGPT: `codex login`.",
        "That is all: usagecli reads the login that Codex keeps.",
        "Without the CLI: set CHATGPT_ACCESS_TOKEN and CHATGPT_ACCOUNT_ID, both.",
    ),
    dashboard="https://chatgpt.com/codex/settings/usage",
    documented="Not documented for others: the endpoint that OpenAI's own open-source Codex CLI asks.",
    renew=credentials.RENEW,
    parts={
        "access_token": "the access token of a ChatGPT sign-in",
        "account_id": "the ChatGPT account or workspace",
    },
    options=(
        Option(name="account_id", about="The ChatGPT account or workspace, where the token names none."),
    ),
    contract=_codex_contract.EMPTY,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    credential = ask.credential
    try:
        return _read(ask, credential)
    except AuthError:
        # Codex may have renewed its login since it was read.
        renewed = credential.reread() if credential.reread else None
        if renewed is None or renewed.secret == credential.secret:
            raise
        return _read(ask, renewed)


def _read(ask: Ask, credential: Credential) -> Usage:
    account_id = ask.options.get("account_id") or credential.account_id
    facts: Mapping[str, Any] = credential.facts
    if credential.kind == "pat":
        who = _whoami(ask, credential)
        account_id = account_id or wire.as_text(who.get("chatgpt_account_id"))
        facts = {
            "email": wire.as_text(who.get("email")),
            "fedramp": who.get("chatgpt_account_is_fedramp") is True,
        }
    base_url = _base_url(ask)
    client = ask.client(base_url, _headers(credential, account_id, fedramp=facts.get("fedramp") is True))
    answer = client.get("/wham/usage" if "/backend-api" in base_url else "/api/codex/usage")
    if answer.status != 200:
        raise _judge(answer) or usual_error(answer, DESCRIPTOR)
    body = answer.json()
    half = credentials.half_a_pair(ask.machine) if ask.service.credential is None else None
    return parse(
        body,
        now=answer.at,
        headers=answer.headers,
        monthly=_monthly(client, body, account_id) if "/backend-api" in base_url else None,
        email=facts.get("email"),
        account_id=account_id,
        notes=(half,) if half else (),
    )


def _headers(credential: Credential, account_id: str | None, *, fedramp: bool) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {credential.secret.reveal()}", "User-Agent": "codex-cli"}
    if account_id:
        # It selects the workspace: the same token with another id reads another's figures.
        headers["ChatGPT-Account-Id"] = account_id
    if fedramp:
        headers["X-OpenAI-Fedramp"] = "true"
    return headers


def _base_url(ask: Ask) -> str:
    found = ask.service.base_url
    if found is None:
        told = (
            credentials.setting(ask.machine, "chatgpt_base_url") if ask.service.credential is None else None
        )
        if told is None:
            return DESCRIPTOR.base_url
        try:
            found = check_base_url(told)
        except ValueError as error:
            raise ServiceError(
                f"chatgpt_base_url in Codex's config.toml {error}", hint="correct it there"
            ) from None
    if found in ("https://chatgpt.com", "https://chat.openai.com"):
        return f"{found}/backend-api"
    return found


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status in (403, 503) and answer.is_html:
        return Unavailable(
            f"{answer.host} showed a challenge for browsers ({answer.status})", hint="try again later"
        )
    if answer.status == 404:
        return Unavailable(
            f"{answer.host} knows no Codex usage (404)", hint="check chatgpt_base_url in Codex's config.toml"
        )
    return None


def _whoami(ask: Ask, credential: Credential) -> Mapping[str, Any]:
    """Whose a personal access token is; it carries no claims to read."""
    base_url = ask.machine.get("CODEX_AUTHAPI_BASE_URL") or _AUTH_API
    try:
        base_url = check_base_url(base_url)
    except ValueError as error:
        raise ServiceError(f"CODEX_AUTHAPI_BASE_URL {error}", hint="correct or unset it") from None
    client = ask.client(base_url, {"Authorization": f"Bearer {credential.secret.reveal()}"})
    return wire.mapping(client.get_json("/v1/user-auth-credential/whoami"), "whoami")


def _monthly(client: Client, payload: Any, account_id: str | None) -> Any:
    """The month's use of a workspace member, where the usage answer names a cap but not this one's."""
    body = wire.as_mapping(payload)
    own = individual_limit(body)
    personal = str(body.get("plan_type") or "").lower() in _PERSONAL
    if "spend_control" not in body or personal or not account_id or _usable(own):
        return None
    path = f"/accounts/{quote(account_id, safe='')}/spend-controls/current-user/monthly-usage"
    try:
        return client.get_json(path, timeout_s=_ENRICH_S)
    except ProviderError:
        return None


def _usable(limit: Any) -> bool:
    found = wire.as_number(limit.get("limit") if isinstance(limit, dict) else limit)
    return found is not None and found > 0
