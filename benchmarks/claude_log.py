"""Transcripts of Claude Code: a row a content block, all rows of a response under one message id."""

from __future__ import annotations

import json
from random import Random
from typing import NamedTuple

from benchmarks.filler import Filler
from benchmarks.log import Log, uuid
from benchmarks.truth import Call

MODELS = (
    "claude-opus-5-5",
    "claude-sonnet-5-5",
    "claude-sonnet-4-5-20250929",
    "claude-haiku-4-5-20251001",
    "claude-fable-5-2",
    "claude-unheard-of-9",
)
NULL_INPUT = '{"type":"tool_use","id":"toolu_1","name":"edit","input":{"id":null,"model":null,"cwd":null}}'


class Tokens(NamedTuple):
    """The counters of one response."""

    input: int
    cache_read: int
    write_5m: int
    write_1h: int
    output: int

    def usage(self, output: int, fast: bool = False, more: str = "") -> str:
        """The `usage` object of a row that has seen that much output."""
        speed = "fast" if fast else "standard"
        return (
            f'{{"input_tokens":{self.input},"cache_creation_input_tokens":{self.write_5m + self.write_1h},'
            f'"cache_read_input_tokens":{self.cache_read},"cache_creation":{{'
            f'"ephemeral_5m_input_tokens":{self.write_5m},"ephemeral_1h_input_tokens":{self.write_1h}}},'
            f'"output_tokens":{output},"service_tier":"standard","speed":"{speed}"{more}}}'
        )


