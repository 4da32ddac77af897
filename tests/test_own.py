"""The user's own descriptors: files beside the config, `custom:` in it, `providers new` and `try`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import configure, run
from tests.support import Reply, serve
from usagecli import own, registry
from usagecli.declarative.skeleton import SKELETON
from usagecli.machine import here

ACME = """\
title: Acme Gateway
key: ACME_API_KEY
url: {url}/v1/usage
balances: {{credits: {{unit: usd, amount: credits}}}}
"""


def write(text: str, name: str = "acme") -> Path:
    path = Path(here().config_dir) / "providers" / f"{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def broken(name: str = "acme") -> Path:
    return write(
        ACME.format(url="https://api.acme.example").replace("amount: credits", "amount: totl(c)"), name
    )


def inline(body: str) -> Path:
    path = configure([])
    path.write_text(f"custom:\n  acme:\n{body}", encoding="utf-8")
    return path


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_API_KEY", "fake-key-of-acme")


@pytest.mark.sockets
@pytest.mark.parametrize("inside", [False, True])
def test_a_descriptor_is_a_provider_everywhere(inside: bool, key: None) -> None:
    with serve({"/v1/usage": Reply({"credits": 12.5})}) as server:
        text = ACME.format(url=server.url)
        if inside:
            inline(indented(text))
        else:
            write(text)
        command = run("acme", "--json", "--no-cache")
        status = run("status", "--json", "--no-cache")
    assert (command.code, command.err) == (0, "")
    (balance,) = command.document["balances"]
    assert (balance["id"], balance["label"], balance["unit"]) == ("credits", "Credits", "usd")
    assert (balance["amount"], balance["status"]) == (12.5, "ok")
    assert [service["provider"] for service in status.document["services"]] == ["acme"]
    assert [seen.headers["authorization"] for seen in server.seen] == ["Bearer fake-key-of-acme"] * 2
    assert "  acme, " in run("--help").out
    assert run("acme", "--help").code == 0
    assert "Acme Gateway (acme)" in run("providers", "acme").out
    assert "Acme Gateway" in run("providers").out
    assert "✓ acme" in run("doctor").out


@pytest.mark.sockets
def test_a_service_of_the_config_may_use_it() -> None:
    with serve({"/v1/usage": Reply({"credits": 12.5})}) as server:
        write(ACME.format(url=server.url))
        configure([{"name": "gate", "provider": "acme", "credential": {"value": "fake-key-2"}}])
        outcome = run("status", "gate", "--json")
    assert outcome.code == 0
    assert server.seen[0].headers["authorization"] == "Bearer fake-key-2"


def test_beside_another_config(tmp_path: Path) -> None:
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "other.yaml").write_text(ACME.format(url="https://api.acme.example"))
    (tmp_path / "config.yaml").write_text("services: [{provider: other}]\n")
    write(ACME.format(url="https://api.acme.example"))
    config = str(tmp_path / "config.yaml")
    assert "Acme Gateway (other)" in run("--config", config, "providers", "other").out
    assert run("--config", config, "providers", "acme").code == 2


def test_the_working_directory_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "providers").mkdir()
    (tmp_path / "providers" / "evil.yaml").write_text(ACME.format(url="https://api.acme.example"))
    monkeypatch.chdir(tmp_path)
    assert run("evil").code == 2


def test_the_demo_has_none() -> None:
    write(ACME.format(url="https://api.acme.example"))
    assert run("--demo", "acme").code == 2


def test_completion_offers_it(monkeypatch: pytest.MonkeyPatch) -> None:
    write(ACME.format(url="https://api.acme.example"))
    monkeypatch.setenv("_USAGECLI_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "usagecli ac")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert run().out == "plain,acme\n"


# -- broken ones ------------------------------------------------------------------------------------

SAID = "acme.yaml:4: balances.credits.amount: 'totl(c)': no function 'totl'; did you mean 'total'?"


def test_a_broken_one_stops_only_what_uses_it(key: None) -> None:
    broken()
    outcome = run("acme")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("Error: ")
    assert outcome.err.endswith(f"{SAID}\n")
    assert run("providers", "acme").code == 2
    assert run("codex").code == 3


def test_elsewhere_it_is_a_warning(key: None) -> None:
    broken()
    for args in (["status"], ["providers"]):
        outcome = run(*args)
        assert outcome.err.startswith("Warning: ")
        assert SAID in outcome.err
    assert SAID in run("doctor").out
    assert run("doctor").code == 3
    validated = run("config", "validate")
    assert (validated.code, SAID in validated.err) == (2, True)


def test_without_its_key_it_is_not_even_read() -> None:
    broken()
    assert SAID not in run("status").err


def test_a_broken_one_in_the_config_names_its_line(key: None) -> None:
    inline(indented(ACME.format(url="https://api.acme.example").replace("credits}", "totl(c)}")))
    assert "config.yaml:6: custom.acme.balances.credits.amount: 'totl(c)': no function" in run("acme").err


@pytest.mark.parametrize("name", ["openrouter", "hyperbolic", "status", "new"])
def test_a_taken_id_is_refused(name: str) -> None:
    path = write(ACME.format(url="https://api.acme.example"), name)
    what = "the name of a command" if name in ("status", "new") else "taken by a built-in provider"
    told = f"{path}: the id {name!r} is {what}; choose another"
    assert told in run("providers").err
    assert told in run("doctor").out
    assert "Acme Gateway" not in run("providers").out
    path.unlink()
    inline(indented(ACME.format(url="https://api.acme.example")))
    text = (Path(here().config_dir) / "config.yaml").read_text()
    (Path(here().config_dir) / "config.yaml").write_text(text.replace("acme:", f"{name}:", 1))
    outcome = run("status")
    assert (outcome.code, f"config.yaml:2: custom.{name}: the id {name!r} is {what}" in outcome.err) == (
        2,
        True,
    )


def test_the_same_id_in_a_file_and_in_the_config(key: None) -> None:
    path = write(ACME.format(url="https://api.acme.example"))
    config = inline(indented(ACME.format(url="https://api.acme.example")))
    assert run("acme").err == f"Error: {path}: 'acme' stands under custom: in {config}, too\n"


def test_ids_are_words_of_lower_case() -> None:
    path = write(ACME.format(url="https://api.acme.example"), "Acme_1")
    assert f"{path}: 'Acme_1' is no provider id" in run("doctor").out
    assert "Acme_1" not in registry.names()


# -- providers new ----------------------------------------------------------------------------------


def test_new_writes_a_descriptor_that_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome = run("providers", "new", "my-gate")
    path = Path(here().config_dir) / "providers" / "my-gate.yaml"
    assert (outcome.code, outcome.out) == (0, f"{path}\n")
    assert f"usagecli providers try {path}" in outcome.err
    assert "My Gate (my-gate)" in run("providers", "my-gate").out
    assert "MY_GATE_API_KEY" in run("my-gate").out


def test_new_never_overwrites() -> None:
    path = write("mine")
    outcome = run("providers", "new", "acme")
    assert (outcome.code, outcome.err) == (2, f"Error: {path}: there is one already; it stays as it is\n")
    assert path.read_text() == "mine"


@pytest.mark.parametrize("name", ["openrouter", "Acme", "../acme", "a/b", "providers"])
def test_new_refuses_an_id_that_cannot_be(name: str) -> None:
    assert run("providers", "new", name).code == 2
    assert not (Path(here().config_dir) / "providers").exists()


def test_every_offer_of_the_skeleton_loads_too(tmp_path: Path) -> None:
    text = SKELETON.substitute(id="acme", title="Acme", name="ACME")
    offers = (
        "source",
        "documented",
        "key_url",
        "auth",
        "query",
        "spend",
        "  monthly",
        "plan",
        "account",
        "fail",
    )
    for offer in offers:
        assert f"\n# {offer}:" in text
        text = text.replace(f"\n# {offer}:", f"\n{offer}:")
    path = tmp_path / "acme.yaml"
    path.write_text(text)
    answer = {"credits": {"left": 1}, "month": {"cost": 3, "used": 1, "limit": 2}, "plan": {"name": "Pro"}}
    (tmp_path / "a.json").write_text(json.dumps(answer))
    outcome = run("providers", "try", str(path), "--payload", str(tmp_path / "a.json"), "--json")
    assert (outcome.code, outcome.document["spend"][0]["amount"]) == (0, 3)
    assert outcome.document["plan"]["name"] == "Pro"


# -- providers try ----------------------------------------------------------------------------------

TWO = """\
key: ACME_API_KEY
base: https://api.acme.example
requests:
  log: {url: /log, pages: {rows: rows, query: {after: next}}}
  plan: {url: /plan, optional: true}
  limits: {url: /limits, answer: headers, optional: true}
