"""Amp's settings page -> `Usage`: the older free grant, all that the page knows of."""

from __future__ import annotations

import re
from decimal import Decimal

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Usage, plan
from usagecli.providers._amp.usage import free_dollars

# The page's prefetched data are JavaScript: keys need no quotes, and a build's hash begins the second.
_FREE_TIER = re.compile(r"(?:\bfreeTierUsage|/getFreeTierUsage/)[\\\"']*\s*:\s*\{([^{}]{0,2000})\}")
_FIELD = re.compile(r"(\w+)[\\\"']*\s*:\s*[\\\"']*([^,\\\"']*)")
_CENTS = Decimal(100)


def parse(page: str) -> Usage:
    """Map the text of the page to `Usage`. Raises PayloadError where it has no figures.

    Shape, somewhere in it: freeTierUsage:{bucket:"ubi",quota:1000,hourlyReplenishment:42,
    windowHours:24,used:338.5}. Units: US cents, and cents an hour.
    """
    for match in _FREE_TIER.finditer(page):
        fields = {name: wire.as_number(value) for name, value in _FIELD.findall(match[1])}
        limit, used = fields.get("quota"), fields.get("used")
        if limit is None or used is None:
            continue
        rate = fields.get("hourlyReplenishment")
        quota = free_dollars(
            left=(limit - used) / _CENTS,
            limit=limit / _CENTS,
            rate=None if rate is None else rate / _CENTS,
            hours=fields.get("windowHours"),
        )
        return Usage(quotas=(quota,), plan=plan("Free"), source="cookie")
    raise PayloadError(
        "settings: the page holds no figures of Amp Free, and shows no others",
        hint="run `amp login`: an access token can read every allowance",
    )
