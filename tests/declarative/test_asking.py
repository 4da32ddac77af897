"""The requests of a descriptor: order, conditions, pages, elements, statuses, errors inside answers."""

# ruff: noqa: E501 - descriptors are as long as they are

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.declarative.support import recorded, report, run, spec_of
from tests.support import NOW
from usagecli.credentials import Credential, Secret
from usagecli.declarative.provider import evaluator, provider, read
from usagecli.errors import PayloadError, ProviderError

HEAD = "key: K\nbase: https://api.acme.example\n"
USAGE = "requests: {usage: {url: /usage}, plan: {url: /plan, optional: true}}\n"
CREDITS = "balances: {credits: {unit: usd, amount: usage.credits}}\n"
GIVEN: dict[str, Any] = {"balances": [{"id": "credits", "label": "Credits", "unit": "usd", "amount": 5}]}


def refused(text: str, answers: Any, folder: Path, **more: Any) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        report(text, answers, folder, **more)
    return caught.value


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ({"name": "Pro"}, {**GIVEN, "plan": "Pro"}),
        (
            (500, {}),
            {
                **GIVEN,
                "notes": ["plan could not be read: recorded.example.com has a problem of its own (500)"],
            },
        ),
        ((403, {}), {**GIVEN, "notes": ["plan could not be read: Acme refused the credential (403)"]}),
        ([], {**GIVEN, "notes": ["plan could not be read: no recorded answer for the request plan"]}),
        ([[]], {**GIVEN, "notes": ["plan could not be read: plan: expected an object, got a list"]}),
    ],
)
def test_an_optional_request_that_fails_hides_nothing(plan: Any, told: Any, tmp_path: Path) -> None:
    answers = {"usage": {"credits": 5}, "plan": plan}
    assert report(HEAD + USAGE + CREDITS + "plan: plan.name\n", answers, tmp_path) == told


def test_a_note_says_what_the_descriptor_advises(tmp_path: Path) -> None:
    text = HEAD + USAGE + CREDITS + "status: {403: {kind: auth, hint: ask for the scope}}\n"
    (note,) = report(text, {"usage": {"credits": 5}, "plan": (403, {})}, tmp_path)["notes"]
    assert note == "plan could not be read: Acme refused the credential (403); ask for the scope"


def test_the_first_failure_of_a_required_request_ends_it(tmp_path: Path) -> None:
    assert refused(HEAD + USAGE + CREDITS, {"usage": (429, {})}, tmp_path).kind == "rate_limited"


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (401, "auth", "make a new key"),
        (403, "auth", "ask for the scope"),
        (404, "config", "correct the option team"),
        (402, "unavailable", None),
        (400, "auth", "make a new key"),
        (418, "invalid_response", "check base_url and the options of the service"),
        (302, "invalid_response", "check base_url and the options of the service"),
        (503, "unavailable", "try again later"),
    ],
)
def test_a_status_has_the_kind_that_the_descriptor_gives_it(
    status: int, kind: str, hint: str | None, tmp_path: Path
) -> None:
    text = f"""{HEAD}status: {{402: unavailable, 400: auth}}
requests:
  usage:
    url: /usage
    status: {{403: {{kind: auth, hint: ask for the scope}}, 404: {{kind: config, hint: correct the option team}}}}
{CREDITS}"""
    error = refused(text, {"usage": (status, {})}, tmp_path)
    assert (error.kind, error.hint) == (kind, hint)


def test_absent_is_null_and_asks_the_older_path(tmp_path: Path) -> None:
    text = f"""{HEAD}requests:
  newer: {{url: /v2, absent: [404, 410]}}
  older: {{url: /v1, if: "!newer"}}
balances: {{credits: {{unit: usd, amount: newer.credits || older.credits}}}}
"""
    told, asked = run(text, {"newer": (404, {}), "older": {"credits": 5}}, tmp_path)
    assert (told, asked) == (GIVEN, ["GET /v2", "GET /v1"])
    told, asked = run(text, {"newer": {"credits": 5}, "older": {"credits": 6}}, tmp_path)
    assert (told, asked) == (GIVEN, ["GET /v2"])


PAGES = f"""{HEAD}requests:
  log:
    url: /log
    query: {{limit: 2}}
    pages: {{rows: data.rows, query: {{after: data.next, id: data.next_id}}, more: more, max: 3}}
spend: {{month: {{unit: usd, amount: "total(log.data.rows[].cost)", label: "=log._partial && 'Part' || 'Month'"}}}}
"""


def page(cost: int, *, following: Any = None, more: Any = True) -> dict[str, Any]:
    return {"data": {"rows": [{"cost": cost}], "next": following, "next_id": following}, "more": more}


