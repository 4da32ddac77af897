"""The Codex usage answer -> `Usage`: windows told apart by their length, credits, spend controls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.errors import PayloadError
from usagecli.model import Balance, Quota, Usage, plan
from usagecli.providers._codex_contract import contract

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_FIVE_HOURS, _WEEK, _MONTH = 18_000, 604_800, 2_592_000
_LENGTHS = {_FIVE_HOURS: "five_hour", _WEEK: "weekly", _MONTH: "monthly"}
_LABELS = {"five_hour": "5-hour limit", "weekly": "Weekly limit", "monthly": "Monthly limit"}
_SLOTS = ("primary", "secondary")
_REVIEW = ("code_review", "codex_review")
_PLANS = {"prolite": "Pro 5x", "pro": "Pro 20x", "hc": "Enterprise"}
_CAPITALS = frozenset(("k12", "cbp"))
# Under spend_control: the limit objects, and those that hold one under `details`.
_LIMITS = ("individual", "workspace_default", "role_budget", "workspace_shared")
_GROUP_LIMITS = ("group_default", "group_shared")
_NO_CAP = frozenset(("none", "off", "disabled", "no_limit"))


def parse(
    payload: Any,
    *,
    now: datetime,
    headers: Mapping[str, str] | None = None,
    monthly: Any = None,
    email: str | None = None,
    account_id: str | None = None,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map a usage body to `Usage`. Raises PayloadError naming the field.

    Shape: {"plan_type": "plus", "rate_limit": {"primary_window": {"used_percent": 37,
    "limit_window_seconds": 18000, "reset_at": epoch s}, "secondary_window": ...}, "credits": {...},
    "spend_control": {...}}. `headers` of the answer stand in for a body without core windows;
    `monthly` is the body of the monthly-usage endpoint or None.
    """
    body = wire.mapping(payload, "body")
    block = wire.first(body, "rate_limit", "rate_limits")
    if block is not None and not isinstance(block, dict):
        raise PayloadError("rate_limit: expected an object or null")
    core = _core(block, now) or _from_headers(headers or {}, now)
    stopped = _stopped(body, block)
    core = _reached(core, block, body)
    # With an open core window everything else stops only a part; so it does in the absence of any
    # judgement on usage-based workspaces, where nothing is included and the cap is what stops.
    partial = block is not None or bool(core)
    quotas = [*core, *_review(body, now), *_additional(body, now)]
    quotas += [
        replace(quota, partial=partial) for quota in (*_spend_controls(body, now), *_monthly_usage(monthly))
    ]
    return Usage(
        quotas=_unique(quotas),
        balances=tuple(_balances(body)),
        account=wire.as_text(body.get("email")) or email or wire.as_text(account_id),
        plan=plan_name(body.get("plan_type")),
        notes=notes,
        source="oauth",
        stopped=stopped,
        overage_reached=wire.as_mapping(body.get("credits")).get("overage_limit_reached") is True,
        contract=contract(body, block, now),
    )


def plan_name(value: Any) -> Mapping[str, Any] | None:
    """`enterprise_cbp_usage_based` -> Enterprise CBP Usage Based."""
    text = wire.as_text(value)
    if text is None:
        return None
    known = _PLANS.get(text.lower())
    words = [
        word.upper() if word.lower() in _CAPITALS else word.capitalize() for word in text.split("_") if word
    ]
    return plan(known or " ".join(words) or text)


def _unique(quotas: list[Quota]) -> tuple[Quota, ...]:
    found: dict[str, Quota] = {}
    for quota in quotas:
        found.setdefault(quota.id, quota)
    return tuple(found.values())


# -- windows ----------------------------------------------------------------------------------------


class Window:
    """One window as sent: percent used, length in seconds or None, reset."""

    def __init__(self, slot: str, used: Decimal, seconds: int | None, resets_at: datetime | None) -> None:
        self.slot = slot
        self.used = used
        self.seconds = seconds
        self.resets_at = resets_at

    @property
    def kind(self) -> str:
        """What its length makes it; without a length its place must do."""
        if self.seconds is None:
            return "five_hour" if self.slot == "primary" else "weekly"
        return _LENGTHS.get(self.seconds, f"window_{self.seconds}s")

    def quota(self, id_: str, label: str, *, scope: str | None = None, partial: bool = False) -> Quota:
        return Quota(
            id=id_,
            label=label,
            unit="percent",
            scope=scope,
            used=self.used,
            limit=_HUNDRED,
            window_seconds=self.seconds,
            resets_at=self.resets_at,
            partial=partial,
        )


