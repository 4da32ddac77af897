"""Readings of one quota or balance -> what was used of it: pure arithmetic, without a clock.

Use is what is seen between neighbouring readings, so that two halves of a span that share a reading
add up to the whole. It is a lower bound: what came and went between two readings leaves no trace.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from usagecli.storage.history import Sample, Series

# `used` and `percent` rise with use; what `remaining` tells falls with it.
Measure = Literal["used", "percent", "remaining"]

# A reset that moves by less is the same one: vendors count it from now, in seconds.
_SAME_RESET_S = 300
# What falls below this share of itself was reset, whatever is said of resets.
_CLEAR_DROP = 0.5
# A blank is bridged where readings are not much further apart than they usually are.
_USUAL_GAPS = 2.5


class Reading(NamedTuple):
    """A figure at seconds since 1970, and when it was to be reset."""

    at: int
    value: float
    resets_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a span showed. `added` is what came back: of a balance its top-ups, of a quota of which only
    the rest is known its resets; else 0."""

    first: float
    last: float
    minimum: float
    maximum: float
    used: float
    resets: int
    added: float


def measure_of(series: Series, samples: Sequence[Sample]) -> Measure:
    """The figure that tells most of it: what is used, else a percentage, else what remains."""
    if series.kind == "balance":
        return "remaining"
    if any(_used(sample) is not None for sample in samples):
        return "used"
    return "percent" if any(sample.percent is not None for sample in samples) else "remaining"


def readings(samples: Iterable[Sample], measure: Measure) -> list[Reading]:
    """Those of the samples that have the figure."""
    found = []
    for sample in samples:
        value = _used(sample) if measure == "used" else getattr(sample, measure)
        if value is not None:
            found.append(Reading(sample.at, value, sample.resets_at))
    return found


def summarize(found: Sequence[Reading], measure: Measure, *, balance: bool = False) -> Summary | None:
    """What the readings, oldest first, say; None where there are none. `balance`: it has no resets."""
    if not found:
        return None
    values = [reading.value for reading in found]
    pairs = list(pairwise(found))
    if measure == "remaining":
        used = sum((max(0.0, a.value - b.value) for a, b in pairs), 0.0)
        added = sum((max(0.0, b.value - a.value) for a, b in pairs), 0.0)
        resets = 0 if balance else sum(b.value > a.value for a, b in pairs)
    else:
        used = sum((used_between(a, b) for a, b in pairs), 0.0)
        added, resets = 0.0, sum(is_reset(a, b) for a, b in pairs)
    return Summary(
        first=values[0],
        last=values[-1],
        minimum=min(values),
        maximum=max(values),
        used=used,
        resets=resets,
        added=added,
    )


def is_reset(a: Reading, b: Reading) -> bool:
    """Whether the use began anew between two readings, in time or early."""
    moved = None if a.resets_at is None or b.resets_at is None else b.resets_at - a.resets_at
    # The window that `a` was of has ended, and `b` is of another: however full that is by now.
    if a.resets_at is not None and a.resets_at <= b.at and (moved is None or moved > _SAME_RESET_S):
        return a.value > 0 or b.value > 0
    # A window that slides moves its end as time goes, and falls a little now and then.
    anew = moved is not None and moved > max(_SAME_RESET_S, b.at - a.at)
    return a.value > 0 and b.value < a.value * (1 if anew else _CLEAR_DROP)


def used_between(a: Reading, b: Reading) -> float:
    """What was used between two readings, as far as they show it; never negative."""
    return max(0.0, b.value if is_reset(a, b) else b.value - a.value)


def cells(found: Sequence[Reading], since: int, until: int, count: int, *, peaks: bool) -> list[float | None]:
    """The span in `count` equal parts, each with its highest reading (`peaks`), else its last; None for
    a part in which nothing was read, unless readings are just that far apart. The very last reading
    always shows."""
    shown: list[float | None] = [None] * count
    inside = [reading for reading in found if since <= reading.at < until]
    for reading in inside:
        index = _index(reading.at, since, until, count)
        known = shown[index]
        is_peak = known is None or not peaks or reading.value > known or reading is inside[-1]
        shown[index] = reading.value if is_peak else known
    _bridge(shown, inside, since, until)
    return shown


def _bridge(shown: list[float | None], inside: Sequence[Reading], since: int, until: int) -> None:
    if len(inside) < 2:
        return
    usual = median(b.at - a.at for a, b in pairwise(inside)) * _USUAL_GAPS
    for a, b in pairwise(inside):
        if b.at - a.at <= usual:
            first, last = (_index(at, since, until, len(shown)) for at in (a.at, b.at))
            for index in range(first + 1, last):
                shown[index] = a.value


def _index(at: int, since: int, until: int, count: int) -> int:
    return (at - since) * count // (until - since)


def _used(sample: Sample) -> float | None:
    if sample.used is None and sample.limit is not None and sample.remaining is not None:
        return sample.limit - sample.remaining
    return sample.used