class Transcript(Log):
    """One file: a session's, or that of one of its sub-agents."""

    def __init__(
        self,
        random: Random,
        filler: Filler,
        at: int,
        weight: float = 1.0,
        *,
        session: str = "",
        agent_id: str = "",
        project: str = "",
        model: str = "",
    ) -> None:
        super().__init__(random, filler, at, weight)
        self.session = session or uuid(random)
        self.agent_id = agent_id
        self.project = project or f"/home/me/src/{random.choice(('api', 'web site', 'データ', 'infra'))}"
        self.model = model or random.choice(MODELS)
        self.fast = False

    @property
    def folder(self) -> str:
        """The project's directory: everything but ASCII letters and digits becomes a dash."""
        return "".join(c if c.isascii() and c.isalnum() else "-" for c in self.project)

    def _head(self, kind: str, *, sidechain: bool = False) -> str:
        agent = f'"agentId":"{self.agent_id}",' if self.agent_id else ""
        aside = "true" if sidechain or agent else "false"
        return (
            f'{{"parentUuid":"{uuid(self.random)}","isSidechain":{aside},{agent}'
            f'"userType":"external","cwd":"{self.project}","sessionId":"{self.session}","version":"2.1.44",'
            f'"gitBranch":"main","type":"{kind}",'
        )

    def _foot(self) -> str:
        return f',"uuid":"{uuid(self.random)}","timestamp":"{self.stamp()}"}}'

    def note(self, kind: str, fields: str) -> None:
        """A line of a kind that has no usage."""
        self.add(f"{self._head(kind)}{fields}{self._foot()}")

    def tool_result(self) -> None:
        """A tool's output, as a message and once more beside it; of a sub-agent also its usage."""
        self.wait(0.1, 20)
        text = self.text(2200)
        head = self._head("user") + '"message":{"role":"user","content":[{"tool_use_id":"toolu_1","content":"'
        usage = Tokens(7, 70_000, 700, 0, 777).usage(777)
        extra = f',"totalTokens":71484,"usage":{usage}' if self.random.random() < 0.05 else ""
        beside = b'"}]},"toolUseResult":{"stdout":"' + text + f'","interrupted":false{extra}}}'.encode()
        self.add_around(head, text + beside, self._foot())

    def call(
        self,
        *,
        rows: int = 0,
        sidechain: bool = False,
        request_id: bool = True,
        content: str = "",
        more: str = "",
    ) -> Tokens:
        """One response in some rows. Where the output is first a placeholder, the last row alone is right."""
        self.wait(2, 60)
        tokens = self._tokens()
        message = f"msg_{self.random.getrandbits(96):024x}"
        request = f'"requestId":"req_{self.random.getrandbits(64):016x}",' if request_id else ""
        streamed = self.random.random() < 0.6
        rows = rows or self.random.choice((1, 1, 2, 3))
        for row in range(rows):
            self.wait(0.05, 4)
            last = row == rows - 1
            if last if streamed else row == 0:
                at = self.now
            output = self.random.randrange(1, 9) if streamed and not last else tokens.output
            self.row(message, request, tokens.usage(output, self.fast, more), sidechain, content)
        self.count(tokens, self.model, at)
        return tokens

    def row(self, message: str, request: str, usage: str, sidechain: bool = False, content: str = "") -> None:
        """One row of a response."""
        text = self.filler.text(self.random.randrange(50, 700)).decode()
        content = content or f'{{"type":"text","text":"{text}"}}'
        self.add(
            f'{self._head("assistant", sidechain=sidechain)}{request}"message":{{"id":"{message}",'
            f'"type":"message","role":"assistant","model":"{self.model}","content":[{content}],'
            f'"stop_reason":null,"usage":{usage}}}{self._foot()}',
            usage=True,
        )

    def count(self, tokens: Tokens, model: str, at: int) -> None:
        """Enter a call into the truth."""
        self.calls.append(Call("claude", self.session, self.project, model, at, *tokens, 0, self.fast))

    def _tokens(self) -> Tokens:
        draw = self.random.randrange
        written = draw(20_000)
        hourly = self.random.choice((0, 0, written, draw(written + 1)))
        return Tokens(draw(1, 3_000), draw(180_000), written - hourly, hourly, draw(10, 5_000))

    def turn(self, calls: int) -> None:
        """One turn of the user: its prompt, calls, tool results between them."""
        self.wait(5, 900)
        if self.random.random() < 0.2:
            self.model = self.random.choice(MODELS)
        self.note("user", '"message":{"role":"user","content":"Please mend the parser."}')
        for _ in range(calls):
            self.call()
            self.tool_result()

    def head(self) -> None:
        """How a file begins."""
        self.add('{"type":"summary","summary":"Mending the parser","leafUuid":"fake"}')
        self.add(
            f'{{"type":"file-history-snapshot","messageId":"{uuid(self.random)}",'
            f'"snapshot":{{"trackedFileBackups":{{}},"timestamp":"{self.stamp()}"}},"isSnapshotUpdate":false}}'
        )

    def side_question(self) -> None:
        """The last row once more, as a side question's: its message id, another request id."""
        row = json.loads(self.lines[-1])
        row |= {"isSidechain": True, "requestId": "req_side", "uuid": uuid(self.random)}
        self.add(json.dumps(row, separators=(",", ":"), ensure_ascii=False), usage=True)

    def progress(self, row: bytes) -> None:
        """A sub-agent's row, copied into the session while it runs."""
        held = json.loads(row)
        message = {"type": "assistant", "message": held["message"], "requestId": held.get("requestId")}
        data = {"type": "agent_progress", "agentId": "a1", "message": {**message, "timestamp": self.stamp()}}
        self.note("progress", f'"data":{json.dumps(data, separators=(",", ":"), ensure_ascii=False)}')

    def advice(self) -> None:
        """A response that asked a second model on the way: that one's tokens stand in `iterations`."""
        advised = self._tokens()
        inner = advised.usage(advised.output)[1:-1]
        self.call(
            more=f',"iterations":[{{"type":"advisor_message","model":"claude-opus-4-8",{inner}}}]', rows=1
        )
        self.count(advised, "claude-opus-4-8", self.now)

    def compact(self) -> None:
        """A compaction: its mark and the summary."""
        self.note("system", '"subtype":"compact_boundary","content":"Conversation compacted"')
        head = self._head("user") + '"isCompactSummary":true,"message":{"role":"user","content":"'
        self.add_around(head, self.text(9_000), '"}' + self._foot())

    def failures(self) -> None:
        """Rows that no model wrote: a synthetic one, an error of the API, a system line."""
        nothing = Tokens(0, 0, 0, 0, 0).usage(0)
        for error in ("", '"isApiErrorMessage":true,'):
            self.add(
                f'{self._head("assistant")}{error}"message":{{"id":"{uuid(self.random)}","model":"<synthetic>",'
                f'"role":"assistant","content":[],"usage":{nothing}}}{self._foot()}',
                usage=True,
            )
        self.note("system", '"subtype":"api_error","error":{"status":529}')

    def garble(self) -> None:
        """A row that counts, though its text holds bytes that are no UTF-8."""
        self.call(rows=1, content='{"type":"text","text":"GARBLE"}')
        self.lines[-1] = self.lines[-1].replace(b"GARBLE", b"\xff\xfe\x80")

    def damage(self) -> None:
        """Lines that tell of tokens and must not count: cut, glued, without a time."""
        self.call(rows=1)
        del self.calls[-1:]
        whole = self.lines.pop().decode()
        foot = len(self._foot())
        for line in (whole[:-40], whole[:200] + whole, whole[:-foot] + "}", f'{whole[:-26]}yesterday"}}'):
            self.add(line, usage=True)
        self.break_line()

    def resume(self, *, marked: bool) -> Transcript:
        """A new session whose file begins with this one's rows, under its own id."""
        child = Transcript(
            self.random, self.filler, self.now, self.weight, project=self.project, model=self.model
        )
        child.head()
        mark = f'"forkedFrom":{{"sessionId":"{self.session}","messageUuid":"fake"}},' if marked else ""
        old, new = f'"sessionId":"{self.session}",', f'{mark}"sessionId":"{child.session}",'
        child.lines += [line.replace(old.encode(), new.encode()) for line in self.lines]
        return child
