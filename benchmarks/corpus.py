"""Logs of Codex and Claude Code as they lie on a disk, made up, with the truth of what they hold.

    truth = generate(home, megabytes=400)

fills `.codex` and `.claude` below a folder that stands for the home. Whatever makes counting hard is
in every corpus at least once; the same seed gives the same bytes.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random

from benchmarks.claude_log import NULL_INPUT, Transcript
from benchmarks.codex_log import Thread
from benchmarks.filler import Filler
from benchmarks.log import Log
from benchmarks.truth import Truth

FIRST_DAY = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
DAYS = 319  # to 20 November 2026
DAY_MS = 86_400_000
AGENTS = ("codex", "claude")
SMALL_MB = 5  # below, sessions and tool outputs are short, so that everything finds room


class Corpus(ABC):
    """Where the files go, and what they hold so far."""

    def __init__(self, home: str, seed: int, *, small: bool) -> None:
        self.home = home
        self.random = Random(seed)
        self.filler = Filler(self.random)
        self.small = small
        self.truth = Truth()

    def fill(self, size: float, rare: float) -> Truth:
        """Each oddity once, then sessions until the size (in bytes) is reached."""
        for write in self.odd():
            write()
        while self.truth.size < size:
            write = self.random.choice(self.odd()) if self.random.random() < rare else self.plain
            write()
        return self.truth

    @abstractmethod
    def plain(self) -> None:
        """Write a session like most."""

    @abstractmethod
    def odd(self) -> tuple[Callable[[], None], ...]:
        """What writes sessions with something odd in them."""

    @property
    def weight(self) -> float:
        return 0.1 if self.small else 1.0

    def start(self) -> int:
        """When a session begins: any day, mostly in working hours."""
        hour = self.random.triangular(0, 24, 14)
        return FIRST_DAY + self.random.randrange(DAYS) * DAY_MS + int(hour * 3_600_000)

    def some(self) -> int:
        """How many turns, or calls in one."""
        return self.random.randrange(1, 4) if self.small else 1 + int(self.random.lognormvariate(1.6, 0.8))

    def save(self, log: Log, *path: str, counted: bool = True) -> None:
        """Write a log below the home; what it holds becomes true, unless it is a copy."""
        self.truth.size += log.save(os.path.join(self.home, *path))
        self.truth.files += 1
        self.truth.usage_size += log.usage_size
        if counted:
            self.truth.calls += log.calls


class Codex(Corpus):
    """Rollouts."""

    def thread(self, *, start: int | None = None, turns: int | None = None, **more: Thread) -> Thread:
        """A thread with some turns."""
        thread = Thread(self.random, self.filler, start or self.start(), self.weight, **more)
        for _ in range(self.some() if turns is None else turns):
            thread.turn(self.some())
        return thread

    def keep(self, thread: Thread) -> None:
        day = thread.began[:10].split("-")
        self.save(thread, ".codex", "sessions", *day, thread.name)

    def plain(self) -> None:
        self.keep(self.thread())

    def odd(self) -> tuple[Callable[[], None], ...]:
        return (
            self.night,
            self.forks,
            self.orphan,
            self.spawned,
            self.counters,
            self.old,
            self.archived,
            self.damaged,
            self.torn,
            self.priority,
        )

    def night(self) -> None:
        thread = self.thread(start=self.start() // DAY_MS * DAY_MS + DAY_MS - 300_000)
        thread.turn(3, project="/home/me/src/moved")
        self.keep(thread)

    def forks(self) -> None:
        """A fork, a fork of the fork; the parent goes on."""
        parent = self.thread()
        child = self.thread(start=parent.now + 60_000, forked_from=parent)
        parent.turn(2)
        grandchild = self.thread(start=child.now + 5_000, forked_from=child)
        for thread in (parent, child, grandchild):
            self.keep(thread)

    def orphan(self) -> None:
        """A fork whose parent's file is gone."""
        parent = self.thread()
        self.keep(self.thread(start=parent.now + DAY_MS, forked_from=parent))

    def spawned(self) -> None:
        """Sub-agents: one that starts empty, one with the parent's history."""
        parent = self.thread()
        empty = self.thread(start=parent.now + 1_000, turns=0, spawned_by=parent)
        empty.turn(0)
        empty.call()
        empty.again(within_s=0.3)
        empty.turn(2)
        heir = self.thread(start=parent.now + 2_000, spawned_by=parent, forked_from=parent)
        for thread in (parent, empty, heir):
            self.keep(thread)

    def counters(self) -> None:
        """Compactions, restarted counters, a full window, quota lines, a second record of the tokens."""
        thread = self.thread()
        thread.rate_limits()
        thread.compact()
        thread.record()
        thread.reset()
        thread.turn(3)
        thread.overflow()
        thread.again()
        thread.turn(2)
        self.keep(thread)

    def old(self) -> None:
        """Before turn contexts: no model, and at first only totals."""
        thread = self.thread(turns=0)
        for number in range(4):
            thread.call(with_last=number > 1)
        self.keep(thread)

    def archived(self) -> None:
        """A thread in both places, and one that was moved."""
        both = self.thread()
        self.keep(both)
        self.save(both, ".codex", "archived_sessions", both.name, counted=False)
        moved = self.thread()
        self.save(moved, ".codex", "archived_sessions", moved.name)

    def damaged(self) -> None:
        thread = self.thread()
        thread.damage()
        thread.turn(2)
        self.keep(thread)

    def torn(self) -> None:
        thread = self.thread(turns=1)
        thread.call()
        thread.calls.pop()
        thread.tear(thread.lines.pop().decode())
        self.keep(thread)

    def priority(self) -> None:
        thread = self.thread(turns=1)
        thread.prioritize()
        thread.turn(3)
        self.keep(thread)

    def compressed(self) -> None:
        thread = self.thread()
        self.save(thread, ".codex", "archived_sessions", f"{thread.name}.zst")


