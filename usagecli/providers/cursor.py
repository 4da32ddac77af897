"""Cursor: the included usage of a plan and its two pools, on-demand spend; a team's spend.

Sources: the endpoints that cursor.com's own dashboard and the editor ask (not documented), and the
team Admin API (https://cursor.com/docs/account/teams/admin-api). Read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.credentials import renewed
from usagecli.errors import AuthError
from usagecli.model import Usage
from usagecli.providers._cursor import credentials
from usagecli.registry import Descriptor, Way, register

DESCRIPTOR = Descriptor(
    name="cursor",
    title="Cursor",
    kind="agent",
    reports="The included usage of the plan (all, Cursor models, other models), on-demand spend and its "
    "cap, an older plan's requests, Grok Bot's week, credits; with an Admin API key a team's spend.",
    base_url="https://cursor.com",
    places=credentials.places(),
    access=(
        "Sign in to the Cursor editor, or run: cursor-agent login. usagecli reads that login and writes "
        "nothing.",
        "Or sign in at https://cursor.com/dashboard, copy the cookie WorkosCursorSessionToken (browser "
        "developer tools, Application, Cookies) and set it as CURSOR_SESSION_TOKEN.",
        "For a team's spend make an Admin API key at https://cursor.com/dashboard (as an admin of the team) "
        "and set it as CURSOR_API_KEY; it counts where no login is found.",
    ),
    dashboard="https://cursor.com/dashboard?tab=usage",
    documented="A team's spend is documented: https://cursor.com/docs/account/teams/admin-api. One person's "
    "usage is not: the endpoints that Cursor's own dashboard asks.",
    ways=(
        # Its figures are gathered once an hour.
        Way(about="a team's spend, with CURSOR_API_KEY", documented=True, kinds=("team",), min_interval=3600),
        Way(about="one person's usage, with a login or a cookie"),
    ),
    renew=credentials.RENEW,
    parts={
        credentials.SESSION: "the cookie WorkosCursorSessionToken of cursor.com",
        credentials.ACCESS: "the access token of the editor or of cursor-agent",
        credentials.ADMIN: "a team's Admin API key",
    },
    traces=credentials.TRACES,
    # Faster than every two minutes nobody asks these endpoints.
    min_interval=120,
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one person's account, or a team. Raises AuthError, RateLimited, Unavailable, PayloadError."""
    # Imported where it is used: every run that looks for services loads this file.
    if ask.credential.kind == "team":
        from usagecli.providers._cursor import team

        return team.fetch(ask)
    from usagecli.providers._cursor.personal import Account

    try:
        return Account(ask=ask, credential=ask.credential).read()
    except AuthError:
        # Cursor may have renewed its login since.
        found = renewed(ask.credential)
        if found is None:
            raise
        return Account(ask=ask, credential=found).read()
