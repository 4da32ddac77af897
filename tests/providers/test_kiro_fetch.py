"""How Kiro is asked, what a refusal costs, and where logins and figures stand."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
import requests_mock

from tests.cli import run
from tests.providers.test_kiro import BOX, FREE, POWER, quota
from tests.support import NOW, Reply, Route, Server, make_ask, make_machine, payload, serve, utc
from tests.vscode import write_state, write_table
from usagecli import credentials, registry
from usagecli.credentials import Credential
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.local import as_told
from usagecli.machine import Machine
from usagecli.model import Service, Usage
from usagecli.providers._kiro import program
from usagecli.providers._kiro.credentials import accept, region_of
from usagecli.providers.kiro import fetch

TOKEN = "aoa-fake-token"
ARN = "arn:aws:codewhisperer:eu-central-1:123456789012:profile/FAKE"
LIMITS = "/getUsageLimits"
FILE = ".aws/sso/cache/kiro-auth-token.json"
WHOLE = {"origin": ["AI_EDITOR"], "resourceType": ["AGENTIC_REQUEST"], "isEmailRequired": ["true"]}


def login(home: Path, **more: Any) -> Path:
    """The login of the editor."""
    path = home / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    body = {
        "accessToken": TOKEN,
        "refreshToken": "fake-refresh",
        "expiresAt": "2026-11-21T09:00:00.000Z",
        **more,
    }
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def cli_login(home: Path, folder: str = ".local/share/kiro-cli", token: str = TOKEN) -> Path:
    """The login of `kiro-cli`."""
    path = home / folder / "data.sqlite3"
    body = {
        "access_token": token,
        "refresh_token": "fake",
        "expires_at": "2026-11-21T09:00:00Z",
        "region": "us-west-2",
    }
    write_table(path, {"kirocli:odic:token": body}, "auth_kv")
    return write_table(path, {"api.codewhisperer.profile": {"arn": ARN, "profile_name": "x"}}, "state")


def read(machine: Machine, routes: Mapping[str, Route], secret: Any = None) -> tuple[Usage, Server]:
    with serve(routes) as server:
        return fetch(make_ask("kiro", machine, secret=secret, base_url=server.url, timeout_s=8)), server


def failure(machine: Machine, routes: Mapping[str, Route], secret: Any = None) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        read(machine, routes, secret)
    assert "fake" not in caught.value.message
    return caught.value


# -- what is asked ----------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("more", "query", "headers"),
    [
        ({}, {}, {}),
        ({"profileArn": ARN}, {"profileArn": [ARN]}, {}),
        ({"provider": "Google", "authMethod": "social"}, {}, {}),
        ({"provider": "ExternalIdp"}, {}, {"tokentype": "EXTERNAL_IDP"}),
        ({"provider": "Internal"}, {}, {"redirect-for-internal": "true"}),
    ],
)
def test_the_editor_s_form(
    own_home: Path, machine: Machine, more: dict[str, Any], query: Any, headers: dict[str, str]
) -> None:
    login(own_home, **more)
    found, server = read(machine, {LIMITS: Reply(payload("kiro/power"))})
    assert found == POWER
    (seen,) = server.seen
    assert (seen.method, seen.path, parse_qs(seen.query)) == ("GET", LIMITS, {**WHOLE, **query})
    assert (seen.headers["authorization"], seen.headers["accept"]) == (f"Bearer {TOKEN}", "application/json")
    sent = {
        name: seen.headers[name] for name in ("tokentype", "redirect-for-internal") if name in seen.headers
    }
    assert sent == headers


@pytest.mark.parametrize(
    ("more", "region"),
    [
        ({"profileArn": ARN}, "eu-central-1"),
        # The token's own region is that of the sign-in.
        ({"region": "ap-southeast-2"}, "us-east-1"),
        ({"profileArn": "arn:aws:codewhisperer:evil.example.com/:1:profile/X"}, "us-east-1"),
    ],
)
def test_the_host_is_that_of_the_profile_s_region(
    own_home: Path, machine: Machine, no_network: requests_mock.Mocker, more: dict[str, Any], region: str
) -> None:
    login(own_home, **more)
    no_network.get(f"https://q.{region}.amazonaws.com{LIMITS}", json=payload("kiro/power"))
    assert fetch(make_ask("kiro", machine)) == POWER


@pytest.mark.parametrize(
    "arn", [None, "", "x", "arn:aws:s3:eu-west-1:1:x", "arn:aws:codewhisperer::1:x", f"{ARN}\n"]
)
def test_a_profile_without_a_region(arn: str | None) -> None:
    assert region_of(arn) == "us-east-1"


@pytest.mark.sockets
def test_the_cli_s_login_is_asked_in_the_same_form(own_home: Path, machine: Machine) -> None:
    cli_login(own_home)
    found, server = read(machine, {LIMITS: Reply(payload("kiro/power"))})
    assert found == POWER
    assert [parse_qs(seen.query) for seen in server.seen] == [{**WHOLE, "profileArn": [ARN]}]


@pytest.mark.sockets
@pytest.mark.parametrize("first", [Reply({}, 404), Reply({}, 500), Reply({})])
def test_else_in_the_cli_s_own(own_home: Path, machine: Machine, first: Reply) -> None:
    cli_login(own_home)
    found, server = read(machine, {LIMITS: first, "/": Reply(payload("kiro/power"))})
    assert found == POWER
    seen = server.seen[-1]
    assert (seen.method, seen.path, seen.json()) == ("POST", "/", {"profileArn": ARN})
    names = ("authorization", "x-amz-target", "content-type")
    assert [seen.headers[name] for name in names] == [
        f"Bearer {TOKEN}",
        "AmazonCodeWhispererService.GetUsageLimits",
        "application/x-amz-json-1.0",
    ]


def test_the_host_of_the_cli_s_form(
    own_home: Path, machine: Machine, no_network: requests_mock.Mocker
) -> None:
    cli_login(own_home)
    no_network.get(f"https://q.eu-central-1.amazonaws.com{LIMITS}", status_code=404)
    no_network.post("https://codewhisperer.eu-central-1.amazonaws.com/", json=payload("kiro/power"))
    assert fetch(make_ask("kiro", machine)) == POWER


@pytest.mark.sockets
def test_where_both_forms_fail_the_first_speaks(own_home: Path, machine: Machine) -> None:
    cli_login(own_home)
    error = failure(machine, {LIMITS: Reply({}, 500), "/": Reply({}, 401)})
    assert (error.kind, "(500)" in error.message) == ("unavailable", True)


@pytest.mark.sockets
def test_a_login_that_was_renewed_meanwhile(own_home: Path, machine: Machine) -> None:
    login(own_home, accessToken="fake-old")
    with serve({LIMITS: [Reply({}, 403), Reply(payload("kiro/power"))]}) as server:
        ask = make_ask("kiro", machine, base_url=server.url)
        login(own_home)
        assert fetch(ask) == POWER
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer fake-old", f"Bearer {TOKEN}"]


# -- refusals ---------------------------------------------------------------------------------------


@pytest.mark.sockets
@pytest.mark.parametrize(
    ("reply", "kind", "hint"),
    [
        (Reply({}, 401), AuthError, "OPEN"),
        (Reply({"__type": "AccessDeniedException", "message": "x"}, 403), AuthError, "OPEN"),
        (Reply({"message": "The bearer token included in the request is invalid."}, 403), AuthError, "OPEN"),
        (Reply({"__type": "com.amazon#AccessDeniedException"}, 400), AuthError, "OPEN"),
        (
            Reply({"__type": "ValidationException", "message": "profileArn is required"}, 400),
            AuthError,
            "sign in again: OPEN",
        ),
        (Reply({}, 400, {"x-amzn-ErrorType": "ThrottlingException"}), RateLimited, None),
        (Reply({"__type": "ThrottlingException"}, 429), RateLimited, None),
        (Reply({}, 429, {"Retry-After": "60"}), RateLimited, None),
        (Reply({}, 500), Unavailable, "try again later"),
        (Reply({}, 400), PayloadError, "check base_url and the options of the service"),
        (Reply({"usageBreakdownList": []}), PayloadError, None),
        (Reply(b"<html>"), PayloadError, None),
    ],
)
@pytest.mark.parametrize(("cli", "renew"), [(False, "open Kiro and sign in"), (True, "run: kiro-cli login")])
def test_refusals(
    own_home: Path,
    machine: Machine,
    reply: Reply,
    kind: type[ProviderError],
    hint: str | None,
    cli: bool,
    renew: str,
) -> None:
    cli_login(own_home) if cli else login(own_home)
    error = failure(machine, {LIMITS: reply, "/": reply})
    assert (type(error), error.hint) == (kind, hint and hint.replace("OPEN", renew))


# -- where logins stand -----------------------------------------------------------------------------


def find(machine: Machine, *, named: bool = True) -> Credential:
    service = Service(name="kiro", provider="kiro", named=named)
    return credentials.find(registry.get("kiro"), service, machine)


@pytest.mark.parametrize(
    ("platform", "env", "folder"),
    [
        ("linux", {}, ".local/share/kiro-cli"),
        ("linux", {"XDG_DATA_HOME": "HOME/xdg"}, "xdg/kiro-cli"),
        ("linux", {"XDG_DATA_HOME": "xdg"}, ".local/share/kiro-cli"),
        ("darwin", {}, "Library/Application Support/kiro-cli"),
        ("win32", {"LOCALAPPDATA": "HOME/local"}, "local/kiro-cli"),
        ("win32", {}, "AppData/Local/kiro-cli"),
        ("linux", {"KIRO_DATA_DIR": "HOME/own"}, "own"),
        ("darwin", {"KIRO_DATA_DIR": "~/own"}, "own"),
    ],
)
def test_the_usual_places_in_their_order(
    own_home: Path, platform: str, env: dict[str, str], folder: str
) -> None:
    env = {name: value.replace("HOME/", f"{own_home}{os.sep}") for name, value in env.items()}
    machine = make_machine(own_home, env, platform=platform)
    file, database = login(own_home), cli_login(own_home, folder, "fake-cli")
    found = find(machine)
    assert (found.secret.reveal(), found.kind, found.origin) == (TOKEN, "ide", f"~/{FILE}")
    file.unlink()
    found = find(machine)
    assert (found.secret.reveal(), found.kind) == ("fake-cli", "cli")
    assert found.origin.replace("\\", "/") == f"~/{folder}/data.sqlite3"
    assert found.facts == {"profile_arn": ARN, "provider": None}
    database.unlink()
    with pytest.raises(NotConfigured, match="^no Kiro credential was found"):
        find(machine)


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", ".config/Kiro"),
        ("darwin", "Library/Application Support/Kiro"),
        ("win32", "AppData/Roaming/Kiro"),
    ],
)
@pytest.mark.parametrize(
    ("own", "text", "arn"),
    [
        (None, json.dumps({"arn": ARN}), ARN),
        ("arn:own", json.dumps({"arn": ARN}), "arn:own"),
        (None, "{broken", None),
        (None, "{}", None),
        (None, None, None),
    ],
)
def test_the_profile_beside_the_editor_s_login(
    own_home: Path, platform: str, folder: str, own: str | None, text: str | None, arn: str | None
) -> None:
    login(own_home, profileArn=own)
    if text is not None:
        path = own_home / folder / "User/globalStorage/kiro.kiroagent/profile.json"
        path.parent.mkdir(parents=True)
        path.write_text(text, encoding="utf-8")
    assert find(make_machine(own_home, platform=platform)).facts["profile_arn"] == arn


def test_a_cli_without_a_profile(own_home: Path, machine: Machine) -> None:
    write_table(
        own_home / ".local/share/kiro-cli/data.sqlite3",
        {"kirocli:odic:token": {"access_token": TOKEN}},
        "auth_kv",
    )
    assert find(machine).facts["profile_arn"] is None


@pytest.mark.parametrize("body", ["{}", '{"accessToken": " "}', '{"accessToken": 7}'])
def test_a_file_without_a_token(own_home: Path, machine: Machine, body: str) -> None:
    login(own_home).write_text(body, encoding="utf-8")
    with pytest.raises(NotConfigured):
        find(machine)


def test_a_file_that_is_cut_off(own_home: Path, machine: Machine) -> None:
    login(own_home).write_text('{"accessToken": "fake', encoding="utf-8")
    with pytest.raises(ServiceError, match="is not valid JSON") as caught:
        find(machine)
    assert caught.value.hint == "open Kiro and sign in"


@pytest.mark.parametrize(
    ("text", "arn"),
    [
        (TOKEN, None),
        (json.dumps({"accessToken": TOKEN, "profileArn": ARN}), ARN),
        (json.dumps({"access_token": TOKEN}), None),
    ],
)
def test_a_configured_credential(machine: Machine, text: str, arn: str | None) -> None:
    found = accept({"": text}, "env MINE", machine)
    assert (found.secret.reveal(), found.facts["profile_arn"], found.origin) == (TOKEN, arn, "env MINE")
    with pytest.raises(ServiceError, match="^env MINE holds no login of Kiro$"):
        accept({"": "{}"}, "env MINE", machine)


# -- figures without a login ------------------------------------------------------------------------

STATE_AT = utc("2026-11-20T09:00:00")
STATE = Usage(
    quotas=(
        quota("credits", "Credits", "31.5", "50", utc("2026-12-01T00:00:00")),
        quota("trial", "Trial credits", "100", "500", utc("2026-11-30T00:00:00")),
    ),
    notes=(as_told("Kiro", STATE_AT),),
    source="local",
    as_of=STATE_AT,
)


def state(machine: Machine, **more: Any) -> Path:
    usage = {**payload("kiro/usage_state"), **more}
    return write_state(machine, "Kiro", {"kiro.kiroAgent": {"kiro.resourceNotifications.usageState": usage}})


def log_line(at: datetime, reply: Any, command: str = "GetUsageLimitsCommand") -> str:
    """A line of the log: it tells the time of this machine."""
    told = {"commandName": command, "input": {"origin": "AI_EDITOR"}, "output": reply}
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}.123 [info] {json.dumps(told)}\n"


def log(home: Path, text: str, session: str = "20261120T090000/window1") -> Path:
    path = home / f".config/Kiro/logs/{session}/exthost/kiro.kiroAgent/q-client.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_editor_s_state(machine: Machine) -> None:
    state(machine)
    assert fetch(make_ask("kiro", machine)) == STATE


def test_a_login_goes_before_figures(own_home: Path, machine: Machine) -> None:
    state(machine)
    cli_login(own_home)
    assert find(machine).kind == "cli"


@pytest.mark.parametrize("more", [{"timestamp": None}, {"usageBreakdowns": []}, {"usageBreakdowns": None}])
def test_a_state_without_figures(machine: Machine, more: dict[str, Any]) -> None:
    state(machine, **more)
    with pytest.raises(NotConfigured):
        find(machine)


def iso(reply: Any) -> Any:
    """A reply as the log has it: resets are text there."""
    return {**reply, "nextDateReset": "2026-12-02T00:00:00.000Z"}


def test_the_newest_line_of_all_logs(own_home: Path, machine: Machine) -> None:
    old, new = NOW - timedelta(hours=5), NOW - timedelta(hours=2)
    log(
        own_home,
        log_line(old, payload("kiro/power"))
        + log_line(new, iso(payload("kiro/free")))
        + log_line(NOW, {"x": 1}, "ListModelsCommand")
        + "2026-11-21 07:59:59.000 [error] GetUsageLimitsCommand failed\n"
        + log_line(NOW, "GetUsageLimitsCommand in a text"),
    )
    log(own_home, log_line(NOW - timedelta(hours=3), payload("kiro/power")), "20261121T000000/window2")
    assert fetch(make_ask("kiro", machine)) == replace(
        FREE, source="local", as_of=new, notes=(*FREE.notes, as_told("Kiro", new))
    )


def test_the_newer_of_state_and_log(own_home: Path, machine: Machine) -> None:
    state(machine)
    path = log(own_home, log_line(STATE_AT - timedelta(hours=1), payload("kiro/power")))
    assert fetch(make_ask("kiro", machine)) == STATE
    path.write_text(log_line(STATE_AT + timedelta(hours=1), payload("kiro/power")), encoding="utf-8")
    assert fetch(make_ask("kiro", machine)).plan == POWER.plan


def test_a_broken_state_leaves_the_log(own_home: Path, machine: Machine) -> None:
    state(machine).write_bytes(b"no database " * 99)
    log(own_home, log_line(STATE_AT, payload("kiro/power")))
    assert fetch(make_ask("kiro", machine)) == replace(
        POWER, source="local", as_of=STATE_AT, notes=STATE.notes
    )


@pytest.mark.parametrize("text", ["", "nonsense\n", "2026-13-45 00:00:00.000 [info] {}\n"])
def test_a_log_without_figures(own_home: Path, machine: Machine, text: str) -> None:
    log(own_home, text)
    with pytest.raises(NotConfigured):
        find(machine)


def test_figures_of_a_month_that_is_over(machine: Machine) -> None:
    state(machine)
    later = replace(machine, clock=lambda: datetime(2026, 12, 5, tzinfo=UTC))
    found = fetch(make_ask("kiro", later))
    assert (found.quotas, len(found.notes)) == ((), 2)


def test_the_document_of_figures(own_home: Path, fixed_clock: None) -> None:
    state(make_machine(own_home))
    document = run("kiro", "--json").document
    assert (document["source"], document["fetchedAt"]) == ("local", "2026-11-20T09:00:00Z")


# -- kiro-cli ---------------------------------------------------------------------------------------


@pytest.fixture
def with_program(own_home: Path) -> Machine:
    """A machine with a `kiro-cli` that prints what the file beside it holds."""
    if os.name == "nt":
        pytest.skip("the stand-in is a shell script")
    path = own_home / "bin" / "kiro-cli"
    path.parent.mkdir()
    path.write_text(
        '#!/bin/sh\necho "$*" > "$HOME/asked"\n'
        'while IFS= read -r line; do printf "%s\\n" "$line"; done < "$HOME/box"\n',
        encoding="utf-8",
    )
    path.chmod(0o755)
    (own_home / "box").write_text(BOX, encoding="utf-8")
    return make_machine(own_home, {"PATH": str(path.parent), "HOME": str(own_home)})


def test_what_kiro_cli_prints(own_home: Path, with_program: Machine) -> None:
    assert fetch(make_ask("kiro", with_program)) == program.parse(BOX)
    assert (own_home / "asked").read_text(encoding="utf-8") == "chat --no-interactive /usage\n"


def test_figures_of_a_month_that_is_over_do_not_stand_before_kiro_cli(with_program: Machine) -> None:
    state(with_program)
    assert find(with_program).kind == "local"
    later = replace(with_program, clock=lambda: datetime(2026, 12, 5, tzinfo=UTC))
    assert find(later).kind == "program"


def test_figures_that_cannot_be_read_do_not_stand_before_kiro_cli(with_program: Machine) -> None:
    state(with_program, usageBreakdowns=[{}])
    assert find(with_program).kind == "program"


def test_a_program_alone_is_no_account(own_home: Path, with_program: Machine) -> None:
    with pytest.raises(NotConfigured):
        find(with_program, named=False)
    (own_home / ".kiro").mkdir()
    assert find(with_program, named=False).kind == "program"


def test_a_kiro_cli_that_is_not_signed_in(own_home: Path, with_program: Machine) -> None:
    (own_home / "box").write_text("You are not logged in\n", encoding="utf-8")
    with pytest.raises(NotConfigured, match="kiro-cli is not signed in") as caught:
        fetch(make_ask("kiro", with_program))
    assert caught.value.hint == "run: kiro-cli login"


def test_a_kiro_cli_that_hangs(
    own_home: Path, with_program: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "_LONGEST_S", 0.3)
    (own_home / "bin" / "kiro-cli").write_text("#!/bin/sh\nexec /bin/sleep 60\n", encoding="utf-8")
    with pytest.raises(Unavailable, match="kiro-cli did not answer in time"):
        fetch(make_ask("kiro", with_program))


def test_a_kiro_cli_that_cannot_be_run(own_home: Path, with_program: Machine) -> None:
    ask = make_ask("kiro", with_program)
    (own_home / "bin" / "kiro-cli").unlink()
    with pytest.raises(Unavailable, match="kiro-cli cannot be run"):
        fetch(ask)
