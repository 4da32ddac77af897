"""What the statuses of Anthropic's API mean."""

from __future__ import annotations

from usagecli.client import Answer, Judge
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable


class Forbidden(AuthError):
    """A 403: the key is known and may not read this."""


class NotOffered(PayloadError):
    """A 400 or 404: this account, or this host, has no such thing."""


def judge(*, key: str, missing: str) -> Judge:
    """The errors of one sort of key: the hints are how to get one that works, and what a 404 asks for."""

    def named(answer: Answer) -> ProviderError | None:
        if answer.is_html:
            # The edge in front of the API speaks, not the API.
            message = f"{answer.host} answered with a web page ({answer.status})"
            return Unavailable(message, hint="try again later", retry_at=answer.retry_at)
        if answer.status == 401:
            return AuthError("Anthropic refused the key (401)", hint=key)
        if answer.status == 403:
            return Forbidden(
                "Anthropic says that the key lacks the scope or role (403)", hint=f"permit it, or {key}"
            )
        if answer.status in (400, 404):
            return NotOffered(f"{answer.host} answered {answer.status}", hint=missing)
        return None

    return named
