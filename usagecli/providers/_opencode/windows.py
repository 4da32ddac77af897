"""OpenCode's windows (Go, and the older Black) -> quotas in percent used, of either way to read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Quota
from usagecli.providers._opencode.seroval import objects

_HUNDRED = Decimal(100)
# A window's name -> its entry; a month has no fixed length.
_WINDOWS: Mapping[str, tuple[str, str, int | None]] = {
    "rolling": ("five_hour", "5-hour limit", 18_000),
    "weekly": ("weekly", "Weekly limit", 604_800),
    "monthly": ("monthly", "Monthly limit", None),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """Go or Black as one answer tells it; no quotas where there is none, or where it is not `mine`.

    `use_balance`: once a window is spent, the Zen balance pays for what follows; None: not told.
    """

    quotas: tuple[Quota, ...] = ()
    workspace: str | None = None
    mine: bool = True
    use_balance: bool | None = None

    @property
    def spent(self) -> bool:
        """Whether a window is used up, so that the others give nothing either."""
        return any(quota.reached or quota.percent_remaining == 0 for quota in self.quotas)


def read_api(body: Any) -> Subscription:
    """Go, of the API: {"workspaceID": "wrk_...", "usage": {"rolling": {"status": "ok", "percent": 57,
    "resetsAt": "2026-11-23T00:00:00.512Z"}, "weekly": ..., "monthly": ...}}.

    Percent used, in whole ones: 1 is one percent. Raises PayloadError.
    """
    answer = wire.mapping(body, "body")
    windows = wire.mapping(answer.get("usage"), "usage")
    quotas = _quotas("usage", windows, "percent", lambda window: wire.as_instant(window.get("resetsAt")))
    return Subscription(quotas=quotas, workspace=wire.as_text(answer.get("workspaceID")))


def read_page(script: str, at: datetime) -> Subscription | None:
    """Go or Black, of a page or a server function: {mine, useBalance, rollingUsage: {status,
    resetInSec, usagePercent}, ...}; seconds count from `at`, when it was answered.

    None where the answer holds no such object. Raises PayloadError.
    """
    # A page may show both; only that of Go tells whose it is.
    found = sorted(objects(script, "rollingUsage"), key=lambda told: "mine" not in told)
    if not found:
        return None
    sent = found[0]
    if sent.get("mine") is False:
        return Subscription(mine=False)
    windows = {name: sent.get(f"{name}Usage") for name in _WINDOWS}
    quotas = _quotas(
        "rollingUsage", windows, "usagePercent", lambda window: wire.later(at, window.get("resetInSec"))
    )
    return Subscription(quotas=quotas, use_balance=use_balance(sent))


def use_balance(body: Any) -> bool | None:
    """Whether a subscription carries on from the Zen balance; None where it does not say."""
    value = wire.as_mapping(body).get("useBalance")
    return value if isinstance(value, bool) else None


def _quotas(
    field: str,
    windows: Mapping[str, Any],
    percent: str,
    resets_at: Callable[[Mapping[str, Any]], datetime | None],
) -> tuple[Quota, ...]:
    """The windows that are there. Raises PayloadError where no figure of any can be read."""
    sent = {name: wire.as_mapping(windows.get(name)) for name in _WINDOWS}
    found = tuple(
        _window(name, window, window.get(percent), resets_at(window))
        for name, window in sent.items()
        if window
    )
    if not any(quota.reached or quota.used is not None for quota in found):
        raise PayloadError(f"{field}: holds no window that can be read")
    return found


def _window(name: str, window: Mapping[str, Any], percent: Any, resets_at: datetime | None) -> Quota:
    id_, label, seconds = _WINDOWS[name]
    return Quota(
        id=id_,
        label=label,
        unit="percent",
        used=wire.as_count(percent),
        limit=_HUNDRED,
        window_seconds=seconds,
        resets_at=resets_at,
        reached=window.get("status") == "rate-limited",
    )
