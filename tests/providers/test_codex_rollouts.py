"""The rate limits in Codex's session logs: which line is the newest, and whose it may be."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import mutated, sound
from tests.support import NOW, d, make_machine
from usagecli.credentials import Credential, Secret
from usagecli.model import Balance, CredentialSource, Quota, Service, Usage, plan
from usagecli.providers._codex import rollouts

CODEX = Service(name="codex", provider="codex")
SOON, LATER = NOW + timedelta(hours=2), NOW + timedelta(days=3)
AT = NOW - timedelta(hours=1)


def window(used: Any = 36.5, minutes: Any = 300, at: datetime = SOON, **more: Any) -> dict[str, Any]:
    return {"used_percent": used, "window_minutes": minutes, "resets_at": int(at.timestamp()), **more}


def limits(**changes: Any) -> dict[str, Any]:
    return {
        "limit_id": "codex",
        "limit_name": None,
        "primary": window(),
        "secondary": window(22.0, 10_080, LATER),
        "credits": {"has_credits": True, "unlimited": False, "balance": "31.5"},
        "individual_limit": None,
        "plan_type": "plus",
        "rate_limit_reached_type": None,
        **changes,
    }


def event(rate_limits: Any = None, at: datetime = AT) -> dict[str, Any]:
    """A `token_count` event; with the usual limits where none are given."""
    told = limits() if rate_limits is None else rate_limits
    return {
        "timestamp": at.strftime("%Y-%m-%dT%H:%M:%S.412Z"),
        "type": "event_msg",
        "payload": {"type": "token_count", "info": None, "rate_limits": told},
    }


def line(*args: Any, **more: Any) -> bytes:
    return json.dumps(event(*args, **more)).encode()


def quotas(**changes: Any) -> tuple[Quota, ...]:
    found = rollouts.parse(line(limits(**changes)))
    return found[0].quotas if found else ()


FIVE_HOUR = Quota(
    id="five_hour",
    label="5-hour limit",
    unit="percent",
    used=d("36.5"),
    limit=d(100),
    window_seconds=18_000,
    resets_at=SOON,
)
WEEKLY = Quota(
    id="weekly",
    label="Weekly limit",
    unit="percent",
    used=d(22),
    limit=d(100),
    window_seconds=604_800,
    resets_at=LATER,
)


# -- one line ---------------------------------------------------------------------------------------


def test_an_ordinary_line() -> None:
    found = rollouts.parse(line())
    assert found is not None
    usage, at = found
    assert at == AT
    assert {**usage.contract, "limits": None} == {
        "planType": "plus",
        "limits": None,
        "codeReviewLimits": {"primary": None, "secondary": None},
        "credits": {"hasCredits": True, "unlimited": False, "balance": 31.5},
    }
    assert usage.contract["limits"]["secondary"]["usedPercent"] == 22.0
    assert usage == Usage(
        quotas=(FIVE_HOUR, WEEKLY),
        balances=(Balance(id="credits", label="Credits", unit="credits", amount=d("31.5")),),
        plan=plan("Plus"),
        source="local",
        contract=usage.contract,
    )


def test_a_window_is_told_by_its_length_not_by_its_place() -> None:
    assert quotas(primary=window(22.0, 10_080, LATER), secondary=None) == (WEEKLY,)


@pytest.mark.parametrize(
    ("minutes", "expected"), [(299, 18_000), (10_079, 604_800), (285, 18_000), (60, 3600)]
)
def test_lengths_of_older_versions_are_near_enough(minutes: int, expected: int) -> None:
    (quota, _) = quotas(primary=window(5, minutes))
    assert quota.window_seconds == expected


def test_older_lines_count_from_their_own_time() -> None:
    primary = {"used_percent": 36.5, "window_minutes": 300, "resets_in_seconds": 10_800}
    assert quotas(primary=primary) == (FIVE_HOUR, WEEKLY)


@pytest.mark.parametrize("id_", ["codex", None])
def test_the_plan_s_own_bucket(id_: str | None) -> None:
    assert quotas(limit_id=id_) == (FIVE_HOUR, WEEKLY)


def test_older_files_name_no_bucket() -> None:
    told = limits()
    del told["limit_id"]
    assert rollouts.parse(line(told)) is not None


@pytest.mark.parametrize(
    "sent",
    [
        line(limits(limit_id="premium")),
        line(limits(primary=None, secondary=None)),
        line({}),
        json.dumps({**event(), "payload": {"type": "token_count", "rate_limits": None}}).encode(),
        json.dumps({**event(), "payload": {"type": "agent_message", "rate_limits": limits()}}).encode(),
        json.dumps({**event(), "timestamp": None}).encode(),
        line()[:-20],
        b"[" * 100_000,
        b"\xff",
        b"",
    ],
)
def test_any_other_line_tells_nothing(sent: bytes) -> None:
    assert rollouts.parse(sent) is None


@pytest.mark.parametrize("balance", [None, "", "many", float("nan")])
def test_a_balance_that_is_no_number_is_unknown(balance: Any) -> None:
    found = rollouts.parse(
        line(limits(credits={"has_credits": True, "unlimited": False, "balance": balance}))
    )
    assert found is not None
    assert found[0].balances == ()


def test_a_limit_that_is_reached_stops_the_account() -> None:
    found = rollouts.parse(line(limits(rate_limit_reached_type="rate_limit_reached", primary=window(100))))
    assert found is not None
    assert found[0].stopped
    assert [quota.reached for quota in found[0].quotas] == [True, False]


@given(mutated(event()))
def test_any_line_gives_sound_figures_or_none(body: Any) -> None:
    found = rollouts.parse(json.dumps(body).encode())
    if found is not None:
        sound(found[0])
        assert found[0].quotas
        assert found[1].utcoffset() is not None


@given(st.binary(max_size=300))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    rollouts.parse(data)


# -- the files --------------------------------------------------------------------------------------


def rollout(home: Path, name: str, *lines: bytes, day: str = "2026/11/21", age_s: float = 60) -> Path:
    """A session's log, last written so long before NOW."""
    path = home / "sessions" / day / f"rollout-{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\n".join(lines) + b"\n")
    written = NOW.timestamp() - age_s
    os.utime(path, (written, written))
    return path


