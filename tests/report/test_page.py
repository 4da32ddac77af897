"""The page: every kind of report, what needs attention, the charts, the tokens; and hostile texts."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.pages import Page, many, overview, page, week
from tests.snapshots import CLAUDE, CODEX, COPILOT, OPENROUTER, OUTAGE, look, percent, report, snapshot, usual
from tests.support import NOW, d, utc
from usagecli.model import Balance, Drain, Failure, Pace, Quota, Refill, Report, Spend, Usage, plan
from usagecli.report.burned import panel
from usagecli.report.page import Material, render

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "'\"><svg onload=alert(1)>",
    "</style><style>*{display:none}</style>",
    "</title><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{ 7 * 7 }}{% raw %}",
    "}</style> body { background: url(https://x.example/y) }",
    "&lt;b&gt; &amp;",
    "--><!--",
)


def everything(text: str) -> Report:
    """A report in which every text that comes from elsewhere is this one."""
    usage = Usage(
        quotas=(
            Quota(id=text, label=text, unit="requests", scope=f"of {text}", used=d(95), limit=d(100)),
            Quota(id="odd", label=text, unit=text[:6] or "x", used=d(5)),
        ),
        balances=(Balance(id=text, label=text, unit="usd", scope=text, amount=d(3)),),
        spend=(Spend(id=text, label=text, unit="usd", amount=d(1)),),
        account=text,
        plan=plan(text, renewsAt=text),
        notes=(text,),
    )
    failure = Failure(kind="unavailable", message=text, hint=text)
    return report(text or "x", usage, failure=failure, stale=True)


class TestKinds:
    def test_all_at_once(self) -> None:
        found = page(*usual())
        told = found.told
        assert told.startswith("Something is used up - usagecli Something is used up 6 services")
        assert "as of Sat 21 Nov 2026, 08:00 UTC" in told
        assert "1 exhausted 1 low 2 failed 2 ok" in told
        assert [card["id"] for card in found.all("article")] == ["s1", "s2", "s3", "s4", "s5", "s6"]

    def test_a_quota_says_what_is_left_and_used_and_when_it_resets(self) -> None:
        found = page(report("codex", CODEX, provider="codex"))
        assert "5-hour limit 72 % left" in found.told
        assert "28 % used" in found.told
        assert "resets in 2h 15m, 10:15" in found.told
        assert "resets Fri 09:00" in found.told
        assert "Credits 112.4 left" in found.told
        assert found.all("time", datetime="2026-11-21T10:15:00+00:00")
        assert found.all("a", href="https://chatgpt.com/codex/settings/usage")
        assert [bar["width"] for bar in found.all("rect", class_="fill")] == ["28.0%", "59.0%"]

    def test_an_amount(self) -> None:
        assert "Key limit (monthly) $158.61 left" in page(report("router", OPENROUTER)).told
        assert "$341.39 of $500 used resets 1 Dec" in page(report("router", OPENROUTER)).told

    def test_an_error_with_its_hint(self) -> None:
        found = page(usual()[4])
        assert "Something is not known" in found.told
        assert "auth: the key was refused (401) make a new one at example.com/keys" in found.told

    def test_old_figures_behind_an_error(self) -> None:
        told = page(usual()[5]).told
        assert "rate limited: api.example.com asked us to wait (429); the figures are 3m old" in told
        assert "asked again in 5m" in told
        assert "$158.61 left" in told

    def test_unlimited(self) -> None:
        quota = Quota(id="chat", label="Chat", unit="messages", used=d(12), unlimited=True)
        wallet = Balance(id="credits", label="Credits", unit="credits", unlimited=True)
        found = page(report("copilot", Usage(quotas=(quota,), balances=(wallet,))))
        assert "Chat unlimited 12 used" in found.told
        assert "Credits unlimited" in found.told
        assert not found.all("svg", class_="bar")

    def test_what_is_not_known_is_no_zero(self) -> None:
        quota = Quota(id="weekly", label="Weekly limit", unit="percent")
        wallet = Balance(id="credits", label="Credits", unit="credits")
        found = page(report("codex", Usage(quotas=(quota,), balances=(wallet,))))
        assert "Weekly limit not known" in found.told
        assert "Credits not known" in found.told
        assert not found.all("svg", class_="bar")

    def test_no_quotas_but_spend(self) -> None:
        found = page(
            report("openai", Usage(spend=(Spend(id="m", label="This month", unit="usd", amount=d("4.2")),)))
        )
        assert "This month $4.20" in found.told
        assert "All is well" in found.told

    def test_nothing_reported(self) -> None:
        assert "Nothing is reported." in page(report("zai", Usage())).told

    def test_no_service(self) -> None:
        told = page().told
        assert "Nothing to report 0 services" in told
        assert "No service is set up here" in told

    def test_a_refill(self) -> None:
        quota = Quota(
            id="free",
            label="Free",
            unit="usd",
            used=d(1),
            limit=d(10),
            refill=Refill(amount=d("0.42"), every_seconds=3600),
        )
        assert "$1 of $10 used refills +$0.42/h" in page(report("amp", Usage(quotas=(quota,)))).told

    def test_two_windows_of_one_name_are_told_apart(self) -> None:
        windows = tuple(
            percent(f"w{length}", "Limit", 5, window_seconds=length) for length in (18000, 604800)
        )
        told = page(report("x", Usage(quotas=windows))).told
        assert "Limit (5h) 95 % left" in told
        assert "Limit (7d) 95 % left" in told

    def test_when_a_plan_renews(self) -> None:
        usage = Usage(plan=plan("Lite", renewsAt=utc("2026-12-01T00:00:00")))
        assert "Lite, renews 1 Dec" in page(report("zai", usage)).told
        usage = Usage(plan=plan("Lite", renewsAt="2026-12-01T00:00:00Z"))
        assert "Lite, renews 1 Dec" in page(report("zai", usage)).told

    def test_hundreds_of_quotas_are_folded_but_not_what_needs_attention(self) -> None:
        found = page(report("gemini", many(300)))
        before, _, folded = found.text.partition("<details>")
        assert "294 more quotas" in found.told
        assert "Model 300" in before.partition("<article")[2]
        assert folded.count('<li class="gauge') == 294
        assert len(found.all("li", class_="gauge")) == 300

    def test_seven_quotas_are_not_folded(self) -> None:
        assert not page(report("gemini", many(7))).all("details")

    def test_the_pool(self) -> None:
        accounts = [
            report("a", CODEX, provider="codex"),
            report("b", replace(CODEX, account="you@example.com"), provider="codex"),
            report("c", provider="codex", failure=OUTAGE),
        ]
        found = page(*accounts)
        assert "Codex (ChatGPT) 3 accounts, 2 active, 1 failing 224.8 credits ($8.99)" in found.told
        (bar,) = found.all("ul", class_="accounts")
        assert bar["aria-label"] == "3 accounts, 2 active, 1 failing"

    def test_a_zone_of_its_own(self) -> None:
        told = Material(
            snapshot=snapshot(*usual()),
            readings={},
            burned=None,
            look=look(zone=timezone(timedelta(hours=5, minutes=30))),
        )
        assert "13:30 UTC+0530" in Page(render(told)).told

    def test_it_is_ascii(self) -> None:
        found = page(everything("Pläne 計画 👩\u200d💻"), show_accounts=True)
        assert found.text.isascii()
        assert "Pläne 計画 👩\u200d💻" in found.told


class TestPace:
    def test_of_a_quota(self) -> None:
        def quota(id_: str, **told: object) -> Quota:
            known = {"basis": "window", "expected_percent_used": d(40), "projected_percent_used": d(64)}
            pace = Pace(**{"runs_out_at": None, "lasts": True, **known, **told})  # type: ignore[arg-type]
            return percent(id_, id_, 28, resets_at=NOW + timedelta(hours=3), pace=pace)

        usage = Usage(
            quotas=(quota("calm"), quota("fast", lasts=False, runs_out_at=NOW + timedelta(minutes=100)))
        )
        found = page(replace(report("codex", usage), usage=usage))
        assert "28 % used lasts" in found.told
        assert "28 % used empty in 1h 40m" in found.told
        assert len(found.all("rect", class_="tick")) == 3  # one in the legend
        assert "calm: 28 % used; even use would stand at 40 %" in found.told
        assert found.all("svg", x="40.0%")

    def test_of_a_balance(self) -> None:
        drain = Drain(per_day=d("12.4"), days_left=d(9), runs_out_at=NOW + timedelta(days=9))
        usage = Usage(
            balances=(Balance(id="credits", label="Credits", unit="usd", amount=d(110), pace=drain),)
        )
        found = page(replace(report("router", usage), usage=usage))
        assert "Credits $110 left $12.40 a day, 9 days left" in found.told

    def test_without_pace_there_is_no_tick(self) -> None:
        assert not page(report("router", OPENROUTER)).all("rect", class_="tick")


class TestAttention:
    def banner(self, *reports: Report) -> str:
        found = page(*reports)
        (_, _, rest) = found.text.partition('<section class="alarms')
        return Page(f"<section {rest.partition('</section>')[0]}</section>").told if rest else ""

    def test_names_what_is_low_used_up_or_failed(self) -> None:
        told = self.banner(*usual())
        assert "copilot AI credits exhausted : 0 left, resets 1 Dec" in told.replace(
            "exhausted:", "exhausted :"
        )
        assert "claude 5-hour limit low: 6 % left, resets in 41m, 08:41" in told
        assert "team auth failed: the key was refused (401)" in told
        assert "codex" not in told

    def test_is_not_there_where_all_is_well(self) -> None:
        assert self.banner(report("codex", CODEX, provider="codex")) == ""

    @pytest.mark.parametrize(
        ("usage", "told"),
        [
            (replace(CODEX, stopped=True), "exhausted: the provider says that the account is stopped"),
            (
                replace(CODEX, partly_stopped=True),
                "low: the provider says that a part of the account is stopped",
            ),
        ],
    )
    def test_a_stop_that_no_figure_shows(self, usage: Usage, told: str) -> None:
        assert told in self.banner(report("codex", usage, provider="codex"))

    def test_leads_to_the_card(self) -> None:
        found = page(*usual())
        assert {link["href"] for link in found.all("a") if link["href"].startswith("#")} == {
            "#s2",
            "#s4",
            "#s5",
            "#s6",
        }

    def test_state_is_told_in_words_and_shapes_not_by_colour_alone(self) -> None:
        found = page(*usual())
        shapes = {use["href"] for use in found.all("use")}
        assert {"#i-ok", "#i-low", "#i-exhausted", "#i-error"} <= shapes
        assert {symbol["id"] for symbol in found.all("symbol")} >= {shape[1:] for shape in shapes}


class TestCharts:
    def test_a_quota_with_a_history_has_one(self) -> None:
        found = page(report("router", OPENROUTER), readings=week("router", "key_limit", [10, 50, 30, 68]))
        (chart,) = found.all("svg", class_="trend")
        assert chart["role"] == "img"
        assert "Key limit (monthly), the last 7 days: last 68 %, at most 68 % (08:00)" in found.told
        assert [path["d"] for path in found.all("path", class_="floor")] == [
            "M0 10.0H600.0",
            "M1 7H25",
        ]  # and the legend's

    @pytest.mark.parametrize("values", [[], [10.0]])
    def test_one_without_has_none(self, values: list[float]) -> None:
        found = page(report("router", OPENROUTER), readings=week("router", "key_limit", values))
        assert not found.all("svg", class_="trend")

    def test_another_services_history_is_not_shown(self) -> None:
        found = page(report("router", OPENROUTER), readings=week("home", "key_limit", [10, 50]))
        assert not found.all("svg", class_="trend")

    def test_over_a_hundred_percent_stays_in_the_box(self) -> None:
        found = page(report("router", OPENROUTER), readings=week("router", "key_limit", [0, 250]))
        assert found.all("path", d="M0 100L600 0")

    def test_the_days_are_named(self) -> None:
        found = page(report("router", OPENROUTER), readings=week("router", "key_limit", [10, 50]))
        assert "SunMonTueWedThuFri" in "".join(found.told.split())
        assert len(found.all("path", class_="midnight")) == 7


class TestTokens:
    def test_the_overview(self) -> None:
        found = page(*usual(), tokens=overview())
        for told in (
            "Today 1M $1.50 1 session",
            "This week 4M $6 3 sessions",
            "Year to date 4M $6 2 days",
            "Highest day 3M $4.50 Fri 20 Nov",
            "Codex 3M tokens, $4.50",
            "Fri 20 Nov 3M $4.50",
            "2026-11-20 2 1.5M 1.5M 0 0 3M $4.50",
            "Tokens a day: 4M tokens in 30 days, at most 3M on one",
            "list prices of 2026-11-19",
        ):
            assert told in found.told
        newest, older = (found.told.index(day) for day in ("2026-11-21 1", "2026-11-20 2"))
        assert newest < older

    def test_what_has_no_price_is_named(self) -> None:
        assert "Without a price: x-model." in page(tokens=overview(unpricedModels=["x-model"])).told

    def test_one_agent_needs_no_line_of_its_own(self) -> None:
        only = {"codex": overview()["byProvider"]["codex"]}
        assert panel(overview(byProvider=only)).agents == ()

    def test_without_logs_there_is_no_panel(self) -> None:
        assert "Tokens" not in page(report("codex", CODEX, provider="codex")).told


class TestHarmless:
    @pytest.mark.parametrize("text", HOSTILE)
    def test_a_hostile_text_is_text(self, text: str) -> None:
        plain, found = (page(everything(told), show_accounts=True) for told in ("plain", text))
        assert [tag for tag, _ in found.tags] == [tag for tag, _ in plain.tags]
        assert [sorted(attrs) for _, attrs in found.tags] == [sorted(attrs) for _, attrs in plain.tags]
        assert found.told.count(" ".join(text.split())) >= 10

    @settings(max_examples=60)
    @given(text=st.text(max_size=40))
    def test_so_is_any_text(self, text: str) -> None:
        found = page(everything(text), show_accounts=True)
        names = {name for _, attrs in found.tags for name in attrs}
        assert not {name for name in names if name.startswith("on") or name == "style"}
        assert [attrs["href"] for attrs in found.all("a") if not attrs["href"].startswith("#")] == [
            "https://openrouter.ai/credits"
        ]
        assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x08]", found.told)
        assert "&#8238;" not in found.text

    @pytest.mark.parametrize("account", ["none", "low", "style", "data", "openrouter", "https"])
    def test_an_account_that_is_called_like_a_word_of_ours(self, account: str) -> None:
        usage = replace(many(3), account=account)
        found, plain = page(report("router", usage)), page(report("router", many(3)))
        assert [attrs for _, attrs in found.tags if set(attrs) & {"class", "href", "content"}] == [
            attrs for _, attrs in plain.tags if set(attrs) & {"class", "href", "content"}
        ]

    def test_nothing_is_loaded_and_nothing_runs(self) -> None:
        found = page(*usual(), tokens=overview())
        tags = {tag for tag, _ in found.tags}
        assert tags.isdisjoint(
            {"script", "img", "iframe", "object", "embed", "form", "base", "audio", "video"}
        )
        assert [attrs["rel"] for attrs in found.all("link")] == ["icon"]
        assert found.all("link")[0]["href"].startswith("data:image/svg+xml,")
        (style,) = re.findall(r"<style>(.*?)</style>", found.text, flags=re.DOTALL)
        assert "url(" not in style
        assert "@import" not in style

    def test_the_policy_allows_this_style_sheet_alone(self) -> None:
        found = page(*usual())
        (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
        (style,) = re.findall(r"<style>(.*?)</style>", found.text, flags=re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy["content"].split("; ") == [
            "default-src 'none'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            f"style-src 'sha256-{digest}'",
        ]

    def test_a_long_name_is_whole(self) -> None:
        name = "a-very-long-name-" * 40
        assert name in page(everything(name), show_accounts=True).told


class TestReadable:
    """What screen readers hold on to."""

    def test_headings_and_landmarks(self) -> None:
        found = page(*usual(), tokens=overview())
        levels = [int(tag[1]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))
        for landmark in ("header", "main", "footer"):
            assert found.all(landmark)
        assert found.all("html", lang="en")

    def test_every_picture_has_words_or_is_hidden(self) -> None:
        found = page(*usual(), tokens=overview(), readings=week("router", "key_limit", [10, 50]))
        pictures = found.all("svg", role="img")
        assert found.text.count("<title>") == len(pictures) + 1
        assert pictures
        for text in found.all("text"):
            assert text["aria-hidden"] == "true"

    def test_what_labels_refer_to_is_there_once(self) -> None:
        found = page(*usual(), tokens=overview())
        ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
        assert len(ids) == len(set(ids))
        for _, attrs in found.tags:
            assert attrs.get("aria-labelledby", ids[0]) in ids


def test_the_plan_of_the_reports_is_json_free() -> None:
    """Claude's notes, Copilot's overage: what is neither quota nor balance is on the page, too."""
    told = page(report("claude", CLAUDE, provider="claude"), report("copilot", COPILOT)).told
    assert "the account's name could not be read" in told
    assert "Overage $4.20" in told
    assert "Max 5x" in told
    assert json.dumps(dict(CLAUDE.plan or {})) not in told


def test_a_balance_of_an_earlier_answer_says_so() -> None:
    wallet = Balance(
        id="credits",
        label="Credits",
        unit="usd",
        amount=d(5),
        as_of=datetime(2026, 11, 20, 9, 30, tzinfo=UTC),
    )
    assert "Credits $5 left as of Fri 20 Nov, 09:30" in page(report("codex", Usage(balances=(wallet,)))).told
