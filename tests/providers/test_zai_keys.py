"""Where a key of Z.ai stands, and that it never goes to the other region's host."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import requests_mock

from tests.support import make_ask, make_machine, payload
from usagecli import credentials, registry, services
from usagecli.credentials import Credential
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.model import CredentialSource, Service
from usagecli.providers._zai.credentials import CHINA, GLOBAL, accept, region_of
from usagecli.providers.zai import fetch

ZAI, BIGMODEL = "https://api.z.ai", "https://open.bigmodel.cn"
KEY = "0123456789abcdef0123456789abcdef.fake-zai-key-000"
SETTINGS, KEY_FILE = ".claude/settings.json", ".config/zai/key.json"
OPENCODE = ".local/share/opencode/auth.json"


def find(machine: Machine, base_url: str | None = None) -> Credential:
    service = Service(name="zai", provider="zai", base_url=base_url)
    return credentials.find(registry.get("zai"), service, machine)


def write(home: Path, name: str, body: Any) -> None:
    path = home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")


def claude(token: Any, url: Any) -> dict[str, Any]:
    """The variables that point Claude Code at another vendor."""
    return {"ANTHROPIC_AUTH_TOKEN": token, "ANTHROPIC_BASE_URL": url}


def opencode(**fields: Any) -> dict[str, Any]:
    return {"anthropic": {"type": "oauth"}, "zai-coding-plan": {"type": "api", **fields}}


# -- the usual places -------------------------------------------------------------------------------


def test_the_usual_places_in_their_order(own_home: Path) -> None:
    """Each is taken away once it was found; keys of both regions: the global one answers."""
    variables = {
        "ZAI_API_KEY": "fake-1",
        "Z_AI_API_KEY": "fake-2",
        "GLM_API_KEY": "fake-3",
        **claude("fake-4", "https://api.z.ai/api/anthropic"),
        "BIGMODEL_API_KEY": "fake-5",
        "ZHIPU_API_KEY": "fake-6",
        "ZHIPUAI_API_KEY": "fake-7",
    }
    write(own_home, SETTINGS, {"env": claude("fake-8", "https://api.z.ai/api/anthropic")})
    write(own_home, KEY_FILE, {"apiKey": "fake-9"})
    write(own_home, OPENCODE, opencode(key="fake-10"))
    expected = [
        *((name, "global") for name in ("ZAI_API_KEY", "Z_AI_API_KEY", "GLM_API_KEY")),
        ("ANTHROPIC_AUTH_TOKEN", "global"),
        *((name, "china") for name in ("BIGMODEL_API_KEY", "ZHIPU_API_KEY", "ZHIPUAI_API_KEY")),
        *((f"~/{name}", "global") for name in (SETTINGS, KEY_FILE, OPENCODE)),
    ]
    for number, (origin, kind) in enumerate(expected, 1):
        found = find(make_machine(own_home, variables))
        told = found.origin.replace(os.sep, "/")
        assert (found.secret.reveal(), told, found.kind) == (f"fake-{number}", origin, kind)
        variables.pop(origin, None)
        (own_home / origin.removeprefix("~/")).unlink(missing_ok=True)
    with pytest.raises(NotConfigured, match=r"no Z.ai credential was found \(looked in ZAI_API_KEY, Z_AI_"):
        find(make_machine(own_home, variables))


def test_a_blank_variable_is_none(own_home: Path) -> None:
    machine = make_machine(own_home, {"ZAI_API_KEY": " ", "Z_AI_API_KEY": " fake-2\n"})
    assert find(machine).secret.reveal() == "fake-2"


@pytest.mark.parametrize("in_settings", [True, False])
@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://api.z.ai/api/anthropic", "global"),
        (" HTTPS://API.Z.AI ", "global"),
        ("https://open.bigmodel.cn/api/anthropic", "china"),
        ("https://api.anthropic.com", None),
        ("https://api.z.ai.example.com", None),
        ("https://api.z.ai@example.com", None),
        ("https://example.com/api.z.ai", None),
        ("https://z.ai", None),
        ("https://bigmodel.cn", None),
        ("api.z.ai", None),
        ("http://[", None),
        ("", None),
        (None, None),
    ],
)
def test_claude_code_s_token_is_ours_only_with_our_host(
    own_home: Path, in_settings: bool, url: str | None, kind: str | None
) -> None:
    variables = {name: text for name, text in claude("fake", url).items() if text is not None}
    if in_settings:
        write(own_home, SETTINGS, {"env": variables})
    machine = make_machine(own_home, {} if in_settings else variables)
    if kind is None:
        with pytest.raises(NotConfigured):
            find(machine)
    else:
        assert (find(machine).secret.reveal(), find(machine).kind) == ("fake", kind)


def test_token_and_host_are_never_mixed_from_two_places(own_home: Path) -> None:
    write(own_home, SETTINGS, {"env": {"ANTHROPIC_AUTH_TOKEN": "fake"}})
    with pytest.raises(NotConfigured):
        find(make_machine(own_home, {"ANTHROPIC_BASE_URL": ZAI}))


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize(
    ("variable", "folder", "name", "body"),
    [
        (None, ".claude", "settings.json", {"env": claude("fake", ZAI)}),
        ("CLAUDE_CONFIG_DIR", "elsewhere", "settings.json", {"env": claude("fake", ZAI)}),
        (None, ".config/zai", "key.json", {"apiKey": "fake"}),
        (None, ".local/share/opencode", "auth.json", opencode(key="fake")),
        ("OPENCODE_DATA_DIR", "elsewhere", "auth.json", opencode(key="fake")),
        ("XDG_DATA_HOME", "elsewhere", "opencode/auth.json", opencode(key="fake")),
    ],
)
def test_files_are_below_the_home_on_every_platform(
    own_home: Path, platform: str, variable: str | None, folder: str, name: str, body: Any
) -> None:
    write(own_home, f"{folder}/{name}", body)
    for root in (f"~/{folder}", str(own_home / folder)):
        env = {variable: root} if variable else {}
        assert find(make_machine(own_home, env, platform=platform)).secret.reveal() == "fake"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (SETTINGS, {}),
        (SETTINGS, {"env": None}),
        (SETTINGS, {"env": claude(7, ZAI)}),
        (SETTINGS, {"env": claude("fake", ["https://api.z.ai"])}),
        (SETTINGS, {"env": claude(" ", ZAI)}),
        (KEY_FILE, {}),
        (KEY_FILE, {"apiKey": None}),
        (KEY_FILE, {"apiKey": 7}),
        (KEY_FILE, ""),
        (KEY_FILE, "two words"),
        (OPENCODE, {}),
        (OPENCODE, {"zai-coding-plan": "fake"}),
        (OPENCODE, opencode()),
        (OPENCODE, opencode(key=7)),
        (OPENCODE, opencode(key=" ")),
        (OPENCODE, {"zai": {"type": "api", "key": "fake"}}),
        (OPENCODE, ""),
    ],
)
def test_a_file_without_a_key_is_passed_over(own_home: Path, path: str, body: Any) -> None:
    write(own_home, path, body)
    with pytest.raises(NotConfigured, match="no Z.ai credential was found"):
        find(make_machine(own_home))


BROKEN = ['{"apiKey": "fake', '["fake"]', "\x00{", "7"]


@pytest.mark.parametrize("text", BROKEN)
@pytest.mark.parametrize("path", [SETTINGS, OPENCODE])
def test_a_broken_file_of_another_tool_is_no_reason_to_report(own_home: Path, path: str, text: str) -> None:
    """It is told to who asks for Z.ai, and to nobody else."""
    write(own_home, path, text)
    machine = make_machine(own_home)
    with pytest.raises(NotConfigured, match=Path(path).name) as caught:
        find(machine)
    assert caught.value.hint == "usagecli providers zai names other ways"
    assert "fake" not in caught.value.message
    assert "zai" not in [target.service.name for target in services.discover(machine)]
    write(own_home, KEY_FILE, {"apiKey": "fake"})
    assert find(machine).origin == f"~/{KEY_FILE}"


@pytest.mark.parametrize("text", BROKEN[:2])
def test_a_broken_key_file_is_named_unless_another_place_works(own_home: Path, text: str) -> None:
    write(own_home, KEY_FILE, text)
    with pytest.raises(ServiceError, match=f"^~/{KEY_FILE} ") as caught:
        find(make_machine(own_home))
    assert "fake" not in caught.value.message + str(caught.value.hint)
    assert find(make_machine(own_home, {"ZAI_API_KEY": KEY})).origin == "ZAI_API_KEY"


@pytest.mark.parametrize(
    ("path", "kind"), [(SETTINGS, NotConfigured), (KEY_FILE, ServiceError), (OPENCODE, NotConfigured)]
)
def test_an_unreadable_file_is_named(own_home: Path, path: str, kind: type[Exception]) -> None:
    (own_home / path).mkdir(parents=True)
    with pytest.raises(kind, match=f"{Path(path).name} cannot be read"):
        find(make_machine(own_home))


# -- regions ----------------------------------------------------------------------------------------

BOTH = {"ZAI_API_KEY": "fake-global", "BIGMODEL_API_KEY": "fake-china"}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (ZAI, GLOBAL),
        ("https://z.ai", GLOBAL),
        ("https://API.Z.AI:443/api/coding", GLOBAL),
        ("https://api.z.ai.", GLOBAL),
        (BIGMODEL, CHINA),
        ("https://www.bigmodel.cn", CHINA),
        ("https://bigmodel.cn", CHINA),
        ("https://notz.ai", None),
        ("https://gateway.example.com/z.ai", None),
        ("http://127.0.0.1:8080", None),
    ],
)
def test_a_base_url_names_its_region_by_its_host(url: str, expected: object) -> None:
    assert region_of(url) is expected


@pytest.mark.parametrize(
    ("base_url", "key"),
    [
        (None, "fake-global"),
        (ZAI, "fake-global"),
        (BIGMODEL, "fake-china"),
        ("https://bigmodel.cn/", "fake-china"),
        ("https://gateway.example.com", "fake-global"),
    ],
)
def test_a_service_gets_the_key_of_its_region(own_home: Path, base_url: str | None, key: str) -> None:
    assert find(make_machine(own_home, BOTH), base_url).secret.reveal() == key


@pytest.mark.parametrize(
    ("base_url", "name", "looked"),
    [(ZAI, "BIGMODEL_API_KEY", "ZAI_API_KEY"), (BIGMODEL, "ZAI_API_KEY", "BIGMODEL_API_KEY")],
)
def test_the_other_region_s_key_is_none(own_home: Path, base_url: str, name: str, looked: str) -> None:
    env = {name: KEY, **claude(KEY, {ZAI: BIGMODEL, BIGMODEL: ZAI}[base_url])}
    if base_url == BIGMODEL:
        write(own_home, KEY_FILE, {"apiKey": KEY})
        write(own_home, OPENCODE, opencode(key=KEY))
    with pytest.raises(NotConfigured, match=rf"\(looked in {looked}, "):
        find(make_machine(own_home, env), base_url)


def asked(ask_for: Any, no_network: requests_mock.Mocker) -> dict[str, set[str]]:
    """The keys that each host was shown, with every host answering."""
    no_network.get(requests_mock.ANY, json=payload("zai/no_limits"))
    fetch(ask_for)
    shown: dict[str, set[str]] = {}
    for seen in no_network.request_history:
        shown.setdefault(seen.hostname, set()).add(seen.headers["Authorization"].removeprefix("Bearer "))
    return shown


TO_GLOBAL = {"api.z.ai": {KEY}}
TO_CHINA = {"open.bigmodel.cn": {KEY}, "www.bigmodel.cn": {KEY}}


@pytest.mark.parametrize("base_url", [None, ZAI, BIGMODEL])
@pytest.mark.parametrize(("region", "shown"), [(GLOBAL, TO_GLOBAL), (CHINA, TO_CHINA)])
def test_where_a_key_of_the_environment_is_shown(
    own_home: Path, no_network: requests_mock.Mocker, base_url: str | None, region: Any, shown: Any
) -> None:
    for name in region.variables:
        machine = make_machine(own_home, {name: KEY})
        if base_url in (None, region.base_url):
            assert asked(make_ask("zai", machine, base_url=base_url), no_network) == shown
        else:
            with pytest.raises(NotConfigured):
                make_ask("zai", machine, base_url=base_url)


@pytest.mark.parametrize(("base_url", "shown"), [(None, TO_GLOBAL), (ZAI, TO_GLOBAL), (BIGMODEL, TO_CHINA)])
def test_a_configured_key_goes_where_base_url_says(
    machine: Machine, no_network: requests_mock.Mocker, base_url: str | None, shown: Any
) -> None:
    assert asked(make_ask("zai", machine, secret=KEY, base_url=base_url), no_network) == shown


@pytest.mark.parametrize(
    "base_url",
    ["https://open.bigmodel.cn/api/paas/v4", "https://OPEN.bigmodel.cn:443", "https://bigmodel.cn"],
)
def test_a_region_is_asked_at_its_own_host_whatever_the_path(
    machine: Machine, no_network: requests_mock.Mocker, base_url: str
) -> None:
    assert asked(make_ask("zai", machine, secret=KEY, base_url=base_url), no_network) == TO_CHINA


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("BIGMODEL_API_KEY", "china"),
        ("ZHIPUAI_API_KEY", "china"),
        ("GLM_API_KEY", "global"),
        ("WORK_KEY", "global"),
    ],
)
def test_the_variable_of_a_configured_key_tells_its_region(own_home: Path, name: str, kind: str) -> None:
    service = Service(name="x", provider="zai", credential={"": CredentialSource("env", name)})
    found = credentials.find(registry.get("zai"), service, make_machine(own_home, {name: KEY}))
    assert (found.secret.reveal(), found.kind) == (KEY, kind)


@pytest.mark.parametrize("text", [KEY, f" {KEY}\n", json.dumps({"apiKey": KEY})])
def test_a_configured_key_in_any_shape(machine: Machine, text: str) -> None:
    found = accept({"": text}, "the config file", machine)
    assert (found.secret.reveal(), found.origin, found.kind) == (KEY, "the config file", "global")


@pytest.mark.parametrize("text", ["two fake words", "{}", '{"apiKey": 7}', '{"apiKey": "fake'])
def test_a_configured_text_without_a_key(machine: Machine, text: str) -> None:
    with pytest.raises(ServiceError, match="^the Z.ai credential ") as caught:
        accept({"": text}, "the config file", machine)
    assert "fake" not in caught.value.message + str(caught.value.hint)
