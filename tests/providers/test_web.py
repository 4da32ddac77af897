"""Cookies as people copy them."""

from __future__ import annotations

import pytest

from usagecli.providers import _web


@pytest.mark.parametrize(
    ("text", "named", "header", "found"),
    [
        ("fake-value", False, False, {}),
        # Base64 ends so.
        ("fake-value==", False, False, {"fake-value": "="}),
        ("auth=fake", False, True, {"auth": "fake"}),
        ("auth=fake==", False, True, {"auth": "fake=="}),
        ("Cookie: auth=fake; theme=dark", True, True, {"auth": "fake", "theme": "dark"}),
        ("COOKIE : auth = fake;;empty=", True, True, {"auth": "fake"}),
        ("cookie:", True, True, {}),
        ("cookie", False, False, {}),
        ("https://example.com/?a=fake", False, True, {"https://example.com/?a": "fake"}),
    ],
)
def test_a_header_or_a_value(text: str, named: bool, header: bool, found: dict[str, str]) -> None:
    assert (_web.is_named(text), _web.is_header(text), _web.cookies(text)) == (named, header, found)
