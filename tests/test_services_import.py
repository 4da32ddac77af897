"""`usagecli services import`: services from a .env file, settings from a dashboard.properties."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli import Outcome, configure
from tests.keyrings import FileKeyring, NoKeyring
from tests.services import GOOD, OTHER, config_path, secret_files, services, written
from usagecli import registry
from usagecli.commands._import import _variables
from usagecli.errors import ConfigError

pytestmark = pytest.mark.usefixtures("fixed_clock", "file_keyring")

PROPERTIES = """\
# the dashboard's settings
GITHUB_USERNAME=octo-sample
COPILOT_PRO_MONTHLY_LIMIT=1500

refresh.seconds = 60
"""


@pytest.fixture(autouse=True)
def nobody_is_asked(no_network: Any) -> Iterator[None]:
    yield
    assert no_network.call_count == 0


def import_(folder: Path, text: str, *args: str, name: str = ".env", code: int = 0) -> Outcome:
    (folder / name).write_text(text, encoding="utf-8")
    outcome = services("import", str(folder / name), *args)
    assert outcome.code == code, outcome.err
    return outcome


# -- .env -------------------------------------------------------------------------------------------


def test_each_credential_becomes_a_service(tmp_path: Path, file_keyring: FileKeyring) -> None:
    text = f"export OPENROUTER_API_KEY={GOOD}\nZAI_API_KEY='zai-fake'\nEDITOR=vi\nPAGER=less\nEMPTY=\n"
    outcome = import_(tmp_path, text)
    assert outcome.out.splitlines() == [
        "Added openrouter (openrouter), credential: keyring usagecli/openrouter:api_key",
        "Added zai (zai), credential: keyring usagecli/zai",
    ]
    assert outcome.err == "Left alone, because no provider knows them: EDITOR, PAGER, EMPTY\n"
    assert written() == [
        {
            "name": "openrouter",
            "provider": "openrouter",
            "credential": {"api_key": {"keyring": "usagecli/openrouter:api_key"}},
        },
        {"name": "zai", "provider": "zai", "credential": {"keyring": "usagecli/zai"}},
    ]
    assert file_keyring.entries == {"usagecli/openrouter:api_key": GOOD, "usagecli/zai": "zai-fake"}


def test_without_a_keyring_the_secret_goes_to_a_file(tmp_path: Path) -> None:
    keyring.set_keyring(NoKeyring())
    outcome = import_(tmp_path, "ZAI_API_KEY=zai-fake\n")
    assert secret_files() == {"zai": "zai-fake"}
    assert outcome.err.startswith("No keyring was used (this machine has no working keyring)")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (
            f"OPENROUTER_API_KEY={GOOD}\nOPENROUTER_MANAGEMENT_API_KEY={OTHER}\n",
            [["api_key", "management_api_key"]],
        ),
        (f"OPENROUTER_MANAGEMENT_API_KEY={OTHER}\n", [["management_api_key"]]),
        (f"OPENROUTER_API_KEY={GOOD}\nOPENROUTER_KEY={OTHER}\n", [["api_key"], ["api_key"]]),
        (f"OPENROUTER_API_KEY={GOOD}\nOPENROUTER_KEY={GOOD}\n", [["api_key"]]),
        ("CHATGPT_ACCESS_TOKEN=t-fake\nCHATGPT_ACCOUNT_ID=acc-fake\n", [["access_token", "account_id"]]),
        (
            "AWS_ACCESS_KEY_ID=AKIAFAKE\nAWS_SECRET_ACCESS_KEY=s-fake\n",
            [["access_key_id", "secret_access_key"]],
        ),
        ("GH_TOKEN=gho_fake\nGITHUB_TOKEN=gho_fake\n", [["keyring"]]),
    ],
)
def test_secrets_that_go_together_make_one_service(tmp_path: Path, text: str, parts: list[list[str]]) -> None:
    import_(tmp_path, text)
    assert [list(service["credential"]) for service in written()] == parts


@pytest.mark.parametrize(
    ("text", "code", "told"),
    [
        # Only one of a pair.
        ("CHATGPT_ACCESS_TOKEN=t-fake\n", 2, "holds no variable that a provider knows"),
        # Not a token that a request could carry.
        ("CODEX_ACCESS_TOKEN=signed-fake\n", 2, "holds no variable that a provider knows"),
        # A setting of a provider, but no secret.
        ("AWS_REGION=us-east-1\n", 0, "Left alone, because there is no bedrock service: AWS_REGION\n"),
    ],
)
def test_what_makes_no_service(tmp_path: Path, text: str, code: int, told: str) -> None:
    outcome = import_(tmp_path, text, code=code)
    assert told in outcome.out + outcome.err
    assert written() == []


def test_settings_go_along_with_their_secret(tmp_path: Path) -> None:
    import_(
        tmp_path, "GITHUB_PAT=github_pat_fake\nGITHUB_USERNAME=octo-sample\nCOPILOT_PRO_MONTHLY_LIMIT=1500\n"
    )
    assert written() == [
        {
            "name": "copilot",
            "provider": "copilot",
            "credential": {"keyring": "usagecli/copilot"},
            "options": {"username": "octo-sample", "monthly_limit": 1500},
        }
    ]


def test_a_setting_of_the_wrong_kind_is_left(tmp_path: Path) -> None:
    outcome = import_(tmp_path, "GITHUB_PAT=github_pat_fake\nCOPILOT_PRO_MONTHLY_LIMIT=many\n")
    assert outcome.err == "Left alone, because no provider knows them: COPILOT_PRO_MONTHLY_LIMIT\n"
    assert "options" not in written()[0]


def test_a_second_time_nothing_changes(tmp_path: Path, file_keyring: FileKeyring) -> None:
    text = f"OPENROUTER_API_KEY={GOOD}\n"
    import_(tmp_path, text)
    before = (config_path().read_text(), file_keyring.entries)
    outcome = import_(tmp_path, text)
    assert outcome.out == "openrouter (openrouter) has that credential already\n"
    assert (config_path().read_text(), file_keyring.entries) == before


def test_another_secret_is_another_service(tmp_path: Path, file_keyring: FileKeyring) -> None:
    import_(tmp_path, f"OPENROUTER_API_KEY={GOOD}\n")
    outcome = import_(tmp_path, f"OPENROUTER_API_KEY={OTHER}\n")
    told = "Added openrouter-2 (openrouter), credential: keyring usagecli/openrouter-2:api_key\n"
    assert outcome.out == told
    assert list(file_keyring.entries.values()) == [GOOD, OTHER]


def test_a_service_whose_own_credential_fails_is_no_obstacle(tmp_path: Path) -> None:
    configure([{"name": "a", "provider": "openrouter", "credential": {"env": "NOT_SET"}}])
    import_(tmp_path, f"OPENROUTER_API_KEY={GOOD}\n")
    assert [service["name"] for service in written()] == ["a", "openrouter"]


def test_what_else_is_found_goes_along_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_PAT", "github_pat_fake")
    outcome = import_(tmp_path, "ZAI_API_KEY=zai-fake\n", "--with-found")
    assert outcome.err.startswith("Found on this machine, too: copilot.")
    assert [service["name"] for service in written()] == ["copilot", "zai"]


def test_nothing_that_any_provider_knows(tmp_path: Path) -> None:
    outcome = import_(tmp_path, "A=1\n", code=2)
    assert outcome.err == f"Error: {tmp_path / '.env'}: holds no variable that a provider knows\n"
    assert not config_path().exists()


def test_every_variable_of_every_provider_is_known() -> None:
    """A place that is named after a variable alone says so, so that it can be imported."""
    # They only run models.
    refusing = {"AZURE_OPENAI_API_KEY", "AWS_BEARER_TOKEN_BEDROCK"}
    # They name files, which are no secrets.
    files = {"GOOGLE_APPLICATION_CREDENTIALS", "AZURE_FEDERATED_TOKEN_FILE"}
    for name in registry.names():
        descriptor = registry.get(name).descriptor
        for place in descriptor.places:
            if re.fullmatch(r"[A-Z][A-Z0-9_]+", place.name) and place.name not in refusing | files:
                assert place.variables, (name, place.name)
            assert set(place.variables.values()) <= {"", *descriptor.parts}, (name, place.name)


# -- .properties ------------------------------------------------------------------------------------


def test_properties_make_the_copilot_service(tmp_path: Path) -> None:
    outcome = import_(tmp_path, PROPERTIES, name="dashboard.properties")
    assert outcome.out == "Added copilot (copilot), username: octo-sample, monthly_limit: 1500\n"
    assert outcome.err == "Left alone, because no provider knows them: refresh.seconds\n"
    assert written() == [
        {
            "name": "copilot",
            "provider": "copilot",
            "options": {"username": "octo-sample", "monthly_limit": 1500},
        }
    ]


def test_properties_complete_it_and_say_what_they_replace(tmp_path: Path) -> None:
    config_path().parent.mkdir(parents=True)
    text = (
        "services:\n  - name: mine  # at work\n    provider: copilot\n"
        "    options:\n      monthly_limit: 300  # Pro\n"
    )
    config_path().write_text(text)
    outcome = import_(tmp_path, PROPERTIES, name="dashboard.properties")
    assert outcome.out.splitlines() == [
        "mine: username is now octo-sample",
        "mine: monthly_limit is now 1500, instead of 300",
    ]
    expected = text.replace("300  # Pro\n", "1500  # Pro\n      username: octo-sample\n")
    assert config_path().read_text() == expected
    outcome = import_(tmp_path, PROPERTIES, name="dashboard.properties")
    assert outcome.out.splitlines() == [
        "mine: username is octo-sample already",
        "mine: monthly_limit is 1500 already",
    ]
    assert config_path().read_text() == expected


def test_of_two_copilot_services_none_is_guessed(tmp_path: Path) -> None:
    configure([{"name": "a", "provider": "copilot"}, {"name": "b", "provider": "copilot"}])
    before = config_path().read_text()
    outcome = import_(tmp_path, PROPERTIES, name="dashboard.properties")
    assert (
        outcome.out
        == "Left alone, because there are 2 copilot services: GITHUB_USERNAME, COPILOT_PRO_MONTHLY_LIMIT\n"
    )
    assert config_path().read_text() == before


def test_the_name_of_another_service_is_not_taken(tmp_path: Path) -> None:
    configure([{"name": "copilot", "provider": "zai"}])
    import_(tmp_path, PROPERTIES, name="dashboard.properties")
    assert [service["name"] for service in written()] == ["copilot", "copilot-2"]


# -- the format -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("A=b", ("A", "b")),
        ("  export\tA = b  ", ("A", "b")),
        ("A=b # c", ("A", "b")),
        ("A=b#c", ("A", "b#c")),
        ("A=# c", ("A", "")),
        ("A=", ("A", "")),
        ("A='b # c' # d", ("A", "b # c")),
        ("A='b\\n'", ("A", "b\\n")),
        ('A="b\\"c\\\\d" # e', ("A", 'b"c\\d')),
        ('A="b\\nc"', ("A", "b\nc")),
        ("A=b=c==", ("A", "b=c==")),
        ("A='b", ("A", "'b")),
        ("a.b-c=d", ("a.b-c", "d")),
    ],
)
def test_a_line(line: str, expected: tuple[str, str]) -> None:
    assert list(_variables(f"\n# A=x\n{line}\n", ".env")) == [expected]


def test_windows_line_ends_and_a_byte_order_mark(tmp_path: Path, file_keyring: FileKeyring) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfZAI_API_KEY=zai-fake\r\n# c\r\n")
    assert services("import", str(tmp_path / ".env")).code == 0
    assert file_keyring.entries == {"usagecli/zai": "zai-fake"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"ZAI_API_KEY=zai-fake\nfake secret\n", ":2: expected KEY=VALUE"),
        (b"\xff\xfe", ": is not UTF-8 text"),
    ],
)
def test_what_is_no_such_file(tmp_path: Path, data: bytes, told: str) -> None:
    path = tmp_path / ".env"
    path.write_bytes(data)
    outcome = services("import", str(path))
    assert (outcome.code, outcome.err) == (2, f"Error: {path}{told}\n")
    assert "does not exist" in services("import", str(tmp_path / "gone")).err


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = dict(_variables(text, ".env"))
    except ConfigError as error:
        assert re.fullmatch(r"\.env:\d+: expected KEY=VALUE", error.message)
    else:
        assert all(name and value == value.strip() for name, value in found.items())
