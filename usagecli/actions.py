"""What is done about an alert: a command gets it on stdin, addresses are told through apprise.

One that fails is a warning, stops no other, and is tried again by the next run. Nothing of an address
or of a command's arguments is ever shown.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usagecli import log
from usagecli.errors import NotConfigured, ServiceError, UsageCliError

if TYPE_CHECKING:
    from usagecli.alerts import Pending
    from usagecli.config import Actions
    from usagecli.machine import Machine
    from usagecli.model import CredentialSource

TIMEOUT_S = 30.0
NEEDS_APPRISE = "notify needs the package apprise: pip install 'usagecli[notify]'"


class Failed(UsageCliError):
    """An action that came to nothing; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One of the config's actions: a command, or an address."""

    run: str | tuple[str, ...] | None = field(default=None, repr=False)
    notify: CredentialSource | None = None

    @property
    def id(self) -> str:
        """What names it in the state: a hash, since a command or an address may hold a secret."""
        of = ["run", self.run] if self.notify is None else ["notify", self.notify.kind, self.notify.value]
        return hashlib.sha256(json.dumps(of).encode()).hexdigest()[:32]


def targets(actions: Iterable[Actions]) -> dict[str, Target]:
    """Every action once, by its id."""
    return {target.id: target for told in actions for target in of(told)}


def of(actions: Actions) -> list[Target]:
    """The command first, then the addresses."""
    run = [] if actions.run is None else [Target(run=actions.run)]
    return [*run, *(Target(notify=source) for source in actions.notify)]


def deliver(
    machine: Machine, known: Mapping[str, Target], wanted: Sequence[Pending]
) -> tuple[list[Pending], list[Pending]]:
    """Do it, in order: what was done, and what failed. One that fails is not tried twice in a run."""
    done: list[Pending] = []
    failed: list[Pending] = []
    for pending in wanted:
        if any(pending.target == other.target for other in failed):
            failed.append(pending)
            continue
        try:
            _do(machine, known[pending.target], pending.body)
        except Failed as error:
            log.warn(f"alert not passed on: {error.message}; the next check tries again")
            failed.append(pending)
        else:
            done.append(pending)
    return done, failed


def _do(machine: Machine, target: Target, body: str) -> None:
    if target.run is not None:
        _run(machine, target.run, body)
    elif target.notify is not None:
        _notify(machine, target.notify, json.loads(body))


def _run(machine: Machine, command: str | tuple[str, ...], body: str) -> None:
    from usagecli import programs

    words, name = programs.argv(command, machine)
    try:
        code, printed = programs.fed(words, f"{body}\n", machine.env, TIMEOUT_S)
    except programs.Hangs:
        raise Failed(f"run: {name} did not end within {TIMEOUT_S:g} s") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise Failed(f"run: {name} cannot be run: {reason}") from None
    for line in printed.splitlines():
        log.debug(f"run: {name}: {line}")
    if code != 0:
        raise Failed(f"run: {name} failed with exit code {code} (usagecli -v check shows what it prints)")


def _notify(machine: Machine, source: CredentialSource, alert: Mapping[str, Any]) -> None:
    from usagecli import credentials

    try:
        address = credentials.revealed(source, machine).reveal()
    except (NotConfigured, ServiceError) as error:
        raise Failed(f"notify: {error.message}") from None
    # The scheme is the service's name, and no secret.
    name = address.partition("://")[0] if "://" in address else credentials.describe(source, machine)
    try:
        with _quiet():
            import apprise
    except ImportError:
        raise Failed(NEEDS_APPRISE) from None
    asset = apprise.AppriseAsset(app_id="usagecli", app_desc="usagecli", async_mode=False)
    over = alert["event"] == "recover"
    kind = apprise.NotifyType.SUCCESS if over else apprise.NotifyType.WARNING

    def send() -> bool | None:
        service = apprise.Apprise(asset=asset)
        if not service.add(address):
            return False
        title = f"usagecli: {alert['service']}"
        return bool(service.notify(title=title, body=alert["message"], notify_type=kind)) or None

    with _quiet():
        sent = _within(send)
    if sent is False:
        raise Failed(f"notify: {name} is no address that apprise knows")
    if sent is None:
        raise Failed(f"notify: {name} did not take it: is the address right, and its service up?")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the log of others, which quotes addresses, and their warnings."""
    import logging
    import warnings

    own, before = logging.getLogger("apprise"), logging.root.manager.disable
    # For ever: one that was too slow may still come to say so.
    own.propagate, own.handlers = False, [logging.NullHandler()]
    logging.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _within(send: Callable[[], bool | None]) -> bool | None:
    """What it gives, None where that is an exception or takes too long."""
    sent: list[bool | None] = []

    def work() -> None:
        # Each service is a plug-in by somebody else.
        with contextlib.suppress(Exception):
            sent.append(send())

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    return sent[0] if sent else None
