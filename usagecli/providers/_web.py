"""Vendors' sites that are made for browsers, and what stands in front of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usagecli.credentials import Secret
from usagecli.errors import Unavailable

if TYPE_CHECKING:
    from usagecli.client import Answer

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def web_page(answer: Answer) -> Unavailable | None:
    """The error for a refusal that is a web page: a gateway in between speaks, not the API."""
    if not answer.is_html:
        return None
    return Unavailable(f"{answer.host} answered with a web page ({answer.status})", hint="try again later")


def cookie_header(text: str) -> str:
    """The value of a Cookie header as it was copied, with or without the header's name.

    Each cookie of it is a secret of its own, so that the log masks it wherever it turns up.
    """
    header = _after_name(text) or text.strip()
    for found in cookies(header).values():
        Secret(found)
    return header


def cookies(text: str) -> dict[str, str]:
    """The cookies by name of a Cookie header, with or without the header's name."""
    pairs = (pair.partition("=") for pair in (_after_name(text) or text).split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def is_header(text: str) -> bool:
    """Whether this is a Cookie header and not one cookie's value, which has a `=` at its end at most."""
    return _after_name(text) is not None or ";" in text or "=" in text.rstrip("=")


def is_named(text: str) -> bool:
    """Whether it begins with the header's name."""
    return _after_name(text) is not None


def _after_name(text: str) -> str | None:
    name, colon, value = text.partition(":")
    return value.strip() if colon and name.strip().lower() == "cookie" else None
