"""Devin: the daily and weekly quota of a person's plan, extra usage; an Enterprise account's ACUs.

Sources: what the Devin CLI and app ask (not documented), and the Enterprise API
(https://docs.devin.ai). Read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.errors import PayloadError
from usagecli.model import Usage, plan
from usagecli.providers import _codeium
from usagecli.providers._devin import credentials
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="devin",
    title="Devin",
    kind="agent",
    reports="What is left of a plan's daily and weekly quota, the balance for extra usage; with an "
    "Enterprise API key the ACUs of the billing cycle and their cap.",
    base_url=credentials.SERVER,
    places=credentials.places(),
    access=(
        "Run: devin auth login, or sign in to the Devin app. usagecli reads that login and writes nothing.",
        "For an Enterprise account make an API key of a service user with the permission "
        "ViewAccountConsumption and set it as DEVIN_API_KEY (it begins with cog_).",
        "Or take the bearer that the browser sends to app.devin.ai (developer tools, Network), set it as "
        "DEVIN_BEARER_TOKEN and the organization's id or slug as DEVIN_ORGANIZATION.",
    ),
    dashboard="https://app.devin.ai/settings/usage",
    documented="The Enterprise API is documented: https://docs.devin.ai. A person's plan is not: the "
    "endpoint that Devin's own app asks.",
    ways=(
        Way(about="an Enterprise account, with DEVIN_API_KEY", documented=True, kinds=("enterprise",)),
        Way(about="one person's plan, with a login or a browser's bearer"),
    ),
    renew=credentials.RENEW,
    parts={
        credentials.KEY: "an Enterprise API key (cog_...)",
        credentials.BEARER: "the bearer of a browser's session at app.devin.ai",
        credentials.LOGIN: "the windsurf_api_key of a login, or the text of credentials.toml",
    },
    options=(
        Option(
            name="organization",
            env=credentials.ORGANIZATIONS[0],
            about="With a browser's bearer: the organization's id or slug.",
        ),
        Option(
            name="org", env=credentials.ORGANIZATIONS[1], about="The same, where organization is not given."
        ),
    ),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one person's plan, or an Enterprise account.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    kind = ask.credential.kind
    if kind == "enterprise":
        from usagecli.providers._devin import enterprise

        return enterprise.fetch(ask)
    if kind == "web":
        from usagecli.providers._devin import web

        return web.fetch(ask, ask.options["organization"] or ask.options["org"])
    server = ask.service.base_url or ask.credential.facts["server"]
    status = _codeium.plan_status(ask, server, ask.credential.secret, "devin", credentials.RENEW)
    quotas, balances = _codeium.quotas(status), _codeium.extra_usage(status)
    if not quotas and not balances:
        raise PayloadError("userStatus.planStatus: holds neither a quota nor a balance")
    name = _codeium.plan_name(status)
    return Usage(quotas=quotas, balances=balances, plan=plan(name) if name else None, source="oauth")
