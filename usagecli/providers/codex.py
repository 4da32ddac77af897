"""Codex: the 5-hour and weekly windows of a ChatGPT plan, its credits and spend limits.

Source: what OpenAI's own open-source CLI asks (github.com/openai/codex: backend-client,
codex-backend-openapi-models, login); not documented for others. Read 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, Ask, Client, Judge, usual_error
from usagecli.credentials import Credential, renewed
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._codex import contract, credentials, rollouts
from usagecli.providers._codex.credits import individual_limit, reset_count
from usagecli.providers._codex.usage import parse
from usagecli.registry import Descriptor, Option, Way, register

_AUTH_API = "https://auth.openai.com/api/accounts"
_AUTH_OVERRIDE = "CODEX_AUTHAPI_BASE_URL"
_BASE_SETTING = "chatgpt_base_url in Codex's config.toml"
_CHATGPT = ("https://chatgpt.com/", "https://chat.openai.com/")
# Plans of one person, which have no workspace and so no cap set by one.
_PERSONAL = frozenset(("guest", "free", "go", "plus", "pro", "prolite"))

DESCRIPTOR = Descriptor(
    name="codex",
    title="Codex (ChatGPT)",
    kind="agent",
    reports="The 5-hour and weekly limits of a ChatGPT plan, limits of single models, credits, spend limits.",
    base_url="https://chatgpt.com/backend-api",
    places=credentials.places(),
    access=(
        "Install the Codex CLI and sign in with ChatGPT: `codex login`.",
        "That is all: usagecli reads the login that Codex keeps.",
        "On a machine without it: set CHATGPT_ACCESS_TOKEN and CHATGPT_ACCOUNT_ID to what stands under "
        "access_token and account_id in ~/.codex/auth.json of one that has it, or CODEX_ACCESS_TOKEN to a "
        "personal access token (at-...).",
    ),
    dashboard="https://chatgpt.com/codex/settings/usage",
    documented="Not documented for others: the endpoint that OpenAI's own open-source Codex CLI asks.",
    ways=(
        Way(about="the limits of a ChatGPT plan, with a login"),
        Way(about="what Codex's own sessions were told last", kinds=("rollouts",), local=True),
    ),
    renew=credentials.RENEW,
    parts={
        "access_token": "the access token of a ChatGPT sign-in, or a personal one",
        "account_id": "the ChatGPT account or workspace",
    },
    options=(
        Option(
            name="account_id", about="The ChatGPT account or workspace, where it is not the sign-in's own."
        ),
        Option(
            name="homes",
            kind="texts",
            about="Codex homes, each a service of its own named after its last folder: "
            "[~/codex/work, ~/codex/private].",
        ),
    ),
    contract=contract.EMPTY,
)


@register(DESCRIPTOR, credentials.accept, credentials.each_home, rollouts.recall)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    try:
        return _read(ask, ask.credential)
    except AuthError:
        # Codex may have renewed its login since it was read.
        credential = renewed(ask.credential)
        if credential is None:
            raise
        return _read(ask, credential)


def _read(ask: Ask, credential: Credential) -> Usage:
    account_id = ask.options.get("account_id") or credential.account_id
    facts = credential.facts
    if credential.kind == "pat":
        facts = _whoami(ask, credential)
        account_id = account_id or facts["account_id"]
    base_url = _base_url(ask)
    client = ask.client(base_url, _headers(credential, account_id, fedramp=facts["fedramp"]))
    wham = "/backend-api" in base_url
    answer = client.get("/wham/usage" if wham else "/api/codex/usage")
    if answer.status != 200:
        setting = "the service's base_url" if ask.service.base_url else _BASE_SETTING
        raise _judge(credential, setting)(answer) or usual_error(answer, DESCRIPTOR)
    body = wire.mapping(answer.json(), "body")
    notes: list[str] = []
    return parse(
        body,
        now=answer.at,
        headers=answer.headers,
        monthly=_monthly(client, body, account_id, notes) if wham else None,
        resets=_resets(client, body) if wham else None,
        account=(facts["email"], account_id),
        plan_type=facts["plan"],
        notes=notes,
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
    url = ask.service.base_url
    if url is None and ask.service.credential is None:
        # A configured credential need not be that of the Codex home on this machine.
        told = credentials.setting(ask.machine, "chatgpt_base_url")
        url = _override.checked(told, _BASE_SETTING, "correct it there") if told else None
    if url is None:
        return DESCRIPTOR.base_url
    needs_path = f"{url}/".lower().startswith(_CHATGPT) and "/backend-api" not in url
    return f"{url}/backend-api" if needs_path else url


def _whoami(ask: Ask, credential: Credential) -> Mapping[str, Any]:
    """Whose a personal access token is: it has no claims that could be read."""
    override = ask.machine.get(_AUTH_OVERRIDE)
    url = _override.checked(override, _AUTH_OVERRIDE, "correct or unset it") if override else _AUTH_API
    client = ask.client(url, {"Authorization": f"Bearer {credential.secret.reveal()}"})
    answer = client.get_json("/v1/user-auth-credential/whoami", judge=_judge(credential, _AUTH_OVERRIDE))
    who = wire.mapping(answer, "whoami")
    return {
        "account_id": wire.as_text(who.get("chatgpt_account_id")),
        "email": wire.as_text(who.get("email")),
        "plan": wire.as_text(who.get("chatgpt_plan_type")),
        "fedramp": who.get("chatgpt_account_is_fedramp") is True,
    }


def _judge(credential: Credential, setting: str) -> Judge:
    """What a refusal means; `setting` is what named the host."""

    def judge(answer: Answer) -> ProviderError | None:
        status, host = answer.status, answer.host
        if status in (403, 503) and answer.is_html:
            return Unavailable(f"{host} showed a challenge for browsers ({status})", hint="try again later")
        if status in (401, 403):
            reason = "it has expired or was revoked"
            reason += ", or the account has no Codex plan" if status == 403 else ""
            return AuthError(f"Codex refused the token ({status}): {reason}", hint=_renew(credential))
        if status == 404:
            return Unavailable(f"{host} knows no Codex usage (404)", hint=f"check {setting}")
        return None

    return judge


def _renew(credential: Credential) -> str:
    if credential.kind == "pat":
        return f"make a new personal access token, or {credentials.RENEW}"
    if credential.reread is not None:
        return credentials.RENEW
    return f"{credentials.RENEW}, then replace the token in {credential.origin}"


def _get(client: Client, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """A call without which the report still stands."""
    return client.get_json(path, headers=headers, timeout_s=client.ask.transport.spare())


def _monthly(client: Client, body: Mapping[str, Any], account_id: str | None, notes: list[str]) -> Any:
    """The month of a workspace member, where the answer knows of spend controls but not of his cap."""
    account_id = account_id or wire.as_text(body.get("account_id"))
    personal = str(body.get("plan_type")).lower() in _PERSONAL
    if "spend_control" not in body or personal or not account_id or individual_limit(body) is not None:
        return None
    path = f"/accounts/{quote(account_id, safe='')}/spend-controls/current-user/monthly-usage"
    try:
        return _get(client, path)
    except (AuthError, PayloadError):
        # Most workspaces have no such cap.
        return None
    except ProviderError as error:
        notes.append(f"the month's spend limit could not be read: {error.message}")
        return None


def _resets(client: Client, body: Mapping[str, Any]) -> Any:
    """The free resets with their dates, where there are any: one that lapses unused is lost."""
    if not reset_count(body):
        return None
    # What Codex's own desktop application sends here.
    headers = {"OpenAI-Beta": "codex-1", "originator": "Codex Desktop"}
    try:
        return _get(client, "/wham/rate-limit-reset-credits", headers)
    except ProviderError:
        return None
