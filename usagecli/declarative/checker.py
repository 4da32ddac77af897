"""What the parts of a descriptor have in common on loading: keys, types, expressions, words.

A mistake is a ConfigError that names file, line and key, says what is wrong, and what is near.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.config import suggestion
from usagecli.declarative.expressions import Expression, Unknown, Word, compiled
from usagecli.declarative.spec import Fail, Refusal
from usagecli.yamlreader import Path, YamlReader

KINDS = ("not_configured", "auth", "rate_limited", "unavailable", "invalid_response", "config")
UNITS = ("percent", "requests", "tokens", "credits", "messages", "characters", "minutes", "kwh")


def is_unit(word: str) -> bool:
    """One of the document's units, or three letters that may be a currency."""
    return word in UNITS or re.fullmatch("[a-z]{3}", word) is not None


@dataclass(slots=True)
class Checker:
    """Shapes below one place of a file. `names` are what the root of expressions holds, None for the
    answer itself; `options` those of the descriptor."""

    reader: YamlReader
    base: Path = ()
    names: list[str] | None = None
    options: list[str] = field(default_factory=list)

    def fail(self, where: Path, message: str) -> Any:
        self.reader.fail((*self.base, *where), message)

    def mapping(
        self, where: Path, value: Any, known: Sequence[str] | None = None, *, what: str = "keys with values"
    ) -> Mapping[str, Any]:
        """A map that is not empty, with known keys only."""
        if not isinstance(value, dict) or not value:
            self.fail(where, f"expected {what} below it")
        for key in value:
            if known is not None and key not in known:
                self.fail((*where, str(key)), f"no such key{suggestion(str(key), tuple(known))}")
        return {str(key): inner for key, inner in value.items()}

    def text(self, where: Path, value: Any) -> str:
        if not isinstance(value, str) or wire.as_text(value) is None:
            self.fail(where, "expected a text" + ("" if value is None else " (put it in quotes?)"))
        return " ".join(str(value).split())

    def flag(self, where: Path, value: Any) -> bool:
        if not isinstance(value, bool):
            self.fail(where, "expected true or false")
        return bool(value)

    def number(self, where: Path, value: Any) -> Decimal:
        found = None if isinstance(value, str) else wire.as_number(value)
        if found is None:
            self.fail(where, "expected a number (write 0.000001 for 1e-6)")
        return found or Decimal(0)

    def one_of(self, where: Path, value: Any, known: Sequence[str]) -> str:
        if value not in known:
            self.fail(where, f"expected one of {', '.join(known)}{_near(value, known)}")
        return str(value)

    def listed(self, where: Path, value: Any) -> list[Any]:
        """A list; a single value is a list of one."""
        found = value if isinstance(value, list) else [value]
        if not found:
            self.fail(where, "is empty")
        return found

    # -- expressions -----------------------------------------------------------------------------

    def expression(self, where: Path, value: Any, *, element: bool = False) -> Expression:
        if isinstance(value, bool) or not isinstance(value, (str, int, float)):
            self.fail(where, "expected an expression (put it in quotes?)")
        text = str(value).strip()
        told = ".".join(str(step) for step in where)
        try:
            return compiled(text, told, names=self.names, options=self.options, element=element)
        except Unknown as error:
            near = suggestion(error.word, error.known) if error.word else ""
            self.fail(where, f"{error}{near}")
            raise AssertionError("unreachable") from None

    def word(self, where: Path, value: Any, *, element: bool = False) -> Word:
        """A constant, or an expression behind `=`."""
        if isinstance(value, str) and value.startswith("="):
            return self.expression(where, value[1:], element=element)
        if not isinstance(value, (str, int, float, bool)):
            self.fail(where, "expected a word, or an expression that begins with = (put it in quotes?)")
        found: Word = value
        return found

    def words(self, where: Path, value: Any, *, element: bool = False) -> Mapping[str, Word]:
        body = self.mapping(where, value)
        return {key: self.word((*where, key), inner, element=element) for key, inner in body.items()}

    def json(self, where: Path, value: Any, *, element: bool = False) -> Any:
        """A JSON value in which texts that begin with `=` are expressions."""
        if isinstance(value, dict):
            return {str(k): self.json((*where, str(k)), inner, element=element) for k, inner in value.items()}
        if isinstance(value, list):
            return [self.json((*where, i), inner, element=element) for i, inner in enumerate(value)]
        return None if value is None else self.word(where, value, element=element)

    # -- errors ----------------------------------------------------------------------------------

    def fails(self, where: Path, value: Any) -> tuple[Fail, ...]:
        if not isinstance(value, list):
            self.fail(where, "expected a list of `- if: ...`")
        found = []
        for index, body in enumerate(value):
            at = (*where, index)
            body = self.mapping(at, body, ("if", "kind", "message", "hint"))
            if "if" not in body:
                self.fail(at, "needs an `if:`")
            found.append(
                Fail(
                    condition=self.expression((*at, "if"), body["if"]),
                    kind=self.one_of((*at, "kind"), body.get("kind", "invalid_response"), KINDS),
                    message=self.expression((*at, "message"), body["message"]) if "message" in body else None,
                    hint=self.text((*at, "hint"), body["hint"]) if "hint" in body else None,
                )
            )
        return tuple(found)

    def statuses(self, where: Path, value: Any) -> Mapping[int, Refusal]:
        found = {}
        for key, told in self.mapping(where, value).items():
            at = (*where, key)
            if not re.fullmatch("[345][0-9][0-9]", key):
                self.fail(at, "expected a status from 300 to 599")
            if isinstance(told, str):
                found[int(key)] = Refusal(self.one_of(at, told, KINDS))
                continue
            body = self.mapping(at, told, ("kind", "hint"))
            kind = self.one_of((*at, "kind"), body.get("kind"), KINDS)
            found[int(key)] = Refusal(
                kind, self.text((*at, "hint"), body["hint"]) if "hint" in body else None
            )
        return found

    def codes(self, where: Path, value: Any) -> tuple[int, ...]:
        found = self.listed(where, value)
        if not all(isinstance(code, int) and 300 <= code <= 599 for code in found):
            self.fail(where, "expected statuses from 300 to 599")
        return tuple(found)


def _near(value: Any, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(str(value), known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""
