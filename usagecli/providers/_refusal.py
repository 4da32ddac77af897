"""A refusal by status, in a provider's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usagecli.errors import AuthError

if TYPE_CHECKING:
    from usagecli.client import Answer, Judge


def refused(what: str, hint: str) -> Judge:
    """A judge that takes 401 and 403 for a refusal; `what` is such as "Zed refused the login"."""

    def judge(answer: Answer) -> AuthError | None:
        if answer.status not in (401, 403):
            return None
        return AuthError(f"{what} ({answer.status})", hint=hint)

    return judge
