"""Expressions of a descriptor: compiled and checked once, evaluated against the answers of a run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import jmespath
from jmespath.exceptions import JMESPathError, ParseError

from usagecli.declarative.functions import Functions, Scope
from usagecli.errors import PayloadError

_TABLE = Functions.FUNCTION_TABLE
# Of these only the first child is read where the whole is; the others read what the first one gave.
_STEPPING = (
    "subexpression",
    "pipe",
    "projection",
    "value_projection",
    "filter_projection",
    "index_expression",
)
# To JMESPath these are fields like any other: in an expression nobody means one.
_LITERALS = ("true", "false", "null")
# What `!` does not reach over, though it looks so.
_LOOSER = {
    "subexpression": (".", "a.b"),
    "value_projection": (".*", "a.*"),
    "filter_projection": ("[?", "a[?b]"),
    "flatten": ("[]", "a[]"),
}


@dataclass(frozen=True, slots=True)
class Expression:
    """`where` is its key in the descriptor; `reads` the names that it takes from the root."""

    text: str
    where: str
    parsed: Any = field(repr=False, compare=False)
    reads: frozenset[str] = frozenset()


# A word is a constant, or an expression where it begins with `=`.
Word = str | int | float | bool | Expression


class Unknown(ValueError):
    """A mistake in an expression: `message`, and for a wrong name what is known instead."""

    def __init__(self, message: str, word: str = "", known: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.word = word
        self.known = tuple(known)


def compiled(
    text: str, where: str, *, names: Sequence[str] | None, options: Sequence[str], element: bool = False
) -> Expression:
    """The expression, checked. Raises Unknown.

    `names` are what the root holds (None: the answer itself, whose fields nobody knows);
    `element`: fields stand for those of an element, and only `root()` leads to the root.
    """
    try:
        parsed = jmespath.compile(text)
    except ParseError as error:
        column = getattr(error, "lex_position", 0)
        raise Unknown(f"{text!r} is not JMESPath, from column {column + 1} on") from None
    except JMESPathError:
        raise Unknown(f"{text!r} is not JMESPath") from None
    reads = set()
    if parsed.parsed["type"] == "field":
        _refuse_literal(parsed.parsed["value"], text)
    for name in _roots(parsed.parsed, text, options, inside=not element):
        if names is not None and name not in names:
            raise Unknown(f"{text!r}: no answer named {name!r}", name, names)
        reads.add(name)
    return Expression(text, where, parsed, frozenset(reads))


def _roots(node: Any, text: str, options: Sequence[str], *, inside: bool) -> Iterator[str]:
    """The fields that a parsed expression takes from the root; `inside`: bare fields are such."""
    kind, children = node["type"], node.get("children", [])
    if kind == "field":
        if inside:
            yield node["value"]
        return
    if kind == "function_expression":
        _check_call(node, text, options)
    for place, child in enumerate(children):
        if child["type"] == "field" and (place == 0 or kind not in _STEPPING or kind == "pipe"):
            _refuse_literal(child["value"], text)
    if kind in _LOOSER and children[0]["type"] == "not_expression":
        looser, whole = _LOOSER[kind]
        raise Unknown(f"{text!r}: '!' binds tighter than '{looser}': write !({whole})")
    for place, child in enumerate(children):
        after_root = place == 1 and _is_root(children[0]) and kind in ("subexpression", "pipe")
        yield from _roots(child, text, options, inside=after_root or (inside and _same(kind, place)))


def _refuse_literal(name: str, text: str) -> None:
    """A bare `true` stands for a field, unless it is written as one: `"true"`."""
    if name in _LITERALS and f'"{name}"' not in text:
        raise Unknown(f"{text!r}: {name} stands for a field here: write `{name}` in backquotes, or !ok")


def _same(kind: str, place: int) -> bool:
    """Whether a node's child of that place is read where the node itself is."""
    if kind == "expref":
        return False
    return place == 0 or kind not in _STEPPING


def _is_root(node: Any) -> bool:
    return bool(node["type"] == "function_expression" and node["value"] == "root")


def _check_call(node: Any, text: str, options: Sequence[str]) -> None:
    name, given = node["value"], node["children"]
    if name not in _TABLE:
        raise Unknown(f"{text!r}: no function {name!r}", name, sorted(_TABLE))
    signature = _TABLE[name]["signature"]
    more = bool(signature) and signature[-1].get("variadic", False)
    if len(given) < len(signature) or (len(given) > len(signature) and not more):
        least = "at least " if more else ""
        count = f"{least}{len(signature)} argument{'' if len(signature) == 1 else 's'}"
        raise Unknown(f"{text!r}: {name}() takes {count}, not {len(given)}")
    if name in ("opt", "only"):
        option = given[-1]["value"] if given[-1]["type"] == "literal" else None
        if option not in options:
            raise Unknown(f"{text!r}: no option {option!r}", str(option), options)


class Evaluator:
    """Expressions against what one run knows."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._functions = Functions(scope)
        self._options = jmespath.Options(custom_functions=self._functions)

    def setting(self, option: str) -> Any:
        """The value of an option in this run."""
        return self._scope.options.get(option)

    def value(self, expression: Expression, root: Any, *, at: Any = None, inner: bool = False) -> Any:
        """What the expression gives at the root, or (`inner`) at the element `at`.

        What JMESPath cannot do, such as comparing a text with a number, is null. Raises PayloadError,
        naming the expression's key, where a function of ours insists, and ServiceError where the user
        has to choose.
        """
        self._functions.root = root
        try:
            return expression.parsed.search(at if inner else root, options=self._options)
        except PayloadError as error:
            refuse(expression.where, error)
        except (JMESPathError, TypeError, ArithmeticError, RecursionError):
            return None

    def word(self, word: Word | None, root: Any, *, at: Any = None, inner: bool = False) -> Any:
        """A constant as it stands, an expression's value."""
        if isinstance(word, Expression):
            return self.value(word, root, at=at, inner=inner)
        return word


def refuse(where: str, error: PayloadError) -> NoReturn:
    """The error again, with the key that it was met at."""
    raise PayloadError(f"{where}: {error.message}") from None
