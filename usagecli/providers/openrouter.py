"""OpenRouter: the key's spending cap and use, the prepaid credits, the free models' daily requests.

Source: https://openrouter.ai/docs (API reference: /key, /credits, /activity, /keys; limits;
management keys), read 2026-11. All amounts are US dollars; one credit is one dollar.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.client import Ask, Client, check_base_url
from usagecli.credentials import Credential, Place, Secret, env_place, read_text
from usagecli.errors import NotConfigured, ProviderError, ServiceError
from usagecli.machine import Machine
from usagecli.model import Balance, Quota, Spend, Usage, plan
from usagecli.registry import Descriptor, register

_MANAGEMENT = "OPENROUTER_MANAGEMENT_API_KEY"
_ENRICH_S = 5.0
_HUNDRED = Decimal(100)
_ZERO = Decimal(0)
_DAY_S = 86400

# The reset word of a key's cap: the window's length and the field that counts its use. A month
# has no fixed length.
_PERIODS: Mapping[str | None, tuple[int | None, str]] = {
    "daily": (_DAY_S, "usage_daily"),
    "weekly": (7 * _DAY_S, "usage_weekly"),
    "monthly": (None, "usage_monthly"),
    None: (None, "usage"),
}


def _file_place(path: str) -> Place:
    """A file of another tool: JSON with the key, or only the key."""

    def look(machine: Machine) -> Credential | None:
        text = read_text(path, machine, "OpenRouter key file")
        key = _key_in(text) if text else None
        return Credential(secret=Secret(key), origin=path) if key else None

    return Place(name=path, look=look)


def _key_in(text: str) -> str | None:
    text = text.strip()
    if not text.startswith("{"):
        return text if text and len(text.split()) == 1 else None
    import json

    try:
        body = wire.as_mapping(json.loads(text))
    except (ValueError, RecursionError):
        raise ServiceError("the OpenRouter key file is not valid JSON", hint="write it anew") from None
    return wire.as_text(wire.first(body, "apiKey", "api_key", "key"))


DESCRIPTOR = Descriptor(
    name="openrouter",
    title="OpenRouter",
    reports="The key's spending cap and its reset, prepaid credits, spend by day, week and month.",
    base_url="https://openrouter.ai/api/v1",
    places=(
        env_place("OPENROUTER_API_KEY"),
        env_place("OPENROUTER_KEY"),
        # Claude Code's variable, where somebody points it at OpenRouter.
        env_place("ANTHROPIC_AUTH_TOKEN", prefix="sk-or-"),
        _file_place("~/.config/openrouter/key.json"),
        _file_place("~/.config/openusage/openrouter.json"),
        env_place(_MANAGEMENT, kind="management"),
    ),
    access=(
        "Sign in at https://openrouter.ai/settings/keys and create a key.",
        "Put it into the environment as OPENROUTER_API_KEY, or name its place in the config.",
        "For the prepaid balance also create a management key at "
        f"https://openrouter.ai/settings/management-keys and set {_MANAGEMENT}.",
    ),
    dashboard="https://openrouter.ai/credits",
    documented="Documented by the vendor: https://openrouter.ai/docs/api-reference",
    renew="make a new key at openrouter.ai/settings/keys",
    parts={
        "api_key": "a key that runs models",
        "management_api_key": "a management key, for balance and activity",
    },
    contract={
        "totalLimit": None,
        "remaining": None,
        "resetPeriod": None,
        "usage": None,
        "usageDaily": None,
        "usageWeekly": None,
        "usageMonthly": None,
        "percentRemaining": None,
        "warningLowBudget": None,
    },
)


def accept(parts: Mapping[str, str], origin: str, _machine: Machine) -> Credential:
    """A configured key, as it stands or in a file of the known shape; or a map of both keys."""
    main = parts.get("", parts.get("api_key"))
    management = parts.get("management_api_key")
    if main is None:
        return Credential(secret=Secret(str(management).strip()), origin=origin, kind="management")
    key = _key_in(main)
    if key is None:
        raise ServiceError("the OpenRouter credential holds no key", hint=DESCRIPTOR.renew)
    others = {"management_api_key": Secret(management.strip())} if management else {}
    return Credential(secret=Secret(key), origin=origin, others=others)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account: `/key`, and what a management key may see beside it, best effort."""
    base_url, overridden = _base_url(ask)
    credential = ask.credential
    notes = []
    if credential.kind == "management" and overridden and ask.service.credential is None:
        raise NotConfigured(
            f"{_MANAGEMENT} is only sent to openrouter.ai, and another base URL is set",
            hint="set OPENROUTER_API_KEY for that base URL",
        )
    client = ask.client(base_url, _bearer(credential.secret))
    key = client.get_json("/key")
    data = wire.mapping(wire.mapping(key, "body").get("data"), "data")
    managing = credential.kind == "management" or data.get("is_management_key") is True
    management = client if managing else None
    found = credential.others.get("management_api_key")
    if management is None and found is None and ask.service.credential is None:
        text = ask.machine.get(_MANAGEMENT)
        if text and overridden:
            notes.append(f"{_MANAGEMENT} was not used: it is only sent to openrouter.ai")
        elif text:
            found = Secret(text)
    if found is not None:
        management = ask.client(base_url, _bearer(found))
    seen: dict[str, Any] = {}
    for path in ("/credits", "/activity", "/keys") if management is not None else ("/credits",):
        seen[path] = _enriching(management or client, path, notes, quiet=path == "/keys")
    return parse(
        key,
        now=ask.now(),
        credits_=seen.get("/credits"),
        activity=seen.get("/activity"),
        keys=seen.get("/keys"),
        management=management is not None,
        notes=tuple(notes),
    )


