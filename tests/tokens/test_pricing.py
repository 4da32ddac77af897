"""What a request costs at list price: every class, tier, long prompt and name."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from usagecli.errors import ConfigError
from usagecli.tokens.events import PICO, Event
from usagecli.tokens.pricing import Prices, cost, load

BAKED = load(None)


def event(model: str, **counts: Any) -> Event:
    at = counts.pop("at", datetime(2026, 11, 20, tzinfo=UTC))
    classes = {name: counts.pop(name, 0) for name in ("input", "read", "write_5m", "write_1h", "output")}
    return Event(
        at=int(at.timestamp() * 1000),
        key="k",
        session="s",
        request="r",
        project="p",
        model=model,
        tier=counts.pop("tier", "standard"),
        **classes,
        **counts,
    )


def dollars(model: str, prices: Prices = BAKED, *, codex: bool = False, **counts: Any) -> float | None:
    """The cost of a request in dollars; None without a price."""
    found = event(model, **counts)
    steps, missing = prices.rates(found, codex=codex)
    return None if missing == model else cost(found, steps) / PICO


M = 10**6


@pytest.mark.parametrize(
    ("model", "counts", "expected"),
    [
        ("claude-opus-5-5", {"input": M}, 4),
        ("claude-opus-5-5", {"read": M}, 0.2),
        ("claude-opus-5-5", {"write_5m": M}, 5),
        ("claude-opus-5-5", {"write_1h": M}, 8),
        ("claude-opus-5-5", {"output": M}, 20),
        ("claude-fable-5-2", {"input": 1000, "read": 2000, "write_1h": 3000, "output": 4000}, 0.2164),
        ("gpt-6-sol", {"input": 100_000, "write_5m": 100_000, "output": 1000}, 0.46),
        # Where writes have no rate of their own they cost what input does.
        ("gpt-5.5", {"input": 1000, "write_5m": 1000}, 0.01),
        ("gpt-5.5", {"write_1h": 1000}, 0.005),
    ],
)
def test_every_class_has_its_rate(model: str, counts: dict[str, Any], expected: float) -> None:
    assert dollars(model, **counts) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("model", "tokens", "expected"),
    [
        ("claude-haiku-5-5", 100_000, 0.01),
        ("claude-haiku-5-5", 100_001, 0.0500005),
        ("gpt-6.1-sol", 272_000, 0.544),
        ("gpt-6.1-sol", 300_000, 1.2),
    ],
)
def test_a_long_prompt_raises_the_price_of_the_whole_request(
    model: str, tokens: int, expected: float
) -> None:
    assert dollars(model, input=tokens) == pytest.approx(expected)


def test_the_prompt_is_all_that_goes_in() -> None:
    parts: dict[str, Any] = {"input": 50_000, "read": 30_000, "write_5m": 10_000, "write_1h": 10_001}
    long = dollars("claude-haiku-5-5", **parts)
    short = dollars("claude-haiku-5-5", **{**parts, "write_1h": 10_000})
    assert long == pytest.approx(50_000 * 0.5e-6 + 30_000 * 0.05e-6 + 10_000 * 0.625e-6 + 10_001 * 1e-6)
    assert short is not None
    assert long is not None
    assert long > short * 4


@pytest.mark.parametrize(
    ("model", "tier", "expected"),
    [
        ("claude-opus-5-5", "fast", 8),
        ("gpt-6.1-sol", "priority", 4),
        ("gpt-6.1-sol", "fast", 4),
        ("gpt-5.5", "priority", 12.5),
        ("gpt-5", "flex", 0.625),
    ],
)
def test_a_tier_has_its_own_price(model: str, tier: str, expected: float) -> None:
    tokens = 200_000
    assert dollars(model, input=tokens, tier=tier) == pytest.approx(expected * tokens / M)


def test_a_tier_without_a_price_costs_the_standard_one_and_is_named() -> None:
    found = event("claude-haiku-5-5", input=1000, tier="fast")
    steps, missing = BAKED.rates(found, codex=False)
    assert missing == "claude-haiku-5-5 (fast)"
    assert cost(found, steps) == cost(event("claude-haiku-5-5", input=1000), steps)


def test_the_users_tier_is_for_codex_and_where_the_log_says_none() -> None:
    prices = load(None, "priority")
    assert dollars("gpt-5", prices, codex=True, input=100_000) == pytest.approx(0.25)
    assert dollars("gpt-5", prices, codex=True, input=100_000, tier="flex") == pytest.approx(0.0625)
    assert dollars("claude-opus-5-5", prices, input=100_000) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("claude-opus-4-5-20251101", "claude-opus-4-5"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("gpt-5.4-2026-03-05", "gpt-5.4"),
    ],
)
def test_a_date_at_the_end_is_no_other_model(model: str, same_as: str) -> None:
    assert dollars(model, input=1000) == dollars(same_as, input=1000)


@pytest.mark.parametrize(
    "model",
    ["gpt-5.5-nova", "claude-opus", "claude-opus-5-5-preview", "gpt", "", "unknown", "llama"],
)
def test_a_name_that_only_begins_alike_has_no_price_and_is_named(model: str) -> None:
    assert BAKED.rates(event(model, input=1000), codex=False) == ((), model)


def test_a_listed_other_name_is_the_same_model() -> None:
    table: dict[str, Any] = {
        "date": "2026-11-20",
        "models": {"acme-1": {"standard": [{"input": 1, "output": 2}]}},
        "aliases": {"acme-latest": "acme-1"},
    }
    prices = Prices(table)
    assert dollars("acme-latest", prices, input=M) == 1
    assert dollars("acme-latest-20260101", prices, input=M) == 1
    assert dollars("acme-late", prices, input=M) is None


def test_a_price_holds_from_its_day_on() -> None:
    periods = [{"input": 1, "output": 2}, {"from": "2026-11-10", "input": 3, "output": 4}]
    prices = Prices({"date": "2026-11-20", "models": {"acme": {"standard": periods}}})
    before, on = datetime(2026, 11, 9, 23, 59, tzinfo=UTC), datetime(2026, 11, 10, tzinfo=UTC)
    assert dollars("acme", prices, input=M, at=before) == 1
    assert dollars("acme", prices, input=M, at=on) == 3


# -- prices of the user's own -----------------------------------------------------------------------


def own(folder: Path, body: Any) -> str:
    path = folder / "prices.json"
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return str(path)


def test_the_users_table_stands_over_the_built_in_one(tmp_path: Path) -> None:
    models = {
        "llama": {"standard": [{"input": 1, "output": 1}]},
        "gpt-5": {"standard": [{"input": 9, "output": 9}]},
    }
    prices = load(own(tmp_path, {"date": "2026-11-21", "models": models, "aliases": {"l": "llama"}}))
    assert prices.date == "2026-11-21"
    assert [dollars(name, prices, input=M) for name in ("llama", "l", "gpt-5", "claude-haiku-4-5")] == [
        1,
        1,
        9,
        1,
    ]


RATES = {"input": 1, "output": 1}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", "no JSON"),
        ([], "models: expected an object"),
        ({"models": []}, "models: expected an object"),
        ({"models": {"x": []}}, "models.x: expected an object with the key 'standard'"),
        ({"models": {"x": {"fast": [RATES]}}}, "models.x: expected an object with the key 'standard'"),
        ({"models": {"x": {"standard": []}}}, "models.x.standard: expected a list of objects"),
        ({"models": {"x": {"standard": [{"input": 1}]}}}, "models.x.standard: output is missing"),
        ({"models": {"x": {"standard": [{**RATES, "input": "1"}]}}}, "input: expected a number"),
        ({"models": {"x": {"standard": [{**RATES, "input": True}]}}}, "input: expected a number"),
        ({"models": {"x": {"standard": [{**RATES, "input": -1}]}}}, "input: expected a number"),
        ({"models": {"x": {"standard": [{**RATES, "from": "2026-01-01"}]}}}, "the first has no date"),
        ({"models": {"x": {"standard": [RATES, {**RATES, "from": 5}]}}}, "from: expected a date"),
        ({"models": {"x": {"standard": [{**RATES, "above": 5}]}}}, "above: expected a list"),
        ({"models": {"x": {"standard": [{**RATES, "above": [{"input": 2}]}]}}}, "above: tokens is missing"),
        ({"models": {}, "date": 5}, "date: expected a text"),
        ({"models": {}, "aliases": {"a": 5}}, "aliases: expected an object"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path: Path, body: Any, words: str) -> None:
    path = own(tmp_path, body)
    with pytest.raises(ConfigError) as caught:
        load(path)
    assert caught.value.message.startswith(path)
    assert words in caught.value.message


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(str(tmp_path / "none.json"))


def test_the_built_in_table_is_dated_and_whole() -> None:
    table = json.loads((Path(load.__code__.co_filename).parent / "prices.json").read_text(encoding="utf-8"))
    assert datetime.fromisoformat(table["date"]).year >= 2026
    assert table["source"].startswith("genai-prices")
    assert set(table["aliases"].values()) <= set(table["models"])
    assert all(entry["standard"] for entry in table["models"].values())
