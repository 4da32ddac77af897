"""MiniMax: the windows of a Token Plan, by bucket of models.

Sources: MiniMax's own command line (MiniMax-AI/cli) and its questions and answers on the Token Plan;
older answers as other programs saw them. Read 2026-11.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from usagecli.client import Answer, Ask, Judge
from usagecli.errors import AuthError, PayloadError, ProviderError
from usagecli.model import Usage
from usagecli.providers._minimax import credentials
from usagecli.registry import Descriptor, Option, Way, register

if TYPE_CHECKING:
    from usagecli.providers._minimax.credentials import Region

_REMAINS = "/v1/token_plan/remains"
_OLDER = "/v1/api/openplatform/coding_plan/remains"

DESCRIPTOR = Descriptor(
    name="minimax",
    title="MiniMax",
    kind="agent",
    reports="The 5-hour (video: daily) and weekly windows of a Token Plan, by bucket of models.",
    base_url=credentials.GLOBAL.base_url,
    places=credentials.places(),
    access=(
        f"Copy the plan's key (sk-cp-...) from {credentials.GLOBAL.key_page} and set it as "
        "MINIMAX_CODING_API_KEY.",
        "Or sign in with MiniMax's command line mmx: usagecli reads its key or login and writes nothing.",
        "For an account of mainland China set MINIMAX_REGION=cn, or the option region. "
        "Keys without a plan (sk-api-...) are told nothing.",
    ),
    dashboard=credentials.GLOBAL.key_page,
    documented="Documented by the vendor: its own command line and its questions and answers name it.",
    ways=(Way(about="what is left of a plan, with a key or a login", documented=True),),
    renew=credentials.RENEW,
    options=(
        Option(
            name="region",
            env=credentials.REGION,
            about="global (the default) or cn (mainland China): where the account is.",
        ),
    ),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one account. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    from usagecli.providers._minimax.usage import parse

    region, base_url = credentials.where(ask)
    client = ask.client(
        base_url,
        {
            "Authorization": f"Bearer {ask.credential.secret.reveal()}",
            "Content-Type": "application/json",
        },
    )
    judge = _judge(region)
    try:
        body = client.get_json(_REMAINS, judge=judge)
    except _Absent:
        # A server from before the plan's new name.
        referer = {"Referer": f"https://platform.{region.domain}/"}
        body = client.get_json(_OLDER, headers=referer, judge=judge)
    login = ask.credential.kind == credentials.LOGIN
    return parse(body, region=region, source="oauth" if login else "api")


class _Absent(PayloadError):
    """The path is not known there."""


def _judge(region: Region) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        if answer.status in (401, 403):
            return AuthError(f"MiniMax refused the key ({answer.status})", hint=region.refusal)
        if answer.status == 404:
            return _Absent(f"{answer.host} does not know the usage of a plan (404)", hint="check base_url")
        return None

    return judge