def _base_url(ask: Ask) -> tuple[str, bool]:
    """Where to ask, and whether that is somewhere else than OpenRouter's own address."""
    if ask.service.base_url:
        return ask.service.base_url, True
    override = ask.machine.get("OPENROUTER_API_URL")
    if override is None:
        return DESCRIPTOR.base_url, False
    try:
        found = check_base_url(override)
    except ValueError as error:
        raise ServiceError(f"OPENROUTER_API_URL {error}", hint="correct or unset it") from None
    return found, found != DESCRIPTOR.base_url


def _bearer(secret: Secret) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret.reveal()}"}


def _enriching(client: Client, path: str, notes: list[str], *, quiet: bool) -> Any:
    """A call without which the report still stands; None where it failed."""
    try:
        return client.get_json(path, timeout_s=_ENRICH_S)
    except ProviderError as error:
        if error.kind == "auth" and path == "/credits":  # also what every ordinary key gets
            notes.append("the prepaid balance needs a management key")
        elif not quiet:
            notes.append(f"{path[1:]} could not be read: {error.message}")
        return None


def parse(
    key: Any,
    *,
    now: datetime,
    credits_: Any = None,
    activity: Any = None,
    keys: Any = None,
    management: bool = False,
    notes: tuple[str, ...] = (),
) -> Usage:
    """Map the bodies of `/key`, `/credits`, `/activity` and `/keys` to `Usage`.

    Shape of the first: {"data": {"limit": 60, "limit_remaining": 41.37, "limit_reset": "weekly",
    "usage": 214.92, "usage_daily": 2.4, ...}}; dollars. The others may be None or of any shape:
    they cost their own entries only. `management`: they were read with a management key.
    Raises PayloadError naming the field.
    """
    data = wire.mapping(wire.mapping(key, "body").get("data"), "data")
    own_management = data.get("is_management_key") is True
    quotas = [quota for quota in (_key_limit(data, now, own_management), _free_models(data, now)) if quota]
    balance = _credits(credits_, management=management, free_tier=data.get("is_free_tier") is True)
    spend = [] if own_management else _spend(data, now)
    return Usage(
        quotas=tuple(quotas),
        balances=(balance,) if balance else (),
        spend=(*spend, *_activity(activity, now)),
        account=_account(data, keys),
        plan=_plan(data.get("is_free_tier")),
        notes=notes,
        contract=_contract(data),
    )


def _plan(free_tier: Any) -> Mapping[str, Any] | None:
    if not isinstance(free_tier, bool):
        return None
    return plan("Free tier" if free_tier else "Pay as you go")


def _period(data: Mapping[str, Any]) -> tuple[str | None, int | None, str]:
    """The reset word, the window's length and the use field; an unknown word counts no use."""
    word = data.get("limit_reset")
    word = word.strip().lower() if isinstance(word, str) else None if word is None else "?"
    window, field = _PERIODS.get(word, (None, ""))
    return word, window, field


def _resets_at(word: str | None, now: datetime) -> datetime | None:
    if word == "daily":
        return wire.day_start(now, 1)
    if word == "weekly":
        return wire.day_start(now, 7 - now.weekday())
    return wire.month_start(now, 1) if word == "monthly" else None


def _key_limit(data: Mapping[str, Any], now: datetime, management: bool) -> Quota | None:
    word, window, field = _period(data)
    label = f"Key limit ({word})" if word in _PERIODS and word else "Key limit"
    if "limit" in data and data["limit"] is None:
        if management:
            return None
        return Quota(
            id="key_limit", label=label, unit="usd", unlimited=True, used=wire.as_number(data.get("usage"))
        )
    limit = wire.as_number(data.get("limit"))
    if limit is None or limit < 0:
        return None
    used, remaining = _use(data, limit, field)
    percent = None
    if used is not None:
        if limit > 0:
            percent = min(_HUNDRED, used / limit * _HUNDRED)
        elif used > 0:
            percent = _HUNDRED
    return Quota(
        id="key_limit",
        label=label,
        unit="usd",
        used=used,
        limit=limit,
        remaining=remaining,
        percent_used=percent,
        window_seconds=window,
        resets_at=_resets_at(word, now),
    )


def _use(data: Mapping[str, Any], limit: Decimal, field: str) -> tuple[Decimal | None, Decimal | None]:
    """Used and remaining of the current period; never from the lifetime use of a cap that resets."""
    counted = wire.as_number(data.get(field)) if field else None
    if limit == 0:
        return counted, _ZERO
    left = wire.as_number(data.get("limit_remaining"))
    if left is not None:
        left = max(_ZERO, min(limit, left))
        return limit - left, left
    return (counted, max(_ZERO, limit - counted)) if counted is not None else (None, None)