@pytest.mark.parametrize(
    ("pages", "amount", "label", "asked"),
    [
        ([page(1)], 1, "Month", ["limit=2"]),
        ([page(1, following="x", more=False)], 1, "Month", ["limit=2"]),
        (
            [page(1, following="x"), page(2, following=7), page(4)],
            7,
            "Month",
            ["limit=2", "limit=2&after=x&id=x", "limit=2&after=7&id=7"],
        ),
        (
            [page(1, following="x"), page(2, following="y"), page(4, following="z")],
            7,
            "Part",
            ["limit=2", "limit=2&after=x&id=x", "limit=2&after=y&id=y"],
        ),
    ],
)
def test_pages_are_joined_up_to_a_cap(
    pages: list[Any], amount: int, label: str, asked: list[str], tmp_path: Path
) -> None:
    told, sent = run(PAGES, {"log": pages}, tmp_path)
    assert told == {"spend": [{"id": "month", "label": label, "unit": "usd", "amount": amount}]}
    assert sent == [f"GET /log?{query}" for query in asked]


EACH = f"""{HEAD}requests:
  projects: {{url: /projects}}
  balances: {{each: projects.rows, url: "/projects/{{id}}/balances"}}
balances:
  credit:
    each: balances
    id: "=join('.', ['credit', item.id])"
    label: =item.name
    unit: usd
    amount: answer.amount
empty_ok: projects.rows
"""
ROWS = {"rows": [{"id": "a b", "name": "One"}, {"id": "c", "name": "Two"}]}


def test_one_request_for_each_element(tmp_path: Path) -> None:
    told, asked = run(EACH, {"projects": ROWS, "balances": [{"amount": 1}, {"amount": 2}]}, tmp_path)
    assert asked == ["GET /projects", "GET /projects/a%20b/balances", "GET /projects/c/balances"]
    assert told["balances"] == [
        {"id": "credit.a b", "label": "One", "unit": "usd", "amount": 1},
        {"id": "credit.c", "label": "Two", "unit": "usd", "amount": 2},
    ]


def test_an_element_that_fails_hides_no_other(tmp_path: Path) -> None:
    told = report(EACH, {"projects": ROWS, "balances": [(403, {}), {"amount": 2}]}, tmp_path)
    assert [entry["id"] for entry in told["balances"]] == ["credit.c"]
    assert told["notes"] == [
        "balances could not be read 1 of 2 times: Acme refused the credential (403) (a b)"
    ]


def test_all_elements_failing_is_an_error(tmp_path: Path) -> None:
    error = refused(EACH, {"projects": ROWS, "balances": [(403, {}), (403, {})]}, tmp_path)
    assert (error.kind, error.message) == ("auth", "Acme refused the credential (403) (a b)")


def test_elements_have_a_cap(tmp_path: Path) -> None:
    rows = {"rows": [{"id": str(n), "name": str(n)} for n in range(30)]}
    told, asked = run(EACH, {"projects": rows, "balances": [{"amount": 1}] * 30}, tmp_path)
    assert len(asked) == 26
    assert told["notes"] == ["only the first 25 of 30 were asked for balances"]


def test_nothing_to_ask_for(tmp_path: Path) -> None:
    error = refused(EACH, {"projects": {"rows": []}}, tmp_path)
    assert (
        error.message == "the answer holds none of the figures that Acme is known for; it has: projects.rows"
    )
    assert report(EACH.replace("empty_ok: projects.rows", "empty_ok: true"), {"projects": {}}, tmp_path) == {}


@pytest.mark.parametrize("value", ["", " ", ".", "..", "a/b", "a\\b", "a\nb", "a\x00b", "\ud800"])
def test_a_value_that_would_change_the_path_is_never_sent(value: str, tmp_path: Path) -> None:
    text = f"""{HEAD}options: {{team: {{env: ACME_TEAM}}, site: {{}}}}
requests: {{me: {{url: /me}}, usage: {{url: "/{{me.id || opt('team') || opt('site')}}/usage"}}}}
{CREDITS}"""
    error = refused(text, {"me": {"id": value}, "usage": {"credits": 5}}, tmp_path)
    assert (error.kind, error.hint) == ("config", "correct the options of the service")
    assert error.message.startswith("requests.usage.url: ")
    for option, told in (("team", "correct ACME_TEAM"), ("site", "correct the option site")):
        if value:
            error = refused(text, {"me": {}}, tmp_path, options={option: value})
            assert (error.kind, error.hint) == ("config", told)
            assert error.message.startswith(f"the option {option} of Acme cannot be ")


def test_a_path_is_encoded_whole(tmp_path: Path) -> None:
    text = f"""{HEAD}options: {{team: {{env: ACME_TEAM}}}}
requests: {{usage: {{url: "/teams/{{opt('team')}}/usage"}}}}
{CREDITS}"""
    _, asked = run(text, {"usage": {"credits": 5}}, tmp_path, options={"team": "a?b#%ü"})
    assert asked == ["GET /teams/a%3Fb%23%25%C3%BC/usage"]


