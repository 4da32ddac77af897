"""One subscription, asked: the quota of each region, and what the service's options ask for beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import quote

from usagecli.client import Ask
from usagecli.errors import NotConfigured, PayloadError, ProviderError
from usagecli.model import Quota, Spend, Usage
from usagecli.providers._azure_openai import cost, metrics
from usagecli.providers._azure_openai.arm import COST_ROLE, METRICS_ROLE, QUOTA_ROLE, READER, Arm
from usagecli.providers._azure_openai.login import login
from usagecli.providers._azure_openai.probe import probe
from usagecli.providers._azure_openai.usage import Account, accounts, parse, region_name

_VERSION = {"api-version": "2025-09-01"}
_COST_VERSION = "2025-03-01"
# Both list the same budgets; which of the two answers depends on the kind of subscription.
_BUDGETS = (("Microsoft.CostManagement", _COST_VERSION), ("Microsoft.Consumption", "2024-08-01"))
_MAX_ACCOUNTS = 20

T = TypeVar("T")


def read(ask: Ask) -> Usage:
    """Read one subscription, or with an API key alone one deployment. Raises as `fetch` does."""
    if ask.credential.kind == "api_key":
        if not ask.options.get("probe"):
            raise NotConfigured(
                "an API key alone reads no quota, use or cost",
                hint="sign in with az login or give a service principal, or set the option probe (billed)",
            )
        return Usage(quotas=tuple(probe(ask)), account=ask.options.get("endpoint"))
    return _Report(ask).read()


class _Report:
    """One run over one subscription; `notes` grow while it is read."""

    def __init__(self, ask: Ask) -> None:
        found = login(ask)
        self.ask = ask
        self.notes: list[str] = []
        self.subscription = found.subscription
        self.root = f"/subscriptions/{quote(found.subscription, safe='')}/providers"
        headers = {"Authorization": f"Bearer {found.token.reveal()}"}
        client = ask.client(ask.service.base_url or found.resource, headers)
        self.arm = Arm(client=client, subscription=found.subscription, renew=found.renew)

    def read(self) -> Usage:
        given = [region_name(text) for text in str(self.ask.options.get("location") or "").split(",")]
        regions = list(dict.fromkeys(region for region in given if region))
        own: list[Account] = []
        if not regions:
            own = self._accounts(enrich=False)
            regions = list(dict.fromkeys(account.region for account in own))
            if not regions:
                self.notes.append(
                    "this subscription has no Azure OpenAI resource; the option location names regions"
                )
        elif self.ask.options.get("metrics"):
            found = self._optional("the resources", lambda: self._accounts(enrich=True)) or []
            own = [account for account in found if account.region in regions]
        usages = self._usages(regions)
        tiers = self._tiers()
        use = self._use(own) if self.ask.options.get("metrics") else []
        spend, budgets = self._money() if self.ask.options.get("cost") else ([], [])
        if self.ask.options.get("probe"):
            use += self._optional("the live limits", lambda: probe(self.ask)) or []
        return parse(
            usages,
            subscription=self.subscription,
            tiers=tiers,
            use=use,
            budgets=budgets,
            spend=spend,
            notes=self.notes,
        )

    def _optional(self, what: str, call: Callable[[], T]) -> T | None:
        """What the report stands without: None where it fails, which a note tells."""
        try:
            return call()
        except ProviderError as error:
            until = f", until {error.retry_at:%H:%M:%S} UTC" if error.retry_at else ""
            self.notes.append(f"{what} could not be read: {error.message}{until}")
            return None

    def _accounts(self, *, enrich: bool) -> list[Account]:
        path = f"{self.root}/Microsoft.CognitiveServices/accounts"
        return accounts(self.arm.rows(path, _VERSION, role=READER, enrich=enrich))

    def _usages(self, regions: Sequence[str]) -> dict[str, list[Any]]:
        """The rows of each region that answered. Raises where none did."""
        found: dict[str, list[Any]] = {}
        failed: dict[str, ProviderError] = {}
        for region in regions:
            path = f"{self.root}/Microsoft.CognitiveServices/locations/{quote(region, safe='')}/usages"
            try:
                # One region that hangs is not to cost the others.
                found[region] = self.arm.rows(
                    path, _VERSION, role=QUOTA_ROLE, region=region, enrich=len(regions) > 1
                )
            except ProviderError as error:
                failed[region] = error
        if failed and not found:
            raise next(iter(failed.values()))
        self.notes += [f"{region} could not be read: {error.message}" for region, error in failed.items()]
        return found

    def _tiers(self) -> list[Any]:
        # Not every subscription has one, and it only names the plan: a failure is not worth a note.
        path = f"{self.root}/Microsoft.CognitiveServices/quotaTiers"
        try:
            return self.arm.rows(path, _VERSION, role=READER, enrich=True)
        except ProviderError:
            return []

    def _use(self, own: Sequence[Account]) -> list[Quota]:
        found: list[Quota] = []
        for account in own[:_MAX_ACCOUNTS]:
            path = quote(account.path, safe="/")
            rows = self._optional(
                f"the deployments of {account.name}",
                partial(self.arm.rows, f"{path}/deployments", _VERSION, role=READER, enrich=True),
            )
            if rows:
                found += metrics.parse(account.name, rows, self._metrics(account.name, path) or [])
        if len(own) > _MAX_ACCOUNTS:
            self.notes.append(f"the use of {_MAX_ACCOUNTS} of {len(own)} resources was read")
        return found

    def _metrics(self, name: str, path: str) -> list[Any] | None:
        asked = metrics.params(self.ask.now())
        target = f"{path}/providers/Microsoft.Insights/metrics"
        return self._optional(
            f"the metrics of {name}",
            lambda: self.arm.rows(target, asked, role=METRICS_ROLE, enrich=True),
        )

    def _money(self) -> tuple[list[Spend], list[Quota]]:
        names = self.ask.options.get("cost_services") or ()
        spend = self._optional("the cost", lambda: self._spend(names))
        if spend == []:
            self.notes.append(
                "no cost of this month is booked under Cognitive Services, OpenAI or Foundry; "
                "the option cost_services names other services"
            )
        return spend or [], self._optional("the budgets", lambda: self._budgets(names)) or []

    def _spend(self, names: Sequence[str]) -> list[Spend]:
        path = f"{self.root}/Microsoft.CostManagement/query?api-version={_COST_VERSION}"
        return cost.spend(self.arm.query(path, cost.QUERY, role=COST_ROLE), now=self.ask.now(), names=names)

    def _budgets(self, names: Sequence[str]) -> list[Quota]:
        failed: PayloadError | None = None
        for provider, version in _BUDGETS:
            try:
                rows = self.arm.rows(
                    f"{self.root}/{provider}/budgets", {"api-version": version}, role=COST_ROLE, enrich=True
                )
            except PayloadError as error:
                failed = failed or error
            else:
                return cost.budgets(rows, names)
        assert failed is not None
        raise failed