def used(home: Path) -> list[Any]:
    """The percentages of the newest figures."""
    found = rollouts.newest(str(home), NOW)
    return [quota.used for quota in found[0].quotas] if found else []


def told(used: float, at: datetime) -> bytes:
    return line(limits(primary=window(used), secondary=None), at=at)


def test_no_folder_no_figures(tmp_path: Path) -> None:
    assert rollouts.newest(str(tmp_path), NOW) is None


def test_the_last_line_of_a_file_counts(tmp_path: Path) -> None:
    rollout(tmp_path, "a", told(10, AT), told(20, AT + timedelta(minutes=5)), b'{"type": "x"}')
    assert used(tmp_path) == [d(20)]


def test_null_is_no_news(tmp_path: Path) -> None:
    null = json.dumps({**event(), "payload": {"type": "token_count", "rate_limits": None}}).encode()
    rollout(tmp_path, "a", told(10, AT), null, null)
    assert used(tmp_path) == [d(10)]


def test_a_last_line_that_is_cut_off_is_skipped(tmp_path: Path) -> None:
    rollout(tmp_path, "a", told(10, AT), told(20, NOW)[:150])
    assert used(tmp_path) == [d(10)]


def test_the_line_s_time_decides_not_the_file_s(tmp_path: Path) -> None:
    rollout(tmp_path, "a", told(30, AT + timedelta(minutes=30)), age_s=600)
    rollout(tmp_path, "b", told(10, AT), age_s=1)
    assert used(tmp_path) == [d(30)]


def test_a_session_of_an_older_day_that_goes_on_is_found(tmp_path: Path) -> None:
    rollout(tmp_path, "a", told(30, NOW - timedelta(minutes=1)), day="2026/10/01", age_s=30)
    for number in range(20):
        rollout(tmp_path, f"b{number}", told(10, AT), age_s=3600)
    assert used(tmp_path) == [d(30)]


def test_archived_sessions_count(tmp_path: Path) -> None:
    path = rollout(tmp_path, "a", told(30, AT))
    (tmp_path / "archived_sessions").mkdir()
    path.rename(tmp_path / "archived_sessions" / path.name)
    assert used(tmp_path) == [d(30)]


def test_compressed_files_are_skipped(tmp_path: Path) -> None:
    path = rollout(tmp_path, "a", told(30, AT))
    path.rename(path.with_name("rollout-a.jsonl.zst"))
    assert used(tmp_path) == []


def test_a_line_of_the_future_is_not_trusted(tmp_path: Path) -> None:
    rollout(tmp_path, "a", told(10, AT), told(20, NOW + timedelta(hours=1)))
    assert used(tmp_path) == [d(10)]


