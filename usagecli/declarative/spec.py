"""A checked descriptor, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from usagecli.declarative.expressions import Expression, Word

# The name that the only request has where a descriptor gives none.
ANSWER = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One home of the credential: a variable, or a file with (`at`) the key inside its JSON."""

    env: str | None = None
    file: str | None = None
    at: Expression | None = None
    kind: str = "key"


@dataclass(frozen=True, slots=True)
class Auth:
    """How a request carries the key: a header, or a query parameter; neither for none at all."""

    header: str | None = None
    query: str | None = None
    words: str = "{key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """Host and first part of the path: one URL; the user's own; or the one that `choose` names."""

    url: str | None = None
    env: str | None = None
    cut: tuple[str, ...] = ()
    choose: Expression | None = None
    urls: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    name: str
    env: str | None = None
    default: str | None = None
    choices: tuple[str, ...] = ()
    # A word: beside a key of that kind.
    required: bool | str = False
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """An error that an answer of status 200 tells."""

    condition: Expression
    kind: str = "invalid_response"
    message: Expression | None = None
    hint: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a status means here."""

    kind: str
    hint: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """`rows` leads to the list to join; `query` gives the next page's parameters from the last page."""

    rows: tuple[str, ...]
    query: Mapping[str, Expression]
    more: Expression | None = None
    most: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` alternates constant parts with the expressions of its places."""

    name: str
    path: tuple[str | Expression, ...]
    method: str = "GET"
    query: Mapping[str, Word] = field(default_factory=dict)
    headers: Mapping[str, Word] = field(default_factory=dict)
    # A JSON value whose texts may be expressions; None for none.
    body: Any = None
    condition: Expression | None = None
    optional: bool = False
    absent: tuple[int, ...] = ()
    each: Expression | None = None
    pages: Pages | None = None
    from_headers: bool = False
    auth: Auth = Auth()
    status: Mapping[int, Refusal] = field(default_factory=dict)
    fail: tuple[Fail, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Pick:
    """What a value of `by` stands for."""

    id: str
    label: str
    window: Word | None = None
    judged: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Trickle:
    """What comes back of a quota bit by bit: `amount`, every so many seconds."""

    amount: Expression | Decimal
    every: Word


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A quota, a balance or a spend (`group`). `figures` by key: used, limit, amount, percent_used ..."""

    group: str
    key: str
    id: Word
    label: Word
    unit: Word
    scope: Word | None = None
    condition: Expression | None = None
    required: bool = False
    scale: Decimal | Expression | None = None
    each: Expression | None = None
    by: Expression | None = None
    pick: Mapping[str, Pick] = field(default_factory=dict)
    figures: Mapping[str, Expression | Decimal] = field(default_factory=dict)
    window: Word | None = None
    times: Mapping[str, Expression] = field(default_factory=dict)
    refill: Trickle | None = None
    unlimited: Expression | None = None
    judged: Expression | bool = True
    partial: Expression | bool = False
    # What a balance of 0 means: the work stops, something else pays, or (None) as `model.Balance` has it.
    stops: Expression | bool | None = None
    exhausted: Expression | None = None

    @property
    def where(self) -> str:
        return f"{self.group}.{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """Everything that a descriptor says."""

    id: str
    title: str
    kind: str
    reports: str
    source: str
    documented: bool | None
    dashboard: str
    min_interval: int
    keys: tuple[Key, ...]
    key_url: str | None
    key_hint: str | None
    base: Base
    requests: tuple[Request, ...]
    entries: tuple[Entry, ...]
    options: tuple[Option, ...] = ()
    let: Mapping[str, Expression] = field(default_factory=dict)
    fail: tuple[Fail, ...] = ()
    plan: Expression | None = None
    account: Expression | None = None
    exhausted: Expression | None = None
    notes: tuple[Word, ...] = ()
    empty_ok: Expression | bool = False
    # Names, answers and what `let` makes of them, that may be null because a call failed.
    optional: frozenset[str] = frozenset()

    @property
    def single(self) -> bool:
        """Whether the root of the expressions is the only answer itself."""
        return len(self.requests) == 1 and self.requests[0].name == ANSWER

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of key, in order; of one kind only, none."""
        found = tuple(dict.fromkeys(key.kind for key in self.keys))
        return found if len(found) > 1 else ()
