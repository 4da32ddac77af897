"""Every provider of the catalog against its recorded cases: offline, over real sockets, and broken."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.catalog import Case, base_path, cases, machine_of, play, requested, script, spec, told
from tests.fuzz import mutated, sound
from tests.support import Seen, Server, make_ask, serve
from usagecli import registry
from usagecli.errors import PayloadError, ProviderError
from usagecli.registry import catalog

CASES = cases()
# What a case may hold.
KEYS = {"about", "env", "files", "key", "options", "requests", "sent", "auth", "expected", "error"}
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.provider}-{case.name}")
every_provider = pytest.mark.parametrize("name", catalog())


@every_case
def test_the_recorded_answers_give_what_is_expected(case: Case, tmp_path: Path) -> None:
    played = play(case, tmp_path)
    if "error" in case.body:
        assert played.error is not None, "expected an error"
        given_ = {"kind": played.error.kind, "message": played.error.message, "hint": played.error.hint}
        assert {key: given_[key] for key in case.body["error"]} == case.body["error"]
    else:
        assert played.error is None, played.error and played.error.message
        assert played.usage is not None
        assert told(played.usage) == case.body["expected"]


@every_case
def test_it_asks_what_the_case_says(case: Case, tmp_path: Path) -> None:
    if not case.sent:
        pytest.skip("the case does not say what is sent")
    played = play(case, tmp_path)
    assert requested(played) == [sent["request"] for sent in case.sent]
    for call, sent in zip(played.calls, case.sent, strict=True):
        assert dict(call.headers) == sent.get("headers", {})
        assert call.body == sent.get("body")


@every_provider
def test_a_case_says_what_is_sent_and_one_what_is_reported(name: str) -> None:
    own = [case.body for case in CASES if case.provider == name]
    assert any("sent" in body and "expected" in body for body in own)
    for body in own:
        assert ("expected" in body) != ("error" in body)
        assert set(body) <= KEYS


@every_provider
def test_a_case_gives_every_entry_that_there_can_be(name: str) -> None:
    """An entry that no case shows is not tested."""
    shown = {
        (group, entry["id"])
        for case in CASES
        if case.provider == name and "expected" in case.body
        for group in ("quotas", "balances", "spend")
        for entry in case.body["expected"].get(group, [])
    }
    for entry in spec(name).entries:
        ids = {pick.id for pick in entry.pick.values()} or (
            {entry.id} if isinstance(entry.id, str) else set()
        )
        missing = {id_ for id_ in ids if (entry.group, id_) not in shown}
        assert not missing, f"{entry.group}: no case shows {', '.join(sorted(missing))}"


@pytest.mark.sockets
@every_case
def test_the_whole_way_over_real_sockets(case: Case, tmp_path: Path) -> None:
    played = play(case, tmp_path)
    if not played.base_url:
        pytest.skip("nothing is sent")
    routes = script(case, played)
    if routes is None:
        pytest.skip("an answer is missing, or would be asked for again")
    with serve({}) as server:
        server.routes = routes
        usage = _fetched(case, server, played.base_url, tmp_path)
        host = server.url.partition("//")[2]
    if played.error is not None:
        assert isinstance(usage, ProviderError)
        assert usage.kind == played.error.kind
    else:
        # Notes name the host that was asked.
        notes = tuple(note.replace(host, "recorded.example.com") for note in usage.notes)
        assert replace(usage, notes=notes) == played.usage
    assert len(server.seen) == len(played.calls)
    for seen, call, line in zip(server.seen, played.calls, requested(played), strict=True):
        wanted = urlsplit(line.partition(" ")[2])
        assert f"{seen.method} {seen.path}" == f"{call.request.method} {wanted.path}"
        assert seen.headers["accept"] == "application/json"
        _check_auth(case, seen, call.request.name, wanted.query)
        for name, value in call.headers.items():
            assert seen.headers[name.lower()] == value
        assert (seen.json() if seen.body else None) == call.body


def _fetched(case: Case, server: Server, base_url: str, home: Path) -> Any:
    machine = machine_of(case, home)
    ask = make_ask(
        case.provider,
        machine,
        base_url=server.url + base_path(base_url),
        given=case.body.get("options"),
    )
    try:
        return registry.get(case.provider).fetch(ask)
    except ProviderError as error:
        return error
    finally:
        ask.close()


def _check_auth(case: Case, seen: Seen, request: str, query: str) -> None:
    """The key goes where the case says, and nowhere else; `auth: none` in the descriptor keeps it back."""
    usual = case.auth(request)
    (auth,) = {call.auth for call in spec(case.provider).requests if call.name == request}
    wanted = dict(parse_qsl(query, keep_blank_values=True))
    headers = dict(seen.headers)
    if auth.header or auth.query:
        if usual.startswith("?"):
            wanted[usual[1:].partition("=")[0]] = case.key
        else:
            name, _, words = usual.partition(": ")
            assert headers.pop(name.lower()) == words.replace("{key}", case.key)
    assert dict(parse_qsl(seen.query, keep_blank_values=True)) == wanted
    assert case.key not in str(headers)
    assert base64.b64encode(case.key.encode()).decode() not in str(headers)


@every_provider
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_anything_in_an_answer_is_reported_or_refused(name: str, tmp_path: Path, data: st.DataObject) -> None:
    """Any JSON at any place of the answers: a sound report, or an error of ours."""
    case = data.draw(st.sampled_from([case for case in CASES if case.provider == name]))
    answers = {request: [dict(one) for one in told_] for request, told_ in case.answers.items()}
    if not answers:
        return
    request = data.draw(st.sampled_from(sorted(answers)))
    number = data.draw(st.integers(0, len(answers[request]) - 1))
    part = "headers" if spec_headers(name, request) else "body"
    broken = data.draw(mutated(answers[request][number].get(part)))
    if part == "headers":
        broken = {str(k): str(v) for k, v in broken.items()} if isinstance(broken, Mapping) else {}
    answers[request][number][part] = broken
    played = play(case, tmp_path, answers)
    if played.error is not None:
        assert not isinstance(played.error, PayloadError) or names_a_place(name, played.error.message)
        return
    assert played.usage is not None
    sound(played.usage)


def names_a_place(name: str, message: str) -> bool:
    """Whether it names the field, the provider or the host, or is worded by the descriptor."""
    described = Path(registry.CATALOG, f"{name}.yaml").read_text(encoding="utf-8")
    told_ = (": ", " answered ", registry.get(name).descriptor.title)
    return any(part in message for part in told_) or f"'{message.partition(' (')[0]}'" in described


def spec_headers(name: str, request: str) -> bool:
    return any(call.from_headers for call in spec(name).requests if call.name == request)
