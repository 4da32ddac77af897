"""Rates: what the history says of recent use, kept in the cache, and all the way to the output."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli import KEY, configure, files_below, openrouter, run
from tests.process import python
from tests.support import NOW, Reply, Server, d, make_machine, serve
from usagecli import assess, registry
from usagecli.collect import Collector, Result, Rules, Target
from usagecli.config import Keep
from usagecli.credentials import Credential, Secret
from usagecli.errors import Unavailable
from usagecli.machine import Machine, here
from usagecli.model import Balance, CredentialSource, Pace, Quota, Rates, Service, Usage
from usagecli.registry import Descriptor, Provider
from usagecli.storage import history, rates
from usagecli.storage.cache import Cache

SERVICE = Service(name="work", provider="acme", credential={"": CredentialSource("value", "fake-secret")})
DESCRIPTOR = Descriptor(
    name="acme",
    title="Acme",
    reports="",
    base_url="https://acme.example.com",
    places=(),
    access=(),
    dashboard="",
    documented="",
    renew="",
)
RESET = NOW + timedelta(hours=2)
# Twenty percent in the last hour; by the average of the window it would be 13.3 an hour.
EARLIER = ((60, 20), (40, 30), (20, 35))


def usage(used: int, amount: int | None = None, **more: Any) -> Usage:
    quota = Quota(
        id="five_hour",
        label="5-hour limit",
        unit="percent",
        used=d(used),
        limit=d(100),
        window_seconds=18000,
        resets_at=RESET,
    )
    balance = Balance(id="credits", label="Credits", unit="usd", amount=None if amount is None else d(amount))
    return Usage(quotas=(quota,), balances=(balance,), **more)


class Acme:
    """A provider that answers what the test says, on a machine whose clock the test moves."""

    def __init__(self, home: Path) -> None:
        self.now = NOW
        self.machine = make_machine(home, clock=lambda: self.now)
        self.answer: Usage | Exception = usage(40)

    def fetch(self, ask: Any) -> Usage:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def run(self, **rules: Any) -> Result:
        (result,) = Collector(self.machine, Rules(**rules)).run([Target(service=SERVICE)])
        return result

    def pace(self, **rules: Any) -> Pace | None:
        found = self.run(**rules).usage
        assert found is not None
        return found.quotas[0].pace

    @property
    def account(self) -> str:
        return self.run(history=False, max_age_s=1e9).account


@pytest.fixture
def acme(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Acme:
    found = Acme(own_home)
    monkeypatch.setitem(registry._providers, "acme", Provider(DESCRIPTOR, found.fetch))
    return found


def remember(machine: Machine, account: str, *samples: tuple[datetime, Usage], name: str = "work") -> None:
    """Put reports into the history, as runs at those instants would have."""
    service = replace(SERVICE, name=name)
    lives = [
        history.Live(
            account,
            at,
            assess.report(
                service,
                usage=found,
                fetched_at=at,
                stale=False,
                failure=None,
                override=None,
                defaults={},
            ),
        )
        for at, found in samples
    ]
    history.keep_reports(machine, Keep(), lives)


def usual() -> list[tuple[datetime, Usage]]:
    return [(NOW - timedelta(minutes=ago), usage(used)) for ago, used in EARLIER]


def read(acme: Acme, found: Usage, account: str = "account") -> Rates:
    return rates.read(acme.machine, SERVICE, account, found, NOW)


# -- reading ----------------------------------------------------------------------------------------


def test_the_rates_of_quotas_and_balances(acme: Acme) -> None:
    days = [(NOW - timedelta(days=ago), usage(0, amount)) for ago, amount in ((4, 50), (3, 45), (2, 60))]
    remember(acme.machine, "account", *days, *usual())
    assert read(acme, usage(40, 40)) == Rates(quotas={"five_hour": 480.0}, balances={"credits": 25 / 4})


@pytest.mark.parametrize("other", [{"account": "other"}, {"name": "other"}])
def test_nothing_of_another_account_or_service_counts(acme: Acme, other: dict[str, str]) -> None:
    remember(acme.machine, other.get("account", "account"), *usual(), name=other.get("name", "work"))
    assert read(acme, usage(40)) == Rates()


def test_a_balance_of_an_earlier_answer_has_no_rate(acme: Acme) -> None:
    days = [(NOW - timedelta(days=ago), usage(0, amount)) for ago, amount in ((4, 50), (3, 45), (2, 40))]
    remember(acme.machine, "account", *days)
    old = usage(0, 40)
    old = replace(old, balances=(replace(old.balances[0], as_of=NOW - timedelta(days=1)),))
    assert read(acme, usage(0, 40)).balances == {"credits": 2.5}
    assert read(acme, old).balances == {}


def test_readings_of_after_this_one_do_not_count(acme: Acme) -> None:
    """The clock was set back."""
    remember(acme.machine, "account", *((at + timedelta(hours=2), found) for at, found in usual()))
    assert read(acme, usage(40)) == Rates()


def test_what_has_no_window_or_no_figure_has_no_rate(acme: Acme) -> None:
    remember(acme.machine, "account", *usual())
    quota = usage(40).quotas[0]
    for lacking in (
        replace(quota, window_seconds=None),
        replace(quota, resets_at=None),
        replace(quota, used=None, remaining=None, percent_used=None),
    ):
        assert read(acme, Usage(quotas=(lacking,))) == Rates()


def test_many_services_do_not_read_all_at_once(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite and Python hand the turn over at every row: two hundred threads would do little else."""
    remember(acme.machine, "account", *usual())
    whole, reading, most = history.History.samples, 0, 0

    def counted(*args: Any) -> list[history.Sample]:
        nonlocal reading, most
        reading += 1
        most = max(most, reading)
        time.sleep(0.01)
        reading -= 1
        return whole(*args)

    monkeypatch.setattr(history.History, "samples", counted)
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda _: read(acme, usage(40)), range(6)))
    assert found == [Rates(quotas={"five_hour": 480.0})] * 6
    assert most == 1