spend: {month: {unit: usd, amount: "total(log.rows[].cost)"}}
quotas: {day: {unit: requests, limit: 'limits."x-limit"', remaining: 'limits."x-left"'}}
plan: plan.name
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {
        "acme.yaml": TWO,
        "1.json": '{"rows": [{"cost": 1}], "next": "b"}',
        "2.json": '{"rows": [{"cost": 2}]}',
        "plan.json": '{"name": "Pro"}',
        "headers.json": '{"X-Limit": "10", "X-Left": "4"}',
        "bad.json": "{",
        "list.json": "[]",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def tried(folder: Path, *payloads: str, options: tuple[str, ...] = ()) -> tuple[int, str, str]:
    given = [part for payload in payloads for part in ("--payload", payload.replace("=", f"={folder}/"))]
    outcome = run("providers", "try", str(folder / "acme.yaml"), *given, *options)
    return outcome.code, outcome.out, outcome.err


def test_try_shows_what_it_would_report_offline(folder: Path) -> None:
    code, out, err = tried(
        folder, "log=1.json", "log=2.json", "plan=plan.json", "limits=headers.json", options=("--json",)
    )
    body = json.loads(out)
    assert (code, body["plan"]["name"], body["spend"][0]["amount"], body["quotas"][0]["used"]) == (
        0,
        "Pro",
        3,
        6,
    )
    assert err.splitlines() == [
        "Asked: GET /log",
        "Asked: GET /log?after=b",
        "Asked: GET /plan",
        "Asked: GET /limits",
    ]


def test_try_as_a_table_and_what_was_not_given(folder: Path) -> None:
    code, out, _ = tried(folder, "log=2.json")
    assert (code, "month" in out, "$2" in out) == (0, True, True)
    assert "plan could not be read: no recorded answer for the request plan" in out


def test_try_tells_what_is_missing(folder: Path) -> None:
    code, out, _ = tried(folder)
    assert code == 3
    assert "no recorded answer for the request log" in out
    assert "give one: --payload log=FILE" in out


@pytest.mark.parametrize(
    ("payload", "told"),
    [
        ("lgo=1.json", "--payload: there is no request 'lgo'; there are: log, plan, limits"),
        ("1.json", "--payload: say of which request it is, NAME=FILE: log, plan, limits"),
        ("log=none.json", "none.json: cannot be read: No such file or directory"),
        ("log=bad.json", "bad.json: is not JSON"),
    ],
)
def test_try_refuses(payload: str, told: str, folder: Path) -> None:
    code, out, err = tried(folder, payload)
    assert (code, out, told in err) == (2, "", True)


GAPS = """\
key: ACME_API_KEY
url: https://api.acme.example/usage
balances:
  credits: {unit: usd, amount: data.cents}
  other: {unit: usd, amount: dta.cents}
  promo: {unit: usd, if: data.promo, amount: data.promo.cents}
quotas:
  month: {unit: requests, used: data.used, limit: data.limit, resets: data.rests}
  models: {unit: requests, each: mdels, used: used, limit: limit}
  tiers: {unit: requests, each: tiers, used: used, limit: limit}
"""
DATA = {"cents": 1, "used": 1, "limit": 2}
TIERS = [{"used": 1}, {"used": 2}]


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [
        (
            {"data": DATA, "tiers": TIERS},
            3,
            [
                "quotas.month.resets: nothing at data.rests",
                "quotas.models.each: nothing at mdels",
                "quotas.tiers.limit: nothing at limit",
                "balances.other.amount: nothing at dta.cents",
            ],
        ),
        (
            {
                "data": {**DATA, "rests": "2026-12-01T00:00:00Z"},
                "dta": {"cents": 0},
                "mdels": [],
                "tiers": [],
            },
            0,
            [],
        ),
        (
            {"data": DATA, "dta": {"cents": 0}, "mdels": [], "tiers": []},
            0,
            ["quotas.month.resets: nothing at data.rests"],
        ),
    ],
)
def test_try_warns_of_every_empty_figure(given: object, code: int, told: list[str], folder: Path) -> None:
    (folder / "acme.yaml").write_text(GAPS)
    (folder / "a.json").write_text(json.dumps(given))
    outcome = run("providers", "try", str(folder / "acme.yaml"), "--payload", str(folder / "a.json"))
    assert outcome.code == code
    assert outcome.err.splitlines() == ["Asked: GET /usage", *(f"Warning: {line}" for line in told)]


