"""Tokens of Google's OAuth: what a login or a signature is exchanged for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from usagecli import wire
from usagecli.credentials import Secret
from usagecli.errors import PayloadError

if TYPE_CHECKING:
    from usagecli.client import Ask, Judge

HOST, PATH = "https://oauth2.googleapis.com", "/token"


def exchanged(
    ask: Ask, form: Mapping[str, str], judge: Judge, *, host: str = HOST, path: str = PATH
) -> tuple[Secret, Mapping[str, Any]]:
    """The access token that the form is good for, and the whole answer.

    Raises what `judge` says of a refusal, RateLimited, Unavailable, PayloadError.
    """
    body = ask.client(host).post_json(
        path,
        urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        judge=judge,
    )
    answer = wire.mapping(body, "body")
    token = wire.first_text(answer, "access_token")
    if token is None:
        raise PayloadError("access_token: expected a text")
    return Secret(token), answer


def refreshed(
    ask: Ask, client: tuple[str, Secret], refresh_token: Secret, judge: Judge
) -> tuple[Secret, Mapping[str, Any]]:
    """As `exchanged`, with a login's refresh token and the id and secret of the client that it is of."""
    form = {
        "client_id": client[0],
        "client_secret": client[1].reveal(),
        "refresh_token": refresh_token.reveal(),
        "grant_type": "refresh_token",
    }
    return exchanged(ask, form, judge)
