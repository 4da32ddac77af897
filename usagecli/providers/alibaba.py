"""Alibaba Model Studio and Qwen Cloud: the windows of a token plan or a coding plan.

Sources: Alibaba's own open-source command line `bl` (modelstudioai/cli) for the token plan; what the
consoles ask, as other programs read it, for the rest. Read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.model import Usage
from usagecli.providers._alibaba import credentials
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="alibaba",
    title="Alibaba Model Studio",
    kind="agent",
    reports="A token plan's 5-hour and weekly share, or the requests of a coding plan in 5 hours, a week "
    "and a month; also of Qwen Cloud.",
    base_url="https://bailian-cs.console.aliyun.com",
    places=credentials.places(),
    access=(
        "Sign in with Alibaba's command line: `bl auth login --console`. usagecli reads its login and writes "
        "nothing; it lasts 1 to 4 days, on one device at a time.",
        "Or, for a coding plan, set its key as ALIBABA_CODING_PLAN_API_KEY: Alibaba often refuses keys.",
        "Or, for Qwen Cloud, copy the Cookie header of home.qwencloud.com from a browser and set it as "
        "QWEN_CLOUD_COOKIE.",
    ),
    dashboard="https://bailian.console.aliyun.com",
    documented="Not documented by the vendor: what its own open-source command line and its consoles ask.",
    ways=(Way(about="the plans, as its own command line and consoles ask for them"),),
    renew=credentials.SIGN_IN,
    parts={
        credentials.LOGIN: "the access_token that `bl auth login --console` keeps, or its whole config.json",
        credentials.KEY: "a key of a coding plan",
        credentials.COOKIE: "a Cookie header of home.qwencloud.com",
    },
    options=(
        Option(
            name="console_region",
            about="Of a console login: cn-beijing or ap-southeast-1.",
            fallback="what the login's config.json says, else cn-beijing",
        ),
        Option(
            name="console_site",
            about="Of a console login: domestic or international.",
            fallback="what the login's config.json says, else domestic",
        ),
    ),
    traces=("~/.bailian",),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    # Imported where it is used: every run that looks for services loads this file.
    kind = ask.credential.kind
    if kind == credentials.PROGRAM:
        from usagecli.providers._alibaba import program

        return program.fetch(ask)
    from usagecli.providers._alibaba import consoles

    by_kind = {credentials.LOGIN: consoles.by_login, credentials.COOKIE: consoles.by_cookie}
    return by_kind.get(kind, consoles.by_key)(ask)
