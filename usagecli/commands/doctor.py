"""`usagecli doctor`: what was found, what is missing, what is wrong, and the mend of each."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from usagecli import __version__, config, credentials, options, registry, services
from usagecli.broken import is_broken
from usagecli.cli import App
from usagecli.commands._run import emit, look
from usagecli.errors import ConfigError, ExitCode, ProviderError
from usagecli.model import Service

if TYPE_CHECKING:
    from usagecli.config import Config
    from usagecli.credentials import Credential
    from usagecli.machine import Machine

_MARKS = {"ok": ("✓", "green"), "missing": ("·", None), "wrong": ("✗", "red")}
_WORDS = {"ok": "ok", "missing": "--", "wrong": "!!"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`state` is ok, missing or wrong; `mend` what to do about it."""

    state: str
    subject: str
    told: str
    mend: str = ""


@click.command("doctor")
@click.pass_context
def command(ctx: click.Context) -> None:
    """What was found on this machine, what is missing, what is wrong, and how to mend it.

    Asks no provider. Exits 0 where nothing is wrong, 2 for a wrong config file, else 3.
    """
    app: App = ctx.obj
    findings = list(_findings(app))
    width = max(len(finding.subject) for finding in findings)
    how = look(app)
    for finding in findings:
        mark, color = _MARKS[finding.state] if how.unicode else (_WORDS[finding.state], None)
        mark = click.style(mark, fg=color) if how.color and color else mark
        emit(f"{mark} {finding.subject:{width}}  {finding.told}")
        if finding.mend:
            emit(f"  {'':{width}}  -> {finding.mend}")
    wrong = [finding for finding in findings if finding.state == "wrong"]
    if any(finding.subject == "config" for finding in wrong):
        ctx.exit(int(ExitCode.USAGE))
    found = any(finding.state == "ok" and finding.subject not in _MACHINE for finding in findings)
    ctx.exit(int(ExitCode.UNKNOWN if wrong or not found else ExitCode.OK))


_MACHINE = ("usagecli", "config", "cache", "network", "logs", "providers")


def _findings(app: App) -> Iterator[Finding]:
    yield Finding(
        state="ok",
        subject="usagecli",
        told=f"{__version__} on Python {platform.python_version()}, {sys.platform}",
    )
    found: Config | None = None
    try:
        found = config.load(app.machine, app.config_path)
    except ConfigError as error:
        yield Finding(
            state="wrong",
            subject="config",
            told=error.message,
            mend="correct the file; usagecli config validate checks it",
        )
    else:
        yield from _config(found, app.machine)
    yield from _cache(app.machine)
    yield from _network(app.machine)
    yield from _logs(app.machine)
    yield from _own()
    if found is not None and found.services is not None:
        # A broken provider is told above.
        for service in found.services:
            if not is_broken(service.provider):
                yield standing(service, app.machine)
    else:
        yield from _discovered(app.machine)


def _config(found: Config, machine: Machine) -> Iterator[Finding]:
    if not found.exists:
        yield Finding(
            state="missing", subject="config", told=f"no file at {machine.short(found.path)}; none is needed"
        )
        return
    yield Finding(
        state="ok", subject="config", told=f"{machine.short(found.path)}, {services.counted(found)}"
    )


def _cache(machine: Machine) -> Iterator[Finding]:
    folder = machine.cache_dir
    short = machine.short(folder)
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"x")
    except OSError as error:
        yield Finding(
            state="wrong",
            subject="cache",
            told=f"{short} cannot be written: {error.strerror}",
            mend="make it writable, or set USAGECLI_CACHE_DIR; every run asks every provider until then",
        )
    else:
        yield Finding(state="ok", subject="cache", told=short)


def _network(machine: Machine) -> Iterator[Finding]:
    names = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
    proxies = [name for name in names if machine.get(name) or machine.get(name.lower())]
    if proxies:
        yield Finding(state="ok", subject="network", told=f"through the proxy of {', '.join(proxies)}")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = machine.get(name)
        if bundle and not os.path.exists(bundle):
            yield Finding(
                state="wrong",
                subject="network",
                told=f"{name} names a file that does not exist",
                mend=f"correct or unset {name}",
            )


def _logs(machine: Machine) -> Iterator[Finding]:
    """What `usagecli tokens` reads, where an agent deletes it after a while."""
    from usagecli.tokens.retention import kept_days

    days = kept_days(machine)
    if days is not None:
        yield Finding(
            state="missing",
            subject="logs",
            told=f"Claude Code deletes its logs after {days} days; what usagecli tokens has read stays",
            mend="run usagecli tokens at least that often, or raise cleanupPeriodDays in Claude Code's "
            "settings.json",
        )


def standing(service: Service, machine: Machine, credential: Credential | None = None) -> Finding:
    """How a service is given access: its credential (looked for unless given), masked, or its trouble."""
    if not service.enabled:
        return Finding(
            state="missing", subject=service.name, told="switched off in the config (enabled: false)"
        )
    provider = registry.get(service.provider)
    machine = machine.overlaid(service.env)
    try:
        credential = credential or credentials.find(provider, service, machine)
    except ProviderError as error:
        mend = error.hint or f"usagecli providers {service.provider} says how to give it access"
        return Finding(state="wrong", subject=service.name, told=error.message, mend=mend)
    warnings = options.resolve(provider.descriptor, service, machine)[1]
    told = f"{credential.secret.masked()} from {credential.origin}"
    if warnings:
        return Finding(
            state="wrong", subject=service.name, told="; ".join(warnings), mend="correct or unset it"
        )
    return Finding(state="ok", subject=service.name, told=told)


def _shared(name: str, machine: Machine) -> Finding | None:
    """How a provider would stand that was not found, if it were named; None where it surely has nothing."""
    try:
        return (
            standing(Service(name=name, provider=name), machine)
            if registry.may_be_used(name, machine)
            else None
        )
    except ConfigError:
        # Told among the own providers.
        return None


def _own() -> Iterator[Finding]:
    """The user's own descriptors and other packages' providers that cannot be used."""
    for source in registry.also:
        for trouble in source.troubles():
            yield Finding(
                state="wrong",
                subject="providers",
                told=trouble,
                mend="correct or remove it; usagecli config validate checks it",
            )


def _discovered(machine: Machine) -> Iterator[Finding]:
    found = {target.service.name: target for target in services.discover(machine)}
    missing = []
    for name in registry.names():
        if name in found:
            yield standing(found[name].service, machine, found[name].credential)
            continue
        shared = _shared(name, machine)
        if shared is not None and shared.state == "ok":
            told = f"{shared.told}, which other tools share: it counts only when {name} is named"
            yield Finding(state="missing", subject=name, told=told, mend=f"usagecli {name}")
        else:
            missing.append(name)
    if missing:
        yield Finding(
            state="missing",
            subject="others",
            told=f"no credentials found for {len(missing)} of {len(registry.names())} providers",
            mend="usagecli providers lists them, usagecli providers ID says how to give one access",
        )
