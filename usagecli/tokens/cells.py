"""Requests -> cells: sums over a quarter of an hour, which is in one hour of one day in every zone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from usagecli.tokens.ask import MESSAGE
from usagecli.tokens.events import Event
from usagecli.tokens.pricing import Prices, Steps, cost
from usagecli.tokens.zones import QUARTER_MS


class Cell(NamedTuple):
    """What one session used of one model in one quarter of an hour (counted from 1970).

    `cost` in picodollars; `unpriced` names what of it has no price, "" for nothing; `first` and
    `last` are the instants of its requests in ms.
    """

    provider: str
    quarter: int
    session: str
    project: str
    model: str
    unpriced: str
    requests: int
    input: int
    read: int
    write: int
    output: int
    reasoning: int
    cost: int
    first: int
    last: int


class Counting(NamedTuple):
    """How requests are told apart and priced. `trusts`: a cost that the log itself states counts."""

    prices: Prices
    dedupe: str = MESSAGE
    trusts: bool = False


def cells(provider: str, events: Iterable[Event], counting: Counting) -> list[Cell]:
    """The sums of these requests of one agent, each of which counts."""
    prices, trusts, codex = counting.prices, counting.trusts, provider == "codex"
    sums: dict[tuple[int, str, str, str, str], list[int]] = {}
    held: list[int] = []
    steps: Steps = ()
    like = None
    for event in events:
        at = event.at
        stated = trusts and event.cost >= 0
        same = (at // QUARTER_MS, event.session, event.project, event.model, event.tier, stated)
        # Most requests are like the one before.
        if same != like:
            like = same
            steps, unpriced = prices.rates(event, codex=codex)
            key = (*same[:4], "" if stated else unpriced)
            held = sums.setdefault(key, [0, 0, 0, 0, 0, 0, 0, at, at])
        held[0] += 1
        held[1] += event.input
        held[2] += event.read
        held[3] += event.write_5m + event.write_1h
        held[4] += event.output
        held[5] += event.reasoning
        held[6] += event.cost if stated else cost(event, steps)
        if at < held[7]:
            held[7] = at
        elif at > held[8]:
            held[8] = at
    return [Cell(provider, *key, *held) for key, held in sums.items()]


def requests(events: list[Event]) -> list[Event]:
    """Claude's events, each message once: of its rows that with the highest output, then the first."""
    if len({event.key for event in events}) == len(events):
        return events
    best: dict[str, Event] = {}
    for event in events:
        held = best.get(event.key)
        if held is None or held.output < event.output:
            best[event.key] = event
    return list(best.values())


def by_session_request(events: Iterable[Event]) -> list[Event]:
    """Claude's events told apart by session and request id; without a request id there is none."""
    best: dict[str, Event] = {}
    for event in events:
        if event.request:
            _, mark, number = event.key.partition("#")  # an adviser's
            key = f"{event.session} {event.request}{mark}{number}"
            held = best.get(key)
            if held is None or held.output < event.output:
                best[key] = event
    return list(best.values())


def roots(spawners: Mapping[str, str]) -> dict[str, str]:
    """For each thread that another one started: the thread at the beginning of it all."""
    found = {}
    for thread in spawners:
        seen, root = {thread}, thread
        while (above := spawners.get(root, "")) and above not in seen:
            seen.add(above)
            root = above
        found[thread] = root
    return found
