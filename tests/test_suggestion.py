"""What is near to a word that nobody knows: `config.suggestion`."""

from __future__ import annotations

import pytest

from usagecli.config import suggestion
from usagecli.registry import names


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("codx", names(), "codex"),
        ("claud", names(), "claude"),
        ("anthropik", names(), "anthropic"),
        ("github-copilot", names(), "copilot"),
        ("open-router", names(), "openrouter"),
        ("evn", ("env", "file"), "env"),
        ("low", ("low_below", "max_age"), "low_below"),
        ("days", ("full_days", "hourly_days"), "full_days"),
        ("lanternai", names(), None),
        ("lantern", names(), None),
        ("corporate", names(), None),
        ("a", ("a_b", "c"), None),
    ],
)
def test_only_what_is_really_near(word: str, known: tuple[str, ...], near: str | None) -> None:
    told = suggestion(word, known)
    assert (told == f"; did you mean {near!r}?") if near else ("did you mean" not in told)


def test_of_few_all_are_named() -> None:
    assert suggestion("zzz", ("env", "file")) == "; there are: env, file"
