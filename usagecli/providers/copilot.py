"""GitHub Copilot: AI credits or premium requests of the month, chat and completions, overage.

Sources: GitHub's billing usage reports (docs.github.com/rest/billing/usage, API version 2026-03-10)
with a personal token, else the endpoint that Copilot's own clients ask (shape as in
github.com/microsoft/vscode). Read 2026-11.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, Ask, Client
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited
from usagecli.model import Usage
from usagecli.providers import _copilot_billing as billing
from usagecli.providers import _copilot_credentials as credentials
from usagecli.providers import _copilot_user as user
from usagecli.registry import Descriptor, Option, register

_ENRICH_S = 5.0
_REPORTS = (("ai_credit", "ai_credits"), ("premium_request", "premium_requests"))
_NOT_FOUND_HINT = (
    "check the username and that the token is its own; a seat that an organization pays shows nothing here"
)

DESCRIPTOR = Descriptor(
    name="copilot",
    title="GitHub Copilot",
    reports="AI credits or premium requests of the month, chat and completions, overage in dollars.",
    base_url="https://api.github.com",
    places=credentials.places(),
    access=(
        "Make a fine-grained token at https://github.com/settings/personal-access-tokens/new with the "
        "account permission Plan: read.",
        "Set it as GITHUB_PAT (and the login as GITHUB_USERNAME, to save a request).",
        "Set the option monthly_credits (or monthly_limit for premium requests) to the plan's allowance: "
        "the report does not say it. Without a token of your own, the login of an editor's plug-in, of the "
        "Copilot CLI or of gh is used.",
    ),
    dashboard="https://github.com/settings/copilot",
    documented="With GITHUB_PAT documented by the vendor: https://docs.github.com/rest/billing/usage. "
    "Without it not: the endpoint that Copilot's own clients ask.",
    renew=credentials.RENEW,
    options=(
        Option(
            name="username", env="GITHUB_USERNAME", about="The GitHub login; asked for where it is not given."
        ),
        Option(
            name="monthly_limit",
            env="COPILOT_PRO_MONTHLY_LIMIT",
            kind="positive",
            about="Premium requests a month, 300 unless given.",
            fallback="300 is assumed",
        ),
        Option(
            name="monthly_credits",
            env="COPILOT_MONTHLY_CREDITS",
            kind="positive",
            about="AI credits a month; without it what is left is not known.",
        ),
    ),
    traces=("~/.config/github-copilot", "~/.copilot", "~/AppData/Local/github-copilot"),
    min_interval=300,
    contract={"user": None, "timePeriod": None, "totals": billing.EMPTY_TOTALS, "usageItems": []},
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    kind, login = ask.credential.kind, ask.options.get("username")
    if kind == "pat" or (kind == "either" and login):
        return _from_reports(ask, login)
    return _from_clients_endpoint(ask)


def judge(answer: Answer) -> ProviderError | None:
    """GitHub's own meanings of 403, 404 and 429."""
    if answer.status in (403, 429):
        at = _rate_limit_reset(answer)
        if answer.status == 429 or at is not None or answer.headers.get("x-ratelimit-remaining") == "0":
            return RateLimited(f"GitHub asked us to wait ({answer.status})", retry_at=at)
        return AuthError(
            "GitHub refused the token: a permission is missing (403)",
            hint="give it the account permission Plan: read",
        )
    return None


def _rate_limit_reset(answer: Answer) -> datetime | None:
    if answer.retry_at is not None:
        return answer.retry_at
    if answer.headers.get("x-ratelimit-remaining") != "0":
        return None
    at = wire.as_instant(answer.headers.get("x-ratelimit-reset"))
    return at if at is not None and at > answer.at else None


# -- the documented reports -------------------------------------------------------------------------


