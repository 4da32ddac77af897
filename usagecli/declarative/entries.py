"""Answers -> `Usage`: the pure half of a descriptor. No clock, no disk, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import log, model
from usagecli.declarative.asking import check_fails, rooted, spoken
from usagecli.declarative.checker import is_unit
from usagecli.declarative.entry_loader import PERCENTAGES
from usagecli.declarative.expressions import Evaluator, Expression, Word, refuse
from usagecli.declarative.spec import Entry, Pick, Spec
from usagecli.declarative.values import figure, instant, text, truth
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Refill, Spend, Usage
from usagecli.registry import Descriptor

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_LONGEST_WINDOW = 400 * 86400
_PLAIN_KEY = re.compile("[A-Za-z_][A-Za-z_0-9]{0,30}")
_MOST_KEYS = 10


class _Dropped(Exception):
    """A figure of an optional answer is unreadable: the entry is left out."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an entry's expressions are read: at the root, or at an element of `each`."""

    root: Any
    at: Any = None
    inner: bool = False


def usage(
    spec: Spec,
    descriptor: Descriptor,
    answers: Mapping[str, Any],
    evaluator: Evaluator,
    notes: Sequence[str] = (),
) -> Usage:
    """What the answers say. Raises PayloadError, and what the descriptor's `fail` names."""
    root = rooted(spec, answers, evaluator)
    check_fails(spec.fail, root, evaluator, descriptor)
    reader = Reader(spec, evaluator, root)
    found: dict[str, list[Any]] = {"quotas": [], "balances": [], "spend": []}
    for entry in spec.entries:
        made = list(reader.made(entry))
        if entry.required and not made:
            raise PayloadError(f"{entry.where}: is missing in the answer")
        found[entry.group] += made
    empty = spec.empty_ok
    fine = empty if isinstance(empty, bool) else truth(evaluator.value(empty, root))
    if not any(found.values()) and not fine:
        none = f"the answer holds none of the figures that {descriptor.title} is known for"
        raise PayloadError(f"{none}{_held(spec, answers)}")
    plan = spoken(spec.plan, root, evaluator)
    stopped = spec.exhausted is not None and reader.stopped(spec.exhausted)
    told = [spoken(note, root, evaluator) for note in spec.notes]
    return Usage(
        quotas=_once(found["quotas"]),
        balances=_once(found["balances"]),
        spend=_once(found["spend"]),
        account=spoken(spec.account, root, evaluator),
        plan=model.plan(plan) if plan else None,
        notes=(*(note for note in told if note), *notes),
        stopped=stopped,
    )


def _held(spec: Spec, answers: Mapping[str, Any]) -> str:
    """The first keys of the answers, for a message; nothing of what they hold."""
    found = []
    for name, answer in answers.items():
        inside = "" if spec.single else f"{name}."
        # What looks like an address or a key's value names somebody.
        keys = [key for key in answer if _PLAIN_KEY.fullmatch(key)] if isinstance(answer, dict) else []
        found += [f"{inside}{log.mask(key)}" for key in keys]
    more = " ..." if len(found) > _MOST_KEYS else ""
    return f"; it has: {', '.join(found[:_MOST_KEYS])}{more}" if found else ""


def _once(entries: list[Any]) -> tuple[Any, ...]:
    """Of the same id twice the first."""
    found: dict[str, Any] = {}
    for entry in entries:
        found.setdefault(entry.id, entry)
    return tuple(found.values())


