"""Corpora of one unusual shape, and a log that grows."""

from __future__ import annotations

import os
from random import Random

from benchmarks.claude_log import Transcript
from benchmarks.codex_log import Thread
from benchmarks.corpus import FIRST_DAY, Claude, Codex
from benchmarks.filler import Filler
from benchmarks.truth import Call, Truth


def small_files(home: str, count: int, *, seed: int = 1) -> Truth:
    """That many files of 2 KB, each with one call: half of them rollouts, half transcripts."""
    codex, claude = Codex(home, seed, small=True), Claude(home, seed, small=True)
    for _ in range(count // 2):
        thread = codex.thread(turns=0)
        thread.call()
        codex.keep(thread)
        session = Transcript(claude.random, claude.filler, claude.start(), claude.weight)
        session.call(rows=1)
        claude.keep(session)
    codex.truth += claude.truth
    return codex.truth


def long_line(home: str, megabytes: int, line_megabytes: int, *, seed: int = 1) -> Truth:
    """One rollout of that size, with a line of that size in its middle that holds no usage."""
    codex = Codex(home, seed, small=False)
    thread = Thread(codex.random, codex.filler, FIRST_DAY)
    folder = os.path.join(home, ".codex", "sessions", "2026", "01", "05")
    os.makedirs(folder)
    parts = (megabytes - line_megabytes) * 1e6 / 2
    with open(os.path.join(folder, thread.name), "wb") as file:
        for end in (parts, parts + line_megabytes * 1e6 + parts):
            while file.tell() < end:
                thread.turn(20)
                file.write(thread.data())
                thread.lines.clear()
            if end == parts:
                thread.image(line_megabytes * 1_000_000)
        codex.truth.size = file.tell()
    codex.truth.files, codex.truth.calls, codex.truth.usage_size = 1, thread.calls, thread.usage_size
    return codex.truth


def grow(home: str, seed: int) -> Call:
    """One more response at the end of a transcript that ends with a whole line."""
    random = Random(seed)
    for folder, _, names in sorted(os.walk(os.path.join(home, ".claude", "projects"))):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if name.endswith(".jsonl") and _is_whole(path):
                session = Transcript(random, Filler(random), FIRST_DAY, session=name.removesuffix(".jsonl"))
                session.call(rows=1)
                with open(path, "ab") as file:
                    file.write(session.data())
                return session.calls[0]
    raise FileNotFoundError(home)


def _is_whole(path: str) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"
