"""RSS and Atom: the items of a feed, what they fold to, and what is no feed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.incidents import feed, recorded, trouble
from tests.support import NOW, utc
from usagecli.errors import PayloadError
from usagecli.incidents import feeds, xml
from usagecli.incidents.finding import OK, Finding
from usagecli.incidents.xml import Item

AZURE = ("OpenAI", "Foundry", "Cognitive Services")
XAI = ("grok-build", "api-us-east-1", "grok-com")


def item(title: str, text: str = "", age_h: float = 1, link: str = "", *categories: str) -> Item:
    at = NOW - timedelta(hours=age_h)
    return Item(title=title, text=text, link=link, categories=categories, published=at)


def rss(body: str) -> bytes:
    return f"<rss><channel>{body}</channel></rss>".encode()


def test_an_item_of_rss() -> None:
    first = feed("xai.xml")[0]
    assert first == Item(
        title="[grok-build] Sessions do not start",
        text="<h3>Status: IDENTIFIED</h3><p>now</p>",
        link="https://status.example.com/grok-build",
        categories=("disruption",),
        published=utc("2026-11-21T07:00:00"),
    )


def test_an_entry_of_atom() -> None:
    first = feed("deepseek.atom")[0]
    assert first == Item(
        title="API 性能异常 (API errors)",
        text="<p>Identified</p>",
        link="https://status.example.com/i/2",
        categories=(),
        published=utc("2026-11-20T21:00:00"),
    )


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sat, 21 Nov 2026 06:30:00 +0200", "2026-11-21T04:30:00"),
        ("Sat, 21 Nov 2026 06:30:00", "2026-11-21T06:30:00"),
        ("2026-11-21T06:30:00.5Z", "2026-11-21T06:30:00"),
        ("yesterday", None),
        ("Sat, 99 Nov 2026 06:30:00 GMT", None),
        ("", None),
    ],
)
def test_dates(date: str, expected: str | None) -> None:
    (found,) = xml.items(rss(f"<item><title>x</title><pubDate>{date}</pubDate></item>"))
    assert found.published == (None if expected is None else utc(expected))


# -- what they fold to ------------------------------------------------------------------------------


def test_a_recorded_feed() -> None:
    found = feeds.recent(feed("recent.rss"), parts=(), now=NOW)
    assert found == trouble("degraded", "Elevated 502 answers", "2026-11-21T06:30:00")
    assert feeds.recent(feed("empty.rss"), parts=(), now=NOW) == OK


def test_only_the_service_that_matters() -> None:
    found = feeds.recent(feed("deepseek.atom"), parts=("API",), now=NOW)
    assert found == trouble("degraded", "API 性能异常 (API errors)", "2026-11-20T21:00:00")
    assert feeds.recent(feed("deepseek.atom")[1:], parts=("API",), now=NOW) == OK


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (item("Errors", age_h=23.9), "degraded"),
        (item("Errors", age_h=24.1), "ok"),
        (item("Errors", age_h=-0.1), "degraded"),
        (item("Works next week", age_h=-24), "ok"),
        (item("Errors", "This was RESOLVED at noon"), "ok"),
        (item("[Resolved] Errors"), "ok"),
        (Item(title="Errors", text="", link="", categories=(), published=None), "ok"),
    ],
)
def test_trouble_is_young_and_not_resolved(one: Item, status: str) -> None:
    assert feeds.recent([one], parts=(), now=NOW).status == status


def test_a_recorded_feed_of_xai() -> None:
    found = feeds.xai(feed("xai.xml"), parts=XAI, now=NOW)
    assert found == trouble("degraded", "Sessions do not start", "2026-11-21T07:00:00")
    assert feeds.xai(feed("xai.xml"), parts=("api",), now=NOW) == OK


OPEN, OVER = "<h3>Status: IDENTIFIED</h3>", "<h3>Status: RESOLVED</h3>"


@pytest.mark.parametrize(
    ("one", "status"),
    [
        (item("[grok-com] Down", OPEN, 1, "", "outage"), "outage"),
        (item("[grok-com] Slow", OPEN, 1, "", "disruption"), "degraded"),
        (item("[grok-com] Slow", OVER + OPEN, 1, "", "disruption"), "ok"),
        (item("[grok-com] Slow", OPEN + OVER, 1, "", "disruption"), "degraded"),
        (item("[grok-com] Slow", OPEN, 1, "", "resolved"), "ok"),
        (item("[grok-com] Down", OPEN, 7 * 24 - 1, "", "outage"), "outage"),
        (item("[grok-com] Down", OPEN, 7 * 24 + 1, "", "outage"), "ok"),
        (item("[grok-com] News", OPEN, 1, "", "announcement"), "ok"),
        (item("Down", OPEN, 1, "https://status.example.com/grok-com", "outage"), "outage"),
        (item("[voice] Down", OPEN, 1, "https://status.example.com/voice", "outage"), "ok"),
    ],
)
def test_an_item_of_xai(one: Item, status: str) -> None:
    assert feeds.xai([one], parts=XAI, now=NOW).status == status


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("azure.rss", trouble("degraded", "Azure OpenAI Service - East US 2", "2026-11-21T03:00:00")),
        ("empty.rss", OK),
    ],
)
def test_recorded_feeds_of_azure(name: str, expected: Finding) -> None:
    assert feeds.azure(feed(name), parts=AZURE, now=NOW) == expected


@pytest.mark.parametrize("title", ["Azure AI Foundry", "Cognitive Services", "Some errors in Azure OpenAI"])
def test_an_item_of_azure_that_names_the_service(title: str) -> None:
    assert feeds.azure([item(title)], parts=AZURE, now=NOW).status == "degraded"
    assert feeds.azure([item("Virtual Machines", title)], parts=AZURE, now=NOW).status == "degraded"
    assert feeds.azure([item("Virtual Machines")], parts=AZURE, now=NOW) == OK


# -- what is no feed --------------------------------------------------------------------------------

LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, (b"&%c;" % (97 + n)) * 10) for n in range(9))
    + b"]><rss><channel><item><title>&j;</title></item></channel></rss>"
)
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    b"<rss><channel><item><title>&x;</title></item></channel></rss>"
)


@pytest.mark.parametrize("data", [LAUGHS, EXTERNAL, b'<!DOCTYPE rss SYSTEM "http://x.example.com/d"><rss/>'])
def test_no_document_type_is_read(data: bytes) -> None:
    with pytest.raises(PayloadError, match="a document type is not read"):
        xml.items(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"{}",
        b"<rss><channel>",
        b"<html><body>Sorry</body></html>",
        b'<?xml version="1.0" encoding="klingon"?><rss/>',
        b"<rss>&undefined;</rss>",
        b"\xff\xfe<\x00",
        recorded("fine.json"),
    ],
)
def test_what_is_no_feed_is_refused(data: bytes) -> None:
    with pytest.raises(PayloadError, match="^body: "):
        xml.items(data)


def test_a_web_page_is_refused() -> None:
    with pytest.raises(PayloadError):
        xml.items(b"<!DOCTYPE html><html><body>Sorry</body></html>")


def test_a_feed_that_is_nested_without_end() -> None:
    depth = 50_000
    assert xml.items(b"<rss>" + b"<a>" * depth + b"</a>" * depth + b"</rss>") == []