def _free_models(data: Mapping[str, Any], now: datetime) -> Quota | None:
    block = wire.as_mapping(data.get("free_model_daily_requests"))
    used, limit, remaining = (wire.as_number(block.get(name)) for name in ("used", "limit", "remaining"))
    if used is None and limit is None and remaining is None:
        return None
    return Quota(
        id="free_model_daily",
        label="Free models",
        unit="requests",
        scope=":free models",
        used=used,
        limit=limit,
        remaining=None if remaining is None else max(_ZERO, remaining),
        window_seconds=_DAY_S,
        resets_at=wire.day_start(now, 1),
        partial=True,
    )


def _credits(body: Any, *, management: bool, free_tier: bool) -> Balance | None:
    data = wire.as_mapping(wire.as_mapping(body).get("data"))
    bought, used = wire.as_number(data.get("total_credits")), wire.as_number(data.get("total_usage"))
    if bought is None or used is None:
        return None
    never_bought = bought == 0 and used == 0
    # To an ordinary key the endpoint has answered zeros on funded accounts.
    if never_bought and not management:
        return None
    return Balance(
        id="credits",
        label="Credits",
        unit="usd",
        # Not clamped: a debt is real and stops even free models.
        amount=bought - used,
        stops=True,
        # Without ever having paid, free models still work.
        judged=not (never_bought and free_tier),
    )


def _spend(data: Mapping[str, Any], now: datetime) -> list[Spend]:
    starts = {
        "daily": ("Today", wire.day_start(now)),
        "weekly": ("This week", wire.day_start(now, -now.weekday())),
        "monthly": ("This month", wire.month_start(now)),
        "total": ("All time", None),
    }
    found = []
    for prefix, label_suffix, id_prefix in (("usage", "", ""), ("byok_usage", " (own keys)", "byok_")):
        for name, (label, since) in starts.items():
            amount = wire.as_number(data.get(prefix if name == "total" else f"{prefix}_{name}"))
            if amount is None or (id_prefix and amount <= 0):
                continue
            found.append(
                Spend(id=id_prefix + name, label=label + label_suffix, unit="usd", amount=amount, since=since)
            )
    return found


def _activity(body: Any, now: datetime) -> list[Spend]:
    """The last 30 completed UTC days; today is not among them."""
    rows = wire.as_mapping(body).get("data")
    if not isinstance(rows, list):
        return []
    since, until = wire.day_start(now, -30), wire.day_start(now)
    sums = {
        field: sum((wire.as_number(wire.as_mapping(row).get(field)) or _ZERO for row in rows), _ZERO)
        for field in ("usage", "byok_usage_inference")
    }
    found = [
        Spend(
            id="last_30_days",
            label="Last 30 days",
            unit="usd",
            amount=sums["usage"],
            since=since,
            until=until,
        )
    ]
    if sums["byok_usage_inference"] > 0:
        found.append(
            Spend(
                id="byok_last_30_days",
                label="Last 30 days (own keys)",
                unit="usd",
                amount=sums["byok_usage_inference"],
                since=since,
                until=until,
            )
        )
    return found


def _account(data: Mapping[str, Any], keys: Any) -> str | None:
    """The key's own name where `/keys` knows it by its label, else the label, which is masked."""
    label = wire.as_text(data.get("label"))
    named = [
        wire.as_text(row.get("name"))
        for row in map(wire.as_mapping, wire.as_rows(wire.as_mapping(keys).get("data")))
        if label is not None and wire.as_text(row.get("label")) == label
    ]
    # Labels are masked, so two keys may share one: then neither name is sure.
    return named[0] or label if len(named) == 1 else label


def _contract(data: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that older dashboards read, null where they would have crashed or shown a zero."""
    limit, left = wire.as_number(data.get("limit")), wire.as_number(data.get("limit_remaining"))
    percent = left / limit * _HUNDRED if limit is not None and left is not None and limit > 0 else None
    _, _, field = _period(data)
    used = wire.as_number(data.get(field)) if field else None
    if percent is not None:
        low: bool | None = percent < 10
    elif limit is not None and limit <= 0:
        low = used is not None and used > 0
    else:
        # Unlimited is never low; a cap of which nothing else is known is not judged.
        low = False if "limit" in data and data["limit"] is None else None
    period = data.get("limit_reset")
    return {
        "totalLimit": _plain(limit),
        "remaining": None if limit is None else _plain(left),
        "resetPeriod": wire.as_text(period) if "limit_reset" in data else "N/A",
        "usage": _plain(wire.as_number(data.get("usage"))),
        "usageDaily": _plain(wire.as_number(data.get("usage_daily"))),
        "usageWeekly": _plain(wire.as_number(data.get("usage_weekly"))),
        "usageMonthly": _plain(wire.as_number(data.get("usage_monthly"))),
        "percentRemaining": None if percent is None else float(round(percent, 1)),
        "warningLowBudget": low,
    }


def _plain(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
