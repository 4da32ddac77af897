"""Google Antigravity: the two pools of models, each with a window of 5 hours and one of a week.

Source: what the Antigravity app and `agy` ask themselves; not documented. Read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.errors import AuthError, ProviderError
from usagecli.model import Usage
from usagecli.providers._antigravity import credentials
from usagecli.registry import Descriptor, Way, register

DESCRIPTOR = Descriptor(
    name="antigravity",
    title="Antigravity",
    kind="agent",
    reports="What is left of the Gemini pool and of the Claude and GPT pool, in 5 hours and in the week; "
    "Google One AI credits.",
    base_url="https://daily-cloudcode-pa.googleapis.com",
    places=credentials.places(),
    access=(
        "Sign in to the Antigravity app, or start `agy` once and sign in. usagecli reads that login and "
        "writes nothing.",
        "Google's access tokens last an hour. Where only an old one is found, usagecli renews it in memory "
        "with Antigravity's own client, which it looks for in the installed app; elsewhere set "
        "ANTIGRAVITY_OAUTH_CLIENT_SECRET.",
    ),
    dashboard="https://antigravity.google",
    documented="Not documented by the vendor: the endpoints that its own app asks.",
    ways=(Way(about="the quota of a login, as its own app asks for it"),),
    renew=credentials.RENEW,
    traces=credentials.TRACES,
    # The figures lag behind the use by some minutes anyway.
    min_interval=180,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account: with its login, else of the server that the app runs on this machine.

    Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    # Imported where it is used: every run that looks for services loads this file.
    from usagecli.providers._antigravity import cloud

    kind = ask.credential.kind
    if kind == "locked":
        raise cloud.locked(ask.credential.origin)
    if kind == "local":
        return _local(ask)
    try:
        return cloud.Cloud(ask).read()
    except AuthError as error:
        # A login of the config, or another host, is not the account of the app that runs here.
        if ask.service.credential is not None or ask.service.base_url is not None:
            raise
        try:
            return _local(ask)
        except ProviderError:
            raise error from None


def _local(ask: Ask) -> Usage:
    from usagecli.providers._antigravity import local, processes

    return local.read(ask, processes.servers(ask.machine))
