"""What `services add`, `edit`, `remove` and `import` share: try a change, then make it, all or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from usagecli import configfile, log, services
from usagecli.collect import Collector, Rules, Target
from usagecli.commands import _ask
from usagecli.config import suggestion
from usagecli.credentials import describe
from usagecli.errors import ConfigError, UsageCliError
from usagecli.model import CredentialSource, Failure, Service
from usagecli.secretstore import SecretStore, is_own

if TYPE_CHECKING:
    from usagecli.cli import App
    from usagecli.config import Config
    from usagecli.configfile import ConfigFile
    from usagecli.credentials import Secret

Keys = tuple[str, ...]

# With these nothing is known of what the change brings; any other failure tells of it.
_UNTRIED = ("unavailable", "rate_limited")
# The keys of a service that decide what its provider is asked.
_ACCESS = ("base_url", "options", "credential")


class RefusedError(UsageCliError):
    """The provider, or the look-up of the credential, refused it: exit 3, and nothing was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to become of one service: `before` is its name so far, None for a new one.

    `values` are what the config is to hold at each key, or below several; None takes it out.
    `secrets`, by part, are still to be stored.
    """

    name: str
    before: str | None = None
    values: Mapping[Keys, Any] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def concerns_access(self) -> bool:
        """Whether the provider has to be asked if it works: not for a name or a threshold."""
        return self.before is None or bool(self.secrets) or any(keys[0] in _ACCESS for keys in self.values)

    def apply(self, file: ConfigFile, stored: Mapping[str, CredentialSource] | None = None) -> None:
        """Change the file's text; `stored` is where the secrets now stand. Raises ConfigError."""
        if self.name != self.before:
            refuse_taken(file.config, self.name)
        credential = self._credential(file, stored or {})
        if self.before is None:
            first: dict[Keys, Any] = {("name",): self.name, ("provider",): self.values["provider",]}
            file.add(_nested({**first, **credential, **self.values}))
            return
        for keys, value in {**self.values, **credential}.items():
            if value is None:
                file.drop(self.before, keys)
            else:
                file.put(self.before, keys, value)
        # Last: until then the service goes by its old name.
        if self.name != self.before:
            file.put(self.before, ("name",), self.name)

    def _credential(self, file: ConfigFile, stored: Mapping[str, CredentialSource]) -> dict[Keys, Any]:
        told = {part: {source.kind: source.value} for part, source in stored.items()}
        if not told:
            return {}
        if "" in told:
            return {("credential",): told[""]}
        if self.before is not None and _in_parts(service_of(file.config, self.before)):
            return {("credential", part): source for part, source in told.items()}
        return {("credential",): told}

    def tried(self, file: ConfigFile) -> list[Service]:
        """The service as it will be (one for each of its accounts), secrets in hand. Raises ConfigError."""
        self.apply(file)
        found = [s for s in file.config.services or () if self.name in services.names_of(s)]
        if not self.secrets:
            return found
        given = {part: CredentialSource("value", secret.reveal()) for part, secret in self.secrets.items()}
        stay = "" not in given and all(map(_in_parts, found))
        return [replace(s, credential={**(s.credential or {}), **given} if stay else given) for s in found]


def check(app: App, change: Change) -> None:
    """Ask the provider with what the change brings, and say what came of it. Raises RefusedError."""
    file = configfile.read(app.machine, app.config_path)
    rules = Rules(
        max_age_s=None,
        timeout_s=file.config.timeout_s,
        documented_only=file.config.documented_only,
    )
    targets = [Target(service=service) for service in change.tried(file)]
    from usagecli.progress import shown

    with shown() as progress:
        results = Collector(app.machine, rules).run(targets, progress)
    for result in results:
        failure, provider = result.failure, result.service.provider
        if failure is None:
            log.note(f"Tried {change.name}: {provider} answered.")
        elif failure.kind in _UNTRIED:
            log.note(
                f"{change.name} could not be tried: {failure.message}. It is written all the same; "
                f"later: usagecli services test {change.name}"
            )
        else:
            raise RefusedError(_refusal(change.name, provider, failure))


def _refusal(name: str, provider: str, failure: Failure) -> str:
    hint = f" ({failure.hint})" if failure.hint else ""
    if failure.kind != "invalid_response":
        return f"{name}: {failure.message}{hint}; nothing was written"
    return (
        f"{name}: {provider} answered, but with no figures: {failure.message}{hint}; "
        "nothing was written (--no-test writes it untried)"
    )


