"""One log file while it is being written: its clock, its lines, and the calls that they tell of."""

from __future__ import annotations

import os
import time
from random import Random

from benchmarks.filler import Filler
from benchmarks.truth import Call

BROKEN = (b"null", b"[]", b"\x00" * 512, b'{"type":"assistant","message":{"usage":', b'{"type" "event_msg"}')


class Log:
    """What both agents' logs share. `weight` scales the filler; 1 makes usage a sixth of the bytes."""

    def __init__(self, random: Random, filler: Filler, at: int, weight: float = 1.0) -> None:
        self.random = random
        self.filler = filler
        self.now = at
        self.weight = weight
        self.lines: list[bytes] = []
        self.calls: list[Call] = []
        self.usage_size = 0
        self.torn = b""

    def add(self, line: str, *, usage: bool = False) -> None:
        """Write one line."""
        data = line.encode()
        self.lines.append(data)
        if usage:
            self.usage_size += len(data) + 1

    def add_around(self, head: str, text: bytes, tail: str) -> None:
        """Write one line around a long text."""
        self.lines.append(b"".join((head.encode(), text, tail.encode())))

    def wait(self, low_s: float, high_s: float) -> None:
        self.now += int(1000 * self.random.uniform(low_s, high_s))

    def stamp(self) -> str:
        """The clock, as the logs write it."""
        return iso(self.now)

    def text(self, median: int) -> bytes:
        """Tool output: most of it short, some of it twenty times the median."""
        return self.filler.text(int(median * self.weight * self.random.lognormvariate(0, 1.2)) + 1)

    def break_line(self) -> None:
        """A line that is no object at all."""
        self.lines.append(self.random.choice(BROKEN))

    def tear(self, line: str) -> None:
        """The last line is still being written: the file ends in the middle of it, without a newline."""
        self.torn = line.encode()[: int(len(line) * self.random.uniform(0.2, 0.95))].rstrip(b":")

    def data(self) -> bytes:
        """The file's bytes."""
        return b"\n".join((*self.lines, self.torn))

    def save(self, path: str) -> int:
        """Write the file, dated at its last line; its size."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        data = zstd(self.data()) if path.endswith(".zst") else self.data()
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, (self.now / 1000, self.now / 1000))
        return len(data)


def iso(at: int) -> str:
    """RFC 3339 in UTC, with milliseconds, of an instant in milliseconds."""
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at // 1000))}.{at % 1000:03d}Z"


def uuid(random: Random, at: int | None = None) -> str:
    """A random UUID, or with an instant in milliseconds one of version 7."""
    digits = f"{random.getrandbits(128):032x}"
    if at is not None:
        digits = f"{at:012x}7{digits[13:]}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def zstd(data: bytes) -> bytes:
    """A zstd frame that holds the bytes as they are, so that nothing is needed to write it (RFC 8878)."""
    size = 1 << 17
    frame = [b"\x28\xb5\x2f\xfd\xa0", len(data).to_bytes(4, "little")]
    for start in range(0, len(data), size):
        block = data[start : start + size]
        is_last = start + size >= len(data)
        frame += [(len(block) << 3 | is_last).to_bytes(3, "little"), block]
    return b"".join(frame)
