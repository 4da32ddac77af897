"""What is refused on loading, and how it is worded: file, line, key, what is wrong, what is near."""

# ruff: noqa: E501 - a row is a descriptor and what is said of it

from __future__ import annotations

from pathlib import Path

import pytest

from tests.declarative.support import SIMPLE, spec_of
from usagecli.declarative.loader import load
from usagecli.declarative.spec import Auth
from usagecli.errors import ConfigError

TOP = "key: K\nurl: https://api.acme.example/u\n"
TWO = """\
key: K
base: https://api.acme.example
options: {team: {env: ACME_TEAM}}
requests:
  usage: {url: /usage}
  plan: {url: /plan, optional: true}
"""
SOME = SIMPLE.splitlines()[-1] + "\n"
ONE = "balances: {credits: {unit: usd, amount: usage.credits}}\n"


def test_the_simplest_descriptor_and_what_it_leaves_out(tmp_path: Path) -> None:
    spec = spec_of(SIMPLE, tmp_path)
    assert (spec.title, spec.reports, spec.dashboard) == (
        "Acme",
        "Credits (usd).",
        "https://api.acme.example",
    )
    assert (spec.base.url, spec.requests[0].path, spec.requests[0].method) == (
        "https://api.acme.example",
        ("/v1/usage",),
        "GET",
    )
    assert spec.requests[0].auth == Auth(header="Authorization", words="Bearer {key}")
    assert spec.min_interval == 60


