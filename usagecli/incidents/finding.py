"""What a page says, folded into one word, and how its parts are told apart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from usagecli.model import Trouble

# Something that nobody can read is worse than fine, and hides no trouble that is known.
_RANK = {"ok": 0, "unknown": 1, "degraded": 2, "outage": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`summary` is one line for people. `incident`: it has a name of the vendor's own, which tells
    more than that of a component."""

    status: Trouble
    summary: str | None = None
    started_at: datetime | None = None
    incident: bool = False


OK = Finding(status="ok")


def worst(findings: Iterable[Finding]) -> Finding:
    """The worst status; the words are those of the worst incident, else of the worst finding at all."""
    found = [finding for finding in findings if finding.status != "ok"]
    if not found:
        return OK
    status = max(found, key=lambda finding: _RANK[finding.status]).status
    told = max(found, key=lambda finding: (finding.incident, _RANK[finding.status]))
    return Finding(status=status, summary=told.summary, started_at=told.started_at, incident=told.incident)


def meaning(words: Mapping[str, Trouble], word: object) -> Trouble:
    """What a page's word means; `unknown` for another one."""
    return words.get(word, "unknown") if isinstance(word, str) else "unknown"


def names(parts: Sequence[str], *texts: object) -> bool:
    """Whether one of the texts names one of the parts as a word (or words), in the plural too."""
    return any(
        re.search(rf"(?<![a-z0-9]){re.escape(part.lower())}s?(?![a-z0-9])", text.lower())
        for text in texts
        if isinstance(text, str)
        for part in parts
    )
