"""`usagecli incidents` and `--incidents`: what is told of a vendor's trouble, and what it changes not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from tests.accounts import key
from tests.cli import Outcome, configure, openrouter, run
from tests.incidents import page, recorded
from tests.process import python
from tests.support import NOW, Reply, Server, serve
from usagecli.formatters import Look
from usagecli.formatters.incident import lines, table, told
from usagecli.incidents.pages import PAGES, Page
from usagecli.machine import here
from usagecli.model import Incident, Report, Service, Trouble

pytestmark = pytest.mark.sockets

RSS = "/status.openrouter.ai/incidents.rss"
GITHUB = "/www.githubstatus.com/api/v2/summary.json"
TOLD = "OpenRouter reports trouble since 06:30: Elevated 502 answers"
URL = "https://status.openrouter.ai"
INCIDENT = {
    "status": "degraded",
    "vendor": "OpenRouter",
    "summary": "Elevated 502 answers",
    "startedAt": "2026-11-21T06:30:00Z",
    "url": URL,
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """OpenRouter's service and its vendor's page, which reports trouble; runs see the clock at NOW."""
    with serve({"/key": Reply(key(30)), RSS: Reply(recorded("recent.rss"))}) as running:
        fixed: dict[str, Any] = {"clock": lambda: NOW, "platform": "linux", "status_pages": running.url}
        monkeypatch.setattr("usagecli.cli.here", lambda: replace(here(), **fixed))
        configure([openrouter(running.url)])
        yield running


def asked(server: Server) -> list[str]:
    """Which pages were asked."""
    return [path for path in server.paths() if path not in ("/key", "/credits")]


# -- status -----------------------------------------------------------------------------------------


def test_no_page_is_asked_unless_wanted(server: Server) -> None:
    outcome = run("status", "--json")
    assert (outcome.document["services"][0]["incident"], asked(server)) == (None, [])
    assert TOLD not in run("status").out


def test_nothing_of_it_is_imported_unless_wanted() -> None:
    code = (
        "import atexit, sys; from usagecli.cli import main; sys.argv[1:] = ['--demo', 'status'];"
        "atexit.register(lambda: print([m for m in sys.modules if 'incident' in m], file=sys.stderr)); main()"
    )
    assert python(code).err.splitlines()[-1] == "[]"


def test_trouble_is_a_line_below_the_table(server: Server) -> None:
    outcome = run("status", "--incidents")
    assert outcome.out.splitlines()[-3:] == ["", f"{TOLD} ({URL})", "1 ok"]
    assert (outcome.code, outcome.err, asked(server)) == (0, "", [RSS])


def test_services_of_one_vendor_have_one_line(server: Server) -> None:
    configure([openrouter(server.url, "one"), openrouter(server.url, "two")])
    assert run("status", "--incidents").out.count(TOLD) == 1


def test_trouble_in_the_document(server: Server) -> None:
    outcome = run("status", "--incidents", "--json")
    (service,) = outcome.document["services"]
    assert (service["incident"], service["status"], service["error"]) == (INCIDENT, "ok", None)
    assert run("openrouter", "--incidents", "--json").document["incident"] == INCIDENT


def test_trouble_in_markdown(server: Server) -> None:
    assert run("status", "--incidents", "-f", "markdown").out.splitlines()[-3:] == [
        f"{TOLD} ({URL})",
        "",
        "1 ok",
    ]


def test_trouble_on_the_page(server: Server) -> None:
    assert f">{TOLD}<" in run("report", "--incidents", "-o", "-").out
    assert TOLD not in run("report", "-o", "-").out
    server.routes["/key"] = Reply({}, 500)
    assert run("report", "--incidents", "--no-cache", "-o", "-").out.count(f"{TOLD};") == 1


@pytest.mark.parametrize("form", ["csv", "prometheus"])
def test_formats_for_machines_have_no_line(server: Server, form: str) -> None:
    assert run("status", "--incidents", "-f", form).out == run("status", "-f", form).out


@pytest.mark.parametrize(("left", "code"), [(30, 0), (3, 1), (0, 1)])
def test_trouble_is_no_part_of_the_exit_code(server: Server, left: float, code: int) -> None:
    server.routes["/key"] = Reply(key(left))
    assert run("status", "--incidents").code == run("status").code == code
    assert run("check", "--incidents").code == code


@pytest.mark.parametrize(
    "reply", [Reply({}, 500), Reply(b"<html>outage</html>"), Reply(recorded("empty.rss"))]
)
def test_what_is_fine_or_unknown_is_no_line(server: Server, reply: Reply) -> None:
    server.routes[RSS] = reply
    outcome = run("status", "--incidents")
    assert (outcome.out, outcome.code) == (run("status").out, 0)


def test_an_unknown_page_says_so_in_the_document(server: Server) -> None:
    server.routes[RSS] = Reply({}, 500)
    (service,) = run("status", "--incidents", "--json").document["services"]
    assert (service["status"], service["incident"]["status"]) == ("ok", "unknown")


def test_an_error_says_that_its_vendor_has_trouble(server: Server) -> None:
    server.routes["/key"] = Reply({}, 500)
    table = run("status", "--incidents")
    assert f"{TOLD}; try again later" in table.out
    assert f"; {TOLD}; try again later" in run("check", "--incidents").out
    assert f"{TOLD}; try again later" in run("status", "--incidents", "-f", "nagios").out
    assert table.code == 3
    assert TOLD not in run("check").out


def test_offline_asks_no_page(server: Server) -> None:
    (service,) = run("status", "--incidents", "--offline", "--json").document["services"]
    assert (service["incident"]["status"], server.seen) == ("unknown", [])


def test_the_text_of_a_page_is_cut_and_is_one_line(server: Server) -> None:
    body = page("github_copilot")
    body["incidents"][0]["name"] = "\x1b[31mred\u202e\nnext" + " long" * 100
    server.routes[GITHUB] = Reply(body)
    configure([{"provider": "copilot", "credential": {"value": "ghu_fake-token"}, "base_url": server.url}])
    for words in (["status", "--incidents"], ["incidents"]):
        told = run(*words).out
        assert "[31mred next long long" in told
        assert not {"\x1b", "\u202e"} & {*told}
        assert max(map(len, told.splitlines())) < 400


def test_the_text_of_a_page_is_no_markdown(server: Server) -> None:
    data = recorded("recent.rss").replace(b"Elevated 502 answers", b"[x](https://evil.example.com) **a** `b`")
    server.routes[RSS] = Reply(data)
    out = run("status", "--incidents", "-f", "markdown").out
    assert r"\[x\](https://evil.example.com) \*\*a\*\* \`b\`" in out


# -- incidents --------------------------------------------------------------------------------------


def test_the_table_of_all_services(server: Server) -> None:
    configure([openrouter(server.url), {"provider": "copilot", "credential": {"value": "ghu_fake-token"}}])
    server.routes[GITHUB] = Reply(page("github"))
    outcome = run("incidents")
    assert outcome == Outcome(
        0,
        "VENDOR      FOR         STATUS    SINCE\n"
        "OpenRouter  openrouter  degraded  06:30\n"
        "  Elevated 502 answers\n"
        "  https://status.openrouter.ai\n"
        "GitHub      copilot     ok\n",
        "",
    )
    assert sorted(server.paths()) == [RSS, GITHUB]


def test_the_document_of_all_services(server: Server) -> None:
    assert run("incidents", "--json").document == {
        "schemaVersion": 1,
        "fetchedAt": "2026-11-21T08:00:00Z",
        "incidents": [{**INCIDENT, "providers": ["openrouter"]}],
    }


@pytest.mark.parametrize(("name", "vendor"), [("router", "OpenRouter"), ("copilot", "GitHub")])
def test_only_what_is_named(server: Server, name: str, vendor: str) -> None:
    (found,) = run("incidents", name, "--json").document["incidents"]
    assert found["vendor"] == vendor


def test_every_vendor(server: Server) -> None:
    found = run("incidents", "--all", "--json").document["incidents"]
    assert {name for one in found for name in one["providers"]} >= {"codex", "bedrock", "jetbrains", "kiro"}
    assert {one["status"] for one in found} == {"degraded", "unknown"}


def test_trouble_exits_0_and_nothing_read_exits_3(server: Server) -> None:
    assert run("incidents").code == 0
    # Nothing is recorded of this one.
    unread = run("incidents", "copilot", "router")
    assert (unread.code, "could not be read" in unread.out) == (0, True)
    assert run("incidents", "copilot").code == 3


def test_a_vendor_without_a_page_is_told(server: Server) -> None:
    outcome = run("incidents", "amp")
    assert outcome == Outcome(3, "", "No status page is known for amp\n")
    assert run("incidents", "amp", "--json").document["incidents"] == []
    assert "No status page is known for amp\n" in run("incidents", "amp", "router").err


def test_nothing_configured_and_nothing_found(server: Server) -> None:
    Path(here().config_dir, "config.yaml").unlink()
    outcome = run("incidents")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err.startswith("No credentials found.")


@pytest.mark.parametrize(
    ("words", "told"),
    [(["nobody"], "nobody"), (["--all", "router"], "--all"), (["--timeout", "0"], "--timeout")],
)
def test_a_wrong_command_line(server: Server, words: list[str], told: str) -> None:
    outcome = run("incidents", *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert told in outcome.err
    assert server.seen == []


def test_incidents_of_the_demo() -> None:
    table = run("--demo", "status", "--incidents")
    (line,) = [line for line in table.out.splitlines() if " reports " in line]
    assert line.startswith("OpenAI reports trouble since ")
    found = run("--demo", "incidents", "--all", "--json").document["incidents"]
    statuses = {one["vendor"]: one["status"] for one in found}
    assert [vendor for vendor, status in statuses.items() if status == "degraded"] == ["OpenAI"]
    assert [vendor for vendor, status in statuses.items() if status == "unknown"] == [
        "Alibaba Cloud",
        "Alibaba Cloud (China)",
        "JetBrains",
    ]


STATUSES: tuple[tuple[Page, Trouble, str | None], ...] = (
    (PAGES[0], "ok", None),
    (PAGES[1], "outage", "Long " * 12 + "word"),
    (PAGES[2], "unknown", "could not be read"),
)
ROWS = {
    of_page: Incident(status=status, vendor=of_page.vendor, url=URL, summary=summary)
    for of_page, status, summary in STATUSES
}


def test_the_table_fits_a_narrow_terminal() -> None:
    told = table(ROWS, Look(now=NOW, width=32))
    assert told.splitlines() == [
        "VENDOR     STATUS   SINCE",
        "Anthropic  ok",
        "OpenAI     outage",
        "  Long Long Long Long Long Long",
        "  Long Long Long Long Long Long",
        "  word",
        f"  {URL}",
        "GitHub     unknown",
        "  could not be read",
        f"  {URL}",
    ]


def test_only_what_is_known_has_a_colour() -> None:
    told = table(ROWS, Look(now=NOW, color=True))
    for word, color in (("ok", "green"), ("outage", "red")):
        assert click.style(word, fg=color) in told
    assert "copilot            unknown\n" in told
    assert click.unstyle(told) == table(ROWS, Look(now=NOW))


# -- words ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "summary", "started", "expected"),
    [
        ("outage", "Errors", NOW.replace(hour=6), "V reports an outage since 06:00: Errors"),
        ("degraded", "Errors", NOW.replace(day=20), "V reports trouble since Fri 08:00: Errors"),
        ("degraded", None, NOW.replace(day=1), "V reports trouble since 1 Nov"),
        ("degraded", None, NOW.replace(year=2025), "V reports trouble since 21 Nov 2025"),
        ("outage", None, None, "V reports an outage"),
    ],
)
def test_the_words(status: Any, summary: str | None, started: Any, expected: str) -> None:
    one = Incident(status=status, vendor="V", url=URL, summary=summary, started_at=started)
    assert told(one, Look(now=NOW)) == expected
    service = Service(name="a", provider="openrouter")
    reports = [Report(service=service, status="ok", incident=one)] * 2
    assert lines(reports, Look(now=NOW)) == [(one, f"{expected} ({URL})")]