@pytest.mark.parametrize(
    ("more", "kind"),
    [
        ("url: https://api.acme.example/u\n", "api"),
        ("url: https://api.acme.example/u\nkind: agent\n", "agent"),
        ("base: {env: ACME_URL}\nurl: /u\n", "server"),
        ("base: {env: ACME_URL, default: 'https://api.acme.example'}\nurl: /u\n", "api"),
    ],
)
def test_what_it_is_to_its_users(more: str, kind: str, tmp_path: Path) -> None:
    assert spec_of(f"key: K\n{more}{SOME}", tmp_path).kind == kind


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # keys
        (TOP + "ballances: {}\n", "3: ballances: no such key; did you mean 'balances'?"),
        (
            TOP + "balances: {c: {unit: usd, amout: c}}\n",
            "3: balances.c.amout: no such key; did you mean 'amount'?",
        ),
        (
            TOP + "spend: {m: {unit: usd, amount: c, limit: c}}\n",
            "3: spend.m.limit: no such key; there are: unit, label, id, if, required",
        ),
        ("key: K\nkey: L\n", "2: key: is given twice"),
        ("key: K\nbalances:\n  c: {unit: usd}\n  c: {unit: usd}\n", "4: balances.c: is given twice"),
        (
            "url: https://api.acme.example/u\n",
            "1: needs a `key:`, the name of the variable that holds the key",
        ),
        ("[]\n", "1: expected keys such as `key:`"),
        ("", "1: expected keys such as `key:` and `url:` below it"),
        ("key: K\nbalances: {c: {unit: usd, amount: c}}\n", "1: needs either a `url:` or `requests:`"),
        (TOP + "requests: {}\n", "1: needs either a `url:` or `requests:`"),
        (TOP, "1: needs an entry under quotas, balances, spend"),
        (
            TOP + "balances: {c: {amount: c}}\n",
            "3: balances.c: needs a `unit:`, such as usd or percent, requests, tokens, credits",
        ),
        (
            TOP + "balances: {c: {unit: dollars, amount: c}}\n",
            "3: balances.c.unit: expected percent, requests, tokens, credits, messages, characters, minutes, kwh, or a currency such as usd",
        ),
        (TOP + "balances: {c: {unit: usd}}\n", "3: balances.c: needs a figure: amount"),
        (
            TOP + "quotas: {c: {unit: usd, used: a, refill: {amount: b}}}\n",
            "3: quotas.c.refill: needs `every:`",
        ),
        (
            TOP + "quotas: {c: {unit: usd, used: a, refill: {amount: b, every: 15m}}}\n",
            "3: quotas.c.refill.every: expected seconds, or an expression that begins with =",
        ),
        (
            TOP + "quotas: {c: {unit: usd, window: week, used: a}}\n",
            "3: quotas.c.window: expected seconds, or an expression that begins with =",
        ),
        (
            TOP + "quotas: {c: {unit: usd, by: a, used: b}}\n",
            "3: quotas.c: `by` and `pick` belong together, and to an `each`",
        ),
        (
            TOP + "balances: {c: {unit: usd, amount: c, scale: 1e-6}}\n",
            "3: balances.c.scale: expected a number (write 0.000001 for 1e-6)",
        ),
        (
            TOP + "balances: {C: {unit: usd, amount: c}}\n",
            "3: balances.C: expected an id in lower case, such as five_hour",
        ),
        (TOP + "kind: agnet\n" + SOME, "3: kind: expected one of agent, api, server; did you mean 'agent'?"),
        (TOP + "min_interval: 5\n" + SOME, "3: min_interval: expected seconds from 60 to 86400"),
        (
            TOP + "status: {404: nowhere}\n",
            "3: status.404: expected one of not_configured, auth, rate_limited, unavailable, invalid_response, config",
        ),
        (
            TOP + "status: {404: atuh}\n",
            "3: status.404: expected one of not_configured, auth, rate_limited, unavailable, invalid_response, config; did you mean 'auth'?",
        ),
        (TOP + "status: {200: auth}\n", "3: status.200: expected a status from 300 to 599"),
        (TOP + "fail: [{kind: auth}]\n", "3: fail[0]: needs an `if:`"),
        # the key
        (
            "key: sk-fake-secret\nurl: https://a.example/\n",
            "1: key: expected the name of an environment variable, not a value",
        ),
        (
            "key: [{file: ~/k, env: K}]\nurl: https://a.example/u\n" + SOME,
            "1: key[0]: expected one of env, file",
        ),
        (
            "key: [{env: K, at: a}]\nurl: https://a.example/u\n" + SOME,
            "1: key[0].at: leads into a file: give one",
        ),
        (
            "key: K\noptions: {t: {required: account}}\nurl: https://a.example/u\n" + SOME,
            "2: options.t.required: expected one of key",
        ),
        # addresses
        ("key: K\nurl: http://api.acme.example/u\n" + SOME, "2: url: must be https (http only on loopback)"),
        ("key: K\nurl: https://u@acme.example/u\n" + SOME, "2: url: must hold no user, query or fragment"),
        ("key: K\nurl: https://{opt('h')}.example/u\n", "2: url: \"opt('h')\": no option 'h'"),
        (
            "key: K\noptions: {h: {}}\nurl: \"https://{opt('h')}.example/u\"\n" + SOME,
            "3: url: expected a whole URL (https, a written host), for there is no `base:`",
        ),
        (
            "key: K\nurl: /usage\n" + SOME,
            "2: url: expected a whole URL (https, a written host), for there is no `base:`",
        ),
        (
            "key: K\nurl: https://a.example/u?x=1\n",
            "2: url: must hold no ?, #, space or backslash; parameters stand in `query:`",
        ),
        (
            "key: K\nbase: https://a.example\nurl: https://a.example/u\n",
            "3: url: expected a path below `base:` that begins with /",
        ),
        (
            "key: K\nrequests:\n  a: {url: 'https://a.example/u'}\n  b: {url: 'https://b.example/u'}\nbalances: {c: {unit: usd, amount: a.c}}\n",
            "4: requests.b.url: a descriptor has one host, not several: a.example, b.example",
        ),
        ("key: K\nbase: {choose: '`1`'}\nurl: /u\n", "2: base: needs the URLs that are chosen from"),
        (
            "key: K\nbase: {default: 'https://a.example'}\nurl: /u\n",
            "2: base: expected a URL, or keys `env:` or `choose:`",
        ),
        # requests
        (
            TOP + "query: {day: 2026-11-21}\n",
            "3: query.day: expected a word, or an expression that begins with = (put it in quotes?)",
        ),
        (TOP + "auth: Bearer\n", '3: auth: expected "Header: words {key}", "?name={key}" or none'),
        (TOP + 'auth: "Host: {key}"\n', '3: auth: expected "Header: words {key}", "?name={key}" or none'),
        (TOP + "method: PUT\n", "3: method: expected one of GET, POST"),
        (TOP + "body: {a: 1}\n", "3: body: needs `method: POST`"),
        (TOP + "headers: {Cookie: a}\n", "3: headers.Cookie: is no header that a descriptor may set"),
        (TOP + "pages: {rows: a}\n", "3: pages: needs a `query:`"),
        (
            TOP + "pages: {rows: a, query: {p: n}, max: 99}\n",
            "3: pages.max: expected a number of pages from 1 to 20",
        ),
        (TOP + "optional: true\n", "3: optional: makes sense only below `requests:`"),
        (TOP + "method: POST\nbody: &a {b: *a}\n", " nested too deep"),
        # expressions
        (
            TWO + "balances: {c: {unit: usd, amount: usge.credits}}\n",
            "7: balances.c.amount: 'usge.credits': no answer named 'usge'; did you mean 'usage'?",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: 'totl(usage.rows[].cost)'}}\n",
            "7: balances.c.amount: 'totl(usage.rows[].cost)': no function 'totl'; did you mean 'total'?",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: a..b}}\n",
            "7: balances.c.amount: 'a..b' is not JMESPath, from column 3 on",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: usage.c, if: '!plan.limit'}}\n",
            "7: balances.c.if: '!plan.limit': '!' binds tighter than '.': write !(a.b)",
        ),
        (
            TWO + 'balances: {c: {unit: usd, amount: usage.c, if: "!plan[?limit]"}}\n',
            "7: balances.c.if: '!plan[?limit]': '!' binds tighter than '[?': write !(a[?b])",
        ),
        (
            TWO + 'balances: {c: {unit: usd, amount: usage.c, if: "!plan[].limit"}}\n',
            "7: balances.c.if: '!plan[].limit': '!' binds tighter than '[]': write !(a[])",
        ),
        (
            TWO + 'balances: {c: {unit: usd, amount: usage.c, if: "!plan.*.limit"}}\n',
            "7: balances.c.if: '!plan.*.limit': '!' binds tighter than '.*': write !(a.*)",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: usage.c, if: \"opt('taem')\"}}\n",
            "7: balances.c.if: \"opt('taem')\": no option 'taem'; did you mean 'team'?",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: 'times(usage.c)'}}\n",
            "7: balances.c.amount: 'times(usage.c)': times() takes 2 arguments, not 1",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: 'plus()'}}\n",
            "7: balances.c.amount: 'plus()': plus() takes at least 1 argument, not 0",
        ),
        (
            TWO + "balances: {c: {unit: usd, each: usage.rows, amount: root().usge.c}}\n",
            "7: balances.c.amount: 'root().usge.c': no answer named 'usge'; did you mean 'usage'?",
        ),
        (
            TWO + "balances: {c: {unit: =usge.unit, amount: usage.c}}\n",
            "7: balances.c.unit: 'usge.unit': no answer named 'usge'; did you mean 'usage'?",
        ),
        (
            TWO + "let: {one: two, two: usage.x}\n" + ONE,
            "7: let.one: 'two': no answer named 'two'; there are: usage, plan",
        ),
        (
            TWO + "balances: {c: {unit: usd, if: usage.ok == false, amount: usage.c}}\n",
            "7: balances.c.if: 'usage.ok == false': false stands for a field here: "
            "write `false` in backquotes, or !ok",
        ),
        (
            TWO + "balances: {c: {unit: usd, if: 'true', amount: usage.c}}\n",
            "7: balances.c.if: 'true': true stands for a field here: write `true`",
        ),
        (
            TWO + "balances: {c: {unit: usd, amount: 'usage.rows[?x == null].c | [0]'}}\n",
            "7: balances.c.amount: 'usage.rows[?x == null].c | [0]': null stands for a field here",
        ),
        (
            TWO + "balances:\n  c:\n    unit: usd\n    if: !ok\n    amount: usage.c\n",
            "10: !ok is a tag of YAML: put what begins with ! in quotes",
        ),
        (TWO + "let: {plan: usage.x}\n" + ONE, "6: requests.plan: expected another name, in lower case"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_what_is_near(text: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        spec_of(text, tmp_path)
    message = caught.value.message.removeprefix(f"{tmp_path / 'acme.yaml'}:")
    assert message.startswith(told)
    assert "sk-fake-secret" not in caught.value.message


@pytest.mark.parametrize(
    "amount",
    [
        "usage.rows[?a == root().plan.b].c | [0]",
        "map(&cost, usage.rows)",
        "usage.true.null || usage.rows[].false | [0]",
        "usage.rows[].{a: b, c: d} | [0].whatever",
        "!usage && plan.x || usage.y[0].z",
        "usage.a.root().plan",
        "walk(usage, 'a.*')[0].value",
        "x",
    ],
)
def test_only_fields_at_the_root_are_names_of_answers(amount: str, tmp_path: Path) -> None:
    let = "let: {x: usage.a, y: x}\n"
    spec = spec_of(f'{TWO}{let}balances: {{c: {{unit: usd, amount: "{amount}"}}}}\n', tmp_path)
    assert spec.entries[0].figures["amount"].reads <= {"usage", "plan", "x"}  # type: ignore[union-attr]


def test_what_let_makes_of_an_optional_answer_is_optional_too(tmp_path: Path) -> None:
    spec = spec_of(TWO + "let: {a: plan.x, b: a, c: usage.y}\n" + ONE, tmp_path)
    assert spec.optional == {"plan", "a", "b"}


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(str(tmp_path / "none.yaml"), "none")
