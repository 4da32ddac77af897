"""Rollouts of Codex: a thread writes its lines and keeps the cumulative counters that they carry."""

from __future__ import annotations

import json
from random import Random

from benchmarks.filler import Filler
from benchmarks.log import Log, iso, uuid
from benchmarks.truth import Call

MODELS = ("gpt-6.1-sol", "gpt-5.5", "gpt-5.3-codex", "gpt-5.6-terra", "gpt-6-luna", "gpt-7-unheard-of")
WINDOW = 272_000
NOTHING = (0, 0, 0, 0, 0)
RATE_LIMITS = (
    '"rate_limits":{"primary":{"used_percent":12.0,"window_minutes":300,"resets_at":1795259550},'
    '"secondary":{"used_percent":41.0,"window_minutes":10080,"resets_at":1795359550},'
    '"credits":null,"plan_type":"plus"}'
)
Vector = tuple[int, ...]


class Thread(Log):
    """One thread. Vectors are input (with cached and written), cached, written, output, reasoning."""

    def __init__(
        self,
        random: Random,
        filler: Filler,
        at: int,
        weight: float = 1.0,
        *,
        forked_from: Thread | None = None,
        spawned_by: Thread | None = None,
    ) -> None:
        super().__init__(random, filler, at, weight)
        self.id = uuid(random, at)
        self.session: str = spawned_by.session if spawned_by else self.id
        self.project = f"/home/me/src/{random.choice(('api', 'web site', 'データ', 'infra'))}"
        self.model = "unknown"
        self.total: Vector = NOTHING
        self.last: Vector = NOTHING
        self.fast = False
        self.writes = random.random() < 0.5
        self.numbered = random.random() < 0.5
        self._meta(forked_from, spawned_by)
        if forked_from:
            self._copy(forked_from)

    @property
    def began(self) -> str:
        """When the thread began, as its id says."""
        return iso(int(self.id[:8] + self.id[9:13], 16))

    @property
    def name(self) -> str:
        """The file's name: when the thread began, and its id."""
        return f"rollout-{self.began[:19].replace(':', '-')}-{self.id}.jsonl"

    def _meta(self, forked_from: Thread | None, spawned_by: Thread | None) -> None:
        payload: dict[str, object] = {
            "id": self.id,
            "timestamp": self.stamp(),
            "cwd": self.project,
            "originator": "codex_cli_rs",
            "cli_version": "0.130.0",
            "source": "cli",
            "model_provider": "openai",
        }
        if spawned_by:
            spawn = {"parent_thread_id": spawned_by.id, "depth": 1}
            payload |= {"source": {"subagent": {"thread_spawn": spawn}}, "thread_source": "subagent"}
        if forked_from:
            payload["forked_from_id"] = forked_from.id
        head = (
            self._head("session_meta") + json.dumps(payload, separators=(",", ":"), ensure_ascii=False)[:-1]
        )
        self.add_around(f'{head},"base_instructions":{{"text":"', self.text(6000), '"}}}')

    def _copy(self, parent: Thread) -> None:
        """The parent's lines so far, at this thread's time; its counters go on from there."""
        for line in parent.lines:
            self.now += self.random.random() < 0.05
            # A time stamp takes 24 bytes after `{"timestamp":"`.
            self.lines.append(line[:14] + self.stamp().encode() + line[38:] if line[38:39] == b'"' else line)
        self.total, self.last, self.model, self.writes = (
            parent.total,
            parent.last,
            parent.model,
            parent.writes,
        )

    def _head(self, kind: str) -> str:
        number = f'"ordinal":{len(self.lines)},' if self.numbered else ""
        return f'{{"timestamp":"{self.stamp()}",{number}"type":"{kind}","payload":'

    def event(self, fields: str) -> None:
        self.add(f"{self._head('event_msg')}{{{fields}}}}}")

    def turn(self, calls: int, model: str | None = None, project: str | None = None) -> None:
        """One turn of the user: its context, its calls, tool outputs between them."""
        self.wait(5, 900)
        turn = uuid(self.random, self.now)
        self.event(f'"type":"task_started","turn_id":"{turn}","started_at":{self.now // 1000}')
        self.model = model or self.random.choice(MODELS)
        self.project = project or self.project
        self.add(
            f'{self._head("turn_context")}{{"turn_id":"{turn}","cwd":"{self.project}","model":"{self.model}",'
            '"effort":"high","approval_policy":"on-request","summary":"auto"}}'
        )
        self.event('"type":"user_message","message":"Please mend the parser.","kind":"plain"')
        for _ in range(calls):
            self.call()
            for _ in range(self.random.choice((0, 0, 0, 1, 1, 2))):
                self.again()
        self.event(f'"type":"task_complete","turn_id":"{turn}","last_agent_message":"Done."')

    def call(self, *, with_last: bool = True) -> None:
        """One model response: its items, then the counters."""
        self._items()
        self.last = self._tokens()
        self.total = tuple(old + new for old, new in zip(self.total, self.last, strict=True))
        read, cached, written, output, reasoning = self.last
        self._count(self.total, self.last if with_last else None)
        classes = (read - cached - written, cached, written, 0, output, reasoning)
        self.calls.append(
            Call("codex", self.session, self.project, self.model, self.now, *classes, self.fast)
        )

    def _items(self) -> None:
        call = f"call_{self.random.getrandbits(64):016x}"
        head = self._head("response_item")
        self.wait(1, 60)
        self.add_around(
            f'{head}{{"type":"reasoning","summary":[],"encrypted_content":"gAAAA', b"b3BlbkFJ" * 60, '"}}'
        )
        self.add(
            f'{head}{{"type":"function_call","name":"shell","arguments":"{{\\"command\\":[\\"cat\\",\\"a.py\\"]}}",'
            f'"call_id":"{call}"}}}}'
        )
        self.wait(0.1, 20)
        head = self._head("response_item")
        self.add_around(
            f'{head}{{"type":"function_call_output","call_id":"{call}","output":"', self.text(1500), '"}}'
        )

    def _tokens(self) -> Vector:
        draw = self.random.randrange
        read = draw(2_000, 300_000)
        cached = draw(read)
        written = draw(read - cached + 1) // 2 if self.writes else 0
        output = draw(20, 6_000)
        return (read, cached, written, output, draw(output))

    def again(self, within_s: float = 3) -> None:
        """The same counters once more, a moment later."""
        self.wait(0.01, within_s)
        self._count(self.total, self.last)

    def _count(self, total: Vector, last: Vector | None, overflow: int = 0) -> None:
        info = f'"total_token_usage":{self._usage(total, overflow)}'
        if last is not None:
            info += f',"last_token_usage":{self._usage(last)}'
        self.add(
            f'{self._head("event_msg")}{{"type":"token_count","info":{{{info},"model_context_window":{WINDOW}}},'
            f"{RATE_LIMITS}}}}}",
            usage=True,
        )

    def _usage(self, vector: Vector, overflow: int = 0) -> str:
        read, cached, written, output, reasoning = vector
        writes = f'"cache_write_input_tokens":{written},' if self.writes else ""
        return (
            f'{{"input_tokens":{read},"cached_input_tokens":{cached},{writes}"output_tokens":{output},'
            f'"reasoning_output_tokens":{reasoning},"total_tokens":{overflow or read + output}}}'
        )

    def rate_limits(self) -> None:
        """Counters without usage, as at the start of a turn."""
        self.add(f'{self._head("event_msg")}{{"type":"token_count","info":null,{RATE_LIMITS}}}}}', usage=True)

    def record(self) -> None:
        """The same tokens again in a line that is not to be added."""
        usage = f'"service_tier":"default","usage":{self._usage(self.last)}'
        self.add(f"{self._head('token_usage_record')}{{{usage}}}}}")

    def compact(self) -> None:
        """A compaction: a call of its own, then the history rewritten."""
        self.call()
        head = f'{self._head("compacted")}{{"message":"","replacement_history":[{{"type":"message","text":"'
        self.add_around(head, self.text(20_000), '"}]}}')
        self.event('"type":"context_compacted"')

    def reset(self) -> None:
        """The counters start anew: the next total is the next call's alone."""
        self.total = NOTHING

    def overflow(self) -> None:
        """The window is full: no components, only a total; then the counters start anew."""
        self.reset()
        self.last = NOTHING
        self._count(NOTHING, NOTHING, WINDOW)

    def image(self, size: int) -> None:
        """A message with a picture of that many bytes."""
        head = (
            self._head("response_item") + '{"type":"message","role":"user","content":[{"type":"input_image",'
        )
        self.add_around(f'{head}"image_url":"data:image/png;base64,', b"iVBORw0K" * (size // 8), '"}]}}')

    def prioritize(self) -> None:
        """From here on at the priority tier."""
        self.fast = True
        self.event('"type":"thread_settings_applied","thread_settings":{"service_tier":"priority"}')

    def damage(self) -> None:
        """Lines that tell of tokens and must not count: cut after the counters, glued, without a time."""
        usage = self._usage((900_000, 0, 0, 900_000, 0))
        info = f'{{"type":"token_count","info":{{"total_token_usage":{usage},"last_token_usage":{usage}}}}}'
        whole = f"{self._head('event_msg')}{info}}}"
        for line in (whole[:-2], whole[:60] + whole, f'{{"type":"event_msg","payload":{info}}}'):
            self.add(line, usage=True)
        self.break_line()
        self.lines.append(self._head("response_item").encode() + b'{"type":"message","text":"\xff\xfe"}}')