class Claude(Corpus):
    """Transcripts."""

    def transcript(self, turns: int | None = None) -> Transcript:
        """A session with some turns."""
        session = Transcript(self.random, self.filler, self.start(), self.weight)
        session.head()
        for _ in range(self.some() if turns is None else turns):
            session.turn(self.some())
        return session

    def keep(self, session: Transcript, root: str = ".claude") -> None:
        self.save(session, root, "projects", session.folder, f"{session.session}.jsonl")

    def agent(self, parent: Transcript) -> Transcript:
        """A sub-agent of a session at work, in a transcript of its own."""
        agent = Transcript(
            self.random,
            self.filler,
            parent.now,
            self.weight,
            session=parent.session,
            agent_id=f"a{self.random.getrandbits(28):07x}",
            project=parent.project,
        )
        agent.turn(self.some())
        return agent

    def plain(self) -> None:
        self.keep(self.transcript())

    def odd(self) -> tuple[Callable[[], None], ...]:
        return (
            self.elsewhere,
            self.night,
            self.resumed,
            self.agents,
            self.oddities,
            self.fast,
            self.damaged,
            self.torn,
        )

    def elsewhere(self) -> None:
        self.keep(self.transcript(), ".config/claude")

    def night(self) -> None:
        session = self.transcript(0)
        session.now = session.now // DAY_MS * DAY_MS + DAY_MS - 60_000
        session.turn(8)
        self.keep(session)

    def resumed(self) -> None:
        """Two sessions that begin with another's rows: one says so, one does not."""
        for marked in (True, False):
            parent = self.transcript()
            child = parent.resume(marked=marked)
            child.turn(self.some())
            self.keep(parent)
            self.keep(child)

    def agents(self) -> None:
        """Sub-agents beside the session (with copies of their rows in it), flat, and inline."""
        session = self.transcript()
        beside, flat = self.agent(session), self.agent(session)
        session.progress(next(line for line in beside.lines if b'"type":"assistant"' in line))
        session.call(sidechain=True)
        self.keep(session)
        folder = (".claude", "projects", session.folder)
        name = f"agent-{beside.agent_id}"
        self.save(beside, *folder, session.session, "subagents", f"{name}.jsonl")
        self.save(flat, *folder, f"agent-{flat.agent_id}.jsonl")
        self._other(
            *folder, session.session, "subagents", f"{name}.meta.json", text=b'{"agentType":"explore"}'
        )
        self._other(*folder, session.session, "tool-results", "b1.txt", text=self.filler.text(3_000))

    def _other(self, *path: str, text: bytes) -> None:
        """A file that is no log."""
        full = os.path.join(self.home, *path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "wb") as file:
            file.write(text)

    def oddities(self) -> None:
        """Side questions, advisors, no request ids, nulls, synthetic rows, bytes that are no text."""
        session = self.transcript()
        session.call(rows=2)
        session.side_question()
        session.advice()
        session.call(rows=3, request_id=False)
        session.call(rows=2, content=NULL_INPUT)
        session.failures()
        session.garble()
        session.compact()
        session.turn(1)
        self.keep(session)

    def fast(self) -> None:
        session = self.transcript(0)
        session.fast = True
        session.turn(3)
        self.keep(session)

    def damaged(self) -> None:
        session = self.transcript()
        session.damage()
        session.turn(1)
        self.keep(session)

    def torn(self) -> None:
        session = self.transcript(1)
        session.call(rows=1)
        session.calls.pop()
        session.tear(session.lines.pop().decode())
        self.keep(session)


def generate(
    home: str,
    megabytes: float,
    *,
    seed: int = 1,
    agents: Sequence[str] = AGENTS,
    rare: float = 0.2,
    compressed: bool = False,
) -> Truth:
    """Fill a home with about that many megabytes of logs, at least with one of every oddity.

    `rare` is the share of odd sessions among the others; `compressed` adds a rollout under zstd.
    """
    truth = Truth()
    for agent in agents:
        corpus = _KINDS[agent](home, seed, small=megabytes < SMALL_MB)
        if compressed and isinstance(corpus, Codex):
            corpus.compressed()
        truth += corpus.fill(megabytes * 1e6 / len(agents), rare)
    return truth


_KINDS: dict[str, type[Corpus]] = {"codex": Codex, "claude": Claude}
