"""Augment Code: the credits of the billing cycle and the plan; an Enterprise's credits used.

Sources: the Analytics API (https://docs.augmentcode.com), the text of `auggie account status`, and
what the web application asks (not documented). Read 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from usagecli import wire
from usagecli.client import Ask, Client
from usagecli.errors import AuthError, NotConfigured, ProviderError, Unavailable
from usagecli.model import Usage
from usagecli.providers._augment import credentials
from usagecli.providers._augment.credentials import CLI, COOKIE, PROGRAM, TOKEN
from usagecli.providers._refusal import refused
from usagecli.registry import Descriptor, Way, register

if TYPE_CHECKING:
    from usagecli.client import Judge

_ANALYTICS = "/analytics/v0/credit-usage-by-user"
_APP = "https://app.augmentcode.com"
_CREDITS, _SUBSCRIPTION = "/api/credits", "/api/subscription"
_PAGE_SIZE, _MAX_PAGES = 500, 40
_PROGRAM_S = 20.0

DESCRIPTOR = Descriptor(
    name="augment",
    title="Augment Code",
    kind="agent",
    reports="Credits left and used of the billing cycle, the plan; with an Enterprise token the credits that "
    "all people used this month.",
    base_url="https://api.augmentcode.com",
    places=credentials.places(),
    access=(
        "Install the command line auggie and run: auggie login. usagecli asks auggie, and changes nothing.",
        "Enterprise: make an API token that may read analytics and set it as AUGMENT_API_TOKEN.",
        "Without either: copy the Cookie header of app.augmentcode.com from a browser and set it as "
        "AUGMENT_COOKIE.",
    ),
    dashboard="https://app.augmentcode.com/account/subscription",
    documented="The Analytics API of Enterprise is documented: https://docs.augmentcode.com. One person's "
    "credits are read from what auggie prints.",
    ways=(
        Way(about="an Enterprise's credits, with AUGMENT_API_TOKEN", documented=True, kinds=(TOKEN,)),
        Way(about="one person's credits, by auggie or a cookie"),
    ),
    renew=credentials.SIGN_IN,
    parts={
        TOKEN: "an Enterprise API token",
        COOKIE: "the cookies of app.augmentcode.com",
    },
    # A program is started, and what it asks is not to be asked often.
    min_interval=120,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account, or an organization. Raises AuthError, NotConfigured, RateLimited, Unavailable,
    PayloadError."""
    if ask.credential.kind == CLI:
        return _from_program(ask)
    return _from_cookie(ask) if ask.credential.kind == COOKIE else _from_analytics(ask)


def _from_program(ask: Ask) -> Usage:
    from usagecli import programs
    from usagecli.providers._augment import status

    timeout_s = max(0.0, min(_PROGRAM_S, ask.transport.remaining()))
    done = programs.output(ask.machine, PROGRAM, "account", "status", timeout_s=timeout_s, errors=True)
    if done is None:
        raise NotConfigured(f"{PROGRAM} is not on the PATH", hint=f"install {PROGRAM}")
    if done.code is None:
        raise Unavailable(
            f"{PROGRAM} account status did not end in time, or could not be started",
            hint="run it by hand to see why",
        )
    if status.is_signed_out(done.text) or (done.code != 0 and status.is_signed_out(done.errors)):
        raise AuthError(f"{PROGRAM} is not signed in", hint=credentials.SIGN_IN)
    if done.code != 0:
        raise Unavailable(
            f"{PROGRAM} account status failed with exit code {done.code}", hint="run it by hand to see why"
        )
    return status.parse(done.text)


def _from_analytics(ask: Ask) -> Usage:
    """The month of yesterday, which is the last day that may be asked for, in UTC."""
    from usagecli.providers._augment.web import next_cursor, parse_analytics

    client = ask.client(headers={"Authorization": f"Bearer {ask.credential.secret.reveal()}"})
    until = wire.day_start(ask.now())
    yesterday = wire.day_start(ask.now(), -1)
    since = wire.month_start(yesterday)
    params = {
        "start_date": f"{since:%Y-%m-%d}",
        "end_date": f"{yesterday:%Y-%m-%d}",
        "page_size": str(_PAGE_SIZE),
    }
    judge = refused("Augment refused the token", credentials.ENTERPRISE)
    pages = [client.get_json(_ANALYTICS, params=params, judge=judge)]
    while (cursor := next_cursor(pages[-1])) is not None and len(pages) < _MAX_PAGES:
        pages.append(client.get_json(_ANALYTICS, params={**params, "cursor": cursor}, judge=judge))
    left_out = f"only the first {_MAX_PAGES * _PAGE_SIZE} people were read"
    return parse_analytics(pages, since=since, until=until, notes=(left_out,) if cursor else ())


def _from_cookie(ask: Ask) -> Usage:
    from usagecli.providers._augment.web import parse_credits

    client = ask.client(ask.service.base_url or _APP, {"Cookie": ask.credential.secret.reveal()})
    judge = refused("Augment refused the cookies", credentials.COPY_COOKIE)
    found = client.get_json(_CREDITS, judge=judge)
    subscription, notes = _subscription(client, judge)
    return parse_credits(found, subscription, notes=notes)


def _subscription(client: Client, judge: Judge) -> tuple[Any, tuple[str, ...]]:
    try:
        return client.get_json(_SUBSCRIPTION, timeout_s=client.ask.transport.spare(), judge=judge), ()
    except ProviderError as error:
        return None, (f"the subscription could not be read: {error.message}",)
