"""The cache: what is reused, what is kept through an outage, and what a damaged file costs."""

from __future__ import annotations

import contextlib
import json
import math
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli import FAKE, KEY, Outcome, configure, files_below, openrouter, run
from tests.support import NOW, Reply, Server, d, make_machine, serve
from usagecli import registry
from usagecli.collect import Collector, Result, Rules, Target
from usagecli.credentials import Credential, Secret
from usagecli.errors import AuthError, ProviderError, RateLimited, Unavailable
from usagecli.machine import Machine, here
from usagecli.model import (
    Balance,
    CredentialSource,
    Drain,
    Failure,
    Quota,
    Rates,
    Refill,
    Service,
    Spend,
    Usage,
)
from usagecli.registry import Descriptor, Provider, Way
from usagecli.storage import codec
from usagecli.storage.cache import EMPTY, Cache, Entry, identity

SERVICE = Service(name="work", provider="acme", credential={"": CredentialSource("value", "fake-secret")})
USAGE = Usage(
    quotas=(
        Quota(
            id="five_hour",
            label="5-hour limit",
            unit="percent",
            used=d(94),
            limit=d(100),
            window_seconds=18000,
        ),
        Quota(id="free", label="Free", unit="usd", refill=Refill(amount=d("0.83"), every_seconds=3600)),
    ),
    balances=(Balance(id="credits", label="Credits", unit="usd", amount=d("12.34")),),
    spend=(Spend(id="daily", label="Today", unit="usd", amount=d("0.1"), since=NOW),),
    account="me@example.com",
    plan={"name": "Pro", "renewsAt": None},
    notes=("something was refused",),
    contract={"planType": "pro", "nested": {"list": [1, 2.5, None, "text"]}},
)


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Acme:
    """A provider that answers what the test says, and counts how often it was asked."""

    def __init__(self, machine: Machine, clock: Clock) -> None:
        self.machine = machine
        self.clock = clock
        self.answers: list[Usage | ProviderError | BaseException] = [USAGE]
        self.asked = 0

    def fetch(self, ask: Any) -> Usage:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        return answer

    def run(self, service: Service = SERVICE, **rules: Any) -> Result:
        (result,) = Collector(self.machine, Rules(**rules)).run([Target(service=service)])
        return result


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
    min_interval=30,
    contract={"planType": None},
)