def windows(block: Any, now: datetime) -> list[Window]:
    """The readable windows of a rate-limit block, primary first."""
    found = []
    for slot in _SLOTS:
        window = wire.first(wire.as_mapping(block), f"{slot}_window", slot)
        if not isinstance(window, dict):
            continue
        used = wire.as_number(window.get("used_percent"))
        if used is None or used < 0:
            continue
        seconds = wire.as_whole(window.get("limit_window_seconds"))
        found.append(
            Window(slot, used, seconds if seconds is not None and seconds > 0 else None, _reset(window, now))
        )
    return found


def _reset(window: Mapping[str, Any], now: datetime) -> datetime | None:
    at = wire.as_instant(wire.first(window, "reset_at", "resets_at", "reset_timestamp"))
    return at or wire.later(now, window.get("reset_after_seconds"))


def _core(block: Any, now: datetime) -> list[Quota]:
    quotas: list[Quota] = []
    for window in windows(block, now):
        id_ = window.kind
        if any(quota.id == id_ for quota in quotas):
            id_ = f"{id_}_{window.slot}"
        quotas.append(window.quota(id_, _LABELS.get(window.kind) or _length_label(window.seconds)))
    return quotas


def _length_label(seconds: int | None) -> str:
    hours = (seconds or 0) / 3600
    return f"{hours / 24:g}-day limit" if hours >= 48 else f"{hours:g}-hour limit"


def _from_headers(headers: Mapping[str, str], now: datetime) -> list[Quota]:
    """The same windows as the `x-codex-...` headers tell them: minutes, not seconds."""
    block: dict[str, Any] = {}
    for slot in _SLOTS:
        told = {
            key: headers.get(f"x-codex-{slot}-{key}")
            for key in ("used-percent", "window-minutes", "reset-at")
        }
        minutes = wire.as_number(told["window-minutes"])
        block[f"{slot}_window"] = {
            "used_percent": told["used-percent"],
            "limit_window_seconds": None if minutes is None else int(minutes * 60),
            "reset_at": told["reset-at"],
            "reset_after_seconds": headers.get(f"x-codex-{slot}-reset-after-seconds"),
        }
    return _core(block, now)


def _flagged(block: Any, body: Mapping[str, Any]) -> bool:
    """Whether the answer says outright that the core limit is reached."""
    flags = wire.as_mapping(block)
    return (
        flags.get("limit_reached") is True
        or flags.get("allowed") is False
        or body.get("rate_limit_reached_type") is not None
    )


def _stopped(body: Mapping[str, Any], block: Any) -> bool:
    if _flagged(block, body):
        return True
    # Nothing included: then the paid part is all there is.
    return block is None and (
        wire.as_mapping(body.get("spend_control")).get("reached") is True
        or wire.as_mapping(body.get("credits")).get("overage_limit_reached") is True
    )


def _reached(core: list[Quota], block: Any, body: Mapping[str, Any]) -> list[Quota]:
    """The flags are for the pair: they mark the windows at 100 or, where none is, the fullest."""
    if not core or not _flagged(block, body):
        return core
    fullest = max(quota.used or _ZERO for quota in core)
    mark = min(fullest, _HUNDRED)
    marked = False
    out = []
    for quota in core:
        hit = (quota.used or _ZERO) >= mark and (mark == _HUNDRED or not marked)
        marked = marked or hit
        out.append(replace(quota, reached=True) if hit else quota)
    return out


def _is_review(entry: Mapping[str, Any]) -> bool:
    names = [
        wire.slug(str(entry.get(key) or "")) for key in ("metered_feature", "limit_name", "limit_id", "id")
    ]
    return any(word in name for name in names for word in _REVIEW)


