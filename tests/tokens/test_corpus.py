"""Whole corpora of both agents' logs, made with their truth: `usagecli tokens` finds just that."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from benchmarks.corpus import AGENTS, generate
from benchmarks.shapes import grow, long_line, small_files
from benchmarks.truth import Call, Figures, Truth
from tests.cli import files_below, run

ZONES = (
    "UTC",
    "America/Los_Angeles",
    "Europe/Berlin",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Kiritimati",
)


@pytest.fixture
def truth(own_home: Path) -> Truth:
    """This test's home is full of logs."""
    return generate(str(own_home), 0.5)


def report(view: str, *options: str) -> Any:
    """The JSON document of a view over the whole year of the corpora."""
    year = ("--since", "2026-01-01", "--until", "2026-12-31")
    outcome = run("tokens", view, "--json", *year, *options)
    assert (outcome.code, outcome.err) == (0, "")
    return outcome.document


def shown(figures: Figures) -> dict[str, int]:
    """Figures by the keys of the document."""
    return {
        "sessions": figures.sessions,
        "inputTokens": figures.input,
        "cacheReadTokens": figures.cache_read,
        "cacheWriteTokens": figures.write_5m + figures.write_1h,
        "outputTokens": figures.output,
        "reasoningTokens": figures.reasoning,
        "totalTokens": figures.total,
    }


def figures(row: dict[str, Any]) -> dict[str, int]:
    """The same keys of a row or of totals."""
    return {key: row[key] for key in shown(Figures.of(()))}


def rows(document: Any, key: str) -> dict[Any, dict[str, int]]:
    found = {row[key]: figures(row) for row in document["rows"]}
    assert len(found) == len(document["rows"])
    return found


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_zone(truth: Truth, zone: str) -> None:
    document = report("daily", "--timezone", zone)
    expected = {day: shown(held) for day, held in truth.by_day(ZoneInfo(zone)).items()}
    assert rows(document, "day") == expected
    assert figures(document["totals"]) == shown(truth.total())


def day_of(call: Call) -> datetime:
    return datetime.fromtimestamp(call.at / 1000, UTC)


@pytest.mark.parametrize(
    ("view", "column", "key"),
    [
        ("weekly", "week", lambda call: f"{day_of(call) - timedelta(day_of(call).weekday()):%Y-%m-%d}"),
        ("monthly", "month", lambda call: f"{day_of(call):%Y-%m}"),
        ("hours", "hour", lambda call: day_of(call).hour),
        ("sessions", "session", lambda call: call.session),
        ("projects", "project", lambda call: call.project),
        ("models", "model", lambda call: call.model),
    ],
)
def test_views(truth: Truth, view: str, column: str, key: Callable[[Call], Any]) -> None:
    document = report(view, "--timezone", "UTC")
    assert rows(document, column) == {name: shown(held) for name, held in truth.by(key).items()}


@pytest.mark.parametrize("seed", range(2, 8))
def test_any_seed(own_home: Path, seed: int) -> None:
    truth = generate(str(own_home), 0.1, seed=seed)
    document = report("daily")
    by_agent = truth.by(lambda call: call.agent)
    assert {agent: figures(document["byProvider"][agent]) for agent in AGENTS} == {
        agent: shown(by_agent[agent]) for agent in AGENTS
    }


@pytest.mark.parametrize("agent", AGENTS)
def test_one_agent_of_both(truth: Truth, agent: str) -> None:
    document = report("daily", "--provider", agent)
    expected = Figures.of(call for call in truth.calls if call.agent == agent)
    assert figures(document["totals"]) == shown(expected)


def test_breakdown_by_model(truth: Truth) -> None:
    document = report("daily", "--timezone", "UTC", "--breakdown")
    found = {(row["day"], part["model"]): figures(part) for row in document["rows"] for part in row["models"]}
    expected = truth.by(lambda call: (f"{day_of(call):%Y-%m-%d}", call.model))
    assert found == {key: shown(held) for key, held in expected.items()}


def test_a_second_run_and_a_grown_log(own_home: Path, truth: Truth) -> None:
    for _ in range(2):
        assert figures(report("daily")["totals"]) == shown(truth.total())
    for seed in range(3):
        truth.calls.append(grow(str(own_home), seed))
        assert figures(report("daily")["totals"]) == shown(truth.total())


def test_compressed_rollouts(own_home: Path) -> None:
    for name in ("compression.zstd", "backports.zstd", "zstandard"):
        try:
            importlib.import_module(name)
            break
        except ImportError:
            continue
    else:
        pytest.skip("no zstd decoder is installed")
    truth = generate(str(own_home), 0.1, compressed=True)
    assert any(own_home.glob(".codex/archived_sessions/*.zst"))
    assert figures(report("daily")["totals"]) == shown(truth.total())


def test_without_a_decoder_compressed_rollouts_are_counted_as_skipped(
    own_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    generate(str(own_home), 0.1, compressed=True)

    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    outcome = run("tokens", "daily", "--json")
    assert outcome.document["skipped"]["compressedFiles"] == 1
    assert "1 compressed log is missing from the figures: install usagecli[zstd] to read them" in outcome.err


def test_many_small_files(own_home: Path) -> None:
    truth = small_files(str(own_home), 200)
    assert (truth.files, len(truth.calls)) == (200, 200)
    assert 1_500 < truth.size / truth.files < 2_500
    assert rows(report("models"), "model") == {
        model: shown(held) for model, held in truth.by(lambda call: call.model).items()
    }


def test_a_long_line(own_home: Path) -> None:
    truth = long_line(str(own_home), 5, 4)
    assert figures(report("daily")["totals"]) == shown(truth.total())


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second, other = (
        (generate(str(tmp_path / name), 0.3, seed=seed), files_below(tmp_path / name))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == second
    assert first[0] != other[0]


@pytest.mark.parametrize(
    "text",
    [
        '"forked_from_id"',
        '"thread_spawn"',
        '"info":null',
        '"replacement_history"',
        '"token_usage_record"',
        '"service_tier":"priority"',
        '"ordinal"',
        '"total_tokens":272000',
        '"cache_write_input_tokens"',
        '"forkedFrom"',
        '"agentId"',
        '"isSidechain":true',
        '"agent_progress"',
        '"advisor_message"',
        '"<synthetic>"',
        '"isApiErrorMessage":true',
        '"isCompactSummary":true',
        '"speed":"fast"',
        '"id":null',
        '"totalTokens"',
        r"\"total_token_usage\"",
        r"\"usage\"",
    ],
)
def test_a_corpus_holds(own_home: Path, truth: Truth, text: str) -> None:
    assert any(text.encode() in data for data in files_below(own_home).values())


def test_usage_is_about_a_sixth_of_the_bytes(tmp_path: Path) -> None:
    truth = generate(str(tmp_path), 8)
    assert 0.13 < truth.usage_size / truth.size < 0.22
    assert truth.size == sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl"))


def test_figures_add_up(truth: Truth) -> None:
    total = truth.total()
    by_model = truth.by(lambda call: call.model)
    assert sum(held.total for held in by_model.values()) == total.total
    assert sum(held.requests for held in by_model.values()) == total.requests