def test_words_of_query_headers_and_body(tmp_path: Path) -> None:
    text = f"""{HEAD}options: {{account: {{}}}}
requests:
  usage:
    url: /graphql
    method: POST
    query: {{from: =as_unix(month_start()), flag: true, none: =opt('account').x}}
    headers: {{X-Version: '2024-11-06', X-Account: =opt('account')}}
    body: {{query: "query($a:String!){{a}}", variables: {{a: =opt('account'), list: [1, =as_date(today())], flag: false}}}}
{CREDITS}"""
    spec = spec_of(text, tmp_path)
    send = recorded({"usage": {"credits": 5}})
    credential = Credential(secret=Secret("fake-key"), origin="K")
    known = evaluator(spec, credential, {"account": "acc-1"}, NOW)
    read(spec, provider(spec).descriptor, known, send)
    (call,) = send.calls
    assert call.query == {"from": "1793491200", "flag": "true"}
    assert call.headers == {"X-Version": "2024-11-06", "X-Account": "acc-1"}
    assert call.body == {
        "query": "query($a:String!){a}",
        "variables": {"a": "acc-1", "list": [1, "2026-11-21"], "flag": False},
    }


def test_an_error_inside_an_answer(tmp_path: Path) -> None:
    text = f"""{HEAD}requests:
  usage:
    url: /usage
    fail:
      - {{if: "!success && contains(message, 'key')", kind: auth, message: message}}
      - {{if: "!success"}}
{CREDITS}"""
    error = refused(
        text,
        {"usage": {"success": False, "message": "bad key fake-key-9\x1b[31m"}},
        tmp_path,
        key="fake-key-9",
    )
    assert (error.kind, error.message, error.hint) == (
        "auth",
        "Acme says: bad key *** [31m",
        "make a new key",
    )
    error = refused(text, {"usage": {"success": False}}, tmp_path)
    assert (error.kind, error.message) == ("invalid_response", "Acme answered with an error")
    text = text.replace("message: message}", "message: lower(code)}")
    error = refused(text, {"usage": {"success": False, "message": "key", "code": {}}}, tmp_path)
    assert (error.kind, error.message) == ("auth", "Acme answered with an error")
    assert report(text, {"usage": {"success": True, "credits": 5}}, tmp_path) == GIVEN


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("message", "Acme says: account suspended"),
        ("message || 'this key sees no account'", "account suspended"),
        ("'this key sees no account'", "this key sees no account"),
        ("join(' ', ['no account', message])", "no account account suspended"),
        ("none", "Acme answered with an error"),
    ],
)
@pytest.mark.parametrize("kind", ["auth", "invalid_response"])
def test_who_words_an_error_is_told(kind: str, message: str, told: str, tmp_path: Path) -> None:
    text = f"""{HEAD}requests:
  usage:
    url: /usage
    fail: [{{if: message, kind: {kind}, message: "{message}"}}]
{CREDITS}"""
    error = refused(text, {"usage": {"message": "account suspended"}}, tmp_path)
    assert (error.kind, error.message) == (kind, told)


def test_what_only_several_answers_show(tmp_path: Path) -> None:
    text = f"""{HEAD}{USAGE}let: {{other: plan.user != usage.user}}
fail: [{{if: plan && other, kind: config, message: "'another user'", hint: correct it}}]
{CREDITS}"""
    error = refused(text, {"usage": {"credits": 5, "user": 1}, "plan": {"user": 2}}, tmp_path)
    assert (error.kind, error.message, error.hint) == ("config", "another user", "correct it")
    assert report(text, {"usage": {"credits": 5, "user": 1}, "plan": {"user": 1}}, tmp_path) == GIVEN


def test_let_is_there_before_each_request(tmp_path: Path) -> None:
    text = f"""{HEAD}requests:
  me: {{url: /me}}
  usage: {{url: "/teams/{{team}}/usage"}}
let: {{teams: me.teams, team: "only(teams[].id, 'team')"}}
options: {{team: {{}}}}
{CREDITS}"""
    told, asked = run(text, {"me": {"teams": [{"id": "t-1"}]}, "usage": {"credits": 5}}, tmp_path)
    assert (told, asked) == (GIVEN, ["GET /me", "GET /teams/t-1/usage"])
    error = refused(text, {"me": {"teams": [{"id": "t-1"}, {"id": "t-2"}]}}, tmp_path)
    assert (error.kind, error.message) == ("config", "the key sees more than one team: t-1, t-2")


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_an_answer_is_an_object(body: Any, tmp_path: Path) -> None:
    with pytest.raises(PayloadError, match="^usage: expected an object"):
        report(HEAD + USAGE + CREDITS, {"usage": [body]}, tmp_path)


def test_words_of_an_element_that_is_null_are_not_those_of_the_root(tmp_path: Path) -> None:
    text = f"""{HEAD}requests:
  me: {{url: /me}}
  rows: {{each: me.list, url: /rows, query: {{me: =me.id}}}}
balances: {{credits: {{unit: usd, amount: "rows[0].answer.credits"}}}}
"""
    _, asked = run(text, {"me": {"id": "root", "list": [None]}, "rows": {"credits": 5}}, tmp_path)
    assert asked == ["GET /me", "GET /rows"]
