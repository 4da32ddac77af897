"""What a descriptor declares and recorded answers do not hold, for `usagecli providers try`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from usagecli.declarative.asking import rooted
from usagecli.declarative.entries import Reader
from usagecli.declarative.expressions import Evaluator, Expression
from usagecli.declarative.spec import Entry, Spec
from usagecli.declarative.values import text, truth


def gaps(spec: Spec, answers: Mapping[str, Any], evaluator: Evaluator) -> tuple[list[str], bool]:
    """A sentence for each figure or instant that came out empty, and whether an entry shows nothing.

    An entry whose `if` does not hold, or whose answer was not given, is none of them. Raises
    PayloadError where a report cannot be made either.
    """
    root = rooted(spec, answers, evaluator)
    reader = Reader(spec, evaluator, root)
    told: list[str] = []
    bare = False
    for entry in spec.entries:
        found = None if _not_given(spec, entry, answers) else _elements(entry, root, evaluator)
        if entry.each is not None and found == [None]:
            empty = [f"{entry.where}.each: nothing at {entry.each.text}"]
        elif found:
            empty = _empty(entry, found, root, evaluator)
        else:
            continue
        if not any(True for _ in reader.made(entry)):
            bare = True
            empty = empty or [f"{entry.where}: shows nothing: it needs used and limit, or a share"]
        told += empty
    return told, bare


def _empty(entry: Entry, elements: list[Any], root: Any, evaluator: Evaluator) -> list[str]:
    inner = entry.each is not None
    return [
        f"{entry.where}.{name}: nothing at {given.text}"
        for name, given in (*entry.figures.items(), *entry.times.items())
        if isinstance(given, Expression)
        if all(evaluator.value(given, root, at=at, inner=inner) in (None, "") for at in elements)
    ]


def _elements(entry: Entry, root: Any, evaluator: Evaluator) -> list[Any]:
    """Where the entry is to be shown: elements of `each`; [None] is the root, or an `each` of nothing."""
    inner = entry.each is not None
    elements = evaluator.value(entry.each, root) if entry.each is not None else [None]
    if not isinstance(elements, list):
        return [None]

    def due(at: Any) -> bool:
        if entry.condition and not truth(evaluator.value(entry.condition, root, at=at, inner=inner)):
            return False
        return entry.by is None or text(evaluator.value(entry.by, root, at=at, inner=inner)) in entry.pick

    return [at for at in elements if due(at)]


def _not_given(spec: Spec, entry: Entry, answers: Mapping[str, Any]) -> bool:
    """Whether it reads an answer that may be missing, and is."""
    parts = [entry.each, *entry.figures.values()]
    reads = frozenset[str]().union(*(part.reads for part in parts if isinstance(part, Expression)))
    return not spec.single and any(answers.get(name, "") is None for name in reads)
