"""Model and tokens -> money at list price, or None where no price is known.

Prices are in picodollars a token: whole numbers, so that sums are exact in any order. A rate holds
from its date on; where a prompt is longer than a limit the whole request is at the higher rate.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from usagecli.errors import ConfigError
from usagecli.tokens.ask import BAKED, STANDARD
from usagecli.tokens.events import PICO, Event

_A_MILLION = 10**6
_DATED = re.compile(r"[-@](\d{8}|\d{4}-\d\d-\d\d)$", re.ASCII)
_CLASSES = ("input", "cacheRead", "cacheWrite", "cacheWrite1h", "output")
# Names that one tier has besides its own.
_SAME_TIER = {"fast": "priority", "priority": "fast"}
_DAY_MS = 86_400_000

# Picodollars a token: input, cache read, 5-minute write, 1-hour write, output.
Rates = tuple[int, int, int, int, int]
# From which prompt length on (more than that many tokens) which rates hold, longest first.
Steps = tuple[tuple[int, Rates], ...]


class Prices:
    """A price table. `date`: of which day it is (text)."""

    def __init__(self, table: Mapping[str, Any], tier: str = STANDARD) -> None:
        self.date: str = table["date"]
        self._models: Mapping[str, Any] = table["models"]
        self._aliases: Mapping[str, str] = table.get("aliases", {})
        # The tier of Codex requests whose log names none.
        self._tier = tier
        self._known: dict[tuple[str, str, int], tuple[Steps, str]] = {}

    def rates(self, event: Event, *, codex: bool) -> tuple[Steps, str]:
        """What requests like this cost that day, and the name of what has no price ("": all has).

        An unknown model costs nothing; a tier whose price is unknown costs the standard price.
        """
        tier = self._tier if codex and event.tier == STANDARD else event.tier
        key = (event.model, tier, event.at // _DAY_MS)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._find(*key)
        return found

    def _find(self, model: str, tier: str, day: int) -> tuple[Steps, str]:
        entry = self._entry(model)
        if entry is None:
            return (), model
        for name in (tier, _SAME_TIER.get(tier, tier)):
            if name in entry:
                return _steps(entry[name], day), ""
        return _steps(entry[STANDARD], day), f"{model} ({tier})"

    def _entry(self, model: str) -> Mapping[str, Any] | None:
        """Exactly that id, then without a date at its end, then the listed other names of both."""
        names = (model, _DATED.sub("", model))
        for name in (*names, *(self._aliases.get(name, "") for name in names)):
            if name in self._models:
                entry: Mapping[str, Any] = self._models[name]
                return entry
        return None


def cost(event: Event, steps: Steps) -> int:
    """Picodollars: all of the request at the rates that its prompt's length brings."""
    input_, read, write_5m, write_1h = event.input, event.read, event.write_5m, event.write_1h
    prompt = input_ + read + write_5m + write_1h
    for limit, (for_input, for_read, for_5m, for_1h, for_output) in steps:
        if prompt > limit:
            return (
                input_ * for_input
                + read * for_read
                + write_5m * for_5m
                + write_1h * for_1h
                + event.output * for_output
            )
    return 0


def _steps(periods: list[Mapping[str, Any]], day: int) -> Steps:
    """What holds on that day (since 1970): periods stand in order, and the first has no date."""
    from datetime import date, timedelta

    today = (date(1970, 1, 1) + timedelta(day)).isoformat()
    period = [entry for entry in periods if entry.get("from", "") <= today][-1]
    above = [(int(entry["tokens"]), _rates({**period, **entry})) for entry in period.get("above", ())]
    return (*sorted(above, reverse=True), (-1, _rates(period)))


def _rates(entry: Mapping[str, Any]) -> Rates:
    """Dollars a million tokens -> picodollars a token; a class without a price costs what it is a kind of."""
    input_ = entry["input"]
    read, written = entry.get("cacheRead", input_), entry.get("cacheWrite", input_)
    dollars = (input_, read, written, entry.get("cacheWrite1h", written), entry["output"])
    return tuple(round(value * PICO / _A_MILLION) for value in dollars)


def load(path: str | None, tier: str = STANDARD) -> Prices:
    """The baked table; with a path, what that file says over it. Raises ConfigError naming the mistake."""
    with open(BAKED, encoding="utf-8") as file:
        table = json.load(file)
    if path is not None:
        own = _own(path)
        table["date"] = own.get("date", table["date"])
        table["models"].update(own["models"])
        table["aliases"].update(own.get("aliases", {}))
    return Prices(table, tier)


def _own(path: str) -> dict[str, Any]:
    try:
        with open(path, encoding="utf-8") as file:
            table = json.load(file)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        raise ConfigError(f"{path}: no JSON: {error}") from None
    if not isinstance(table, dict) or not isinstance(table.get("models"), dict):
        raise ConfigError(f"{path}: models: expected an object of model ids")
    for model, entry in table["models"].items():
        _check(entry, f"{path}: models.{model}")
    if not isinstance(table.get("date", ""), str):
        raise ConfigError(f"{path}: date: expected a text such as 2026-11-20")
    aliases = table.get("aliases", {})
    if not isinstance(aliases, dict) or not all(isinstance(name, str) for name in aliases.values()):
        raise ConfigError(f"{path}: aliases: expected an object of model ids")
    return table


def _check(entry: Any, where: str) -> None:
    if not isinstance(entry, dict) or STANDARD not in entry:
        raise ConfigError(f"{where}: expected an object with the key {STANDARD!r}")
    for tier, periods in entry.items():
        if not isinstance(periods, list) or not periods or not all(isinstance(one, dict) for one in periods):
            raise ConfigError(f"{where}.{tier}: expected a list of objects")
        if "from" in periods[0]:
            raise ConfigError(f"{where}.{tier}: the first has no date")
        for period in periods:
            _check_rates(period, f"{where}.{tier}", ("input", "output"))
            if not isinstance(period.get("from", ""), str):
                raise ConfigError(f"{where}.{tier}: from: expected a date such as 2026-11-20")
            above = period.get("above", [])
            if not isinstance(above, list) or not all(isinstance(one, dict) for one in above):
                raise ConfigError(f"{where}.{tier}: above: expected a list of objects")
            for step in above:
                _check_rates(step, f"{where}.{tier}: above", ("tokens",))


def _check_rates(rates: Mapping[str, Any], where: str, needed: tuple[str, ...]) -> None:
    for name in needed:
        if name not in rates:
            raise ConfigError(f"{where}: {name} is missing")
    for name in (*_CLASSES, "tokens"):
        value = rates.get(name, 0)
        if type(value) not in (int, float) or not 0 <= value < _A_MILLION * 100:
            raise ConfigError(f"{where}: {name}: expected a number of dollars a million tokens")
