"""The two regions of Z.ai, the usual homes of a key, and to which of them each belongs.

A key is worth something at its own region only, and is never sent to the other: the variable or
file in which it stands says which that is, and a service's `base_url` where it names one of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from usagecli import urls, wire
from usagecli.credentials import (
    KEY_FILE_HINT,
    Credential,
    Place,
    Secret,
    env_place,
    key_in,
    parse_json,
    read_text,
)
from usagecli.errors import NotConfigured, ServiceError
from usagecli.machine import Machine
from usagecli.providers._opencode.credentials import login_file

_OTHER_WAYS = "usagecli providers zai names other ways"
_KEY_FILE = "~/.config/zai/key.json"
_OPENCODE_ENTRY = "zai-coding-plan"


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One of the vendor's two sites. `name` is the `kind` of its credentials."""

    name: str
    title: str
    # Every host below it is the region's; `host` is the one of the API.
    domain: str
    host: str
    variables: tuple[str, ...]
    key_page: str
    plan_page: str

    @property
    def base_url(self) -> str:
        return f"https://{self.host}"

    def serves(self, base_url: str) -> bool:
        """Whether a key of this region may go to a service's `base_url`: not to the other region."""
        return region_of(base_url) in (None, self)


GLOBAL = Region(
    name="global",
    title="Z.ai",
    domain="z.ai",
    host="api.z.ai",
    variables=("ZAI_API_KEY", "Z_AI_API_KEY", "GLM_API_KEY"),
    key_page="https://z.ai/manage-apikey/apikey-list",
    plan_page="https://z.ai/subscribe",
)
CHINA = Region(
    name="china",
    title="BigModel",
    domain="bigmodel.cn",
    host="open.bigmodel.cn",
    variables=("BIGMODEL_API_KEY", "ZHIPU_API_KEY", "ZHIPUAI_API_KEY"),
    key_page="https://bigmodel.cn/usercenter/proj-mgmt/apikeys",
    plan_page="https://bigmodel.cn (or https://z.ai/subscribe)",
)
REGIONS = (GLOBAL, CHINA)


def region_of(url: str) -> Region | None:
    """The region that a base URL names by its host; None for a gateway."""
    return next((region for region in REGIONS if urls.within(url, region.domain)), None)


def places() -> tuple[Place, ...]:
    """The environment before files, and in each the global region before China."""
    return (
        *_places_in_environment(GLOBAL),
        *_places_in_environment(CHINA),
        _claude_settings(GLOBAL),
        Place(name=_KEY_FILE, look=_key_file, serves=GLOBAL.serves),
        Place(name=f"OpenCode's auth.json ({_OPENCODE_ENTRY})", look=_opencode, serves=GLOBAL.serves),
        _claude_settings(CHINA),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, as it stands or in JSON; of the region whose variable holds it, else global."""
    key = key_in(next(iter(parts.values())), "the Z.ai credential")
    if key is None:
        raise ServiceError("the Z.ai credential holds no key", hint=KEY_FILE_HINT)
    region = CHINA if origin.removeprefix("env ") in CHINA.variables else GLOBAL
    return Credential(secret=Secret(key), origin=origin, kind=region.name)


def _places_in_environment(region: Region) -> Iterator[Place]:
    for name in region.variables:
        yield replace(env_place(name, kind=region.name), serves=region.serves)

    def look(machine: Machine) -> Credential | None:
        return _claude_token(machine.env, region, "ANTHROPIC_AUTH_TOKEN")

    name = f"ANTHROPIC_AUTH_TOKEN (where ANTHROPIC_BASE_URL names {region.host})"
    yield Place(name=name, look=look, serves=region.serves)


def _claude_settings(region: Region) -> Place:
    """Claude Code's settings, which may put the variables of its environment."""

    def look(machine: Machine) -> Credential | None:
        folder = machine.get("CLAUDE_CONFIG_DIR") or os.path.join("~", ".claude")
        path = os.path.join(machine.expand(folder), "settings.json")
        settings = _of_another_tool(path, machine, "Claude Code's settings")
        return _claude_token(wire.as_mapping(settings.get("env")), region, machine.short(path))

    name = f"Claude Code's settings.json (where ANTHROPIC_BASE_URL names {region.host})"
    return Place(name=name, look=look, serves=region.serves)


def _claude_token(env: Mapping[str, object], region: Region, origin: str) -> Credential | None:
    """The token that Claude Code sends to the region; None where it is set up for another host."""
    token, url = env.get("ANTHROPIC_AUTH_TOKEN"), env.get("ANTHROPIC_BASE_URL")
    if not isinstance(token, str) or not isinstance(url, str) or urls.origin(url.strip())[1] != region.host:
        return None
    return _credential(token, region, origin)


def _key_file(machine: Machine) -> Credential | None:
    text = read_text(_KEY_FILE, machine, "Z.ai key file")
    return _credential(key_in(text, _KEY_FILE) if text else None, GLOBAL, _KEY_FILE)


def _opencode(machine: Machine) -> Credential | None:
    path = login_file(machine)
    entry = wire.as_mapping(_of_another_tool(path, machine, "OpenCode's logins").get(_OPENCODE_ENTRY))
    key = entry.get("key")
    return _credential(key if isinstance(key, str) else None, GLOBAL, machine.short(path))


def _of_another_tool(path: str, machine: Machine, what: str) -> Mapping[str, object]:
    """The JSON of a file that need not be about Z.ai at all; empty where there is none.

    Raises NotConfigured for an unusable one: no reason to report Z.ai where nothing else speaks of
    it, and told only where no other home holds a key.
    """
    try:
        text = read_text(path, machine, what)
        return parse_json(text, f"{what}: {machine.short(path)}", _OTHER_WAYS) if text else {}
    except ServiceError as error:
        raise NotConfigured(error.message, hint=_OTHER_WAYS) from None


def _credential(key: str | None, region: Region, origin: str) -> Credential | None:
    key = (key or "").strip()
    return Credential(secret=Secret(key), origin=origin, kind=region.name) if key else None
