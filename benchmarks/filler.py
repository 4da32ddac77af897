"""What fills logs: tool outputs, as the inside of a JSON string, full of text that looks like usage."""

from __future__ import annotations

import json
from bisect import bisect_left
from random import Random

WORDS = ("return", "await", "tokens", "usage", "größe", "日本", "✓", "\t", "\\", "<tag>", "'q'", "{}", "[]")
POOL_SIZE = 2_000_000


class Filler:
    """Slices of a pool of text, cut only where a JSON string may be cut."""

    def __init__(self, random: Random) -> None:
        self._random = random
        pieces = [_piece(random) for _ in range(500)]
        self._pool = bytearray()
        self._cuts = [0]
        while len(self._pool) < POOL_SIZE:
            self._pool += random.choice(pieces)
            self._cuts.append(len(self._pool))

    def text(self, size: int) -> bytes:
        """About that many bytes of the inside of a JSON string."""
        first = self._random.randrange(len(self._cuts) // 2)
        start = self._cuts[first]
        end = bisect_left(self._cuts, start + min(size, POOL_SIZE // 3))
        part = bytes(self._pool[start : self._cuts[min(end, len(self._cuts) - 1)]])
        return part * max(1, size // len(part))


def _piece(random: Random) -> bytes:
    kind = random.random()
    if kind < 0.1:
        text = json.dumps(_token_count(random), separators=(",", ":")) + "\n"
    elif kind < 0.2:
        text = json.dumps(_assistant(random), separators=(",", ":")) + "\n"
    elif kind < 0.25:
        text = json.dumps(json.dumps(_assistant(random)))
    else:
        text = f"{random.randrange(999):4d}  {' '.join(random.choices(WORDS, k=random.randrange(4, 30)))}\n"
    return json.dumps(text, ensure_ascii=random.random() < 0.5)[1:-1].encode()


def _token_count(random: Random) -> dict[str, object]:
    usage = {"input_tokens": random.randrange(99999), "output_tokens": 17, "total_tokens": 99999}
    info = {"total_token_usage": usage, "last_token_usage": usage}
    return {"type": "event_msg", "payload": {"type": "token_count", "info": info}}


def _assistant(random: Random) -> dict[str, object]:
    usage = {"input_tokens": random.randrange(99999), "output_tokens": 17}
    return {"type": "assistant", "message": {"id": "msg_quoted", "model": "claude-quoted", "usage": usage}}
