"""The values that flow from a provider's answer to a formatter.

Amounts and percentages are `Decimal`, instants aware UTC in whole seconds, and what a provider
did not say is None, never 0. Percentages count 0 to 100; use may pass 100 where the provider
says so, what remains never falls below 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

Status = Literal["ok", "low", "exhausted", "error"]
SourceKind = Literal["oauth", "api", "cookie", "cli", "local", "demo"]
# What a vendor's status page says; `unknown` where it could not be read.
Trouble = Literal["ok", "degraded", "outage", "unknown"]

_HUNDRED = Decimal(100)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refill:
    """An allowance that trickles back: `amount` (in the quota's unit) every `every_seconds`."""

    amount: Decimal
    every_seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where a quota's use leads until its reset.

    `basis`: `history`, the recent readings; `window`, the average of the window so far.
    `expected_percent_used`: where even use would have stood when this was read;
    `projected_percent_used`: where this one will at the reset. `runs_out_at` is None where it lasts,
    and where it is used up already.
    """

    basis: Literal["history", "window"]
    expected_percent_used: Decimal
    projected_percent_used: Decimal
    runs_out_at: datetime | None
    lasts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drain:
    """How fast a balance goes, by the recent readings: `per_day` in its unit. `days_left` (counted
    from the reading) and `runs_out_at` are None where nothing is used, or so little that it lasts for
    ten years."""

    per_day: Decimal
    days_left: Decimal | None
    runs_out_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """How fast the quotas (in percent a day) and balances (in their unit a day) of a service went
    lately, by their ids; only those of which enough was read."""

    quotas: Mapping[str, float] = field(default_factory=dict)
    balances: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """An allowance that is used up and comes back at a reset.

    Give what the provider said: the rest is derived here and nowhere else. `remaining` comes from
    `limit - used`, `percent_used` from `used / limit`, `percent_remaining` from `percent_used`.
    An unlimited quota has no limit, remainder or percentages. Give `percent_used` yourself only
    where the provider's own percentage is the more exact figure or needs a cap.
    """

    id: str
    label: str
    unit: str
    scope: str | None = None
    used: Decimal | None = None
    limit: Decimal | None = None
    remaining: Decimal | None = None
    percent_used: Decimal | None = None
    percent_remaining: Decimal | None = None
    unlimited: bool = False
    window_seconds: int | None = None
    resets_at: datetime | None = None
    refill: Refill | None = None
    # False: shown, judged by nobody (it only counts, or does not stop work by itself).
    judged: bool = True
    # True: stops only part of the work, so it weighs at most `low` in the document.
    partial: bool = False
    # True: the provider says outright that this limit is reached.
    reached: bool = False
    status: Status | None = None
    # None: not known, or not honestly to be said.
    pace: Pace | None = None

    def __post_init__(self) -> None:
        if self.unlimited:
            for name in ("limit", "remaining", "percent_used", "percent_remaining"):
                object.__setattr__(self, name, None)
            return
        if self.remaining is None and self.used is not None and self.limit is not None:
            object.__setattr__(self, "remaining", max(_ZERO, self.limit - self.used))
        percent = self.percent_used
        if percent is None and self.used is not None and self.limit is not None and self.limit > 0:
            percent = self.used / self.limit * _HUNDRED
        if percent is not None:
            object.__setattr__(self, "percent_used", six_decimals(percent))
            if self.percent_remaining is None:
                object.__setattr__(self, "percent_remaining", six_decimals(max(_ZERO, _HUNDRED - percent)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Money or credits that are gone when they are gone. `amount` may be negative (a debt)."""

    id: str
    label: str
    unit: str
    scope: str | None = None
    amount: Decimal | None = None
    unlimited: bool = False
    judged: bool = True
    # What 0 or less means: True, the work stops, whatever else the report shows; False, something
    # else pays for it; None, it stops where the report has no quota.
    stops: bool | None = None
    # When the provider told it, where that was before this report.
    as_of: datetime | None = None
    # True: the provider says outright that it is used up, with or without a figure.
    reached: bool = False
    status: Status | None = None
    pace: Drain | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spend:
    """Money or tokens consumed in a period, with no limit of their own; `until` is exclusive."""

    id: str
    label: str
    unit: str
    amount: Decimal
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What one answer says, before anybody judges it.

    `plan` holds at least `name` and `renewsAt` where anything is known of it; `contract` holds the
    provider's own stable keys, as they stand at the top level of the JSON document.
    """

    quotas: tuple[Quota, ...] = ()
    balances: tuple[Balance, ...] = ()
    spend: tuple[Spend, ...] = ()
    account: str | None = None
    plan: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    source: SourceKind = "api"
    # When the figures were true, where that was before they were read: a file of the vendor's own app.
    as_of: datetime | None = None
    # True: the provider says outright that the account is stopped.
    stopped: bool = False
    # True: the provider says outright that a part of the work is stopped: low, not exhausted.
    partly_stopped: bool = False
    # Ids of balances that this answer is silent on: those of the last report stay.
    untold: frozenset[str] = frozenset()
    # True: a cap on paid use beyond the plan is reached.
    overage_reached: bool = False
    contract: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a service could not be determined: the `error` of the JSON document."""

    kind: str
    message: str
    hint: str | None = None
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CredentialSource:
    """Where a service's secret stands: `kind` is env, file, command, keyring or value.

    `own`: a file in which usagecli itself keeps the secret, so that nobody else may read it.
    """

    kind: str
    value: str | tuple[str, ...] = field(repr=False)
    own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One account at one provider, as configured or found.

    `credential` maps a part (`""` where the provider needs only one secret) to its source; None
    means the provider's usual places. `low_below` maps quota ids, and `default`, to percentages.
    """

    name: str
    provider: str
    credential: Mapping[str, CredentialSource] | None = None
    base_url: str | None = None
    low_below: Mapping[str, Decimal] = field(default_factory=dict)
    low_balance: Decimal | None = None
    ignore: frozenset[str] = frozenset()
    enabled: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    # The service of the config that this one is a part of, where it stands for several accounts.
    group: str | None = None
    # Variables that take the place of the machine's for this service; a blank one counts as not set.
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    # True: asked for by name on the command line or in the config, so that a credential which
    # other tools share counts as meant for it.
    named: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """What a vendor's public status page (`url`) says: no part of a quota, and judged by nobody.

    `summary` is the vendor's own line, of an unknown one the reason; None where there is none.
    """

    status: Trouble
    vendor: str
    url: str
    summary: str | None = None
    started_at: datetime | None = None

    @property
    def troubled(self) -> bool:
        """Whether the vendor itself reports trouble."""
        return self.status in ("degraded", "outage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one service answered, judged. `usage` is None where nothing was ever read."""

    service: Service
    status: Status
    usage: Usage | None = None
    fetched_at: datetime | None = None
    stale: bool = False
    failure: Failure | None = None
    # By quota id: below how many percent left it is low.
    low_below: Mapping[str, Decimal] = field(default_factory=dict)
    # None: the vendor's status page was not asked, or there is none.
    incident: Incident | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The reports of one run, in the order of the config file."""

    status: Status
    fetched_at: datetime
    reports: tuple[Report, ...]
    credits_per_usd: Decimal = Decimal(25)


def unique(quotas: Iterable[Quota]) -> tuple[Quota, ...]:
    """The quotas, of the same id twice the first."""
    found: dict[str, Quota] = {}
    for quota in quotas:
        found.setdefault(quota.id, quota)
    return tuple(found.values())


def six_decimals(value: Decimal) -> Decimal:
    """Round a percentage to the six decimals that the JSON document carries."""
    return Decimal(str(round(float(value), 6)))


def plan(name: str | None, **more: Any) -> Mapping[str, Any]:
    """The `plan` of a document: its name, `renewsAt` (null unless given), and a contract's keys."""
    return {"name": name, "renewsAt": None, **more}
