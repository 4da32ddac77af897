"""`usagecli tokens` in order: files, ledger, reading, merging, one document, its text.

The finished text is kept in the ledger under all that it was made of. A run that finds nothing
changed looks at the files' sizes and times and prints it; nothing heavy is imported for that.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from usagecli import __version__, log
from usagecli.errors import ConfigError
from usagecli.tokens import ledger
from usagecli.tokens.ask import BAKED, Ask
from usagecli.tokens.roots import Found, Root, files, find_roots
from usagecli.tokens.zones import Zone, local_name

if TYPE_CHECKING:
    from usagecli.formatters import Look
    from usagecli.machine import Machine
    from usagecli.tokens.known import Known
    from usagecli.tokens.ledger import Ledger
    from usagecli.tokens.scan import Progress


_T = TypeVar("_T")


class Answer(NamedTuple):
    """The result, and what belongs to stderr: what the user must know, files that could not be read
    (each with the reason), and what those want to know who want it verbose."""

    text: str
    told: Sequence[str] = ()
    unreadable: Sequence[str] = ()
    notes: Sequence[str] = ()


def answer(machine: Machine, ask: Ask, look: Look, progress: Progress | None = None) -> Answer:
    """The answer, from the ledger where nothing has changed. Raises ConfigError for a wrong option."""
    roots = find_roots(machine)
    unreadable: list[str] = []
    found = files(roots, unreadable)
    log.debug(f"tokens: {len(found)} files")
    book = None if ask.files_only else ledger.opened(machine.data_dir, create=bool(found))
    try:
        key = _key(machine, ask, look, roots, found)
        held = None if book is None or ask.rescan or unreadable else _held(book, key)
        if held is not None:
            return held
        return _made(machine, ask, look, _Logs(roots, found, book, unreadable, progress), key)
    finally:
        if book is not None:
            book.close()


def _key(machine: Machine, ask: Ask, look: Look, roots: Sequence[Root], found: Sequence[Found]) -> str:
    """What an answer is made of: everything that could make it another one."""
    try:
        # All of hashlib, for which OpenSSL is loaded, costs a tenth of the start-up.
        from _blake2 import blake2b
    except ImportError:
        from hashlib import blake2b

    now = machine.clock()
    day = Zone(ask.zone).today(now) if ask.zone else time.localtime(now.timestamp())[:3]
    prices = [_stamp(path) for path in (BAKED, ask.prices) if path is not None]
    zone = ask.zone or local_name(machine)
    shown = (look.width, look.color, look.bars, look.unicode, look.indent)
    whole = [__version__, ask, zone, day, time.localtime().tm_gmtoff, prices, shown, roots, found]
    return blake2b(json.dumps(whole, default=str).encode(), digest_size=16).hexdigest()


def _stamp(path: str) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    return stat.st_size, stat.st_mtime_ns


def _held(book: Ledger, key: str) -> Answer | None:
    try:
        body = book.answer(key)
    except ledger.DAMAGE as error:
        log.debug(f"tokens: the ledger has no answer: {error}")
        return None
    return None if body is None else Answer(*json.loads(body))


class _Logs(NamedTuple):
    """What there is to read, and what was read of it before."""

    roots: Sequence[Root]
    found: Sequence[Found]
    book: Ledger | None
    unreadable: list[str]
    progress: Progress | None


def _made(machine: Machine, ask: Ask, look: Look, logs: _Logs, key: str) -> Answer:
    from usagecli.tokens import pricing
    from usagecli.tokens.cells import Counting
    from usagecli.tokens.document import made
    from usagecli.tokens.known import know
    from usagecli.tokens.render import render

    zone = Zone(ask.zone) if ask.zone else Zone(local_name(machine), given=False)
    counting = Counting(pricing.load(ask.prices, ask.tier), ask.dedupe, ask.trusts)
    options: dict[str, Any] = {"plain": ask.plain, "rescan": ask.rescan, "progress": logs.progress}

    def counted(book: Ledger | None) -> tuple[Known, dict[str, Any]]:
        known = know(logs.roots, logs.found, book, counting, **options)
        known.unreadable[:0] = logs.unreadable
        return known, made(known, ask, counting, zone, machine.clock())

    known, body = _with_ledger(logs.book, counted)
    found = Answer(
        render(body, ask, look), list(_told(machine, logs, known)), known.unreadable, list(_notes(known))
    )
    if logs.book is not None:
        _save(logs.book, known, key, found)
    return found


def _with_ledger(book: Ledger | None, action: Callable[[Ledger | None], _T]) -> _T:
    """What the action gives, if need be without the ledger."""
    if book is not None:
        try:
            return book.mending(lambda: action(book))
        except sqlite3.Error as error:
            log.warn(f"the ledger could not be read ({error}): deleted logs are missing from the figures")
    return action(None)


def _save(book: Ledger, known: Known, key: str, made: Answer) -> None:
    """Enter into the ledger what is new, and the answer if the same files will give it again."""
    lasting = not (made.told or made.unreadable)
    if not lasting and not known.news:
        return
    try:
        book.mending(lambda: book.save(known.news, (key, json.dumps(made)) if lasting else None))
    except sqlite3.Error as error:
        log.warn(f"the ledger could not be written ({error}); the next run reads these logs again")


def _told(machine: Machine, logs: _Logs, known: Known) -> Iterator[str]:
    """What the user must know to read the figures."""
    if not known.records and not known.unreadable and not known.skipped:
        places = ", ".join(machine.short(root.named) for root in logs.roots)
        yield f"No logs of Codex or Claude Code. Looked in: {places}"
    if known.skipped:
        files_ = "1 compressed log is" if known.skipped == 1 else f"{known.skipped} compressed logs are"
        yield f"{files_} missing from the figures: install usagecli[zstd] to read them"


def _notes(known: Known) -> Iterator[str]:
    if known.damaged:
        yield f"{known.damaged} damaged lines were skipped: usagecli tokens audit says where"
    if known.kept:
        yield f"{known.kept} files that their agent has deleted are counted from the ledger"
