"""The `quotas`, `balances` and `spend` of a descriptor -> values, or a ConfigError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from usagecli.declarative.checker import UNITS, Checker, is_unit
from usagecli.declarative.expressions import Expression, Word
from usagecli.declarative.spec import Entry, Pick, Trickle
from usagecli.yamlreader import Path

GROUPS = ("quotas", "balances", "spend")
PERCENTAGES = ("percent_used", "percent_remaining", "fraction_used")
_FIGURES = {
    "quotas": ("used", "limit", "remaining", *PERCENTAGES),
    "balances": ("amount",),
    "spend": ("amount",),
}
_ALL = ("unit", "label", "id", "if", "required", "scale", "each", "by", "pick")
_MORE = {
    "quotas": ("scope", "window", "resets", "refill", "unlimited", "judged", "partial", "exhausted"),
    "balances": ("scope", "unlimited", "judged", "stops", "exhausted"),
    "spend": ("since", "until"),
}


def entries(check: Checker, found: Mapping[str, Any]) -> tuple[Entry, ...]:
    """Every entry, quotas first, in the order of the file."""
    read = []
    for group in GROUPS:
        if group in found:
            known = (*_ALL, *_FIGURES[group], *_MORE[group])
            for key, body in check.mapping((group,), found[group]).items():
                where: Path = (group, key)
                read.append(_entry(check, where, group, key, check.mapping(where, body, known)))
    return tuple(read)


def _entry(check: Checker, where: Path, group: str, key: str, body: Mapping[str, Any]) -> Entry:
    if not re.fullmatch("[a-z0-9][a-z0-9_.-]*", key):
        check.fail(where, "expected an id in lower case, such as five_hour")
    if "unit" not in body:
        check.fail(where, f"needs a `unit:`, such as usd or {', '.join(UNITS[:4])}")
    if ("by" in body) != ("pick" in body) or ("by" in body and "each" not in body):
        check.fail(where, "`by` and `pick` belong together, and to an `each`")
    inner = "each" in body

    def expression(name: str, *, element: bool = inner) -> Expression | None:
        return check.expression((*where, name), body[name], element=element) if name in body else None

    def word(name: str, usual: Word | None) -> Word | None:
        return check.word((*where, name), body[name], element=inner) if name in body else usual

    figures = {
        name: _figure(check, where, name, body[name], inner) for name in _FIGURES[group] if name in body
    }
    if not figures and "unlimited" not in body and not (group != "spend" and "exhausted" in body):
        check.fail(where, f"needs a figure: {', '.join(_FIGURES[group])}")
    return Entry(
        group=group,
        key=key,
        id=word("id", key) or key,
        label=word("label", _labelled(key)) or key,
        unit=_unit(check, (*where, "unit"), word("unit", None)),
        scope=word("scope", None),
        condition=expression("if"),
        required=check.flag((*where, "required"), body.get("required", False)),
        scale=_scale(check, (*where, "scale"), body.get("scale"), inner),
        each=expression("each", element=False),
        by=expression("by"),
        pick=_picks(check, (*where, "pick"), body["pick"], inner) if "pick" in body else {},
        figures=figures,
        window=_seconds(check, (*where, "window"), word("window", None)),
        times={
            name: check.expression((*where, name), body[name], element=inner)
            for name in ("resets", "since", "until")
            if name in body
        },
        refill=_trickle(check, (*where, "refill"), body["refill"], inner) if "refill" in body else None,
        unlimited=expression("unlimited"),
        judged=_choice(check, (*where, "judged"), body.get("judged", True), inner),
        partial=_choice(check, (*where, "partial"), body.get("partial", False), inner),
        stops=_choice(check, (*where, "stops"), body["stops"], inner) if "stops" in body else None,
        exhausted=expression("exhausted"),
    )


def _labelled(key: str) -> str:
    text = key.replace("_", " ")
    return text[:1].upper() + text[1:]


def _figure(check: Checker, where: Path, name: str, value: Any, inner: bool) -> Expression | Decimal:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return check.number((*where, name), value)
    return check.expression((*where, name), value, element=inner)


def _unit(check: Checker, where: Path, unit: Word | None) -> Word:
    if isinstance(unit, Expression):
        return unit
    if not isinstance(unit, str) or not is_unit(unit.lower()):
        known = ", ".join(UNITS)
        check.fail(where, f"expected {known}, or a currency such as usd")
    return str(unit).lower()


def _scale(check: Checker, where: Path, value: Any, inner: bool) -> Decimal | Expression | None:
    if value is None:
        return None
    if isinstance(value, str) and value.startswith("="):
        return check.expression(where, value[1:], element=inner)
    found = check.number(where, value)
    if found == 0:
        check.fail(where, "must not be 0")
    return found


def _seconds(check: Checker, where: Path, value: Word | None) -> Word | None:
    if value is None or isinstance(value, Expression):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
        check.fail(where, "expected seconds, or an expression that begins with =")
    return value


def _trickle(check: Checker, where: Path, value: Any, inner: bool) -> Trickle:
    body = check.mapping(where, value, ("amount", "every"))
    for name in ("amount", "every"):
        if name not in body:
            check.fail(where, f"needs `{name}:`")
    every = check.word((*where, "every"), body["every"], element=inner)
    return Trickle(
        amount=_figure(check, where, "amount", body["amount"], inner),
        every=_seconds(check, (*where, "every"), every) or every,
    )


def _choice(check: Checker, where: Path, value: Any, inner: bool) -> Expression | bool:
    return value if isinstance(value, bool) else check.expression(where, value, element=inner)


def _picks(check: Checker, where: Path, value: Any, inner: bool) -> Mapping[str, Pick]:
    found = {}
    for key, given in check.mapping(where, value).items():
        at = (*where, key)
        body = check.mapping(at, given, ("id", "label", "window", "judged"))
        id_ = check.text((*at, "id"), body["id"]) if "id" in body else key
        window = check.word((*at, "window"), body["window"], element=inner) if "window" in body else None
        found[key] = Pick(
            id=id_,
            label=check.text((*at, "label"), body["label"]) if "label" in body else _labelled(id_),
            window=_seconds(check, (*at, "window"), window),
            judged=check.flag((*at, "judged"), body.get("judged", True)),
        )
    return found
