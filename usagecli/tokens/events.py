"""What one log file held: its requests, and what was left out of them. Plain values, made to be stored."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

import msgspec

_T = TypeVar("_T")

UNKNOWN = "unknown"
PICO = 10**12  # picodollars in a dollar
# Beyond this no counter of one request is real.
_LARGEST = 10**12
Count = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]


class Event(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One request. The four classes (writes in two) are disjoint; reasoning is within output.

    `at`: ms since 1970. `key`: what makes it the same request in another file. `request`: the id of
    the API request, "" for none. `tier`: standard, fast, priority ... `cost`: what the log itself
    says, in picodollars, -1 for nothing.
    """

    at: int
    key: str
    session: str
    request: str
    project: str
    model: str
    tier: str
    input: int
    read: int
    write_5m: int
    write_1h: int
    output: int
    reasoning: int = 0
    cost: int = -1
    copied: bool = False


class Dropped(msgspec.Struct, array_like=True):
    """What was not counted: `repeated` counters or rows of a response, `damaged` lines, and
    `synthetic` rows, which no model wrote."""

    repeated: int = 0
    damaged: int = 0
    synthetic: int = 0


class Log(msgspec.Struct, array_like=True):
    """One file, read. For Codex `thread` is its own id, `parent` the thread whose history it begins
    with, `spawner` the one that started it, and `own_from` the first event that is its own where the
    parent's log is not there to tell (-1: unknown). `unfinished`: its last line is still being written.
    """

    provider: str
    events: list[Event]
    lines: int = 0
    dropped: Dropped = msgspec.field(default_factory=Dropped)
    unfinished: bool = False
    thread: str = ""
    parent: str = ""
    spawner: str = ""
    own_from: int = -1


# What `decoded` raises for a line that is not as its type says.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)


def decoded(line: bytes, decoder: msgspec.json.Decoder[_T]) -> _T:
    """The line as the decoder's type.

    Bytes that are no UTF-8, and halves of a surrogate pair, spoil only the text that they are in; a
    counter that is none is 0. Raises one of UNREADABLE.
    """
    try:
        return decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # The slow reader accepts half a surrogate pair.
        whole = json.loads(line.decode("utf-8", "replace"))
        return msgspec.convert(mended(whole), decoder.type)


def mended(value: Any) -> Any:
    """JSON with every counter a count, and every text one that can be written."""
    if type(value) is list:
        return [mended(inner) for inner in value]
    if type(value) is str:
        return value.encode("utf-8", "replace").decode()
    if type(value) is not dict:
        return value
    return {key: count(inner) if key.endswith("_tokens") else mended(inner) for key, inner in value.items()}


def count(value: Any) -> int:
    """A counter as a log has it: a whole number, else (missing, null, negative, no number) 0."""
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value) if 0 <= value <= _LARGEST else 0
    return 0


def text(value: Any) -> str:
    """A text of a log, else ""."""
    return value if type(value) is str else ""
