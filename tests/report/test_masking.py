"""What a page may say of accounts: nothing, in whatever text they stand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.pages import page
from tests.snapshots import report
from tests.support import d
from usagecli.model import Balance, Failure, Quota, Service, Spend, Usage, plan
from usagecli.report.masking import HIDDEN, Masker, clean

UUID = "8f14e45f-ceea-467f-9ab1-0123456789ab"
names = st.text(st.characters(whitelist_categories=("L", "N"), max_codepoint=0x24F), min_size=1, max_size=12)


def masker(*accounts: str, show: bool = False, **more: Any) -> Masker:
    """One that knows these accounts."""
    return Masker([report("work", Usage(account=account, **more)) for account in accounts], show=show)


class TestShapes:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("as me@example.com, since Friday.", "as m•••@•••, since Friday."),
            ("ask me@example.com.", "ask m•••@•••."),
            ("(me@example.com)", "(m•••@•••)"),
            ("codex:me@example.com", "codex:m•••@•••"),
            ("me@localhost", "m•••@•••"),
            ("a@b@example.com", "a•••@•••"),
            (f"subscription {UUID} is disabled", f"subscription 8{HIDDEN} is disabled"),
            (UUID.upper(), f"8{HIDDEN}"),
            ("account 123456789012 in us-east-1", f"account 1{HIDDEN} in us-east-1"),
            ("123456789012/us-east-1", f"1{HIDDEN}/us-east-1"),
            ("org-9Xk2LmN0pQ and proj_1abcdefgh", f"o{HIDDEN} and p{HIDDEN}"),
        ],
    )
    def test_what_looks_like_an_account(self, text: str, told: str) -> None:
        assert masker()(text) == told

    @pytest.mark.parametrize(
        "text",
        [
            "5-hour limit",
            "$1,234.56 of $2,000 used",
            "146.7M tokens",
            "gpt-5.1-codex-mini-2026-11-21",
            "organization-wide settings, team-owned",
            "resets in 2h 15m, 11:41",
            "make a new key at openrouter.ai/settings/keys",
            "1234567890123",
        ],
    )
    def test_what_does_not(self, text: str) -> None:
        assert masker()(text) == text

    def test_whole_words_only(self) -> None:
        assert masker("octo")("octo and octopus, Octo's") == f"o{HIDDEN} and octopus, o{HIDDEN}'s"

    def test_a_name_that_holds_another(self) -> None:
        hidden = masker("Example", "Example Org")("Example Org")
        assert hidden == f"E{HIDDEN}"

    def test_a_name_that_is_a_part_of_an_address(self) -> None:
        assert masker("the me")("the me@example.com seat") == "the m•••@••• seat"

    def test_two_accounts_stay_two(self) -> None:
        mask = masker()
        assert mask("me@example.com my@example.org ME@example.com") == "m•••@••• m•••@••• 2 m•••@•••"

    def test_a_name_of_one_letter_is_hidden_where_it_is_an_account(self) -> None:
        mask = masker("a")
        assert mask.account("a") == HIDDEN
        assert mask("a note") == "a note"

    @given(first=names, last=names, before=st.text(max_size=5))
    def test_no_address_comes_through(self, first: str, last: str, before: str) -> None:
        told = masker()(f"{before} {first}@{last}.example is signed in")
        assert f"@{last}" not in told
        assert f"{first}@" not in told or len(first) == 1

    @given(text=st.text(max_size=60))
    def test_masking_again_changes_nothing(self, text: str) -> None:
        mask = masker("octo-sample")
        once = mask(text)
        assert mask(once) == once

    def test_shown_on_request(self) -> None:
        mask = masker("octo-sample", show=True)
        assert mask("octo-sample, me@example.com") == "octo-sample, me@example.com"
        assert mask.account("octo-sample") == "octo-sample"


class TestKnown:
    @pytest.mark.parametrize(
        "body",
        [
            {"user": "octo-sample"},
            {"usageItems": [{"organizationName": "octo-sample"}]},
            {"seat": {"login": "octo-sample"}},
            {"accountId": "octo-sample"},
        ],
    )
    def test_a_providers_own_keys_name_accounts(self, body: dict[str, Any]) -> None:
        mask = masker("other", contract=body)
        assert mask("budget of octo-sample") == f"budget of o{HIDDEN}"

    def test_and_no_other_key_does(self) -> None:
        assert masker("other", contract={"planType": "plus", "limits": [{"id": "weekly"}]})(
            "plus weekly"
        ) == ("plus weekly")

    @pytest.mark.parametrize(
        "name", ["username", "project", "subscription_id", "workspace_id", "organization"]
    )
    def test_so_do_options(self, name: str) -> None:
        service = Service(
            name="work", provider="copilot", options={name: "octo-sample", "location": "eastus"}
        )
        mask = Masker([replace(report("work", Usage()), service=service)])
        assert mask("octo-sample in eastus") == f"o{HIDDEN} in eastus"


class TestClean:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("a\tb\r\nc", "a b c"),
            ("a\x00b\x1b[31mc\x7f\x9b", "ab[31mc"),
            ("invoice\u202egpj.exe", "invoicegpj.exe"),
            ("\u2066x\u2069\u200e\u200f\u061c", "x"),
            ("me\u200b@\ufeffexample.com", "me@example.com"),
            ("half \ud83d", "half"),
            ("  much   room ", "much room"),
            # Text that really is written from right to left, and joined emoji.
            ("תוכנית", "תוכנית"),
            ("👩\u200d💻", "👩\u200d💻"),
        ],
    )
    def test_what_is_left(self, text: str, told: str) -> None:
        assert clean(text) == told

    def test_an_endless_text_ends(self) -> None:
        assert clean("x" * 10**6) == "x" * 1999 + "…"
        assert masker()("x" * 10**6) == "x" * 1999 + "…"

    def test_an_address_cannot_hide_behind_unseen_characters(self) -> None:
        assert masker()("m\u200be@exa\u202emple.com") == "m•••@•••"


class TestPage:
    """Every text that a provider or the user gives, each with an account in it."""

    def test_no_account_anywhere(self) -> None:
        told = "sample@example.com"
        usage = Usage(
            quotas=(
                Quota(
                    id=told,
                    label=f"Limit {told}",
                    unit="requests",
                    scope=f"for {told}",
                    used=d(5),
                ),
            ),
            balances=(Balance(id=told, label=f"Wallet {told}", unit="usd", scope=told),),
            spend=(Spend(id=told, label=f"Cost {told}", unit="usd", amount=d(1)),),
            account=told,
            plan=plan(f"Team of {told}"),
            notes=(f"{told} has no seat",),
        )
        failure = Failure(kind="auth", message=f"{told} was refused", hint=f"sign in as {told}")
        reports = [
            report(told, usage),
            report(f"{told} two", usage, stale=True, failure=failure),
            report("third", failure=failure),
        ]
        found = page(*reports)
        assert "example" not in found.text
        assert found.told.count("s•••@•••") >= 15
        assert "Accounts are masked" in found.told
        shown = page(*reports, show_accounts=True)
        assert shown.told.count(told) >= 15
        assert HIDDEN not in shown.told
        assert "Accounts are masked" not in shown.told

    def test_an_account_in_a_note_of_another_service(self) -> None:
        found = page(
            report("a", Usage(account="octo-sample")), report("b", Usage(notes=("not octo-sample's seat",)))
        )
        assert "octo" not in found.text
