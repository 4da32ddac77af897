"""What a generated corpus holds, known because it was generated: every request, and sums of them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple, TypeVar

Key = TypeVar("Key", bound=Hashable)


class Call(NamedTuple):
    """One request that a model answered. The token classes are disjoint; reasoning is within output."""

    agent: str
    session: str
    project: str
    model: str
    at: int  # milliseconds since 1970, of the row that counts
    input: int
    cache_read: int
    write_5m: int
    write_1h: int
    output: int
    reasoning: int = 0
    fast: bool = False


@dataclass(frozen=True, slots=True)
class Figures:
    """Sums over some calls: tokens, requests and distinct sessions."""

    sessions: int
    requests: int
    input: int
    cache_read: int
    write_5m: int
    write_1h: int
    output: int
    reasoning: int

    @classmethod
    def of(cls, calls: Iterable[Call]) -> Figures:
        held = list(calls)
        return cls(
            sessions=len({call.session for call in held}),
            requests=len(held),
            input=sum(call.input for call in held),
            cache_read=sum(call.cache_read for call in held),
            write_5m=sum(call.write_5m for call in held),
            write_1h=sum(call.write_1h for call in held),
            output=sum(call.output for call in held),
            reasoning=sum(call.reasoning for call in held),
        )

    @property
    def total(self) -> int:
        return self.input + self.cache_read + self.write_5m + self.write_1h + self.output


@dataclass(slots=True)
class Truth:
    """Every call of a corpus, and the files and bytes that tell of them."""

    calls: list[Call] = field(default_factory=list)
    files: int = 0
    size: int = 0  # bytes of log files
    usage_size: int = 0  # bytes of the lines among them that carry usage

    def __iadd__(self, other: Truth) -> Truth:
        self.calls += other.calls
        self.files += other.files
        self.size += other.size
        self.usage_size += other.usage_size
        return self

    def total(self) -> Figures:
        return Figures.of(self.calls)

    def by(self, key: Callable[[Call], Key]) -> dict[Key, Figures]:
        """Figures of the calls that share a key."""
        groups: dict[Key, list[Call]] = {}
        for call in self.calls:
            groups.setdefault(key(call), []).append(call)
        return {name: Figures.of(calls) for name, calls in groups.items()}

    def by_day(self, zone: tzinfo = UTC) -> dict[str, Figures]:
        """By calendar day in the zone: `2026-11-20`."""
        return self.by(lambda call: datetime.fromtimestamp(call.at / 1000, zone).date().isoformat())

    def by_hour(self, zone: tzinfo = UTC) -> dict[int, Figures]:
        """By hour of the day in the zone, 0 to 23."""
        return self.by(lambda call: datetime.fromtimestamp(call.at / 1000, zone).hour)