@contextlib.contextmanager
def saving(app: App, wanted: str | None = None) -> Iterator[tuple[ConfigFile, SecretStore]]:
    """The config to be changed and the store for secrets: saved at the end, or all is as before.

    A secret that usagecli kept for what is no longer there is deleted.
    """
    with configfile.editing(app.machine, app.config_path) as file:
        before = _own_secrets(file.config)
        store = SecretStore(app.machine, file.path, wanted)
        try:
            yield file, store
            file.save()
        except BaseException:
            store.undo()
            raise
        store.forget(before - _own_secrets(file.config))
    if store.why:
        log.note(f"No keyring was used ({store.why}): the secret is in a file that only you can read.")


def found_beside(app: App, file: ConfigFile, providers: Collection[str], *, take: bool) -> list[str]:
    """The providers to list, too, where the config begins to list services: those found on this machine.

    From then on only what is listed is reported: on a terminal it is asked whether they go along.
    """
    if file.config.services is not None:
        return []
    targets = [
        t for t in services.discover(app.machine) if t.credential and t.service.provider not in providers
    ]
    names = [target.service.provider for target in targets]
    if not names:
        return []
    log.note(
        f"Found on this machine, too: {', '.join(names)}. From now on only listed services are reported."
    )
    if take or (_ask.interactive() and _ask.confirm("List them, too?", default=True)):
        return names
    log.note(f"Not listed. Later: usagecli services add --provider {names[0]}")
    return []


def list_found(file: ConfigFile, providers: Iterable[str]) -> Iterator[str]:
    """Add a service with the usual credentials for each; a line for people about each."""
    for provider in providers:
        file.add({"name": provider, "provider": provider})
        yield f"Added {provider} ({provider}), credential: the usual places"


def make(change: Change, file: ConfigFile, store: SecretStore) -> str:
    """Store the secrets and change the file's text: where the credential now stands, for people."""
    stored = store.keep(change.name, change.secrets, _replaceable(change, file)) if change.secrets else {}
    change.apply(file, stored)
    service = service_of(file.config, change.name)
    if service.credential is None:
        return "the usual places"
    told = (describe(source, store.machine) for source in service.credential.values())
    return ", ".join(dict.fromkeys(told))


def service_of(found: Config, name: str) -> Service:
    """The service of that name in the config (the first of its accounts). Raises ConfigError."""
    known = {called: service for service in reversed(found.services or ()) for called in [group_of(service)]}
    if name not in known:
        raise ConfigError(f"{found.path} has no service {name!r}{suggestion(name, tuple(known))}")
    return known[name]


def group_of(service: Service) -> str:
    """What the service is called in the file."""
    return service.group or service.name


def refuse_taken(found: Config, name: str) -> None:
    """Raise ConfigError where the config has a service of that name."""
    if name in taken(found):
        raise ConfigError(f"there is a service {name!r} already; another name: {free_name(found, name)}")


def free_name(found: Config, name: str) -> str:
    """The name, or the first of `name-2`, `name-3` ... that no service has."""
    names, number, free = taken(found), 1, name
    while free in names:
        number += 1
        free = f"{name}-{number}"
    return free


def taken(found: Config) -> set[str]:
    return {called for service in found.services or () for called in services.names_of(service)}


def _in_parts(service: Service) -> bool:
    """Whether the credential is a map of parts, of which one may change while the others stay."""
    return bool(service.credential) and "" not in (service.credential or {})


def _nested(values: Mapping[Keys, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for keys, value in values.items():
        if value is None:
            continue
        holder = body
        for key in keys[:-1]:
            holder = holder.setdefault(key, {})
        holder[keys[-1]] = value
    return body


def _own_secrets(found: Config) -> set[CredentialSource]:
    return {
        source
        for service in found.services or ()
        for source in (service.credential or {}).values()
        if is_own(source)
    }


def _replaceable(change: Change, file: ConfigFile) -> Mapping[str, CredentialSource]:
    """The service's own secrets that no other service uses: a new one may take their place."""
    if change.before is None:
        return {}
    found = file.config
    others = replace(found, services=tuple(s for s in found.services or () if group_of(s) != change.before))
    mine = service_of(found, change.before).credential or {}
    return {
        part: source for part, source in mine.items() if is_own(source) and source not in _own_secrets(others)
    }