def _from_reports(ask: Ask, login: str | None) -> Usage:
    client = ask.client(headers=_headers(ask, "2026-03-10", "application/vnd.github+json"))
    given, notes = login, []
    login = login or _login(client)
    found, errors = _reports(client, login)
    if given and errors and all(isinstance(error, _NotFound) for error in errors):
        # Logins are renamed; the token knows its own.
        renamed = _login_or_none(client)
        if renamed is not None and renamed.lower() != login.lower():
            notes.append(f"the login {given} is now {renamed}; correct the option username")
            login = renamed
            found, errors = _reports(client, login)
    if errors and not any(billing.read(body, unit).items for unit, body in found.items()):
        raise errors[0]
    return billing.parse(
        premium=found.get("premium_requests"),
        credits_=found.get("ai_credits"),
        now=ask.now(),
        login=login,
        monthly_limit=ask.options.get("monthly_limit"),
        monthly_credits=ask.options.get("monthly_credits"),
        notes=tuple(notes),
    )


class _NotFound(AuthError):
    """A 404: GitHub hides behind it what a token may not see."""


def _judge_report(answer: Answer) -> ProviderError | None:
    if answer.status == 404:
        return _NotFound("GitHub shows no Copilot report for this user (404)", hint=_NOT_FOUND_HINT)
    return judge(answer)


def _reports(client: Client, login: str) -> tuple[dict[str, Any], list[ProviderError]]:
    """The bodies of the reports by unit, and what went wrong with the others."""
    found: dict[str, Any] = {}
    errors: list[ProviderError] = []
    for name, unit in _REPORTS:
        try:
            path = f"/users/{quote(login, safe='')}/settings/billing/{name}/usage"
            body = client.get_json(path, judge=_judge_report)
            billing.read(body, unit)
            found[unit] = body
        except RateLimited:
            raise
        except AuthError as error:
            if "(401)" in error.message:
                raise
            errors.append(error)
        except ProviderError as error:
            errors.append(error)
    return found, errors


def _login(client: Client) -> str:
    login = wire.as_text(wire.mapping(client.get_json("/user", judge=judge), "user").get("login"))
    if login is None:
        raise PayloadError("login: expected a text")
    return login


def _login_or_none(client: Client) -> str | None:
    try:
        return _login(client)
    except ProviderError:
        return None


# -- what Copilot's own clients ask -----------------------------------------------------------------


def _from_clients_endpoint(ask: Ask) -> Usage:
    client = ask.client(
        headers={
            **_headers(ask, "2025-04-01", "application/json"),
            "Editor-Version": "vscode/1.96.2",
            "Editor-Plugin-Version": "copilot-chat/0.26.7",
            "User-Agent": "GitHubCopilotChat/0.26.7",
        }
    )
    body = client.get_json("/copilot_internal/user", judge=_judge_user)
    organization = _organization(client) if user.wants_organization(body) else None
    return user.parse(body, organization=organization, login=ask.credential.facts.get("login"))


def _judge_user(answer: Answer) -> ProviderError | None:
    if answer.status == 404:
        return AuthError(
            "GitHub does not accept this token for Copilot, or the account has no Copilot (404)",
            hint="sign in with gh or an editor's Copilot plug-in, or set GITHUB_PAT",
        )
    return judge(answer)


def _organization(client: Client) -> Any:
    """The usage summary of the first organisation that has Copilot credits; a member may see none."""
    try:
        rows = client.get_json("/user/orgs", params={"per_page": "100"}, timeout_s=_ENRICH_S)
    except ProviderError:
        return None
    for row in wire.as_rows(rows):
        name = wire.as_text(wire.as_mapping(row).get("login"))
        if name is None:
            continue
        path = f"/organizations/{quote(name, safe='')}/settings/billing/usage/summary"
        try:
            summary = client.get_json(path, timeout_s=_ENRICH_S)
        except RateLimited:
            return None
        except ProviderError:
            continue
        if any(billing.organization_spend(summary)):
            return summary
    return None


def _headers(ask: Ask, version: str, accept: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {ask.credential.secret.reveal()}",
        "Accept": accept,
        "X-GitHub-Api-Version": version,
    }
