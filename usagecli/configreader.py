"""The text of a config file -> `Config`, or a ConfigError that names file, line and key.

Unknown keys are errors. Messages never quote the value of a credential: people paste secrets into
the wrong key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from usagecli import alertreader, options, registry
from usagecli.broken import is_broken
from usagecli.config import SOURCES, Config, Keep, suggestion
from usagecli.configsheet import Sheet
from usagecli.model import CredentialSource, Service
from usagecli.own import check_id, near
from usagecli.policy import DOCUMENTED_ONLY
from usagecli.urls import check_base_url
from usagecli.yamlreader import Path

if TYPE_CHECKING:
    from usagecli.registry import Descriptor

_KEYS = ("custom", "defaults", "history", "policy", "services", *alertreader.KEYS)
_DEFAULT_KEYS = ("low_below", "max_age", "timeout", "credits_per_usd")
_MOST_DAYS = 36500
_HISTORY_KEYS = ("full_days", "hourly_days", "daily_days")
_SERVICE_KEYS = (
    "name",
    "provider",
    "credential",
    "base_url",
    "low_below",
    "low_balance",
    "ignore",
    "enabled",
    "options",
)


class Reader(Sheet):
    """Checks one file."""

    def config(self, data: bytes) -> Config:
        body = self.parse(data)
        if body is None:
            return Config(path=self.path, exists=True)
        self.keys((), body, _KEYS)
        self.custom(("custom",), body.get("custom"))
        defaults = self.mapping(("defaults",), body.get("defaults"))
        self.keys(("defaults",), defaults, _DEFAULT_KEYS)
        services = None if body.get("services") is None else self.services(body["services"])
        actions = alertreader.actions(self, (), body)
        return Config(
            path=self.path,
            exists=True,
            low_below=self.thresholds(("defaults", "low_below"), defaults.get("low_below")),
            max_age_s=float(self.amount(("defaults", "max_age"), defaults.get("max_age"), 60)),
            timeout_s=float(
                self.amount(("defaults", "timeout"), defaults.get("timeout"), 20, above_zero=True)
            ),
            credits_per_usd=self.amount(("defaults", "credits_per_usd"), defaults.get("credits_per_usd"), 25),
            history=self.history(body.get("history")),
            documented_only=self.policy(("policy",), body.get("policy")),
            services=services,
            alerts=alertreader.rules(self, body.get("alerts"), services or (), actions),
            actions=actions,
        )

    def history(self, value: Any) -> Keep:
        """`history: false`, or how many days it keeps what."""
        if value is None or isinstance(value, bool):
            return Keep(enabled=value is not False)
        if not isinstance(value, dict):
            self.fail(("history",), f"expected false, or a map of {', '.join(_HISTORY_KEYS)}")
        self.keys(("history",), value, _HISTORY_KEYS)
        ages: dict[str, Any] = {key: self.days(("history", key), days) for key, days in value.items()}
        return Keep(**ages)

    def policy(self, where: Path, value: Any) -> bool:
        """Whether only documented sources may be asked: the one policy that there is."""
        if value not in (None, DOCUMENTED_ONLY):
            self.fail(where, f"expected {DOCUMENTED_ONLY}")
        return value is not None

    def days(self, where: Path, value: Any) -> int:
        if type(value) is not int or not 0 <= value <= _MOST_DAYS:
            self.fail(where, f"expected a whole number of days, 0 to {_MOST_DAYS}")
        return value

    def custom(self, where: Path, value: Any) -> None:
        """Whether the user's own providers may be called so; what they say is checked where it is used."""
        for name in self.mapping(where, value):
            try:
                check_id(str(name))
            except ValueError as error:
                self.fail((*where, str(name)), str(error))

    # -- services --------------------------------------------------------------------------------

    def services(self, value: Any) -> tuple[Service, ...]:
        if not isinstance(value, list):
            self.fail(("services",), "expected a list: each service begins with `- `")
        found: dict[str, Service] = {}
        for index, body in enumerate(value):
            where: Path = ("services", index)
            for service in self.accounts(where, self.service(where, body)):
                if service.name in found:
                    at = (*where, "name") if (*where, "name") in self.lines else where
                    self.fail(at, f"the name {service.name!r} is given to two services")
                found[service.name] = service
        return tuple(found.values())

    def accounts(self, where: Path, service: Service) -> tuple[Service, ...]:
        """The service, or one for each account that it stands for."""
        expand = registry.get(service.provider).expand
        try:
            return expand(service) if expand else (service,)
        except ValueError as error:
            self.fail((*where, "options"), str(error))

    def service(self, where: Path, body: Any) -> Service:
        if not isinstance(body, dict):
            self.fail(where, "expected keys such as `provider:`")
        self.keys(where, body, _SERVICE_KEYS)
        if "provider" not in body:
            self.fail(where, "needs a `provider:`")
        provider = self.text((*where, "provider"), body["provider"])
        if provider not in registry.names():
            self.fail((*where, "provider"), f"unknown provider {provider!r}{near(provider)}")
        # What a broken provider's service may hold nobody knows: it is not read, and asked for nothing.
        broken = is_broken(provider)
        descriptor = registry.get(provider).descriptor
        enabled = body.get("enabled", True)
        if not isinstance(enabled, bool):
            self.fail((*where, "enabled"), "expected true or false")
        return Service(
            name=self.name((*where, "name"), body["name"]) if "name" in body else provider,
            provider=provider,
            credential=None
            if broken
            else self.optional(where, body, "credential", lambda at, v: self.credential(at, v, descriptor)),
            base_url=self.optional(where, body, "base_url", self.base_url),
            low_below=self.thresholds((*where, "low_below"), body.get("low_below")),
            low_balance=self.optional(where, body, "low_balance", lambda at, v: self.amount(at, v, 0)),
            ignore=self.optional(where, body, "ignore", self.ignored) or frozenset(),
            enabled=enabled,
            options={} if broken else self.options((*where, "options"), body.get("options"), descriptor),
        )

    def base_url(self, where: Path, value: Any) -> str:
        try:
            return check_base_url(self.text(where, value))
        except ValueError as error:
            self.fail(where, str(error))

    def ignored(self, where: Path, value: Any) -> frozenset[str]:
        if not isinstance(value, list):
            self.fail(where, "expected a list of quota ids")
        return frozenset(self.text((*where, index), entry) for index, entry in enumerate(value))

    def options(self, where: Path, value: Any, descriptor: Descriptor) -> Mapping[str, Any]:
        known = {option.name: option for option in descriptor.options}
        body = self.mapping(where, value)
        self.keys(where, body, tuple(known))
        found = {}
        for key, given in body.items():
            option = known[key]
            if option.kind == "positive" and isinstance(given, str):
                self.fail((*where, key), f"expected {options.wanted(option)}, without quotes")
            read = options.read(option, given)
            if read is None:
                self.fail((*where, key), f"expected {options.wanted(option)}")
            found[key] = read
        return found

    def credential(self, where: Path, value: Any, descriptor: Descriptor) -> Mapping[str, CredentialSource]:
        if not isinstance(value, dict) or not value:
            self.fail(where, f"say where the secret is, with one of: {', '.join(SOURCES)}")
        if any(key in SOURCES for key in value):
            return {"": self.source(where, value)}
        if not descriptor.parts:
            key = next(iter(value))
            self.fail((*where, str(key)), f"no such source{suggestion(str(key), SOURCES)}")
        self.keys(where, value, tuple(descriptor.parts))
        return {
            part: self.source((*where, part), self.mapping((*where, part), source))
            for part, source in value.items()
        }