class Reader:
    """Makes entries of one set of answers."""

    def __init__(self, spec: Spec, evaluator: Evaluator, root: Any) -> None:
        self.spec = spec
        self.evaluator = evaluator
        self.root = root

    def made(self, entry: Entry) -> Iterator[Quota | Balance | Spend]:
        for place in self._places(entry):
            try:
                made = self._one(entry, place)
            except _Dropped:
                continue
            if made is not None:
                yield made

    def stopped(self, condition: Expression) -> bool:
        """Whether the document is exhausted; an optional answer that cannot be read does not say so."""
        try:
            return truth(self.evaluator.value(condition, self.root))
        except PayloadError:
            if condition.reads & self.spec.optional:
                return False
            raise

    def _places(self, entry: Entry) -> Iterator[_Place]:
        if entry.each is None:
            yield _Place(self.root)
            return
        elements = self.evaluator.value(entry.each, self.root)
        for element in elements if isinstance(elements, list) else ():
            yield _Place(self.root, element, inner=True)

    def _one(self, entry: Entry, place: _Place) -> Quota | Balance | Spend | None:
        if entry.condition is not None and not self._holds(entry.condition, entry, place):
            return None
        pick: Pick | None = None
        if entry.by is not None:
            by = self._guarded(entry.by, entry, place)
            pick = entry.pick.get(by if isinstance(by, str) else text(by) or "")
            if pick is None:
                return None
        figures = self._figures(entry, place)
        unlimited = self._holds(entry.unlimited, entry, place)
        reached = self._holds(entry.exhausted, entry, place)
        if not unlimited and not reached and all(value is None for value in figures.values()):
            return None
        if entry.group == "quotas":
            return self._quota(entry, place, pick, figures, unlimited=unlimited, reached=reached)
        common = self._common(entry, place, pick)
        amount = figures.get("amount")
        if entry.group == "balances":
            return Balance(
                **common,
                amount=None if unlimited else amount,
                scope=self._text(entry.scope, entry, place),
                unlimited=unlimited,
                judged=self._judged(entry, place, pick),
                stops=None if entry.stops is None else self._stops(entry.stops, entry, place),
                reached=reached,
            )
        assert amount is not None
        return Spend(
            **common,
            amount=amount,
            since=self._time(entry, "since", place),
            until=self._time(entry, "until", place),
        )

    # -- a quota ---------------------------------------------------------------------------------

    def _quota(
        self,
        entry: Entry,
        place: _Place,
        pick: Pick | None,
        figures: Mapping[str, Decimal | None],
        *,
        unlimited: bool,
        reached: bool,
    ) -> Quota | None:
        used, limit, remaining = (figures.get(name) for name in ("used", "limit", "remaining"))
        percent = _percent(figures)
        # A negative allowance is another word for none.
        limit = limit if limit is not None and limit >= 0 else None
        if remaining is not None and remaining < 0:
            used = limit - remaining if used is None and limit is not None else used
            remaining = _ZERO
        if used is None and limit is not None and remaining is not None:
            used = max(_ZERO, limit - remaining)
        if limit is None and used is not None and remaining is not None:
            limit = used + remaining
        if percent is None and limit and used is not None and used < 0:
            # A refund, say: nothing is used.
            percent = _ZERO
        whole = limit is not None and (used is not None or remaining is not None)
        if not (whole or percent is not None or unlimited or reached):
            return None
        common = self._common(entry, place, pick)
        refill = self._refill(entry, place)
        if percent is not None and limit is None and not unlimited:
            # Only the share is known.
            common["unit"] = "percent"
            used, limit, remaining = percent, _HUNDRED, None
            refill = None
        return Quota(
            **common,
            used=used,
            limit=limit,
            remaining=remaining,
            percent_used=percent,
            scope=self._text(entry.scope, entry, place),
            unlimited=unlimited,
            window_seconds=self._window(entry, place, pick),
            resets_at=self._time(entry, "resets", place),
            refill=refill,
            judged=self._judged(entry, place, pick),
            partial=self._chosen(entry.partial, entry, place),
            reached=reached,
        )

    def _window(self, entry: Entry, place: _Place, pick: Pick | None) -> int | None:
        word = pick.window if pick is not None and pick.window is not None else entry.window
        return self._seconds(word, entry, place)

    def _seconds(self, word: Word | None, entry: Entry, place: _Place) -> int | None:
        value = self._guarded(word, entry, place)
        try:
            seconds = figure(value)
        except PayloadError:
            return None
        return int(seconds) if seconds is not None and 1 <= seconds <= _LONGEST_WINDOW else None

    def _refill(self, entry: Entry, place: _Place) -> Refill | None:
        told = entry.refill
        if told is None:
            return None
        scale = self._scale(entry, place)
        amount = self._figure(f"{entry.where}.refill.amount", told.amount, entry, place)
        every = self._seconds(told.every, entry, place)
        if scale is None or amount is None or amount * scale <= 0 or every is None:
            return None
        return Refill(amount=self._bounded(entry, "refill", told.amount, amount * scale), every_seconds=every)

    # -- parts of every entry --------------------------------------------------------------------

    def _common(self, entry: Entry, place: _Place, pick: Pick | None) -> dict[str, Any]:
        return {
            "id": (pick.id if pick else self._text(entry.id, entry, place)) or entry.key,
            "label": (pick.label if pick else self._text(entry.label, entry, place)) or entry.key,
            "unit": self._unit(entry, place),
        }

    def _unit(self, entry: Entry, place: _Place) -> str:
        value = self._guarded(entry.unit, entry, place)
        unit = value.strip().lower() if isinstance(value, str) else ""
        if not is_unit(unit):
            self._broken(f"{entry.where}.unit", PayloadError("is no unit that is known"), entry.unit, entry)
        return unit

    def _judged(self, entry: Entry, place: _Place, pick: Pick | None) -> bool:
        if pick is not None and not pick.judged:
            return False
        return self._chosen(entry.judged, entry, place)

    def _figures(self, entry: Entry, place: _Place) -> dict[str, Decimal | None]:
        scale = self._scale(entry, place)
        found: dict[str, Decimal | None] = {}
        for name, given in entry.figures.items():
            value = self._figure(f"{entry.where}.{name}", given, entry, place)
            factor = Decimal(1) if name in PERCENTAGES else scale
            found[name] = None
            if value is not None and factor is not None:
                found[name] = self._bounded(entry, name, given, value * factor)
        return found

    def _scale(self, entry: Entry, place: _Place) -> Decimal | None:
        if entry.scale is None:
            return Decimal(1)
        return self._figure(f"{entry.where}.scale", entry.scale, entry, place)

    def _bounded(self, entry: Entry, name: str, given: Expression | Decimal, value: Decimal) -> Decimal:
        if abs(value) > Decimal("1e15"):
            where = f"{entry.where}.{name}"
            self._broken(where, PayloadError("a number beyond all bounds"), given, entry)
        # Adding 0 makes 0 of -0.
        return value + _ZERO

    def _figure(self, where: str, given: Expression | Decimal, entry: Entry, place: _Place) -> Decimal | None:
        if isinstance(given, Decimal):
            return given
        value = self._guarded(given, entry, place)
        try:
            return figure(value)
        except PayloadError as error:
            self._broken(where, error, given, entry)
            raise

    def _guarded(self, given: Word | None, entry: Entry, place: _Place) -> Any:
        """A word's value; what a function of ours refuses is dropped as a figure would be."""
        try:
            return self.evaluator.word(given, place.root, at=place.at, inner=place.inner)
        except PayloadError:
            if isinstance(given, Expression) and self._optional(given, entry):
                raise _Dropped from None
            raise

    def _broken(self, where: str, error: PayloadError, given: Word | Decimal | None, entry: Entry) -> None:
        if isinstance(given, Expression) and self._optional(given, entry):
            raise _Dropped
        refuse(where, error)

    def _optional(self, given: Expression, entry: Entry) -> bool:
        reads = given.reads | (entry.each.reads if entry.each else frozenset())
        return not self.spec.single and bool(reads & self.spec.optional)

    def _time(self, entry: Entry, name: str, place: _Place) -> datetime | None:
        given = entry.times.get(name)
        if given is None:
            return None
        value = self._guarded(given, entry, place)
        try:
            return instant(value)
        except PayloadError as error:
            self._broken(f"{entry.where}.{name}", error, given, entry)
            raise

    def _holds(self, given: Expression | None, entry: Entry, place: _Place) -> bool:
        return given is not None and truth(self._guarded(given, entry, place))

    def _chosen(self, given: Expression | bool, entry: Entry, place: _Place) -> bool:
        return truth(self._guarded(given, entry, place))

    def _stops(self, given: Expression | bool, entry: Entry, place: _Place) -> bool | None:
        value = self._guarded(given, entry, place)
        return None if value is None else truth(value)

    def _text(self, word: Word | None, entry: Entry, place: _Place) -> str | None:
        return text(self._guarded(word, entry, place))


def _percent(figures: Mapping[str, Decimal | None]) -> Decimal | None:
    """What is used, 0 to 100, where the provider says so; never below 0."""
    fraction, left = figures.get("fraction_used"), figures.get("percent_remaining")
    found = figures.get("percent_used")
    if found is None and fraction is not None:
        found = fraction * _HUNDRED
    if found is None and left is not None:
        found = _HUNDRED - left
    return None if found is None else max(_ZERO, found)