def test_no_history_is_made_by_reading(acme: Acme) -> None:
    assert read(acme, usage(40)) == Rates()
    assert files_below(acme.machine.data_dir) == {}


@pytest.mark.parametrize("data", [b"", b"no database", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_damaged_history_is_no_matter_and_stays_as_it_is(
    acme: Acme, data: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(history.path_of(acme.machine))
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert read(acme, usage(40)) == Rates()
    assert path.read_bytes() == data
    assert capsys.readouterr().err == ""


def test_a_history_of_another_version_is_not_read(acme: Acme) -> None:
    import sqlite3
    from contextlib import closing

    remember(acme.machine, "account", *usual())
    with closing(sqlite3.connect(history.path_of(acme.machine))) as database:
        database.execute("PRAGMA user_version = 99")
    assert read(acme, usage(40)) == Rates()


# -- through the cache ------------------------------------------------------------------------------


def test_a_pace_rests_on_the_history_where_there_is_enough(acme: Acme) -> None:
    assert acme.pace() == Pace(
        basis="window",
        expected_percent_used=d(60),
        projected_percent_used=d("66.666667"),
        runs_out_at=None,
        lasts=True,
    )
    remember(acme.machine, acme.account, *usual())
    assert acme.pace(max_age_s=None) == Pace(
        basis="history",
        expected_percent_used=d(60),
        projected_percent_used=d(80),
        runs_out_at=None,
        lasts=True,
    )


def test_live_and_cached_runs_give_the_same_pace(acme: Acme) -> None:
    remember(acme.machine, acme.account, *usual())
    acme.answer = usage(80)
    live = acme.run(max_age_s=None)
    assert live.usage is not None
    assert live.usage.quotas[0].pace is not None
    assert live.usage.quotas[0].pace.runs_out_at == NOW + timedelta(minutes=20)
    assert acme.run() == replace(live, live=False)
    acme.now += timedelta(seconds=59)
    assert acme.run() == replace(live, live=False)


def test_a_renewed_token_keeps_its_rates(acme: Acme) -> None:
    """A login is another secret every few hours, of the same account."""
    acme.answer = usage(40, account="me@example.com")

    def run(secret: str) -> Result:
        credential = Credential(secret=Secret(secret), origin="file", kind="oauth")
        target = Target(service=SERVICE, credential=credential)
        (result,) = Collector(acme.machine, Rules()).run([target])
        return result

    remember(acme.machine, run("fake-old").account, *usual())
    renewed = run("fake-new").usage
    assert renewed is not None
    assert renewed.quotas[0].pace is not None
    assert renewed.quotas[0].pace.basis == "history"


def test_without_a_history_nothing_rests_on_it(acme: Acme) -> None:
    """Neither on what was recorded before it was switched off, nor on what the cache kept."""
    remember(acme.machine, acme.account, *usual())
    for rules in ({"max_age_s": None, "history": True}, {"history": True}):
        found = acme.pace(**rules)
        assert found is not None
        assert found.basis == "history"
    for rules in ({"history": False}, {"max_age_s": None, "history": False}):
        found = acme.pace(**rules)
        assert found is not None
        assert found.basis == "window"
    assert Cache(acme.machine.cache_dir).load(SERVICE, None).rates == Rates()


def test_old_figures_have_no_pace(acme: Acme) -> None:
    acme.run()
    acme.answer = Unavailable("down")
    acme.now += timedelta(minutes=2)
    assert acme.pace() is None
    assert acme.pace(offline=True) is None


def test_a_window_whose_reset_has_passed_has_no_pace(acme: Acme) -> None:
    assert acme.pace() is not None
    acme.now = RESET
    assert acme.pace(max_age_s=1e9) is None


def test_a_clock_that_was_set_back_gives_no_pace(acme: Acme) -> None:
    acme.run()
    acme.now -= timedelta(minutes=5)
    assert acme.pace(offline=True) is None


# -- all the way ------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    with serve({"/key": Reply(KEY)}) as found:
        yield found


@pytest.mark.sockets
@pytest.mark.parametrize("kept", [True, False])
def test_runs_make_the_history_that_a_later_pace_rests_on(
    server: Server, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = configure([openrouter(server.url)])
    if not kept:
        path.write_text(path.read_text() + "history: false\n")
    for hours, left in ((-22, 50), (-12, 45), (-1, 30), (0, 30)):
        at = NOW + timedelta(hours=hours)
        monkeypatch.setattr("usagecli.cli.here", lambda at=at: replace(here(), clock=lambda: at))
        server.routes["/key"] = Reply({"data": {**KEY["data"], "limit_remaining": left}})
        body = run("openrouter", "--json").document
    pace = body["quotas"][0]["pace"]
    # A third of 60 dollars in 22 hours; the reset is Monday's, 40 hours later.
    assert pace["basis"] == ("history" if kept else "window")
    assert pace["projectedPercentUsed"] == (pytest.approx(50 + 100 / 3 * 40 / 22) if kept else 65.625)
    assert run("openrouter", "--json").document == body


@pytest.mark.sockets
def test_a_run_from_the_cache_opens_no_sqlite(server: Server) -> None:
    configure([openrouter(server.url)])
    assert run("openrouter", "--json").code == 0
    asked = server.paths()
    code = (
        "import atexit, sys;"
        "atexit.register(lambda: print('sqlite3' in sys.modules, file=sys.stderr));"
        "sys.argv = ['usagecli', 'openrouter', '--json', *sys.argv[1:]];"
        "from usagecli.cli import main; main()"
    )
    cached = python(code)
    assert (cached.code, cached.err) == (0, "False\n")
    assert '"pace": ' in cached.out
    assert server.paths() == asked
