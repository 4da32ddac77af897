"""Which page is whose: the one table."""

from __future__ import annotations

from collections import Counter
from urllib.parse import urlsplit

import pytest

from usagecli.incidents.pages import PAGES, Page, page_of
from usagecli.incidents.reading import _kind
from usagecli.model import Service
from usagecli.wire import slug

EVERY = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)


@EVERY
def test_addresses_are_https_and_hold_nothing_else(page: Page) -> None:
    for url in (page.url, *(url for feed in page.feeds for url in feed.urls)):
        parts = urlsplit(url)
        assert (parts.scheme, parts.query, parts.fragment, parts.username) == ("https", "", "", None)
        assert parts.hostname


@EVERY
def test_every_kind_is_known(page: Page) -> None:
    for feed in page.feeds:
        decode, fold = _kind(feed.kind)
        assert callable(decode)
        assert callable(fold)


@EVERY
def test_a_provider_is_an_id(page: Page) -> None:
    assert page.providers
    assert all(slug(name).replace("_", "-") == name for name in page.providers)


def test_the_pages_of_big_vendors_name_their_parts() -> None:
    """Their feeds and badges also report what is no business of the service."""
    named = {name for page in PAGES if page.parts for name in page.providers}
    assert named >= {
        *("claude", "anthropic", "codex", "openai", "copilot", "devin", "windsurf", "warp", "zed", "grok"),
        *("gemini", "antigravity", "vertexai", "bedrock", "kiro", "azure-openai", "deepseek"),
    }


def test_every_provider_has_one_page() -> None:
    usual = Counter(name for page in PAGES if not page.host for name in page.providers)
    assert set(usual.values()) == {1}
    keys = [page.key for page in PAGES]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(
    ("provider", "base_url", "expected"),
    [
        ("codex", None, "https://status.openai.com"),
        ("openai", None, "https://status.openai.com"),
        ("windsurf", None, "https://www.devinstatus.com"),
        ("minimax", None, "https://status.minimax.io"),
        ("minimax", "https://api.minimax.io/v1", "https://status.minimax.io"),
        ("minimax", "https://api.minimaxi.com/v1", "https://status.minimaxi.com"),
        ("alibaba", "https://dashscope.aliyuncs.com", "https://status.aliyun.com"),
        # Nothing is known of these.
        ("amp", None, None),
        ("opencode", None, None),
        ("zai", None, None),
        ("ollama", None, None),
        ("kilo", None, None),
        ("synthetic", None, None),
    ],
)
def test_the_page_of_a_service(provider: str, base_url: str | None, expected: str | None) -> None:
    page = page_of(Service(name="mine", provider=provider, base_url=base_url))
    assert (None if page is None else page.url) == expected


def test_a_page_for_people_only_is_asked_nowhere() -> None:
    assert {page.vendor for page in PAGES if not page.feeds} == {
        "Alibaba Cloud",
        "Alibaba Cloud (China)",
        "JetBrains",
    }
