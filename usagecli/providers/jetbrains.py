"""JetBrains AI: the credits of a licence, from the file that each IDE with AI Assistant keeps.

Source: files of IDEs up to 2026.2, which the vendor does not describe; read 2026-11. Nobody is
asked: the file is as old as the IDE's last use.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from usagecli.client import Ask
from usagecli.credentials import Credential, Place, Secret, read_text
from usagecli.errors import PayloadError, ProviderError
from usagecli.machine import Machine
from usagecli.model import Usage
from usagecli.providers._vscode import app_folder
from usagecli.registry import Descriptor, Way, register

_FILE = os.path.join("options", "AIAssistantQuotaManager2.xml")
# Android Studio is Google's.
_VENDORS = ("JetBrains", "Google")
# IntelliJIdea2025.3, PyCharm2026.1, AndroidStudio2025.1.2
_IDE = re.compile(r"[A-Za-z]\D*\d{4}\.\d")
_WHAT = "the quota file of AI Assistant"
_TEXT = "text"


def _look(machine: Machine) -> Credential | None:
    paths = tuple(_files(machine))
    if not paths:
        return None
    first, more = machine.short(paths[0]), len(paths) - 1
    return Credential(
        secret=Secret(""),
        origin=f"{first} and {more} more" if more else first,
        kind="local",
        account_id=os.path.join(app_folder(machine, _VENDORS[0]), ""),
        facts={"paths": paths},
    )


def _accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """The text of such a file: of an IDE whose settings stand elsewhere."""
    text = next(iter(parts.values()))
    return Credential(secret=Secret(""), origin=origin, kind=_TEXT, account_id=origin, facts={_TEXT: text})


DESCRIPTOR = Descriptor(
    name="jetbrains",
    title="JetBrains AI",
    kind="agent",
    reports="The AI credits of the licence, its tariff part and top-ups, and the date of the next refill.",
    base_url="",
    places=(Place(name="AIAssistantQuotaManager2.xml of any JetBrains IDE or Android Studio", look=_look),),
    access=(
        "Use AI Assistant once in an IDE of JetBrains, or in Android Studio.",
        "That is all: usagecli reads the file in which the IDE keeps the last known quota.",
    ),
    dashboard="https://account.jetbrains.com/licenses",
    documented="Not documented by the vendor: a file that its IDEs keep.",
    ways=(Way(about="the figures that its IDEs keep in a file", local=True),),
    renew="use AI Assistant once in an IDE",
)


@register(DESCRIPTOR, _accept)
def fetch(ask: Ask) -> Usage:
    """The figures of the licence that lasts longest, of its newest file.

    An old IDE keeps an old file for ever. Raises PayloadError, ServiceError where no file can be read.
    """
    from usagecli.providers._jetbrains.quota import Reading, parse

    credential, now = ask.credential, ask.now()
    if credential.kind == _TEXT:
        return parse(credential.facts[_TEXT], now=now).usage
    readings: list[tuple[Reading, datetime]] = []
    errors: list[ProviderError] = []
    for path in credential.facts["paths"]:
        try:
            text = read_text(path, ask.machine, _WHAT)
            written_at = _written_at(path)
            if text is None or written_at is None:
                continue
            name = os.path.basename(os.path.dirname(os.path.dirname(path)))
            readings.append((parse(text, now=now, written_at=written_at, teller=name), written_at))
        except ProviderError as error:
            errors.append(error)
    if readings:
        return max(readings, key=lambda found: (found[0].counts_until or _LONG_AGO, found[1]))[0].usage
    raise errors[0] if errors else PayloadError(f"quotaInfo: {_WHAT} is gone", hint=DESCRIPTOR.renew)


_LONG_AGO = datetime(1, 1, 1, tzinfo=UTC)


def _files(machine: Machine) -> Iterator[str]:
    """The files of all IDEs, in the order of their folders' names."""
    for vendor in _VENDORS:
        folder = app_folder(machine, vendor)
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            path = os.path.join(folder, name, _FILE)
            if _IDE.match(name) and os.path.isfile(path):
                yield path


def _written_at(path: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(int(os.stat(path).st_mtime), UTC)
    except OSError:
        return None
