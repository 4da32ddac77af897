"""The page in a real browser: at three sizes, light and dark, by keyboard, for a screen reader."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli import run
from tests.report.pages import many, overview, page, week
from tests.snapshots import CODEX, OPENROUTER, REFUSED, report, usual
from tests.support import d
from usagecli.model import Balance, Quota, Usage, plan

if TYPE_CHECKING:
    from tests.report.browser import View

pytestmark = [pytest.mark.browser, pytest.mark.sockets]

SIX = ("codex:work", "claude", "copilot", "amp", "gemini", "zai")
SCENES = ("demo", "six", "odd")
SIZES = ("phone", "laptop", "wall")
SCHEMES = ("light", "dark")


@cache
def scene(name: str) -> str:
    """The page of a scene."""
    if name == "odd":
        return odd()
    return run("--demo", "report", *(SIX if name == "six" else ())).out


def odd() -> str:
    """Every kind of report, with names that no layout likes."""
    long = "a-name-without-any-blank-" * 8
    wide = Usage(
        quotas=(
            Quota(id="q", label=long, unit="requests", scope=long, used=d(999_999_999_999), limit=d(10**12)),
            Quota(id="w", label="مرحبا " * 20, unit="tokens", used=d(5), limit=d(0)),
            Quota(id="u", label="<script>alert(1)</script>", unit="messages", unlimited=True),
            Quota(id="n", label="𝓤𝓷𝓴𝓷𝓸𝔀𝓷", unit="percent"),
        ),
        balances=(Balance(id="b", label=long, unit="usd", scope=long, amount=d("-123456789012.34")),),
        account=long,
        plan=plan(long),
        notes=(long, "a note " * 60),
    )
    reports = [
        *usual(),
        report(long, wide, failure=replace(REFUSED, message=long, hint=long), stale=True),
        report("many", many(40)),
        report("empty", Usage()),
        report("second", CODEX, provider="codex"),
    ]
    readings = {
        **week("router", "key_limit", [10, 50]),
        **week("openrouter", "key_limit", [10, 250, 30] * 50),
    }
    return page(
        *reports, report("router", OPENROUTER), readings=readings, tokens=overview(), show_accounts=True
    ).text


@pytest.fixture(scope="module")
def tab() -> Iterator[View]:
    """One tab of one browser, for all of these tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from tests.report.browser import View, executable

    with playwright.sync_playwright() as started:
        path = executable(started)
        if path is None:
            pytest.skip("there is no Chromium here")
        browser = started.chromium.launch(executable_path=path)
        yield View(browser.new_page())
        browser.close()


@pytest.fixture
def view(tab: View, tmp_path: Path, request: pytest.FixtureRequest) -> View:
    """The scene, in the size and scheme that the test is parametrized with."""
    name, size, scheme = request.param
    file = tmp_path / "page.html"
    file.write_text(scene(name), encoding="ascii")
    tab.show(file, size, scheme)
    return tab


def views(*given: tuple[str, str, str]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("view", given, indirect=True, ids="-".join)


EACH = [(name, size, scheme) for name in SCENES for size in SIZES for scheme in SCHEMES]


@views(*EACH)
def test_it_fits_and_asks_nobody_and_nothing_complains(view: View) -> None:
    view.unfold()
    assert view.wide == []
    assert view.requests == []
    assert view.refused == []
    assert view.complaints == []


@views(*(("demo", size, scheme) for size, scheme in zip(SIZES, ("light", "dark", "light"), strict=True)))
def test_the_first_screen_says_what_matters(view: View) -> None:
    told = view.page
    assert told.get_by_role("heading", level=1).inner_text() == "Something is used up"
    for text in ("claude", "5-hour limit", "2 exhausted"):
        assert told.get_by_text(text).first.is_visible()
    banner = told.get_by_role("region", name="Needs attention").bounding_box()
    size = told.viewport_size
    assert banner is not None
    assert size is not None
    assert banner["y"] + banner["height"] < size["height"]


@views(("six", "wall", "light"), ("six", "wall", "dark"))
def test_six_services_fit_a_wall_without_scrolling(view: View) -> None:
    assert view.page.get_by_role("article").count() == 6
    assert view.height <= 1200
    for panel in ("Tokens of coding agents", "Needs attention"):
        assert view.page.get_by_role("region", name=panel).is_visible()


@views(*(("demo", "laptop", scheme) for scheme in SCHEMES))
def test_light_and_dark_follow_the_system(view: View) -> None:
    colour = view.page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = view.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
    assert colour == ("rgb(13, 16, 21)" if dark else "rgb(244, 245, 247)")


@views(("demo", "phone", "dark"), ("demo", "wall", "light"), ("odd", "laptop", "dark"))
def test_axe_finds_nothing(view: View) -> None:
    from axe_playwright_python.sync_playwright import Axe

    view.unfold()
    found = Axe().run(view.page)
    assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found.response["violations"]] == []
    assert {"color-contrast", "svg-img-alt"} <= {rule["id"] for rule in found.response["passes"]}


@views(("six", "laptop", "light"))
def test_the_keyboard_reaches_everything_and_shows_where_it_is(view: View) -> None:
    told = view.page
    stops = told.locator("a[href], summary, [tabindex='0']")
    expected = stops.count() - told.locator("details [tabindex='0']").count()
    reached = []
    for _ in range(expected):
        told.keyboard.press("Tab")
        reached.append(told.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
    assert reached == ["solid"] * expected
    assert told.evaluate("document.activeElement.tagName") == "SUMMARY"
    assert not told.get_by_role("region", name="Tokens of every day").is_visible()
    told.keyboard.press("Enter")
    assert told.get_by_role("region", name="Tokens of every day").is_visible()


@views(("demo", "phone", "light"))
def test_the_banner_leads_to_the_card(view: View) -> None:
    view.page.get_by_role("link", name="copilot", exact=True).click()
    box = view.page.get_by_role("article", name="copilot").bounding_box()
    assert box is not None
    assert 0 <= box["y"] < 100


@views(("six", "laptop", "light"))
def test_charts_have_words(view: View) -> None:
    told = view.page
    assert told.get_by_role("img", name="5-hour limit: 28 % used").count() == 1
    assert told.get_by_role("img", name="Weekly limit, the last 7 days: last 59 %").count() == 1
    assert told.get_by_role("img", name="Tokens a day: ").count() == 1


def test_the_policy_stops_what_would_slip_in(tab: View, tmp_path: Path) -> None:
    more = (
        "<script>window.hacked = true</script><p style='color: red' onclick='x()'>x</p>"
        "<img src='https://x.example/y.png'><style>h1 { display: none }</style>"
        "<iframe src='https://x.example/'></iframe>"
    )
    file = tmp_path / "page.html"
    file.write_text(scene("six").replace("</main>", f"{more}</main>"), encoding="ascii")
    tab.show(file, "laptop", "light")
    assert tab.page.evaluate("window.hacked") is None
    assert tab.page.get_by_role("heading", level=1).is_visible()
    assert tab.requests == []
    kinds = {name.removesuffix("-elem").removesuffix("-attr") for name in tab.refused}
    assert kinds == {"script-src", "style-src", "img-src", "frame-src"}
    assert tab.complaints
