"""The demo's week of readings: believable, always the same, and ending in what its services answer."""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.cli import run
from tests.process import python
from tests.support import NOW, d, make_machine
from usagecli import config, demo
from usagecli.collect import Result
from usagecli.demo import history as week
from usagecli.demo.server import DemoServer
from usagecli.model import Balance, Quota, Service, Usage
from usagecli.storage import history

pytestmark = pytest.mark.sockets


def shown(*words: str) -> dict[str, Any]:
    """The services of `--demo history --json`, by name."""
    outcome = run("--demo", "history", *words, "--json")
    assert (outcome.code, outcome.err) == (0, "")
    return {service["service"]: service for service in outcome.document["services"]}


def test_the_last_readings_are_what_the_demo_answers_now() -> None:
    services = shown()
    answers = {one["service"]: one for one in run("--demo", "status", "--json").document["services"]}
    assert set(services) == set(answers)
    for name, service in services.items():
        told = {quota["id"]: quota for quota in answers[name]["quotas"]}
        assert [quota["id"] for quota in service["quotas"]] == list(told)
        for quota in service["quotas"]:
            last = quota["samples"][-1]
            for key in ("used", "limit", "remaining", "percentUsed"):
                assert last[key] == told[quota["id"]][key], (name, quota["id"], key)
            assert last["source"] == "demo"
        amounts = {balance["id"]: balance["amount"] for balance in answers[name]["balances"]}
        assert {one["id"]: one["samples"][-1]["amount"] for one in service["balances"]} == amounts


def test_windows_fill_and_reset_a_balance_is_topped_up_and_one_service_was_down() -> None:
    services = shown()
    hours = {quota["id"]: quota for quota in services["codex:work"]["quotas"]}
    assert 30 <= hours["five_hour"]["resets"] <= 34
    assert hours["weekly"]["resets"] == 1
    assert hours["five_hour"]["maximum"] > 80
    (money,) = services["openrouter"]["balances"]
    assert 0 < money["toppedUp"] < money["spent"]
    (outage,) = services["claude"]["errors"]
    assert (outage["kind"], outage["count"]) == ("unavailable", 8)
    seen = [datetime.fromisoformat(sample["at"]) for sample in services["claude"]["quotas"][0]["samples"]]
    assert max(b - a for a, b in pairwise(seen)) == timedelta(hours=4, minutes=30)
    assert [error["kind"] for error in services["team"]["errors"]] == ["auth"]


def test_every_figure_is_a_possible_one() -> None:
    for service in shown().values():
        for quota in service["quotas"]:
            values = [sample["percentUsed"] for sample in quota["samples"]]
            assert all(0 <= value <= 100 for value in values)
            assert len(quota["samples"]) > 300
        for balance in service["balances"]:
            assert balance["minimum"] > 0


def test_what_is_counted_is_whole() -> None:
    counts = [quota for service in shown().values() for quota in service["quotas"] if quota["unit"] != "usd"]
    assert {quota["unit"] for quota in counts} >= {"credits", "requests", "tokens", "percent"}
    assert all(sample["used"] == int(sample["used"]) for quota in counts for sample in quota["samples"])


def _past(now: datetime) -> list[Any]:
    quota = Quota(
        id="five_hour",
        label="5-hour limit",
        unit="percent",
        used=d(28),
        limit=d(100),
        window_seconds=18000,
        resets_at=now + timedelta(seconds=8100),
    )
    usage = Usage(quotas=(quota,), balances=(Balance(id="c", label="C", unit="usd", amount=d(9)),))
    result = Result(service=Service(name="codex", provider="codex"), account="a", usage=usage, fetched_at=now)
    return list(week._past(result, now))


def test_it_is_the_same_every_time_and_whenever_it_is() -> None:
    first, later = _past(NOW), _past(NOW + timedelta(days=100, hours=7, seconds=3))
    assert first == _past(NOW)
    figures = [
        [(live.report.usage.quotas[0].used, live.report.usage.balances[0].amount) for live in run]
        for run in (first, later)
    ]
    assert figures[0] == figures[1]
    assert len({used for used, _ in figures[0]}) > 20


def test_other_commands_can_place_it(tmp_path: Path) -> None:
    server = DemoServer()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    machine = make_machine(tmp_path, demo=True)
    os.makedirs(machine.cache_dir)
    text = (Path(demo.__file__).parent / "config.yaml").read_text(encoding="utf-8")
    url = f"http://127.0.0.1:{server.server_address[1]}"
    found = config.parse("config.yaml", text.replace("http://demo", url).encode(), machine)
    try:
        for _ in range(2):
            week.place(machine, found)
    finally:
        server.shutdown()
        server.server_close()
    with closing(sqlite3.connect(history.path_of(machine))) as stored:
        # Seven days of half-hours and the present, whether it is placed once or twice.
        counts = stored.execute("SELECT count(*) FROM samples GROUP BY series").fetchall()
    assert set(counts) == {(337,), (329,)}


def test_status_makes_up_nothing() -> None:
    code = (
        "import sys, atexit;"
        "atexit.register(lambda: print('usagecli.demo.history' in sys.modules, file=sys.stderr));"
        "sys.argv[1:] = ['--demo', 'status', '--json'];"
        "from usagecli.cli import main; main()"
    )
    assert python(code).err == "False\n"


def test_nothing_of_the_users_is_touched(own_home: Path) -> None:
    assert run("--demo", "history").code == 0
    assert run("--demo", "history", "export").out.count("\n") > 5000
    assert list(own_home.iterdir()) == []
