"""Pages made of plain values, and what a reader of one finds in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

from tests.snapshots import look, snapshot
from tests.support import NOW, d
from usagecli.history.summary import Reading
from usagecli.model import Quota, Report, Usage
from usagecli.report.burned import panel
from usagecli.report.page import Material, render
from usagecli.report.recent import Key, Readings

# Elements that part no words, and those without an end tag.
_INLINE = {"a", "b", "bdi", "span", "time"}
_EMPTY = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """A page as a parser sees it: every element, its attributes, and the texts in between."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._apart(tag)
        self.tags.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _EMPTY:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._apart(tag)
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)

    def _apart(self, tag: str) -> None:
        if tag not in _INLINE:
            self.texts.append(" ")

    @property
    def told(self) -> str:
        """All text, the alternatives of charts included, with single blanks."""
        return " ".join("".join(self.texts).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str]]:
        """The attributes of every such element; `class_` is one of its classes."""
        wanted = attributes.pop("class_", "")
        return [
            attrs
            for name, attrs in self.tags
            if name == tag
            and attributes.items() <= attrs.items()
            and (not wanted or wanted in attrs.get("class", "").split())
        ]


def page(*reports: Report, readings: Readings | None = None, tokens: Any = None, **more: Any) -> Page:
    """The page of these reports at NOW, in UTC; `tokens` is an overview document."""
    found = Material(
        snapshot=snapshot(*reports),
        readings=readings or {},
        burned=panel(tokens) if tokens else None,
        look=look(),
        **more,
    )
    return Page(render(found))


def week(service: str, quota: str, values: Sequence[float], provider: str = "openrouter") -> Readings:
    """Readings that are spread over the last week, the last one at NOW; no window ends."""
    step = timedelta(days=7) / max(1, len(values) - 1)
    first = NOW - timedelta(days=7)
    return {
        Key(service, provider, "quota", quota): [
            Reading(int((first + step * index).timestamp()), value) for index, value in enumerate(values)
        ]
    }


def many(count: int) -> Usage:
    """A usage of that many quotas; the last one is used up."""

    def quotas() -> Iterator[Quota]:
        for number in range(1, count + 1):
            used = 100 if number == count else number % 50
            yield Quota(
                id=f"model_{number}", label=f"Model {number}", unit="requests", used=d(used), limit=d(100)
            )

    return Usage(quotas=tuple(quotas()))


def overview(**changes: Any) -> dict[str, Any]:
    """The document of `usagecli tokens --json`: two days, the first one higher."""

    def figures(total: int, cost: float, sessions: int = 1) -> dict[str, Any]:
        return {
            "sessions": sessions,
            "inputTokens": total // 2,
            "cacheReadTokens": total // 2,
            "cacheWriteTokens": 0,
            "outputTokens": 0,
            "reasoningTokens": 0,
            "totalTokens": total,
            "cost": cost,
            "costComplete": True,
        }

    days = [
        {"day": "2026-11-20", **figures(3_000_000, 4.5, 2)},
        {"day": "2026-11-21", **figures(1_000_000, 1.5)},
    ]
    return {
        "pricesDate": "2026-11-19",
        "yearToDate": {"days": 2, **figures(4_000_000, 6.0, 3)},
        "today": days[1],
        "week": {"since": "2026-11-16", "until": "2026-11-21", **figures(4_000_000, 6.0, 3)},
        "highestDay": days[0],
        "topDays": [{"rank": rank, **day} for rank, day in enumerate(days, 1)],
        "daily": days,
        "totals": figures(4_000_000, 6.0, 3),
        "byProvider": {"codex": figures(3_000_000, 4.5), "claude": figures(1_000_000, 1.5)},
        "unpricedModels": [],
        **changes,
    }
