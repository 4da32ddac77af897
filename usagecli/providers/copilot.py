"""GitHub Copilot: AI credits or premium requests of the month, chat and completions, overage.

Sources: GitHub's billing usage reports (docs.github.com/rest/billing/usage, API version 2026-03-10)
with a personal token, else the endpoint that Copilot's own clients ask (shape as in
github.com/microsoft/vscode). Read 2026-11.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, Ask, Client, Judge, retry_at
from usagecli.errors import AuthError, PayloadError, ProviderError, RateLimited
from usagecli.model import Usage
from usagecli.providers._copilot import billing, credentials, user
from usagecli.providers._copilot.contract import EMPTY
from usagecli.registry import Descriptor, Option, Way, register

_MAX_ORGANIZATIONS = 10
_REPORTS = (("ai_credit", billing.CREDITS), ("premium_request", billing.REQUESTS))
_NO_REPORT_HINT = (
    "check username and token: they belong together; a seat paid by an organization shows nothing"
)
_NO_COPILOT_HINT = (
    "if the account has Copilot: sign in with gh or an editor's Copilot plug-in, or set GITHUB_PAT"
)

DESCRIPTOR = Descriptor(
    name="copilot",
    title="GitHub Copilot",
    kind="agent",
    reports="AI credits or premium requests of the month, chat and completions, overage in dollars.",
    base_url="https://api.github.com",
    places=credentials.places(),
    access=(
        "Install the GitHub CLI and run: gh auth login. That is all: usagecli copilot reads this login, "
        "or the one of the Copilot CLI or of Copilot in Vim, Neovim or a JetBrains editor.",
        "For the dollars too, make a fine-grained token at "
        "https://github.com/settings/personal-access-tokens/new (resource owner: yourself; account "
        "permission: Plan, read-only) and set it as GITHUB_PAT.",
        "With GITHUB_PAT also set the option monthly_credits to what your plan includes (1500 for Pro, "
        "7000 for Pro+, 20000 for Max): GitHub's report does not tell it.",
    ),
    dashboard="https://github.com/settings/copilot",
    documented="With GITHUB_PAT documented by the vendor: https://docs.github.com/rest/billing/usage. "
    "Without it not: the endpoint that Copilot's own clients ask.",
    ways=(
        Way(about="billing reports, with GITHUB_PAT", documented=True, kinds=("pat",)),
        Way(
            about="the same, with username",
            documented=True,
            kinds=("either",),
            option="username",
        ),
        Way(about="what Copilot's own clients ask, with a login"),
    ),
    renew=credentials.RENEW,
    options=(
        Option(
            name="username",
            env="GITHUB_USERNAME",
            about="The GitHub login; asked for where it is not given.",
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
    contract=EMPTY,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    kind, login = ask.credential.kind, ask.options.get("username")
    if kind == "pat" or (kind == "either" and login):
        return _from_reports(ask, login)
    return _from_clients_endpoint(ask)


# -- what GitHub's statuses mean --------------------------------------------------------------------


class _Refused(AuthError):
    """A 401."""


class _Hidden(AuthError):
    """A 404: GitHub hides behind it what a token may not see."""


# After one of these nothing else is asked.
_ENDING = (_Refused, RateLimited)


def _judge(ask: Ask, *, forbidden: str, hidden: str = "", hint: str = "") -> Judge:
    """GitHub's own meanings of 401, 403, 404 and 429; `forbidden` is the hint of a plain 403.

    `hidden` and `hint` are what a 404 means, where it means more than a wrong address.
    """
    token = f"the token from {ask.credential.origin}"

    def judge(answer: Answer) -> ProviderError | None:
        if answer.status == 429 or (answer.status == 403 and _is_throttled(answer)):
            return _rate_limited(answer)
        if answer.status == 401:
            return _Refused(f"GitHub refused {token} (401)", hint=credentials.RENEW)
        if answer.status == 403:
            return AuthError(f"GitHub refused {token}: a permission is missing (403)", hint=forbidden)
        if answer.status == 404 and hidden:
            return _Hidden(f"{hidden} (404)", hint=hint)
        return None

    return judge


def _is_throttled(answer: Answer) -> bool:
    return answer.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in answer.headers


def _rate_limited(answer: Answer) -> RateLimited:
    until, reset = answer.retry_at, wire.as_instant(answer.headers.get("x-ratelimit-reset"))
    if until is None and reset is not None and answer.headers.get("x-ratelimit-remaining") == "0":
        until = retry_at(str((reset - answer.at).total_seconds()), answer.at)
    return RateLimited(f"GitHub asked us to wait ({answer.status})", retry_at=until)


# -- the documented reports -------------------------------------------------------------------------


def _documented(ask: Ask) -> Client:
    return ask.client(headers=_headers(ask, "2026-03-10", "application/vnd.github+json"))


@dataclass(slots=True)
class _Read:
    """The reports that could be read, and what went wrong with the others, by name."""

    reports: list[billing.Report] = field(default_factory=list)
    failed: dict[str, ProviderError] = field(default_factory=dict)

    @property
    def has_items(self) -> bool:
        return any(report.items for report in self.reports)

    @property
    def gravest(self) -> ProviderError:
        """What ended the calls, else the first failure."""
        errors = list(self.failed.values())
        return errors[-1] if isinstance(errors[-1], _ENDING) else errors[0]


def _from_reports(ask: Ask, given: str | None) -> Usage:
    client = _documented(ask)
    login, notes = given or _login(client), []
    read = _reports(client, login)
    lost = any(isinstance(error, (_Refused, _Hidden)) for error in read.failed.values())
    if given and lost and not read.has_items:
        # Logins are renamed, and mistyped; the token knows its own.
        login = _login_or_none(client) or given
        if login.lower() != given.lower():
            notes.append(f"the token is of {login}, not of {given}: correct the option username")
            read = _reports(client, login)
    if read.failed and not read.has_items:
        raise read.gravest
    notes += [f"{name} could not be read: {error.message}" for name, error in read.failed.items()]
    return billing.parse(
        read.reports,
        now=ask.now(),
        login=login,
        monthly_limit=ask.options.get("monthly_limit"),
        monthly_credits=ask.options.get("monthly_credits"),
        notes=tuple(notes),
    )


def _reports(client: Client, login: str) -> _Read:
    read = _Read()
    judge = _judge(
        client.ask,
        forbidden="give it the account permission Plan: read",
        hidden=f"GitHub shows no Copilot report of {login}",
        hint=_NO_REPORT_HINT,
    )
    for name, unit in _REPORTS:
        path = f"/users/{quote(login, safe='')}/settings/billing/{name}/usage"
        try:
            # Never all the time that is left: either report does without the other.
            body = client.get_json(path, timeout_s=client.ask.transport.remaining() / 2, judge=judge)
            read.reports.append(billing.read(body, unit))
        except ProviderError as error:
            read.failed[f"the {name} report"] = error
            if isinstance(error, _ENDING):
                break
    return read


def _login(client: Client) -> str:
    judge = _judge(client.ask, forbidden=credentials.RENEW)
    body = client.get_json("/user", timeout_s=client.ask.transport.remaining() / 2, judge=judge)
    login = wire.as_text(wire.mapping(body, "user").get("login"))
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
    judge = _judge(
        ask,
        forbidden=_NO_COPILOT_HINT,
        hidden=f"GitHub shows no Copilot to the token from {ask.credential.origin}",
        hint=_NO_COPILOT_HINT,
    )
    body = client.get_json("/copilot_internal/user", judge=judge)
    organization = _organization(ask) if user.wants_organization(body) else None
    return user.parse(body, organization=organization, login=ask.credential.facts.get("login"))


def _organization(ask: Ask) -> Any:
    """The usage summary of the first organisation that has Copilot credits; a member may see none."""
    try:
        return next((found for found in _summaries(ask) if any(billing.organization_spend(found))), None)
    except ProviderError:
        return None


def _summaries(ask: Ask) -> Iterator[Any]:
    """The usage summaries of the user's organisations, as far as they are shown and time allows."""
    client, judge = _documented(ask), _judge(ask, forbidden=credentials.RENEW)
    until = time.monotonic() + ask.transport.spare()
    rows = client.get_json(
        "/user/orgs", params={"per_page": "100"}, timeout_s=until - time.monotonic(), judge=judge
    )
    names = (wire.as_text(wire.as_mapping(row).get("login")) for row in wire.as_rows(rows))
    for name in [name for name in names if name][:_MAX_ORGANIZATIONS]:
        left = until - time.monotonic()
        if left <= 0:
            return
        path = f"/organizations/{quote(name, safe='')}/settings/billing/usage/summary"
        try:
            summary = client.get_json(path, timeout_s=left, judge=judge)
        except RateLimited:
            return
        except ProviderError:
            # The usual answer to a plain member.
            continue
        yield summary


def _headers(ask: Ask, version: str, accept: str) -> dict[str, str]:
    return {
        "Authorization": f"Bearer {ask.credential.secret.reveal()}",
        "Accept": accept,
        "X-GitHub-Api-Version": version,
    }
