"""Azure's lists -> `Usage`: which part of a subscription's model quota is given to deployments.

That is capacity which deployments hold, not tokens that were used: at 100 % they go on working, and
only no further one can be made. So no such quota is judged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from usagecli import wire
from usagecli.model import Quota, Spend, Usage, plan

_KINDS = ("openai", "aiservices")
_TPM = "tokens per minute (thousands)"
# Units of provisioned throughput, and dedicated ones: counted in themselves, so only a share is shown.
_UNITS = re.compile(r"provisioned .*throughput unit|dedicated unit\b", re.IGNORECASE)
_THOUSAND = Decimal(1000)
_HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One resource whose models can be deployed; `path` is its id, which begins with `/`."""

    name: str
    path: str
    region: str


def accounts(rows: Iterable[Any]) -> list[Account]:
    """The resources of Azure OpenAI and Foundry among the Cognitive Services accounts."""
    found = []
    for row in map(wire.as_mapping, rows):
        name, path, place = (wire.as_text(row.get(key)) for key in ("name", "id", "location"))
        if str(row.get("kind")).lower() in _KINDS and path and path.startswith("/") and place:
            found.append(Account(name=name or path.rsplit("/", 1)[1], path=path, region=region_name(place)))
    return found


def region_name(text: str) -> str:
    """`JAPANEAST` and `Japan East` as `japaneast`."""
    return text.replace(" ", "").lower()


def parse(
    usages: Mapping[str, Sequence[Any]],
    *,
    subscription: str,
    tiers: Sequence[Any] = (),
    use: Sequence[Quota] = (),
    budgets: Sequence[Quota] = (),
    spend: Sequence[Spend] = (),
    notes: Sequence[str] = (),
) -> Usage:
    """The report of a subscription. `usages`: the rows of each region's list, by region.

    Shape of a row: {"name": {"value": "OpenAI.GlobalStandard.gpt-5.1", "localizedValue": "Tokens Per
    Minute (thousands) - ..."}, "currentValue": 350, "limit": 1000}; in 1 000 tokens per minute, or in
    units. `tiers` are rows of `quotaTiers`.
    """
    free, found = 0, dict[str, Quota]()
    for region, rows in usages.items():
        for row in map(wire.as_mapping, rows):
            limit, current = wire.as_number(row.get("limit")), wire.as_number(row.get("currentValue"))
            if not _is_counted(row) or (limit is not None and limit <= 0):
                continue
            if current == 0:
                free += limit is not None
                continue
            for quota in _allocation(region, row, current, limit):
                found.setdefault(quota.id, quota)
    quotas = {quota.id: quota for quota in (*found.values(), *use, *budgets)}
    told = [_left_out(free)] if free else []
    return Usage(
        quotas=tuple(quotas.values()),
        spend=tuple(spend),
        account=subscription,
        plan=_tier(tiers),
        notes=(*told, *notes),
    )


def _localized(row: Mapping[str, Any]) -> str:
    return str(wire.as_mapping(row.get("name")).get("localizedValue")).strip()


def _is_counted(row: Mapping[str, Any]) -> bool:
    """Whether a row is quota of a model, not a count of resources or the like."""
    text = _localized(row)
    return text.lower().startswith(_TPM) or _UNITS.match(text) is not None


def _allocation(
    region: str, row: Mapping[str, Any], current: Decimal | None, limit: Decimal | None
) -> Iterator[Quota]:
    name = wire.as_text(wire.as_mapping(row.get("name")).get("value"))
    if name is None or (current is None and limit is None):
        return
    # The model's own name may hold dots; provisioned types have none.
    _, kind, model = (*name.split(".", 2), "", "")[:3]
    what = " ".join(word for word in (kind, model) if word) or name
    told: dict[str, Any] = {
        "id": f"{region}/{name}",
        "label": f"{model or kind or name} allocated",
        "scope": f"{region}: {what}",
        "judged": False,
    }
    if _localized(row).lower().startswith(_TPM):
        used = None if current is None else current * _THOUSAND
        most = None if limit is None else limit * _THOUSAND
        yield Quota(**told, unit="tokens", used=used, limit=most, window_seconds=60)
    elif current is not None and limit is not None:
        yield Quota(**told, unit="percent", used=_HUNDRED * current / limit, limit=_HUNDRED)


def _left_out(free: int) -> str:
    if free == 1:
        return "1 model quota of which nothing is allocated is left out: it is free"
    return f"{free} model quotas of which nothing is allocated are left out: they are free"


def _tier(rows: Iterable[Any]) -> Mapping[str, Any] | None:
    levels = (wire.as_mapping(wire.as_mapping(row).get("properties")) for row in rows)
    name = next((name for level in levels if (name := wire.as_text(level.get("currentTierName")))), None)
    return plan(name) if name else None
