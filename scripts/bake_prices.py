"""Write usagecli/tokens/prices.json from the genai-prices package: `python scripts/bake_prices.py`.

The table is compact, dated and of the makers' own prices; the package is needed here alone, not
where usagecli runs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import data

TARGET = Path(__file__).parent.parent / "usagecli" / "tokens" / "prices.json"
# Makers whose models coding agents run; where two list the same id the first has it.
PROVIDERS = (
    "anthropic", "openai", "google", "zai", "moonshotai", "deepseek", "minimax", "x-ai", "mistral",
)  # fmt: skip
CLASSES = {
    "input": "input_mtok",
    "cacheRead": "cache_read_mtok",
    "cacheWrite": "cache_write_mtok",
    "cacheWrite1h": "cache_write_1h_mtok",
    "output": "output_mtok",
}
# What a log says of a request, and the variant of the price that it names.
TIERS = {
    "fast": ("speed", "fast"),
    "priority": ("service_tier", "priority"),
    "flex": ("service_tier", "flex"),
    "ultrafast": ("service_tier", "ultrafast"),
}
_ID = re.compile(r"[a-z0-9][a-z0-9.@:_-]*")


def table(today: str) -> dict[str, Any]:
    """The whole table: models by id, and other names of them."""
    models: dict[str, Any] = {}
    aliases: dict[str, str] = {}
    providers = {provider.id: provider for provider in data.providers}
    for name in PROVIDERS:
        for model in providers[name].models:
            entry = _entry(model)
            if entry is None or model.id in models:
                continue
            models[model.id] = entry
            for alias in _names(model.match):
                aliases.setdefault(alias, model.id)
    aliases = {alias: model for alias, model in sorted(aliases.items()) if alias not in models}
    return {
        "date": today,
        "source": f"genai-prices {version('genai-prices')}",
        "models": dict(sorted(models.items())),
        "aliases": aliases,
    }


def _entry(model: Any) -> dict[str, Any] | None:
    """Prices by tier; None for a model that is not sold by the token."""
    conditions: list[Any] = model.prices if isinstance(model.prices, list) else [None]
    periods = []
    for condition in conditions:
        prices = model.prices if condition is None else condition.prices
        constraint = None if condition is None else condition.constraint
        if constraint is not None and not hasattr(constraint, "start_date"):
            continue  # a price by the time of day
        period = _period(prices)
        if period is None:
            return None
        periods.append({"from": constraint.start_date.isoformat(), **period} if constraint else period)
    if not periods or "from" in periods[0]:
        return None
    entry: dict[str, Any] = {"standard": periods}
    latest = model.prices if conditions == [None] else conditions[-1].prices
    for tier, (key, value) in TIERS.items():
        for variant in model.price_variants or ():
            if variant.when == {key: value}:
                merged = {**_fields(latest), **_fields(variant.prices)}
                period = _priced(merged)
                assert period is not None
                entry[tier] = [period]
    return entry


def _fields(prices: Any) -> dict[str, Any]:
    found = {name: getattr(prices, field) for name, field in CLASSES.items()}
    return {name: price for name, price in found.items() if price is not None}


def _period(prices: Any) -> dict[str, Any] | None:
    return _priced(_fields(prices))


def _priced(fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """Rates in dollars a million tokens, and those above each prompt length."""
    if not {"input", "output"} <= fields.keys():
        return None
    period: dict[str, Any] = {name: _number(getattr(price, "base", price)) for name, price in fields.items()}
    limits = sorted({tier.start for price in fields.values() for tier in getattr(price, "tiers", ())})
    if limits:
        period["above"] = [
            {"tokens": limit, **{name: _number(_at(price, limit)) for name, price in fields.items()}}
            for limit in limits
        ]
    return period


def _at(price: Any, limit: int) -> Any:
    """The price above that prompt length."""
    held = [tier.price for tier in getattr(price, "tiers", ()) if tier.start <= limit]
    return held[-1] if held else getattr(price, "base", price)


def _number(value: Any) -> int | float:
    return int(value) if value == int(value) else float(value)


def _names(match: Any) -> Iterator[str]:
    """Names that the package gives a model outright; patterns are left to dates at the end of an id."""
    for inner in getattr(match, "or_", ()):
        yield from _names(inner)
    for field in ("equals", "starts_with"):
        name = getattr(match, field, None)
        if isinstance(name, str) and _ID.fullmatch(name) and name[-1].isalnum():
            yield name


def main() -> None:
    today = sys.argv[1] if len(sys.argv) > 1 else datetime.now(UTC).date().isoformat()
    found = table(today)
    lines = [
        f'"date":{json.dumps(found["date"])},"source":{json.dumps(found["source"])}',
        _block("models", found["models"]),
        _block("aliases", found["aliases"]),
    ]
    TARGET.write_text("{" + ",\n".join(lines) + "}\n", encoding="utf-8")


def _block(name: str, entries: Mapping[str, Any]) -> str:
    """An entry a line, so that a refreshed table can be read as a diff."""
    rows = [f"{json.dumps(key)}:{json.dumps(value, separators=(',', ':'))}" for key, value in entries.items()]
    return f'"{name}":{{\n' + ",\n".join(rows) + "\n}"


if __name__ == "__main__":
    main()
