"""What a run may know of the machine: environment, home, directories, platform, clock.

Everything that reads any of these takes a `Machine`, so that the demo and the tests run on one
of their own. Paths are plain text: pathlib alone would cost a tenth of the start-up.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """`env` is never printed; `clock` gives aware UTC. `demo` replays recorded answers only;
    `status_pages` is where it replays vendors' status pages."""

    env: Mapping[str, str] = field(repr=False)
    home: str
    config_dir: str
    cache_dir: str
    data_dir: str
    platform: str = sys.platform
    clock: Callable[[], datetime] = _utc_now
    demo: bool = False
    status_pages: str | None = None

    def get(self, name: str) -> str | None:
        """An environment variable without surrounding space; a blank one is None."""
        return self.env.get(name, "").strip() or None

    def overlaid(self, env: Mapping[str, str]) -> Machine:
        """This machine with some of its variables replaced."""
        return replace(self, env={**self.env, **env}) if env else self

    def expand(self, path: str) -> str:
        """`~` and `~/...` on this machine's home; everything else as it stands."""
        if path == "~" or path.startswith(("~/", "~\\")):
            return os.path.join(self.home, path[2:])
        return path

    def config_file(self, given: str | None = None) -> tuple[str, bool]:
        """Where the config is, and whether somebody named that place (then it must exist)."""
        named = given or self.get("USAGECLI_CONFIG")
        if named:
            return os.path.abspath(self.expand(named)), True
        return os.path.join(self.config_dir, "config.yaml"), False

    def short(self, path: str) -> str:
        """A path as people write it, `~` for the home."""
        home = self.home.rstrip(os.sep)
        if home and path.startswith(home + os.sep):
            return "~" + path[len(home) :]
        return path


def here() -> Machine:
    """This machine, for this user. Each directory has one variable that moves it."""
    env = os.environ
    home = os.path.expanduser("~")
    if not os.path.isabs(home):
        # A user without a home, as in some containers: nothing is to land in the working directory.
        home = os.sep

    def place(own: str, xdg: str, unix: str, mac: str, windows: str, windows_tail: str) -> str:
        if env.get(own, "").strip():
            return os.path.abspath(os.path.expanduser(env[own].strip()))
        if sys.platform == "win32":
            root = env.get(windows) or os.path.join(home, "AppData", windows_tail)
            return os.path.join(root, "usagecli")
        if sys.platform == "darwin":
            return os.path.join(home, "Library", mac, "usagecli")
        # The XDG rules: a relative path is to be ignored.
        given = env.get(xdg, "")
        return os.path.join(given if os.path.isabs(given) else os.path.join(home, unix), "usagecli")

    cache = place("USAGECLI_CACHE_DIR", "XDG_CACHE_HOME", ".cache", "Caches", "LOCALAPPDATA", "Local")
    if sys.platform == "win32" and not env.get("USAGECLI_CACHE_DIR", "").strip():
        cache = os.path.join(cache, "Cache")
    return Machine(
        env=env,
        home=home,
        config_dir=place("", "XDG_CONFIG_HOME", ".config", "Application Support", "APPDATA", "Roaming"),
        cache_dir=cache,
        data_dir=place(
            "USAGECLI_DATA_DIR",
            "XDG_DATA_HOME",
            os.path.join(".local", "share"),
            "Application Support",
            "LOCALAPPDATA",
            "Local",
        ),
    )