def _entries(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    return (entry for entry in wire.as_rows(body.get("additional_rate_limits")) if isinstance(entry, dict))


def _review(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    blocks = [
        body.get("code_review_rate_limit"),
        *(e.get("rate_limit") for e in _entries(body) if _is_review(e)),
    ]
    for block in blocks:
        found = sorted(windows(block, now), key=lambda window: window.seconds or 0)
        for id_, label, window in zip(
            ("code_review", "code_review_weekly"),
            ("Code review", "Code review (weekly)"),
            found,
            strict=False,
        ):
            reached = wire.as_mapping(block).get("limit_reached") is True and window.used >= _HUNDRED
            yield replace(window.quota(id_, label, scope="code_review", partial=True), reached=reached)


def _additional(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    for entry in _entries(body):
        if _is_review(entry):
            continue
        feature, name = wire.as_text(entry.get("metered_feature")), wire.as_text(entry.get("limit_name"))
        slug = wire.slug(feature or "") or wire.slug(name or "")
        label = name or feature
        if not slug or label is None:
            continue
        for window in windows(entry.get("rate_limit"), now):
            yield window.quota(f"{slug}_{window.kind}", label, scope=label, partial=True)


# -- credits and spend controls ---------------------------------------------------------------------


def _balances(body: Mapping[str, Any]) -> Iterator[Balance]:
    block = wire.as_mapping(body.get("credits"))
    amount = wire.as_number(block.get("balance"))
    unlimited = block.get("unlimited") is True
    if unlimited or (amount is not None and (block.get("has_credits") is True or amount > 0)):
        yield Balance(
            id="credits", label="Credits", unit="credits", amount=amount or _ZERO, unlimited=unlimited
        )
    count = wire.as_number(wire.as_mapping(body.get("rate_limit_reset_credits")).get("available_count"))
    if count is not None and count >= 0:
        yield Balance(id="reset_credits", label="Free resets", unit="requests", amount=count, judged=False)


def individual_limit(body: Mapping[str, Any]) -> Any:
    """The member's own cap: at the root, in `rate_limit` or in `spend_control`, in this order."""
    holders = (body, wire.as_mapping(body.get("rate_limit")), wire.as_mapping(body.get("spend_control")))
    return next(
        (holder["individual_limit"] for holder in holders if holder.get("individual_limit") is not None), None
    )


def _spend_controls(body: Mapping[str, Any], now: datetime) -> Iterator[Quota]:
    control = wire.as_mapping(body.get("spend_control"))
    for name in (*_LIMITS, *_GROUP_LIMITS):
        found = individual_limit(body) if name == "individual" else control.get(f"{name}_limit")
        if name in _GROUP_LIMITS:
            found = wire.as_mapping(found).get("details")
        quota = _spend_control(name, found, now)
        if quota is not None:
            yield quota


def _spend_control(name: str, found: Any, now: datetime) -> Quota | None:
    details = found if isinstance(found, dict) else {"limit": found}
    limit = wire.as_number(details.get("limit"))
    if limit is None or limit <= 0:
        return None
    used = wire.as_number(details.get("used"))
    percent = None
    if used is None:
        percent = wire.as_number(details.get("used_percent"))
        left = wire.as_number(details.get("remaining_percent"))
        if percent is None and left is not None:
            percent = _HUNDRED - left
    return Quota(
        id=f"spend_control_{name}",
        label=f"Spend limit ({name.replace('_', ' ')})",
        unit="credits",
        used=used,
        limit=limit,
        percent_used=None if percent is None or percent < 0 else percent,
        resets_at=_reset(details, now),
    )


def _monthly_usage(body: Any) -> Iterator[Quota]:
    found = wire.as_mapping(body)
    cap = wire.as_mapping(found.get("effective_monthly_limit"))
    limit, used = wire.as_number(cap.get("limit")), wire.as_number(found.get("current_month_usage"))
    mode = str(cap.get("enforcement_mode") or "").lower()
    if limit is None or limit <= 0 or mode in _NO_CAP:
        return
    yield Quota(
        id="spend_control_monthly",
        label="Spend limit (monthly)",
        unit="credits",
        used=None if used is None else max(_ZERO, used),
        limit=limit,
    )
