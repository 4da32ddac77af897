"""OpenCode: the windows of Go, the balance and the monthly limit of Zen, the older plan Black.

Sources: https://opencode.ai/zen/go/v1/usage with an API key (in production since 2026-08), and the
pages of the web console with a browser's cookie, which are not documented; shapes as in
github.com/anomalyco/opencode, read 2026-11.
"""

from __future__ import annotations

from usagecli import wire
from usagecli.client import Answer, Ask, Judge
from usagecli.credentials import Secret
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Usage
from usagecli.providers._opencode import credentials
from usagecli.providers._opencode.usage import usage
from usagecli.providers._opencode.windows import Subscription, read_api
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="opencode",
    title="OpenCode",
    kind="agent",
    reports="Go's 5-hour, weekly and monthly limits; Zen's balance, monthly limit and use in dollars.",
    base_url="https://opencode.ai",
    places=credentials.places(),
    access=(
        "Run: opencode auth login. Or make an API key at https://opencode.ai/auth (under Keys) and put it "
        "into the environment as OPENCODE_API_KEY. Either shows the limits of Go.",
        "For the Zen balance, which no key can read: sign in at https://opencode.ai, copy the cookie `auth` "
        "(browser developer tools, Application, Cookies) and set it as OPENCODE_AUTH_COOKIE.",
        "With several workspaces also set OPENCODE_WORKSPACE_ID to the id in the console's address "
        "(wrk_...).",
    ),
    dashboard="https://opencode.ai/auth",
    documented="Go with a key: the vendor's own endpoint, in its public source. The console's pages, which "
    "the cookie reads, are not documented.",
    ways=(Way(about="Go with a key, the console with a cookie"),),
    renew=credentials.RENEW,
    parts={
        credentials.KEY: "an API key, for the limits of Go",
        credentials.COOKIE: "the web console's cookie `auth`, for Zen and Black",
    },
    options=(
        Option(
            name="workspace_id",
            env="OPENCODE_WORKSPACE_ID",
            about="The workspace that the cookie is to read, or its address; the last one seen unless given.",
        ),
    ),
)


_NO_GO_HINT = (
    "use a key of the workspace that has Go (if this one pays for it, ask OpenCode's support); "
    "for Zen alone set OPENCODE_AUTH_COOKIE"
)
_ONLY_ZEN = (
    "the key that OpenCode keeps has no Go, and Zen's balance no key can read: set OPENCODE_AUTH_COOKIE"
)


class _NoGo(AuthError):
    """The key is valid and has no Go."""


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account: Go with the key, all else with the cookie; one may fail where the other answers.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    credential = ask.credential
    if credential.kind == "cookie":
        return _with_console(ask, credential.secret)
    cookie = credential.others.get(credentials.COOKIE)
    try:
        go = _go(ask, alone=cookie is None)
    except ProviderError as error:
        excused = credential.kind == "zen_key" and isinstance(error, _NoGo)
        if cookie is not None:
            return _with_console(ask, cookie, failed=None if excused else error)
        if excused:
            return usage(now=ask.now(), notes=(_ONLY_ZEN,))
        raise
    return usage(now=ask.now(), go=go) if cookie is None else _with_console(ask, cookie, go=go)


def _with_console(
    ask: Ask, cookie: Secret, *, go: Subscription | None = None, failed: ProviderError | None = None
) -> Usage:
    """The console's part, beside what the key gave, or what it was refused for."""
    from usagecli.providers._opencode import console

    try:
        found = console.read(ask, cookie, windows=go is None, brief=go is not None)
    except ProviderError as error:
        if go is None:
            raise failed or error from None
        return usage(now=ask.now(), go=go, notes=(f"Zen could not be read: {error.message}",))
    refused = () if failed is None else (f"the key could not read Go: {failed.message}",)
    return usage(
        now=ask.now(),
        go=go or found.go,
        black=found.black,
        billing=found.billing,
        workspace=found.workspace,
        source="cookie" if go is None else "api",
        notes=(*refused, *found.notes),
    )


def _go(ask: Ask, *, alone: bool) -> Subscription:
    client = ask.client(headers={"Authorization": f"Bearer {ask.credential.secret.reveal()}"})
    # Should it hang, the console is still to be asked.
    timeout_s = None if alone else ask.transport.remaining() / 2
    return read_api(client.get_json("/zen/go/v1/usage", timeout_s=timeout_s, judge=_judge(ask)))


def _judge(ask: Ask) -> Judge:
    key = f"the key from {ask.credential.origin}"

    def judge(answer: Answer) -> ProviderError | None:
        if answer.status == 401:
            return AuthError(
                f"OpenCode refused {key} (401): it is wrong or was deleted", hint=DESCRIPTOR.renew
            )
        if answer.status == 403 and answer.is_html:
            from usagecli.providers._opencode.console import blocked

            return blocked(answer)
        if answer.status == 403 and _error_type(answer) == "EntitlementError":
            return _NoGo(f"{key} is valid, but has no Go subscription (403)", hint=_NO_GO_HINT)
        return None

    return judge


def _error_type(answer: Answer) -> str | None:
    """The type in {"type": "error", "error": {"type": "EntitlementError", "message": "..."}}."""
    try:
        body = wire.as_mapping(answer.json())
    except PayloadError:
        return None
    return wire.as_text(wire.as_mapping(body.get("error")).get("type"))