@pytest.fixture
def acme(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Acme:
    clock = Clock()
    found = Acme(make_machine(own_home, clock=clock), clock)
    monkeypatch.setitem(registry._providers, "acme", Provider(DESCRIPTOR, found.fetch))
    return found


# -- what is reused ---------------------------------------------------------------------------------


def test_a_young_report_is_reused(acme: Acme) -> None:
    first = acme.run()
    acme.clock.pass_s(59)
    again = acme.run()
    assert acme.asked == 1
    assert again == replace(first, live=False)
    assert (again.stale, again.failure, again.fetched_at) == (False, None, NOW)


def test_an_old_report_is_not(acme: Acme) -> None:
    acme.run()
    acme.clock.pass_s(60)
    assert acme.run().fetched_at == NOW + timedelta(seconds=60)
    assert acme.asked == 2


@pytest.mark.parametrize(("as_of", "fetched_at"), [(-3600, -3600), (3600, 0)])
def test_figures_of_a_file_are_as_old_as_the_file(acme: Acme, as_of: int, fetched_at: int) -> None:
    acme.answers = [replace(USAGE, as_of=NOW + timedelta(seconds=as_of))]
    assert acme.run().fetched_at == NOW + timedelta(seconds=fetched_at)


def test_max_age_says_how_old(acme: Acme) -> None:
    acme.run()
    acme.clock.pass_s(3000)
    assert acme.run(max_age_s=3600.0).fetched_at == NOW
    assert acme.asked == 1


def test_the_providers_own_interval_holds_whatever_max_age_says(acme: Acme) -> None:
    acme.run()
    acme.clock.pass_s(29)
    acme.run(max_age_s=0.0)
    assert acme.asked == 1
    acme.clock.pass_s(1)
    acme.run(max_age_s=0.0)
    assert acme.asked == 2


def test_one_way_of_asking_may_have_a_longer_interval(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    ways = (Way(about="a team", kinds=("key",), min_interval=90), Way(about="a person"))
    provider = Provider(replace(DESCRIPTOR, ways=ways), acme.fetch)
    monkeypatch.setitem(registry._providers, "acme", provider)
    acme.run()
    acme.clock.pass_s(89)
    acme.run(max_age_s=0.0)
    assert acme.asked == 1
    acme.clock.pass_s(1)
    acme.run(max_age_s=0.0)
    assert acme.asked == 2


def test_no_cache_asks_at_once(acme: Acme) -> None:
    acme.run()
    acme.clock.pass_s(1)
    acme.run(max_age_s=None)
    assert acme.asked == 2


def test_a_clock_set_back_asks_anew(acme: Acme) -> None:
    acme.run()
    acme.clock.pass_s(-86400)
    assert acme.run().fetched_at == NOW - timedelta(days=1)


@pytest.mark.parametrize(
    "other",
    [
        replace(SERVICE, credential={"": CredentialSource("value", "another-fake-secret")}),
        replace(SERVICE, base_url="https://gateway.example.com"),
        replace(SERVICE, name="other"),
    ],
)
def test_another_key_host_or_service_never_sees_these_figures(acme: Acme, other: Service) -> None:
    acme.run()
    acme.answers = [AuthError("refused")]
    result = acme.run(other)
    assert (result.usage, result.failure and result.failure.kind) == (None, "auth")


def test_a_rotated_token_of_the_same_account_keeps_its_report() -> None:
    first = Credential(secret=Secret("fake-old"), origin="file", account_id="acc-1")
    second = replace(first, secret=Secret("fake-new"))
    other = replace(first, account_id="acc-2")
    assert identity(SERVICE, first, {}) == identity(SERVICE, second, {})
    assert identity(SERVICE, first, {}) != identity(SERVICE, other, {})
    assert identity(SERVICE, first, {}) != identity(SERVICE, first, {"monthly_limit": 5})


# -- outages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Unavailable("down"), RateLimited("slow down")])
def test_the_last_good_report_is_shown_as_stale(acme: Acme, error: ProviderError) -> None:
    acme.run()
    acme.answers = [error]
    acme.clock.pass_s(3600)
    result = acme.run()
    assert (result.stale, result.fetched_at, result.usage) == (True, NOW, USAGE)
    assert result.failure is not None
    assert result.failure.kind == error.kind


def test_a_refusal_shows_no_old_figures(acme: Acme) -> None:
    acme.run()
    acme.answers = [AuthError("refused", hint="sign in")]
    acme.clock.pass_s(3600)
    result = acme.run()
    assert (result.usage, result.stale) == (None, False)
    assert result.failure == Failure(kind="auth", message="refused", hint="sign in")


def test_figures_come_back_after_an_outage(acme: Acme) -> None:
    acme.answers = [Unavailable("down"), USAGE]
    assert acme.run().usage is None
    assert acme.run().usage == USAGE


def test_a_window_reset_during_the_outage_is_unknown(acme: Acme) -> None:
    quota = replace(USAGE.quotas[0], resets_at=NOW + timedelta(minutes=10))
    acme.answers = [replace(USAGE, quotas=(quota,)), Unavailable("down")]
    acme.run()
    acme.clock.pass_s(601)
    usage = acme.run().usage
    assert usage is not None
    assert (usage.quotas[0].percent_used, usage.contract) == (None, {"planType": None})


def test_a_429_is_remembered_and_waits_longer_each_time(acme: Acme) -> None:
    acme.answers = [RateLimited("slow down")]
    for wait in (300, 600, 1200, 2400, 3600, 3600):
        asked = acme.asked
        failure = acme.run(max_age_s=None).failure
        assert failure is not None
        assert failure.retry_at == acme.clock.now + timedelta(seconds=wait)
        acme.clock.pass_s(wait - 1)
        assert acme.run(max_age_s=None).failure == failure
        assert acme.asked == asked + 1
        acme.clock.pass_s(1)
    acme.answers = [USAGE, RateLimited("slow down")]
    acme.run(max_age_s=None)
    failure = acme.run(max_age_s=None).failure
    assert failure is not None
    assert failure.retry_at == acme.clock.now + timedelta(seconds=300)


def test_retry_after_is_kept_to_the_second(acme: Acme) -> None:
    acme.answers = [RateLimited("slow down", retry_at=NOW + timedelta(seconds=45)), USAGE]
    acme.run()
    acme.clock.pass_s(44)
    assert acme.run(max_age_s=None).usage is None
    acme.clock.pass_s(1)
    assert acme.run(max_age_s=None).usage == USAGE


def test_an_outage_that_says_how_long_is_left_alone_too(acme: Acme) -> None:
    acme.answers = [Unavailable("maintenance", retry_at=NOW + timedelta(minutes=5)), USAGE]
    acme.run()
    assert acme.run().failure is not None
    assert acme.asked == 1


def test_offline_asks_nobody(acme: Acme) -> None:
    nothing = acme.run(offline=True)
    assert nothing.failure is not None
    assert (nothing.usage, nothing.failure.kind, acme.asked) == (None, "unavailable", 0)
    acme.run()
    assert acme.run(offline=True).stale is False
    acme.clock.pass_s(7200)
    old = acme.run(offline=True)
    assert (old.stale, old.usage, acme.asked) == (True, USAGE, 1)


def test_a_bug_is_not_hidden(acme: Acme) -> None:
    acme.answers = [ZeroDivisionError("a bug")]
    with pytest.raises(ZeroDivisionError):
        acme.run()


def test_one_that_fails_stops_nobody(acme: Acme) -> None:
    broken = Service(name="broken", provider="acme", credential={"": CredentialSource("env", "NOT_SET")})
    results = Collector(acme.machine, Rules()).run([Target(service=broken), Target(service=SERVICE)])
    assert [result.failure and result.failure.kind for result in results] == ["not_configured", None]


# -- the file ---------------------------------------------------------------------------------------


def test_every_figure_survives_the_file() -> None:
    for usage in (USAGE, replace(USAGE, stopped=True), replace(USAGE, partly_stopped=True)):
        assert codec.decode(json.loads(json.dumps(codec.encode(usage)))) == usage


def test_the_entry_survives_the_file(machine: Machine) -> None:
    cache = Cache(machine.cache_dir)
    until = NOW + timedelta(minutes=5)
    entry = Entry(
        usage=USAGE,
        fetched_at=NOW,
        checked_at=NOW + timedelta(microseconds=1500),
        failure=Failure(kind="rate_limited", message="slow down", hint=None, retry_at=until),
        throttled=2,
        rates=Rates(quotas={"five_hour": 123.4567}, balances={"credits": 0.1}),
    )
    cache.store(SERVICE, "key", entry)
    assert cache.load(SERVICE, "key") == entry
    assert cache.load(SERVICE, "other key") is EMPTY


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_files_are_private_and_hold_no_secret(acme: Acme) -> None:
    acme.run()
    (name,) = [name for name in files_below(acme.machine.cache_dir) if name.endswith(".json")]
    path = Path(acme.machine.cache_dir) / name
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert FAKE not in path.read_text()


def test_names_that_look_alike_have_files_of_their_own() -> None:
    cache = Cache("/cache")
    names = ["a b", "a_b", "A/B", "../a", "プロ", "\udc80", "x" * 300]
    paths = [cache.path(Service(name=name, provider="acme")) for name in names]
    assert len({path.lower() for path in paths}) == len(names)
    assert all(os.path.dirname(path) == "/cache" for path in paths)


DAMAGED = [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe\x00", b"[" * 50_000, b'{"version": 1}']


@pytest.mark.parametrize("data", DAMAGED)
def test_a_corrupt_file_is_a_miss_and_is_mended(acme: Acme, data: bytes) -> None:
    acme.run()
    Path(Cache(acme.machine.cache_dir).path(SERVICE)).write_bytes(data)
    assert acme.run().usage == USAGE
    assert acme.asked == 2
    acme.run()
    assert acme.asked == 2


def test_a_truncated_file_is_a_miss(acme: Acme) -> None:
    acme.run()
    path = Path(Cache(acme.machine.cache_dir).path(SERVICE))
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, 37):
        path.write_bytes(whole[:length])
        assert acme.run().usage == USAGE


def test_wrong_types_in_the_file_are_a_miss(machine: Machine) -> None:
    cache = Cache(machine.cache_dir)
    cache.store(SERVICE, "key", Entry(usage=USAGE, fetched_at=NOW, checked_at=NOW))
    path = Path(cache.path(SERVICE))
    whole = json.loads(path.read_bytes())
    for key in ("usage", "fetchedAt", "failure", "throttled", "rates"):
        for wrong in ("text", [1], {"quotas": 5}, {"quotas": [{"id": 1}], "balances": []}, 1e300, True):
            path.write_text(json.dumps({**whole, key: wrong}))
            assert isinstance(cache.load(SERVICE, "key"), Entry)
    path.write_text(json.dumps({**whole, "usage": {**whole["usage"], "quotas": [{"no_such_field": 1}]}}))
    assert cache.load(SERVICE, "key") is EMPTY


@pytest.mark.parametrize(
    "rates", [5, "text", {}, [{}], [{}, {"credits": "bad"}], [{"w": math.nan}, {}], [{"w": -1}, {}]]
)
def test_wrong_rates_in_the_file_are_a_miss(machine: Machine, rates: Any) -> None:
    cache = Cache(machine.cache_dir)
    entry = Entry(usage=USAGE, fetched_at=NOW, checked_at=NOW)
    cache.store(SERVICE, "key", entry)
    path = Path(cache.path(SERVICE))
    whole = json.loads(path.read_bytes())
    path.write_text(json.dumps({**whole, "rates": rates}))
    assert cache.load(SERVICE, "key") is EMPTY
    # One of before there were rates is as good as ever.
    path.write_text(json.dumps({key: value for key, value in whole.items() if key != "rates"}))
    assert cache.load(SERVICE, "key") == entry


@pytest.mark.parametrize("text", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_figure_that_is_no_number_is_a_miss(machine: Machine, text: str) -> None:
    """Judging it, or its pace, would raise."""
    cache = Cache(machine.cache_dir)
    cache.store(SERVICE, "key", Entry(usage=USAGE, fetched_at=NOW, checked_at=NOW))
    path = Path(cache.path(SERVICE))
    whole = json.loads(path.read_bytes())
    whole["usage"]["balances"][0]["amount"] = text
    path.write_text(json.dumps(whole))
    assert cache.load(SERVICE, "key") is EMPTY


def test_a_pace_is_not_kept(machine: Machine) -> None:
    """It depends on when it is asked for, and would grow old."""
    drain = Drain(per_day=d(5), days_left=d(2), runs_out_at=NOW)
    paced = replace(USAGE, balances=(replace(USAGE.balances[0], pace=drain),))
    assert codec.decode(json.loads(json.dumps(codec.encode(paced)))) == USAGE


def test_a_file_from_a_newer_version_is_a_miss(acme: Acme) -> None:
    acme.run()
    path = Path(Cache(acme.machine.cache_dir).path(SERVICE))
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    acme.run()
    assert acme.asked == 2


def test_a_directory_that_cannot_be_made_costs_only_the_cache(own_home: Path, acme: Acme) -> None:
    (own_home / "file").write_text("in the way")
    acme.machine = make_machine(own_home, cache_dir=str(own_home / "file" / "cache"), clock=acme.clock)
    assert acme.run().usage == USAGE
    assert acme.run().usage == USAGE
    assert acme.asked == 2


def test_a_full_disk_costs_only_the_cache(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("usagecli.storage.files.os.replace", full)
    assert acme.run().usage == USAGE
    assert not [name for name in files_below(acme.machine.cache_dir) if not name.endswith(".lock")]


# -- whole runs over real sockets -------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[Server]:
    with serve({"/key": Reply(KEY)}) as found:
        yield found


def report(*options: str) -> Outcome:
    return run("openrouter", "--json", *options)


@pytest.mark.sockets
def test_an_outage_after_a_good_report(server: Server) -> None:
    configure([openrouter(server.url)])
    good = report().document
    server.routes["/key"] = Reply({}, 500)
    outcome = report("--no-cache")
    document = outcome.document
    assert outcome.code == 3
    assert (document["stale"], document["status"], document["error"]["kind"]) == (
        True,
        "error",
        "unavailable",
    )
    assert document["fetchedAt"] == good["fetchedAt"]
    # Old figures lead nowhere.
    assert document["quotas"] == [{**quota, "pace": None} for quota in good["quotas"]]
    assert "unavailable" in run("openrouter", "--no-cache").out


@pytest.mark.sockets
def test_a_429_shows_neither_0_nor_100_percent(server: Server) -> None:
    configure([openrouter(server.url)])
    server.routes["/key"] = Reply({}, 429, {"Retry-After": "30"})
    outcome = report()
    assert outcome.code == 3
    assert outcome.document["quotas"] == []
    assert "%" not in run("openrouter").out


@pytest.mark.sockets
def test_a_known_shortage_is_not_masked_by_an_outage(server: Server) -> None:
    configure([openrouter(server.url)])
    server.routes["/key"] = Reply({"data": {**KEY["data"], "limit_remaining": 1}})
    assert report().code == 1
    server.routes["/key"] = Reply({}, 500)
    outcome = report("--no-cache")
    assert (outcome.code, outcome.document["status"], outcome.document["stale"]) == (1, "low", True)


@pytest.mark.sockets
@pytest.mark.skipif(sys.platform == "win32", reason="one interpreter at a time is enough there")
def test_twenty_runs_at_once_share_one_fetch(server: Server) -> None:
    configure([openrouter(server.url)])
    command = [sys.executable, "-m", "usagecli", "openrouter", "--json"]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(20)]
    done = [process.communicate() for process in runs]
    assert {process.returncode for process in runs} == {0}
    assert len({out for out, _ in done}) == 1
    assert [path for path in server.paths() if path == "/key"] == ["/key"]
    assert not [name for name in files_below(here().cache_dir) if name.endswith(".tmp")]


def test_the_deadline_ends_the_run_whatever_hangs(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(ask: Any) -> Usage:
        release.wait(10)
        return USAGE

    monkeypatch.setitem(registry._providers, "acme", Provider(DESCRIPTOR, hang))
    result = acme.run(timeout_s=0.3)
    release.set()
    for thread in threading.enumerate():
        if thread.name == "work":
            thread.join(5)
    assert result.failure is not None
    assert result.failure.message == "no answer within 0.3 s"


def test_progress_names_who_is_awaited(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(ask: Any) -> Usage:
        time.sleep(0.3)
        return USAGE

    monkeypatch.setitem(registry._providers, "acme", Provider(DESCRIPTOR, slow))
    seen: list[list[str]] = []
    Collector(acme.machine, Rules()).run([Target(service=SERVICE)], lambda names: seen.append(list(names)))
    assert seen
    assert seen[0] == ["work"]


def test_a_neighbour_who_never_ends_is_told(acme: Acme) -> None:
    with Cache(acme.machine.cache_dir).locked(SERVICE, 1.0) as held:
        assert held
        result = acme.run(timeout_s=0.3)
        # The run does not wait for its thread; the next test must not meet it.
        for thread in threading.enumerate():
            if thread.name == "work":
                thread.join(5)
    assert result.failure is not None
    assert "still asking" in result.failure.message or "no answer within" in result.failure.message


def test_a_neighbours_answer_is_ours(acme: Acme, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between looking at the cache and having the lock, another run has asked."""
    real = Cache.locked

    @contextlib.contextmanager
    def after_the_neighbour(self: Cache, service: Service, timeout_s: float) -> Iterator[bool]:
        acme.clock.pass_s(1)
        body = json.loads(Path(self.path(service)).read_text())
        later = acme.clock.now.timestamp()
        Path(self.path(service)).write_text(json.dumps({**body, "fetchedAt": later, "checkedAt": later}))
        with real(self, service, timeout_s) as held:
            yield held

    acme.run()
    monkeypatch.setattr(Cache, "locked", after_the_neighbour)
    result = acme.run(max_age_s=None)
    assert (acme.asked, result.fetched_at, result.stale) == (1, NOW + timedelta(seconds=1), False)
