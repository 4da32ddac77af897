"""The last days of each quota and balance, from the history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from usagecli.history.summary import Reading

if TYPE_CHECKING:
    from usagecli.machine import Machine
    from usagecli.model import Report
    from usagecli.storage.history import History, Sample, Series

SPAN = timedelta(days=7)


class Key(NamedTuple):
    """What a series is of: the service, and the id of its quota or balance."""

    service: str
    provider: str
    kind: str
    name: str


Readings = Mapping[Key, list[Reading]]


def readings(machine: Machine, reports: Iterable[Report], now: datetime) -> Readings:
    """What was read in the last days; of the reports' services only."""
    from usagecli.storage import history

    if not os.path.exists(history.path_of(machine)):
        return {}
    services = {(report.service.name, report.service.provider) for report in reports}
    since = int((now - SPAN).timestamp())

    def action(opened: History) -> Readings:
        chosen = [series for series in opened.series() if (series.service, series.provider) in services]
        return _latest((series, opened.samples(series.id, since)) for series in chosen)

    return history.attempt(machine, action, "the page is without history") or {}


def _latest(found: Iterable[tuple[Series, list[Sample]]]) -> Readings:
    """Of several accounts that one service has had, that which was read last."""
    held: dict[Key, list[Reading]] = {}
    for series, samples in found:
        key = Key(series.service, series.provider, series.kind, series.name)
        read = [reading for sample in samples if (reading := _reading(series.kind, sample)) is not None]
        if read and (key not in held or held[key][-1].at < read[-1].at):
            held[key] = read
    return held


def _reading(kind: str, sample: Sample) -> Reading | None:
    value = sample.percent if kind == "quota" else sample.remaining
    return None if value is None else Reading(sample.at, value, sample.resets_at)
