"""Kimi: the windows and pools of Kimi Code, its extra-usage wallet; the Open Platform's balance.

Sources: what the vendor's own open-source command line asks (MoonshotAI/kimi-code), what the web
console asks (not documented), and the documented balance of the Open Platform. Read 2026-11.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from usagecli import log, wire
from usagecli.client import Answer, Ask
from usagecli.credentials import Credential, claims_of, read_with
from usagecli.errors import AuthError, ProviderError, ServiceError
from usagecli.model import Usage
from usagecli.providers import _override
from usagecli.providers._kimi import credentials
from usagecli.providers._kimi.credentials import COOKIE, KEY, LOGIN, PLATFORM
from usagecli.registry import Descriptor, Option, Way, register

_OVERRIDE = "KIMI_CODE_BASE_URL"
_CONSOLE = "https://www.kimi.com"
_USAGES = "/apiv2/kimi.gateway.billing.v1.BillingService/GetUsages"
_STATS = "/apiv2/kimi.gateway.membership.v2.MembershipService/GetSubscriptionStats"
# Header -> claim of the cookie.
_CLAIMS = {"x-msh-device-id": "device_id", "x-msh-session-id": "ssid", "x-traffic-id": "sub"}

DESCRIPTOR = Descriptor(
    name="kimi",
    title="Kimi",
    kind="agent",
    reports="Kimi Code's 5-hour and weekly windows or monthly pools, its extra-usage wallet and cap; the "
    "balance of the Kimi Open Platform (Moonshot).",
    base_url="https://api.kimi.com/coding/v1",
    places=credentials.places(),
    access=(
        "Kimi Code: make a key at https://www.kimi.com/code/console and set it as KIMI_CODE_API_KEY.",
        "Or sign in with the command line `kimi`: usagecli reads the login that it keeps, and never changes "
        "it.",
        "The Open Platform's balance: set MOONSHOT_API_KEY (in mainland China also MOONSHOT_REGION=china); "
        "both may be given.",
        "Or copy the cookie kimi-auth of www.kimi.com and set it as KIMI_AUTH_TOKEN.",
    ),
    dashboard="https://www.kimi.com/code/console",
    documented="The Open Platform's balance is documented: https://platform.kimi.ai/docs/api/balance. Kimi "
    "Code's usage is what the vendor's own command line asks.",
    ways=(
        Way(about="the Open Platform's balance, with MOONSHOT_API_KEY", documented=True, kinds=(PLATFORM,)),
        Way(about="Kimi Code's windows, with a key, a login or a cookie"),
    ),
    renew=f"{credentials.NEW_KEY}, or {credentials.RUN_KIMI}",
    parts={
        KEY: "a key of Kimi Code (sk-kimi-...)",
        COOKIE: "the cookie kimi-auth of www.kimi.com",
        PLATFORM: "a key of the Kimi Open Platform; beside one of the others, or alone",
    },
    options=(
        Option(
            name="region",
            env="MOONSHOT_REGION",
            about="The Open Platform's site: international (the default) or china.",
        ),
    ),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. With both keys Kimi Code is the account, and the balance comes beside it.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    if ask.credential.kind == PLATFORM:
        from usagecli.providers._kimi import platform

        return platform.fetch(ask, ask.credential.secret, base_url=ask.service.base_url)
    usage = read_with(ask.credential, lambda credential: _read(ask, credential))
    return _with_balance(ask, usage)


def _read(ask: Ask, credential: Credential) -> Usage:
    from usagecli.providers._kimi.code import parse

    if credential.kind == COOKIE:
        return _from_console(ask, credential.secret.reveal())
    login = credential.kind == LOGIN
    client = ask.client(
        _base_url(ask, login=login), {"Authorization": f"Bearer {credential.secret.reveal()}"}
    )

    def judge(answer: Answer) -> ProviderError | None:
        return _refused(answer, login=login)

    return parse(client.get_json("/usages", judge=judge), now=ask.now(), source="oauth" if login else "api")


def _base_url(ask: Ask, *, login: bool) -> str:
    """Kimi's own, or a gateway for a key: a login of the command line goes to Kimi only."""
    if not login:
        return _override.base_url(ask, _OVERRIDE)
    if not credentials.is_own_host(ask.base_url):
        raise ServiceError(
            "the login of kimi goes to Kimi's own hosts only, not to base_url",
            hint="give a key of Kimi Code, or remove base_url",
        )
    return ask.base_url


def _refused(answer: Answer, *, login: bool) -> ProviderError | None:
    if answer.status == 401:
        what, renew = ("the login", credentials.RUN_KIMI) if login else ("the key", credentials.NEW_KEY)
        return AuthError(f"Kimi Code refused {what} (401): it has expired, or was withdrawn", hint=renew)
    if answer.status == 403:
        return AuthError(
            "Kimi Code is not open to this account (403): it has no membership, or the key is one of the "
            "Open Platform",
            hint=f"subscribe at https://www.kimi.com/code, or {credentials.NEW_KEY}",
        )
    if answer.status == 404:
        return ServiceError(
            f"{answer.host} is no endpoint of Kimi Code (404)", hint=f"correct base_url or {_OVERRIDE}"
        )
    return None


def _from_console(ask: Ask, cookie: str) -> Usage:
    """The same by what the web console asks, and the membership's pools, best effort."""
    from usagecli.providers._kimi.code import as_usages, parse

    client = ask.client(ask.service.base_url or _CONSOLE, _console_headers(cookie))
    usages = client.post_json(_USAGES, {"scope": ["FEATURE_CODING"]}, judge=_console_judge)
    notes: tuple[str, ...] = ()
    try:
        stats = client.post_json(_STATS, {}, timeout_s=ask.transport.spare(), judge=_console_judge)
    except ProviderError as error:
        stats, notes = None, (f"the membership's pools could not be read: {error.message}",)
    return parse(as_usages(usages, stats), now=ask.now(), source="cookie", notes=notes)


def _console_headers(cookie: str) -> dict[str, str]:
    claims = claims_of(cookie)
    told: dict[str, Any] = {header: wire.as_text(claims.get(claim)) for header, claim in _CLAIMS.items()}
    return {
        "Authorization": f"Bearer {cookie}",
        "Cookie": f"kimi-auth={cookie}",
        "Origin": _CONSOLE,
        "Referer": DESCRIPTOR.dashboard,
        "connect-protocol-version": "1",
        "x-msh-platform": "web",
        "x-language": "en-US",
        **{header: value for header, value in told.items() if value and value.isascii()},
    }


def _console_judge(answer: Answer) -> ProviderError | None:
    if answer.status not in (401, 403):
        return None
    return AuthError(f"Kimi refused the cookie ({answer.status})", hint=credentials.COPY_COOKIE)


def _with_balance(ask: Ask, usage: Usage) -> Usage:
    key = ask.credential.others.get(PLATFORM)
    if key is None:
        return usage
    from usagecli.providers._kimi import code, platform

    try:
        return code.with_balance(usage, platform.fetch(ask, key, timeout_s=ask.transport.spare()))
    except ProviderError as error:
        note = f"the Open Platform's balance could not be read: {error.message}"
        log.warn(f"{ask.service.name}: {note}")
        return replace(usage, notes=(*usage.notes, note))
