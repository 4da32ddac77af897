"""What the history records of a run, of whom, and what never gets into it."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import requests_mock
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli import FAKE, KEY, configure, files_below, openrouter, run
from tests.history import DOWN, SECONDS, balance, database, live, quota, record, report, rows
from tests.process import posix
from tests.support import NOW, Reply, serve
from usagecli import collect, demo
from usagecli.config import Keep
from usagecli.credentials import Credential, Secret
from usagecli.demo.server import filled
from usagecli.machine import Machine, here
from usagecli.model import Quota, Service, Usage
from usagecli.storage import history
from usagecli.storage.history import Outcome, Sample, Series

GATEWAY = "https://gateway.example.com"


def taken(machine: Machine) -> dict[str, list[Sample]]:
    """The samples by the name of the quota or balance."""
    with history.opened(machine) as opened:
        return {one.name: opened.samples(one.id, 0) for one in opened.series()}


def outcomes(machine: Machine) -> list[Outcome]:
    with history.opened(machine) as opened:
        return opened.outcomes(0)


# -- values -----------------------------------------------------------------------------------------


def test_a_quota_and_a_balance(machine: Machine) -> None:
    record(machine, live(quota(scope="all models"), balance()))
    with history.opened(machine) as opened:
        weekly, money = opened.series()
        assert weekly == Series(
            1, "work", "openrouter", "a", "quota", "weekly", "Weekly limit", "all models", "messages", 604800
        )
        assert money == Series(
            2, "work", "openrouter", "a", "balance", "credits", "Credits", None, "usd", None
        )
        resets = SECONDS + 3 * 86400
        assert opened.samples(1, 0) == [Sample(SECONDS, 25.0, 100.0, 75.0, 25.0, resets, "api")]
        assert opened.samples(2, 0) == [Sample(SECONDS, None, None, 9.5, None, None, "api")]
        assert opened.outcomes(0) == [Outcome("work", "openrouter", "a", SECONDS, "ok", None, None)]


def test_a_failure_is_kept_without_the_old_figures_beside_it(machine: Machine) -> None:
    later = NOW + timedelta(hours=1)
    record(machine, live(quota(), balance(), failure=DOWN, now=later))
    assert taken(machine) == {}
    told = Outcome("work", "openrouter", "a", SECONDS + 3600, "error", "unavailable", "no answer")
    assert outcomes(machine) == [told]


def test_a_failure_without_any_figures(machine: Machine) -> None:
    record(machine, live(failure=DOWN))
    assert [outcome.error for outcome in outcomes(machine)] == ["unavailable"]


@pytest.mark.parametrize(
    "part",
    [
        quota(None, limit=None),
        quota(None),
        balance(None),
        balance(as_of=NOW - timedelta(hours=2)),
        balance(None, unlimited=True),
        quota(None, unlimited=True),
    ],
    ids=["nothing", "a limit alone", "no amount", "of an earlier report", "unlimited balance", "unlimited"],
)
def test_what_says_nothing_is_not_recorded(machine: Machine, part: Any) -> None:
    record(machine, live(part))
    assert taken(machine) == {}
    assert [outcome.status for outcome in outcomes(machine)] == ["ok"]


def test_a_percentage_alone_is_recorded(machine: Machine) -> None:
    record(machine, live(quota(None, limit=None, percent_used=Decimal("12.5"), resets_at=None)))
    assert taken(machine) == {"weekly": [Sample(SECONDS, None, None, None, 12.5, None, "api")]}


def test_the_same_report_once_more_changes_nothing(machine: Machine) -> None:
    for _ in range(3):
        record(machine, live(quota(), balance()), live(quota(), balance()))
    assert [len(rows(name, machine)) for name in ("samples", "outcomes", "series", "services")] == [
        2,
        1,
        2,
        1,
    ]


def test_a_new_label_is_the_same_series(machine: Machine) -> None:
    record(
        machine, live(quota()), live(quota(label="Week", window_seconds=None), at=NOW + timedelta(hours=1))
    )
    with history.opened(machine) as opened:
        (one,) = opened.series()
        assert (one.label, one.window, len(opened.samples(one.id, 0))) == ("Week", None, 2)


def test_accounts_of_one_service_are_apart(machine: Machine) -> None:
    record(machine, live(quota(10)), live(quota(20), account="b"))
    with history.opened(machine) as opened:
        assert [(one.account, [s.used for s in opened.samples(one.id, 0)]) for one in opened.series()] == [
            ("a", [10.0]),
            ("b", [20.0]),
        ]
        assert opened.latest() == {("work", "openrouter", "a"): SECONDS, ("work", "openrouter", "b"): SECONDS}
        assert [one.account for one in opened.series(("work", "openrouter", "b"))] == ["b"]


def test_a_quota_and_a_balance_of_one_name_are_apart(machine: Machine) -> None:
    record(machine, live(quota(id_="credits"), balance()))
    with history.opened(machine) as opened:
        assert [(one.kind, one.name) for one in opened.series()] == [
            ("quota", "credits"),
            ("balance", "credits"),
        ]


def test_a_span_has_its_beginning_and_not_its_end(machine: Machine) -> None:
    record(machine, *(live(quota(hour), at=NOW + timedelta(hours=hour)) for hour in range(4)))
    with history.opened(machine) as opened:
        at = [sample.at for sample in opened.samples(1, SECONDS + 3600, SECONDS + 3 * 3600)]
        assert at == [SECONDS + 3600, SECONDS + 7200]
        assert [one.at for one in opened.outcomes(SECONDS + 3600, SECONDS + 3 * 3600)] == at


_decimals = st.none() | st.decimals(allow_nan=True, allow_infinity=True) | st.integers().map(Decimal)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    used=_decimals,
    limit=_decimals,
    left=_decimals,
    text=st.text(max_size=20),
    window=st.none() | st.integers(),
)
def test_whatever_a_report_holds_recording_it_raises_nothing(
    machine: Machine, used: Any, limit: Any, left: Any, text: str, window: int | None
) -> None:
    # Past the checks of the model, which arithmetic of NaN does not get through.
    odd = Quota(id=text, label=text, unit="usd", scope=text, window_seconds=window)
    for name, value in {"used": used, "limit": limit, "remaining": left}.items():
        object.__setattr__(odd, name, value)
    usage = Usage(quotas=(odd,), balances=(balance(None, id_=text),))
    told = replace(report(quota()), usage=usage)
    history.keep_reports(machine, Keep(), [history.live("a", told, NOW)])


# -- runs -------------------------------------------------------------------------------------------


def answer(mocker: requests_mock.Mocker, **more: Any) -> None:
    mocker.get(f"{GATEWAY}/key", **(more or {"json": KEY}))
    for path in ("credits", "activity", "keys"):
        mocker.get(f"{GATEWAY}/{path}", status_code=403, json={})


@pytest.fixture
def service(no_network: requests_mock.Mocker) -> requests_mock.Mocker:
    configure([openrouter(GATEWAY)])
    answer(no_network)
    return no_network


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "words", [("status",), ("check",), ("openrouter",), ("history", "record")], ids=lambda words: words[-1]
)
def test_every_command_that_asks_records(words: tuple[str, ...]) -> None:
    run(*words)
    (sample,) = rows("samples")
    assert sample[2:6] == (18.63, 60.0, 41.37, 31.05)
    assert len(rows("outcomes")) == 1


@pytest.mark.usefixtures("service")
def test_what_comes_from_the_cache_is_not_recorded_again() -> None:
    run("status")
    before = rows("outcomes")
    run("status")
    run("status", "--offline")
    assert rows("outcomes") == before


@pytest.mark.parametrize("options", [("--offline",), ()])
def test_where_nobody_is_asked_there_is_no_history(options: tuple[str, ...], own_home: Path) -> None:
    configure([{"name": "router", "provider": "openrouter", "credential": {"env": "NOT_SET_ANYWHERE"}}])
    assert run("status", *options).code == 3
    assert not database().exists()


@pytest.mark.usefixtures("service")
def test_history_false_records_nothing() -> None:
    path = Path(here().config_dir) / "config.yaml"
    path.write_text(path.read_text() + "history: false\n")
    assert run("status").code == 0
    assert not database().parent.exists()


def test_an_outage_is_recorded_once_a_run(service: requests_mock.Mocker) -> None:
    answer(service, status_code=503)
    assert run("status", "--no-cache").code == 3
    ((_, _, status, kind, message),) = rows("outcomes")
    assert (status, kind, rows("samples")) == ("error", "unavailable", [])
    assert "503" in message


def test_another_key_is_another_account(service: requests_mock.Mocker) -> None:
    run("status")
    configure([openrouter(GATEWAY, credential={"value": "sk-or-v1-fake-another-key"})])
    run("status")
    assert len({account for _, name, _, account in rows("services") if name == "router"}) == 2


def test_a_renewed_login_is_the_same_account() -> None:
    def account(secret: str, who: str | None, kind: str = "oauth", id_: str | None = None) -> str:
        credential = Credential(secret=Secret(secret), origin="a file", kind=kind, account_id=id_)
        target = collect.Target(service=Service(name="claude", provider="claude"))
        job = collect._Job(0, target, credential=credential, key=f"of {secret}")
        return job.account(Usage(account=who))

    mine = account("fake-1", "dev@example.com")
    assert re.fullmatch("[0-9a-f]{32}", mine)
    assert mine == account("fake-2", "dev@example.com") != account("fake-2", "home@example.com")
    # Without a name, or with a key that stays, the credential says whose it is.
    assert account("fake-1", None) == "of fake-1"
    assert account("fake-1", "dev@example.com", kind="key") == "of fake-1"
    assert account("fake-1", "dev@example.com", id_="acc") == "of fake-1"


# -- the file ---------------------------------------------------------------------------------------


@posix
@pytest.mark.usefixtures("service")
def test_only_its_owner_can_read_it() -> None:
    run("status")
    assert stat.S_IMODE(database().stat().st_mode) == 0o600
    assert stat.S_IMODE(database().parent.stat().st_mode) == 0o700


@pytest.mark.sockets
def test_no_secret_no_address_and_no_account_is_in_it() -> None:
    text = (Path(demo.__file__).parent / "config.yaml").read_text(encoding="utf-8")
    folder = Path(demo.__file__).parent / "payloads"
    services, routes = [], {}
    for service in yaml.safe_load(text)["services"]:
        own = service["base_url"].partition("//demo/")[2]
        answers = json.loads((folder / f"{own.partition('/')[0]}.json").read_text(encoding="utf-8"))
        for path, told in answers.items():
            routes[f"/{own.partition('/')[0]}{path}"] = Reply(filled(told["body"], NOW), told["status"])
        services.append(service)
    with serve(routes) as server:
        for service in services:
            service["base_url"] = service["base_url"].replace("http://demo", server.url)
        configure(services)
        bodies = run("status", "--json").document["services"]
    # What was not answered is in it as well: its message names no more.
    assert len(rows("services")) == len(services)
    stored = b"".join(files_below(here().data_dir).values()).decode("utf-8", "replace")
    assert not re.search(r"[\w.]+@\w+\.\w+", stored)
    accounts = {body["account"] for body in bodies if body["account"]}
    assert accounts
    # A region is no account, though AWS accounts are shown with it.
    for name in {part for account in accounts for part in account.split("/")} - {"us-east-1"}:
        assert name not in stored, name
    for secret in (word for service in services for word in words_of(service["credential"])):
        assert secret not in stored


def words_of(value: Any) -> list[str]:
    """The secret words of a credential."""
    if isinstance(value, dict):
        return [word for inner in value.values() for word in words_of(inner)]
    found = str(value).replace('"', " ").split()
    return [word for word in found if "not-a" in word or "not_a" in word or "acc-demo" in word]


@pytest.mark.usefixtures("service")
def test_the_key_of_a_service_is_not_in_it() -> None:
    run("-v", "status")
    assert rows("samples")
    assert not any(FAKE.encode() in data for data in files_below(here().data_dir).values())
