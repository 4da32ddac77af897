"""Windsurf's keys, its app's login, and the figures that the app itself wrote down last.

The app's state belongs to it: read, never written; nothing is renewed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from usagecli.credentials import KEY_FILE_HINT, Credential, Place, Secret, env_place, key_in
from usagecli.errors import ServiceError
from usagecli.providers import _codeium, _sqlite, _vscode

if TYPE_CHECKING:
    from usagecli.machine import Machine

RENEW = "sign in again in the Windsurf app"
SERVICE_KEY, KEY = "service_key", "api_key"
_CACHED = "windsurf.settings.cachedPlanInfo"
_APPS = ("Windsurf", "Windsurf - Next")
_STATE = "Windsurf's state"


def places() -> tuple[Place, ...]:
    """kind `team` is a service key, `key` an API key, `login` the app's own, `local` the app's figures."""
    return (
        env_place("WINDSURF_SERVICE_KEY", kind="team", part=SERVICE_KEY),
        env_place("WINDSURF_API_KEY", part=KEY),
        Place(name="state.vscdb (the Windsurf app's login)", look=_each(_login)),
        Place(name="state.vscdb (figures of the Windsurf app)", look=_each(_figures)),
    )


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured service key or API key; a single secret is an API key, or JSON that holds it."""
    if SERVICE_KEY in parts:
        return Credential(secret=Secret(parts[SERVICE_KEY]), origin=origin, kind="team")
    key = key_in(parts.get(KEY) or parts[""], origin)
    if key is None:
        raise ServiceError(f"{origin} holds no key of Windsurf", hint=KEY_FILE_HINT)
    return Credential(secret=Secret(key), origin=origin)


def _each(look: Callable[[str, Machine], Credential | None]) -> Callable[[Machine], Credential | None]:
    """Look into the state of each of the apps; one that cannot be used is told where no other serves."""

    def first(machine: Machine) -> Credential | None:
        trouble: ServiceError | None = None
        for app in _APPS:
            try:
                found = look(_vscode.state_file(machine, app), machine)
            except ServiceError as error:
                trouble = trouble or error
                continue
            if found is not None:
                return found
        if trouble is not None:
            raise trouble
        return None

    return first


def _login(path: str, machine: Machine) -> Credential | None:
    return _codeium.app_login(path, machine, _STATE, RENEW, {})


def _figures(path: str, machine: Machine) -> Credential | None:
    """No secret, but all that is needed: the text of the figures, and when the app wrote its state."""
    text = _sqlite.values(path, (_CACHED,), machine, _STATE).get(_CACHED, "")
    if not text.strip():
        return None
    origin = machine.short(path)
    return Credential(
        secret=Secret(""),
        origin=origin,
        kind="local",
        account_id=origin,
        facts={"info": text, "written_at": _sqlite.written_at(path, machine)},
    )
