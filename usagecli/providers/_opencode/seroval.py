"""The objects in a page's hydration script (seroval's JavaScript, not JSON) -> plain values.

Objects read `{key:value}` with bare keys, `!0` and `!1` for true and false, `new Date("...")`, and
any value may be remembered: `$R[12]={...}`. Nothing is evaluated: what is none of these is None.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

_VALUE = re.compile(
    r"""\s*(?:\$R\[\d+\]\s*=\s*)*(?:
        (?P<open>[{\[])
      | (?:new\s+Date\(\s*)?(?P<text>"(?:\\.|[^"\\])*")\s*\)?
      | (?P<number>-?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)n?(?![\w$.])
      | (?P<word>!0|!1|true\b|false\b)
      | [^\s,:;{}\[\]()"][^,:;{}\[\]()"]*(?:\[\d+\])?(?:\([^(){}]*\))?  # null, a reference, a call
    )\s*""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_KEY = re.compile(r'\s*(?:([\w$]+)|"((?:\\.|[^"\\])*)")\s*:', re.ASCII)
_WORDS = {"!0": True, "true": True, "!1": False, "false": False}
_DEEPEST = 12
# Bounds for pages that only look like a script: candidates, and how far before one its object begins.
_CANDIDATES = 50
_BRACES = 40
_REACH = 20_000


class _NotALiteral(Exception):
    """What stands there is no object of plain values."""


def objects(script: str, key: str) -> Iterator[Mapping[str, Any]]:
    """The object literals that have this key of their own, in the order of the script."""
    for match in islice(re.finditer(rf'(?<![\w$]){key}"?\s*:', script, re.ASCII), _CANDIDATES):
        found = _around(script, match.start())
        if found is not None and key in found:
            yield found


def _around(script: str, at: int) -> Mapping[str, Any] | None:
    """The innermost object around a place in the script."""
    start = at
    for _ in range(_BRACES):
        start = script.rfind("{", max(0, at - _REACH), start)
        if start < 0:
            break
        try:
            found, end = _object(script, _past_space(script, start + 1), 0)
        except _NotALiteral:
            continue
        if end > at:
            return found
    return None


def _object(script: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    found: dict[str, Any] = {}
    while not script.startswith("}", at):
        key = _KEY.match(script, at)
        if key is None:
            raise _NotALiteral
        found[key[1] or key[2]], at = _value(script, key.end(), depth)
        at = _past_comma(script, at, "}")
    return found, at + 1


def _array(script: str, at: int, depth: int) -> tuple[list[Any], int]:
    found: list[Any] = []
    while not script.startswith("]", at):
        value, at = _value(script, at, depth)
        found.append(value)
        at = _past_comma(script, at, "]")
    return found, at + 1


def _value(script: str, at: int, depth: int) -> tuple[Any, int]:
    match = _VALUE.match(script, at)
    if match is None or depth > _DEEPEST:
        raise _NotALiteral
    if match["open"]:
        read = _object if match["open"] == "{" else _array
        found, at = read(script, _past_space(script, match.end("open")), depth + 1)
        return found, _past_space(script, at)
    return _scalar(match), match.end()


def _scalar(match: re.Match[str]) -> Any:
    if match["text"]:
        return _text(match["text"])
    if match["number"]:
        return match["number"]
    return _WORDS.get(match["word"] or "")


def _text(quoted: str) -> str | None:
    try:
        # JavaScript's \x3C is JSON's \u003C.
        found = json.loads(re.sub(r"\\x(?=[0-9A-Fa-f]{2})", r"\\u00", quoted), strict=False)
    except ValueError:
        return None
    return str(found)


def _past_comma(script: str, at: int, close: str) -> int:
    """Behind the comma after a value, or at the bracket that ends them."""
    if script.startswith(",", at):
        return _past_space(script, at + 1)
    if script.startswith(close, at):
        return at
    raise _NotALiteral


def _past_space(script: str, at: int) -> int:
    while script[at : at + 1].isspace():
        at += 1
    return at
