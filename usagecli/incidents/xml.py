"""RSS and Atom -> items. No document type, and so no entity, is ever read.

Expat itself: the modules of the standard library that build on it expand what a document declares.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.errors import PayloadError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_ROOTS = ("rss", "feed", "RDF")
_ITEMS = ("item", "entry")
_BODIES = ("description", "encoded", "content", "summary")
_DATES = ("pubDate", "published", "updated", "date")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One entry of a feed; texts as they stand, markup included, "" where there are none."""

    title: str
    text: str
    link: str
    categories: tuple[str, ...]
    published: datetime | None


def items(data: bytes) -> list[Item]:
    """The entries of a feed, in its order. Raises PayloadError for anything but a feed."""
    root = _tree(data)
    if _local(root) not in _ROOTS:
        raise PayloadError("body: not a feed")
    return [_item(element) for element in root.iter() if _local(element) in _ITEMS]


def _tree(data: bytes) -> Element:
    from xml.etree.ElementTree import TreeBuilder
    from xml.parsers import expat

    builder = TreeBuilder()
    parser = expat.ParserCreate(namespace_separator="}")

    def refuse(*_: object) -> None:
        raise PayloadError("body: a document type is not read")

    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    try:
        parser.Parse(data, True)
        return builder.close()
    # The builder asserts that something was built; an unknown encoding is a LookupError.
    except (expat.ExpatError, AssertionError, ValueError, LookupError):
        raise PayloadError("body: not a feed") from None


def _item(element: Element) -> Item:
    children = list(element)
    dates = [_text(child) for name in _DATES for child in children if _local(child) == name]
    return Item(
        title=" ".join(_texts(children, "title")),
        text="\n".join(text for name in _BODIES for text in _texts(children, name)),
        link=next((_text(c) or c.get("href", "") for c in children if _local(c) == "link"), ""),
        categories=tuple(
            (_text(c) or c.get("term", "")).strip().lower() for c in children if _local(c) == "category"
        ),
        published=next((at for at in map(_instant, dates) if at is not None), None),
    )


def _texts(children: list[Element], name: str) -> Iterator[str]:
    return (_text(child) for child in children if _local(child) == name)


def _text(element: Element) -> str:
    return "".join(element.itertext()).strip()


def _local(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _instant(text: str) -> datetime | None:
    """ISO 8601, or as mails write it."""
    from email.utils import parsedate_to_datetime

    found = wire.as_instant(text)
    if found is not None:
        return found
    try:
        then = parsedate_to_datetime(text)
        then = then.replace(tzinfo=UTC) if then.tzinfo is None else then.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return then.replace(microsecond=0)
