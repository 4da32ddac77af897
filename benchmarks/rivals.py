"""The programs that usagecli is measured against, installed into a scratch directory."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rival:
    """A program: its name with the version, and how it prints its days as JSON."""

    name: str
    version: str
    args: tuple[str, ...]


def install(folder: str) -> tuple[list[Rival], list[str]]:
    """Whatever could be installed, and a line for each that could not."""
    os.makedirs(folder)
    rivals: list[Rival] = []
    missing: list[str] = []
    for name, attempt in (("ccusage", _ccusage), ("aiburn", _aiburn)):
        try:
            rivals += attempt(folder)
        except (OSError, subprocess.SubprocessError) as error:
            reason = getattr(error, "stderr", None) or str(error)
            missing.append(f"{name} could not be installed: {reason.strip().splitlines()[-1]}")
    return rivals, missing


def usagecli(folder: str, tree: str) -> str:
    """The command of this tree, installed as its users have it: an editable install starts slower.

    Raises subprocess.SubprocessError.
    """
    return _installed(os.path.join(folder, "usagecli"), tree, "usagecli")


def _ccusage(folder: str) -> list[Rival]:
    """The native program by itself, and the command that starts it.

    The newest release may lack the package of a platform: that package's newest version decides.
    """
    arch = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}.get(platform.machine().lower(), "arm64")
    native = f"@ccusage/ccusage-{sys.platform}-{arch}"
    npm = shutil.which("npm") or "npm"
    cache = ("--cache", os.path.join(folder, "npm-cache"))
    version = _run(npm, "view", native, "version", *cache).strip()
    _run(npm, "install", "--prefix", folder, *cache, f"ccusage@{version}", f"{native}@{version}")
    modules = os.path.join(folder, "node_modules")
    program = os.path.join(modules, *native.split("/"), "bin", "ccusage")
    os.chmod(program, 0o755)
    days = ("daily", "--json", "--offline")
    return [
        Rival("ccusage", version, (program, *days)),
        Rival("ccusage command", version, (os.path.join(modules, ".bin", "ccusage"), *days)),
    ]


def _aiburn(folder: str) -> list[Rival]:
    program = _installed(os.path.join(folder, "venv"), "aiburn", "aiburn")
    return [Rival("aiburn", _run(program, "--version").strip(), (program, "daily", "--json"))]


def _installed(venv: str, requirement: str, command: str) -> str:
    """A command of a Python package, in an environment of its own."""
    _run(sys.executable, "-m", "venv", venv)
    _run(os.path.join(venv, "bin", "pip"), "install", "--quiet", "--no-cache-dir", requirement)
    return os.path.join(venv, "bin", command)


def _run(*args: str) -> str:
    return subprocess.run(args, capture_output=True, text=True, check=True, timeout=300).stdout