@pytest.mark.parametrize("size", [10, 70_000, 300_000])
def test_a_line_far_from_the_end_is_found(tmp_path: Path, size: int) -> None:
    other = json.dumps({"type": "response_item", "payload": {"text": "x" * 999}}).encode()
    rollout(tmp_path, "a", told(10, AT), *[other] * (size // len(other) + 1))
    assert used(tmp_path) == [d(10)]


@pytest.mark.parametrize("size", [60_000, 65_536 - 200, 65_536, 200_000, 300_000])
def test_a_line_longer_than_what_is_read_at_once_is_whole(tmp_path: Path, size: int) -> None:
    body = event(limits(primary=window(20), secondary=None))
    body["payload"]["info"] = "x" * size
    rollout(tmp_path, "a", told(10, AT - timedelta(hours=1)), json.dumps(body).encode())
    assert used(tmp_path) == [d(20)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=30), st.integers(20, 200))
def test_backwards_gives_every_line_once_and_the_last_first(lengths: list[int], tail: int) -> None:
    import tempfile

    lines = [b'"token_count"%d' % number + b"x" * length for number, length in enumerate(lengths)]
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(rollouts, "_TAILS", (tail, 3 * tail, 1 << 20))
        path = Path(name) / "log"
        path.write_bytes(b"\n".join(lines) + b"\n")
        assert list(rollouts._backwards(str(path))) == lines[::-1]


# -- whose they are ---------------------------------------------------------------------------------


@pytest.fixture
def home(own_home: Path) -> Path:
    """A home with a login from two hours before NOW, and a line from one hour before."""
    rollout(own_home / ".codex", "a", line())
    sign_in(own_home, NOW - timedelta(hours=2))
    return own_home


def sign_in(home: Path, at: datetime) -> None:
    path = home / ".codex" / "auth.json"
    path.write_text("{}", encoding="utf-8")
    os.utime(path, (at.timestamp(), at.timestamp()))


def from_login(origin: str = os.path.join("~", ".codex", "auth.json")) -> Credential:
    return Credential(
        secret=Secret("fake-token"), origin=origin, kind="oauth", facts={"email": "ada@example.com"}
    )


def test_lines_newer_than_the_login_are_its_own(home: Path) -> None:
    found = rollouts.recall(CODEX, from_login(), make_machine(home))
    assert found is not None
    assert (found.at, found.usage.account, found.usage.source) == (AT, "ada@example.com", "local")
    assert found.usage.quotas == (FIVE_HOUR, WEEKLY)


@pytest.mark.parametrize("credential", [from_login(), None])
def test_lines_older_than_the_login_are_another_s(home: Path, credential: Credential | None) -> None:
    sign_in(home, NOW - timedelta(minutes=30))
    assert rollouts.recall(CODEX, credential, make_machine(home)) is None


def test_without_a_login_they_are_shown_as_nobody_s(home: Path) -> None:
    (home / ".codex" / "auth.json").unlink()
    found = rollouts.recall(CODEX, None, make_machine(home))
    assert found is not None
    assert found.usage.account is None


@pytest.mark.parametrize(
    "origin", ["CHATGPT_ACCESS_TOKEN", "keyring (Codex Auth)", "~/.config/codex/auth.json"]
)
def test_another_credential_may_be_another_account(home: Path, origin: str) -> None:
    assert rollouts.recall(CODEX, from_login(origin), make_machine(home)) is None


def test_a_configured_credential_may_be_another_account(home: Path) -> None:
    service = Service(name="c", provider="codex", credential={"": CredentialSource("value", "fake-token")})
    assert rollouts.recall(service, from_login(), make_machine(home)) is None


def test_a_home_of_its_own_has_figures_of_its_own(home: Path) -> None:
    machine = make_machine(home, {"CODEX_HOME": str(home / "work")})
    assert rollouts.recall(CODEX, None, machine) is None
    rollout(home / "work", "b", told(77, AT))
    found = rollouts.recall(CODEX, None, machine)
    assert found is not None
    assert found.usage.quotas[0].used == d(77)


def test_a_window_that_was_reset_is_left_out_with_all_that_came_of_it(home: Path) -> None:
    rollout(home / ".codex", "a", line(limits(rate_limit_reached_type="x", primary=window(100))))
    machine = make_machine(home, clock=lambda: SOON + timedelta(minutes=1))
    found = rollouts.recall(CODEX, from_login(), machine)
    assert found is not None
    assert found.usage.quotas == (WEEKLY,)
    assert not found.usage.stopped
    assert found.usage.contract["limits"] == {"primary": None, "secondary": None}


def test_nothing_is_left_once_all_were_reset(home: Path) -> None:
    assert rollouts.recall(CODEX, from_login(), make_machine(home, clock=lambda: LATER)) is None
