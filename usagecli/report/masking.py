"""Texts of others on their way to the page: without control characters, and without accounts.

The page escapes everything; here goes what would still deceive (characters that turn the direction of
a line) or tell whose account it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from usagecli.model import Report

HIDDEN = "•••"
# Controls, marks of direction, invisible characters and halves of surrogate pairs; not the joiners
# (U+200C, U+200D) that some scripts and emoji need.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f"
    r"\ufe00-\ufe0e\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]+"
)
_APART = r"\s@<>\"'(),;:|/\\"
_SHAPES = (
    # An e-mail address, whatever its host.
    rf"[^{_APART}]+(?:@[^{_APART}]*[^{_APART}.!?])+",
    r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
    # An account of AWS.
    r"(?<![\w.,])\d{12}(?![\w]|[.,]\d)",
    r"\b(?:acc|acct|cus|org|proj|sub|team|user|usr|wrk|ws)[-_](?=[A-Za-z_-]*\d)[A-Za-z0-9_-]{8,}",
)
_SHAPED = re.compile("|".join(_SHAPES), re.IGNORECASE)
# Keys that name an account, in a provider's own document and among a service's options.
_NAMING = re.compile(
    "account|client|email|login|organization|project|subscription|tenant|user|workspace", re.I
)
# Shorter ones are words like any other.
_LEAST = 3
# Nobody reads more of one text.
_MOST = 2000


def clean(text: str) -> str:
    """The text without what cannot be seen, its white space as single blanks, and not endless."""
    text = " ".join(_UNSEEN.sub("", text[: 2 * _MOST]).split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 1]}…"


class Masker:
    """Replaces accounts: those of the reports, and whatever looks like one. Tells two of them apart."""

    def __init__(self, reports: Iterable[Report], *, show: bool = False) -> None:
        self._show = show
        self._told: dict[str, str] = {}
        known = {clean(name) for report in reports for name in _names(report)}
        # The longest first, for names that hold one another.
        words = sorted((name for name in known if len(name) >= _LEAST), key=len, reverse=True)
        named = [re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)", re.I)] if words else []
        # Shapes first: a known name may be a part of an address.
        self._patterns = (_SHAPED, *named)

    def __call__(self, text: str) -> str:
        """The text as the page may show it."""
        text = clean(text)
        for pattern in () if self._show else self._patterns:
            text = pattern.sub(lambda found: self.account(found[0]), text)
        return text

    def account(self, name: str) -> str:
        """The name of an account as the page may show it."""
        name = clean(name)
        if self._show or not name or HIDDEN in name:
            return name
        key = name.casefold()
        if key not in self._told:
            short = _short(name)
            # `d•••@•••` and `d•••@••• 2` are two accounts.
            same = sum(told == short or told.startswith(f"{short} ") for told in self._told.values())
            self._told[key] = f"{short} {same + 1}" if same else short
        return self._told[key]


def _short(name: str) -> str:
    first = name[0] if name[0].isalnum() else ""
    if "@" in name:
        return f"{first}{HIDDEN}@{HIDDEN}"
    return f"{first if len(name) > _LEAST else ''}{HIDDEN}"


def _names(report: Report) -> Iterator[str]:
    """What names the account of a report."""
    usage = report.usage
    if usage is not None:
        if usage.account:
            yield usage.account
        yield from _named(usage.contract)
    yield from _named(report.service.options)


def _named(body: Any) -> Iterator[str]:
    """The texts under keys that name an account, however deep."""
    if isinstance(body, Mapping):
        for key, value in body.items():
            if isinstance(value, str) and value and _NAMING.search(str(key)):
                yield value
            yield from _named(value)
    elif isinstance(body, (list, tuple)):
        for value in body:
            yield from _named(value)
