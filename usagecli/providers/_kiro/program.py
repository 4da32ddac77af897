"""What `kiro-cli` prints about usage -> `Usage`: a text for people, whose wording changes."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

from usagecli import wire
from usagecli.errors import NotConfigured, PayloadError, Unavailable
from usagecli.model import Quota, Usage, plan

if TYPE_CHECKING:
    from usagecli.client import Ask

_SEE = "run: kiro-cli chat, then /usage"
_LONGEST_S = 15.0
_NUMBER = r"([0-9][0-9,]*(?:\.[0-9]+)?)"
# Colours and the like (CSI), and links (OSC).
_ANSI = re.compile(r"\x1b(?:\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\))")
_BOX = re.compile("[\u2500-\u259f]")
_HEAD = re.compile(r"estimated usage\s*\|\s*resets on\s+([^|]+?)\s*\|\s*(.+)", re.IGNORECASE)
_PLAN = re.compile(rf"credits\s*\({_NUMBER} of {_NUMBER} covered in plan\)", re.IGNORECASE)
_BONUS = re.compile(rf"bonus credits:\s*{_NUMBER}\s*/\s*{_NUMBER}", re.IGNORECASE)
_SIGNED_OUT = re.compile(r"not logged in|kiro-cli login|please log ?in", re.IGNORECASE)


def fetch(ask: Ask) -> Usage:
    """Run the program. Raises NotConfigured, Unavailable, PayloadError."""
    from usagecli import programs

    words = [ask.credential.facts["program"], "chat", "--no-interactive", "/usage"]
    timeout_s = max(0.1, min(_LONGEST_S, ask.transport.remaining()))
    try:
        _, text = programs.fed(words, "", ask.machine.env, timeout_s)
    except programs.Hangs:
        raise Unavailable("kiro-cli did not answer in time", hint=_SEE) from None
    except OSError as error:
        raise Unavailable(f"kiro-cli cannot be run: {error.strerror or type(error).__name__}") from None
    return parse(text)


def parse(text: str) -> Usage:
    """Map the text to `Usage`.

    Shape: a box with "Estimated Usage | resets on 2026-12-01 | KIRO PRO", "Credits (12.5 of 1000
    covered in plan)", "Bonus credits: 20/500 credits used". Raises NotConfigured, PayloadError.
    """
    lines = _BOX.sub(" ", _ANSI.sub("", text)).splitlines()
    plain = "\n".join(" ".join(line.split()) for line in lines)
    figures = _PLAN.search(plain)
    if figures is None:
        if _SIGNED_OUT.search(plain):
            raise NotConfigured("kiro-cli is not signed in", hint="run: kiro-cli login")
        raise PayloadError("usage: kiro-cli printed no figures in a known form", hint=_SEE)
    head = _HEAD.search(plain)
    resets_at = wire.as_instant(head[1]) if head else None
    name = wire.as_text(head[2]) if head else None
    bonus = _BONUS.search(plain)
    return Usage(
        quotas=(
            replace(_credits("credits", "Credits", figures), resets_at=resets_at),
            *((_credits("bonus", "Bonus credits", bonus),) if bonus else ()),
        ),
        plan=plan(name) if name else None,
        source="local",
    )


def _credits(id_: str, label: str, figures: re.Match[str]) -> Quota:
    used, limit = (_number(figures[group]) for group in (1, 2))
    return Quota(id=id_, label=label, unit="credits", used=used, limit=limit)


def _number(text: str) -> Decimal | None:
    return wire.as_number(text.replace(",", ""))
