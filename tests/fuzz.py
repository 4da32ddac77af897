"""Property-based tests for everything that parses: any JSON at any place of a recorded answer."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from usagecli.errors import PayloadError
from usagecli.model import Usage

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.sampled_from(
        [
            0,
            -1,
            1e308,
            5e-324,
            "",
            " ",
            "0",
            "-1",
            "12.5",
            "1e400",
            "NaN",
            "Infinity",
            "bad",
            "٣",
            "\x1b[31m",
            "x" * 500,
        ]
    )
    | st.sampled_from(
        ["2026-11-21T08:00:00Z", "2026-13-45", "9999-12-31T23:59:59-12:00", 1795259550, 1795259550000]
    )
    | st.text(max_size=12)
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every node of a JSON value, the root first."""
    found = [path]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """A copy of the value with the node at the path replaced."""
    if not path:
        return new
    result = copy.deepcopy(value)
    node = result
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = new
    return result


@st.composite
def mutated(draw: st.DrawFn, recorded: Any) -> Any:
    """A recorded answer with arbitrary JSON at one or two of its places."""
    result = recorded
    for _ in range(draw(st.integers(1, 2))):
        result = replaced(result, draw(st.sampled_from(places(result))), draw(ANY_JSON))
    return result


def survives(parse: Callable[[], Usage]) -> Usage | None:
    """Run a parse: it gives a sound Usage or raises PayloadError, nothing else."""
    try:
        usage = parse()
    except PayloadError as error:
        assert ": " in error.message, "a PayloadError names the field"
        return None
    sound(usage)
    return usage


def sound(usage: Usage) -> None:
    """No figure is NaN, no percentage comes from nothing, no remainder is negative, no id is twice."""
    for group in (usage.quotas, usage.balances, usage.spend):
        ids = [entry.id for entry in group]
        assert len(ids) == len(set(ids))
        assert all(ids)
        assert all(entry.label and entry.unit and entry.unit == entry.unit.lower() for entry in group)
    for quota in usage.quotas:
        for figure in (quota.used, quota.limit, quota.remaining, quota.percent_used, quota.percent_remaining):
            assert figure is None or (figure.is_finite() and math.isfinite(float(figure)))
        assert quota.remaining is None or quota.remaining >= 0
        assert quota.percent_remaining is None or quota.percent_remaining >= 0
        if quota.percent_used is not None:
            assert not quota.unlimited
            assert quota.limit is not None
        if quota.resets_at is not None:
            assert quota.resets_at.utcoffset() is not None
            assert quota.resets_at.microsecond == 0
    for balance in usage.balances:
        assert balance.amount is None or balance.amount.is_finite()
    for spend in usage.spend:
        assert spend.amount.is_finite()