def test_try_warns_of_an_entry_that_never_shows(folder: Path) -> None:
    text = "key: K\nurl: https://api.acme.example/usage\nquotas: {q: {unit: requests, used: used}}\n"
    (folder / "acme.yaml").write_text(text + "balances: {b: {unit: usd, amount: used}}\n")
    (folder / "a.json").write_text('{"used": 1}')
    outcome = run("providers", "try", str(folder / "acme.yaml"), "--payload", str(folder / "a.json"))
    told = "Warning: quotas.q: shows nothing: it needs used and limit, or a share"
    assert (outcome.code, outcome.err.splitlines()[1:]) == (3, [told])


def test_try_of_a_broken_descriptor(folder: Path) -> None:
    (folder / "acme.yaml").write_text("key: K\nurl: x\n")
    assert tried(folder)[0] == 2


def test_nothing_of_it_costs_a_run_that_needs_none() -> None:
    """Only the names of the files are read."""
    from tests.process import python

    write("this is: [not even YAML")
    code = (
        "import sys; from usagecli.cli import cli; sys.argv = ['usagecli', '--help'];\n"
        "try: cli(prog_name='usagecli')\n"
        "except SystemExit: pass\n"
        "heavy = ('yaml', 'jmespath', 'importlib.metadata', 'requests')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    assert python(code).out.endswith("[]\n")


def test_the_folder_beside_a_config() -> None:
    assert own.folder_of(str(Path("a") / "config.yaml")) == str(Path("a") / "providers")
