"""What Claude Code pipes into its status line: what is read of it, and what is kept."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz import ANY_JSON, mutated, sound
from tests.process import posix
from tests.support import NOW, d, make_machine
from usagecli.credentials import Credential, Secret
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Quota, Service, Usage
from usagecli.providers._claude import kept
from usagecli.providers._claude.statusline import Told, parse

SOON, LATER = NOW + timedelta(hours=2), NOW + timedelta(days=3)
ADA = "ada@example.com"
CLAUDE = Service(name="claude", provider="claude")
FIVE_HOUR = Quota(
    id="five_hour",
    label="5-hour limit",
    unit="percent",
    used=d("41.7"),
    limit=d(100),
    window_seconds=18_000,
    resets_at=SOON,
)
WEEKLY = Quota(
    id="weekly",
    label="Weekly limit",
    unit="percent",
    used=d("18.2"),
    limit=d(100),
    window_seconds=604_800,
    resets_at=LATER,
)


def window(used: Any, at: datetime = SOON) -> dict[str, Any]:
    return {"used_percentage": used, "resets_at": int(at.timestamp())}


def document(session: str = "s1", reply: Any = 41200, **limits: Any) -> dict[str, Any]:
    """A document with these rate limits; the usual two where none are named."""
    return {
        "session_id": session,
        "model": {"id": "claude-opus-5", "display_name": "Opus 5"},
        "cost": {"total_cost_usd": 0.8123, "total_api_duration_ms": reply},
        "rate_limits": limits or {"five_hour": window(41.7), "seven_day": window(18.2, LATER)},
    }


def quotas(**limits: Any) -> tuple[Quota, ...]:
    usage = parse(document(**limits), NOW).usage
    return usage.quotas if usage else ()


# -- parsing ----------------------------------------------------------------------------------------


def test_an_ordinary_document() -> None:
    assert parse(document(), NOW) == Told(
        model="Opus 5",
        session="s1",
        reply="41200",
        usage=Usage(quotas=(FIVE_HOUR, WEEKLY), source="local"),
    )


@pytest.mark.parametrize("body", [None, [], "x", 7, {}, {"rate_limits": None}, {"rate_limits": []}])
def test_a_document_without_limits_has_no_usage(body: Any) -> None:
    assert parse(body, NOW) == Told()


@pytest.mark.parametrize(
    ("sent", "used"),
    [(0, d(0)), (99.6, d("99.6")), (100, d(100)), (100.4, d(100)), (101, d(100))],
)
def test_up_to_101_percent_is_full_at_most(sent: Any, used: Decimal) -> None:
    (quota,) = quotas(five_hour=window(sent))
    assert quota.used == used


@pytest.mark.parametrize(
    "sent",
    [
        window(101.1),
        window(105),
        window(int(SOON.timestamp())),
        window(-1),
        window(None),
        window(True),
        window("bad"),
        {"used_percentage": 5, "resets_at": None},
        {"used_percentage": 5},
        {"resets_at": int(SOON.timestamp())},
        None,
        [],
        window(5, NOW),
        window(5, NOW - timedelta(hours=1)),
    ],
)
def test_no_such_window(sent: Any) -> None:
    assert quotas(five_hour=sent, seven_day=window(18.2, LATER)) == (WEEKLY,)


def test_each_window_may_be_missing_on_its_own() -> None:
    assert quotas(five_hour=window(41.7)) == (FIVE_HOUR,)


def test_an_organisation_s_spend_limit_is_in_dollars() -> None:
    sent = {**window(104.0), "used_usd": 52, "limit_usd": 50, "period": "monthly"}
    (quota,) = quotas(spend_limit=sent)
    assert (quota.id, quota.unit, quota.used, quota.limit, quota.percent_used) == (
        "spend_limit",
        "usd",
        d(52),
        d(50),
        d(104),
    )


def test_a_spend_limit_without_amounts_is_in_percent_and_may_pass_100() -> None:
    (quota,) = quotas(spend_limit=window(104.0))
    assert (quota.id, quota.unit, quota.used, quota.remaining) == ("spend_limit", "percent", d(104), d(0))


def test_an_instant_is_no_share_of_a_spend_limit() -> None:
    assert parse({"rate_limits": {"spend_limit": window(1795340400.0)}}, NOW).usage is None


@given(mutated(document()))
def test_any_document_gives_sound_figures(body: Any) -> None:
    told = parse(body, NOW)
    if told.usage is not None:
        sound(told.usage)
        assert told.usage.quotas
        assert all(quota.resets_at is not None and quota.resets_at > NOW for quota in told.usage.quotas)
        windows = [quota for quota in told.usage.quotas if quota.id != "spend_limit"]
        assert all(quota.percent_used is not None and quota.percent_used <= 100 for quota in windows)


@given(ANY_JSON)
def test_any_json_is_read_without_an_error(body: Any) -> None:
    parse(body, NOW)


# -- what is kept -----------------------------------------------------------------------------------


@pytest.fixture
def home(own_home: Path) -> Path:
    sign_in(own_home / ".claude.json", ADA)
    return own_home


def sign_in(path: Path, email: str | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    account = {} if email is None else {"oauthAccount": {"accountUuid": "u", "emailAddress": email}}
    body = {"projects": {"/src": {"history": ['"oauthAccount": {"emailAddress": "no@example.com"}']}}}
    path.write_text(json.dumps({**body, **account}), encoding="utf-8")


def keep(machine: Machine, body: Any, minutes: float = 0) -> kept.Kept | None:
    now = NOW + timedelta(minutes=minutes)
    return kept.keep(parse(body, now), machine, now)


def test_the_figures_come_back_with_time_and_account(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    assert kept.load(machine) == kept.Kept(
        usage=Usage(quotas=(FIVE_HOUR, WEEKLY), source="local"),
        at=NOW,
        account=ADA,
        replies={"s1": "41200"},
    )


@posix
def test_the_file_is_its_owner_s_alone_and_no_other_is_left(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    path = Path(kept.path_of(machine))
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "body",
    [None, {}, {"session_id": "s2", "rate_limits": None}, document("s2", five_hour=window(105))],
)
def test_a_document_without_figures_forgets_nothing(home: Path, body: Any) -> None:
    machine = make_machine(home)
    before = keep(machine, document())
    assert keep(machine, body, minutes=5) == before
    assert kept.load(machine) == before


def test_the_newest_of_several_sessions_is_kept(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document("s1", five_hour=window(41.7)))
    keep(machine, document("s2", five_hour=window(50)), minutes=5)
    found = kept.load(machine)
    assert found is not None
    assert (found.usage.quotas[0].used, found.at) == (d(50), NOW + timedelta(minutes=5))


def test_an_idle_session_that_draws_its_line_anew_brings_no_news(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document("s1", 100, five_hour=window(41.7)))
    after = keep(machine, document("s2", 100, five_hour=window(50)), minutes=5)
    assert keep(machine, document("s1", 100, five_hour=window(41.7)), minutes=9) == after
    assert kept.load(machine) == after


def test_the_next_reply_of_that_session_does(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document("s1", 100, five_hour=window(41.7)))
    keep(machine, document("s1", 200, five_hour=window(41.7)), minutes=5)
    found = kept.load(machine)
    assert found is not None
    assert found.at == NOW + timedelta(minutes=5)


def test_without_a_count_of_replies_every_document_is_news(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document("s1", None))
    found = keep(machine, document("s1", None), minutes=5)
    assert found is not None
    assert found.at == NOW + timedelta(minutes=5)


def test_only_the_last_sessions_are_remembered(home: Path) -> None:
    machine = make_machine(home)
    for number in range(30):
        keep(machine, document(f"s{number}"))
    found = kept.load(machine)
    assert found is not None
    assert list(found.replies) == [f"s{number}" for number in range(10, 30)]


def test_each_configuration_folder_has_figures_of_its_own(home: Path) -> None:
    usual = make_machine(home)
    other = make_machine(home, {"CLAUDE_CONFIG_DIR": str(home / "work")})
    sign_in(home / "work" / ".claude.json", "work@example.com")
    keep(usual, document())
    assert kept.load(other) is None
    keep(other, document())
    found = kept.load(other)
    assert found is not None
    assert found.account == "work@example.com"
    assert kept.load(usual) != found


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 2}',
        b"[" * 100_000,
        b"\xff\xfe\x00",
        b'{"version": 1, "at": 1e400}',
    ],
)
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(home: Path, data: bytes) -> None:
    machine = make_machine(home)
    path = Path(kept.path_of(machine))
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    assert kept.load(machine) is None
    keep(machine, document())
    assert kept.load(machine) is not None


@posix
@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_that_cannot_be_written_costs_the_store_alone(home: Path) -> None:
    machine = make_machine(home)
    Path(machine.cache_dir).mkdir(parents=True, mode=0o500)
    assert keep(machine, document()) is not None


def test_a_cache_directory_that_is_none_costs_the_store_alone(home: Path) -> None:
    (home / "file").write_text("")
    machine = make_machine(home, cache_dir=str(home / "file" / "cache"))
    assert keep(machine, document()) is not None
    assert kept.load(machine) is None


@settings(deadline=None)
@given(
    st.binary(max_size=200)
    | mutated({"version": 1, "at": 1.0, "account": ADA, "replies": {}, "usage": {}}).map(
        lambda body: json.dumps(body).encode()
    )
)
def test_whatever_stands_in_the_file_loading_never_fails(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        machine = make_machine(Path(name))
        path = Path(kept.path_of(machine))
        path.parent.mkdir(parents=True)
        path.write_bytes(data)
        kept.load(machine)


# -- whose they are ---------------------------------------------------------------------------------


def credential(*, from_login: bool = True) -> Credential:
    look: Callable[[], Credential | None] | None = (lambda: None) if from_login else None
    return Credential(secret=Secret("sk-ant-oat01-fake"), origin="somewhere", kind="oauth", reread=look)


def test_the_login_of_the_capture_is_their_account(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    found = kept.recall(CLAUDE, credential(), machine)
    assert found is not None
    assert (found.usage.account, found.usage.source, found.at) == (ADA, "local", NOW)
    assert found.usage.quotas == (FIVE_HOUR, WEEKLY)


def test_after_a_change_of_login_they_are_not_shown(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    sign_in(home / ".claude.json", "eve@example.com")
    assert kept.recall(CLAUDE, credential(), machine) is None
    assert kept.recall(CLAUDE, None, machine) is None


def test_without_any_login_now_they_are_shown_as_whose_they_were(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    sign_in(home / ".claude.json", None)
    found = kept.recall(CLAUDE, None, machine)
    assert found is not None
    assert found.usage.account == ADA


def test_a_login_does_not_take_figures_of_nobody(home: Path) -> None:
    machine = make_machine(home)
    sign_in(home / ".claude.json", None)
    keep(machine, document())
    sign_in(home / ".claude.json", ADA)
    assert kept.recall(CLAUDE, credential(), machine) is None


def test_figures_of_nobody_claim_no_account(home: Path) -> None:
    machine = make_machine(home)
    (home / ".claude.json").unlink()
    keep(machine, document())
    found = kept.recall(CLAUDE, None, machine)
    assert found is not None
    assert found.usage.account is None


def test_a_token_of_the_environment_may_be_another_s(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    assert kept.recall(CLAUDE, credential(from_login=False), machine) is None


def test_what_claude_code_was_told_with_such_a_token_is_nobody_s(home: Path) -> None:
    found = keep(make_machine(home, {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-fake"}), document())
    assert found is not None
    assert found.account is None


def test_a_configured_credential_may_be_another_s(home: Path) -> None:
    machine = make_machine(home)
    keep(machine, document())
    service = Service(
        name="claude", provider="claude", credential={"": CredentialSource("value", "sk-ant-sid01-fake")}
    )
    assert kept.recall(service, credential(), machine) is None


def test_a_window_whose_reset_has_passed_is_left_out_and_a_note_says_so(home: Path) -> None:
    keep(make_machine(home), document())
    found = kept.recall(CLAUDE, None, make_machine(home, clock=lambda: SOON + timedelta(minutes=1)))
    assert found is not None
    assert found.usage.quotas == (WEEKLY,)
    assert found.usage.notes == (
        "a window was reset since these figures were read; what is used of it is not known",
        "as Claude Code was told on 2026-11-21 at 08:00 UTC; what was used elsewhere since is not in it",
    )


@pytest.mark.parametrize("now", [LATER, NOW - timedelta(seconds=1)])
def test_nothing_is_left_after_the_last_reset_or_before_the_figures(home: Path, now: datetime) -> None:
    keep(make_machine(home), document())
    assert kept.recall(CLAUDE, None, make_machine(home, clock=lambda: now)) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"oauthAccount": {"emailAddress": "ada@example.com"}}', ADA),
        ('{"a": "\\"oauthAccount\\": {\\"emailAddress\\": \\"no@example.com\\"}"}', None),
        ('{"oauthAccount": null}', None),
        ('{"oauthAccount": {"emailAddress": 7}}', None),
        ('{"oauthAccount": {"emailAddress"', None),
        ("", None),
    ],
)
def test_the_login_that_stands_on_disk(own_home: Path, text: str, expected: str | None) -> None:
    (own_home / ".claude.json").write_text(text, encoding="utf-8")
    assert kept.login(make_machine(own_home)) == expected
