"""How long the logs stay, and that doctor says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.support import make_machine
from usagecli.tokens.retention import kept_days


@pytest.fixture
def claude(own_home: Path) -> Path:
    folder = own_home / ".claude"
    (folder / "projects").mkdir(parents=True)
    return folder


def test_without_logs_there_is_nothing_to_say(own_home: Path) -> None:
    assert kept_days(make_machine(own_home)) is None
    assert "logs" not in run("doctor").out


@pytest.mark.parametrize(
    ("settings", "days"),
    [
        ({"cleanupPeriodDays": 365}, 365),
        ({"cleanupPeriodDays": 0}, 0),
        ({}, 30),
        ([], 30),
        ({"cleanupPeriodDays": "many"}, 30),
        ({"cleanupPeriodDays": True}, 30),
        ({"cleanupPeriodDays": -1}, 30),
    ],
)
def test_the_setting_of_claude_code(own_home: Path, claude: Path, settings: Any, days: int) -> None:
    (claude / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
    assert kept_days(make_machine(own_home)) == days


def test_settings_that_cannot_be_read_are_the_usual_ones(own_home: Path, claude: Path) -> None:
    (claude / "settings.json").write_text('{"cleanupPeriodDays": 36', encoding="utf-8")
    assert kept_days(make_machine(own_home)) == 30


def test_doctor_says_so(claude: Path) -> None:
    out = run("doctor").out
    assert "Claude Code deletes its logs after 30 days" in out
    assert "-> run usagecli tokens at least that often, or raise cleanupPeriodDays" in out
