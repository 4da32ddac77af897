"""What a user wants of a service, from options or asked for on a terminal, as a `Change`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from usagecli import config, credentials, log, registry
from usagecli.commands import _ask
from usagecli.commands._change import Change, Keys, free_name, refuse_taken, taken
from usagecli.commands._options import Finite
from usagecli.errors import ProviderError
from usagecli.own import near
from usagecli.secretstore import STORES
from usagecli.urls import check_base_url

if TYPE_CHECKING:
    from usagecli.cli import App
    from usagecli.config import Config
    from usagecli.configfile import ConfigFile
    from usagecli.credentials import Secret
    from usagecli.registry import Descriptor

_F = TypeVar("_F", bound=Callable[..., Any])
_NAMES = (
    "name",
    "base_url",
    "options",
    "low_below",
    "credential",
    "secret_stdin",
    "store",
    "no_test",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The options of `add` and `edit` as they were given."""

    name: str | None = None
    base_url: str | None = None
    options: tuple[str, ...] = ()
    low_below: float | None = None
    credential: tuple[str, ...] = ()
    secret_stdin: bool = False
    store: str | None = None
    no_test: bool = False

    @property
    def gives_credential(self) -> bool:
        return self.secret_stdin or bool(self.credential)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was given that could be changed."""
        given = (self.name, self.base_url, self.low_below)
        return all(value is None for value in given) and not self.options and not self.gives_credential


def wish_options(function: _F) -> _F:
    """The options that `add` and `edit` share; the function gets them as one `wish`."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return function(*args, wish=Wish(**{name: kwargs.pop(name) for name in _NAMES}), **kwargs)

    for option in (
        click.option("--no-test", is_flag=True, help="Write without asking the provider."),
        click.option(
            "--store",
            type=click.Choice(STORES),
            help="Where a secret is kept.  [default: keyring where one works, else file]",
        ),
        click.option("--low-below", type=Finite(0, 100), metavar="PCT", help="Less than this left is low."),
        click.option("--base-url", metavar="URL", help="A proxy or a self-hosted endpoint; empty for none."),
        click.option(
            "--option",
            "options",
            multiple=True,
            metavar="KEY=VALUE",
            help="A setting of the provider; repeatable; an empty value takes it out.",
        ),
        click.option(
            "--credential",
            multiple=True,
            metavar="[PART=]KIND:VALUE",
            help="Where the secret stands: env:NAME, file:PATH, command:WORDS or keyring:SERVICE/USER.",
        ),
        click.option(
            "--secret-stdin", is_flag=True, help="Read the secret, or PART=SECRET lines, from stdin."
        ),
        click.option("--name", metavar="NAME", help="What the service is called in tables."),
    ):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[return-value]


# -- a new service ----------------------------------------------------------------------------------


def new(app: App, file: ConfigFile, wish: Wish, provider: str | None) -> Iterator[Change]:
    """The service to add; asked for its secret again for each further one that is taken."""
    found = file.config
    asks = _ask.interactive() and not wish.gives_credential
    descriptor = _descriptor(provider)
    fixed = _fixed(wish, descriptor, app)
    if asks:
        from usagecli.commands.providers import access

        log.note("\n".join(access(descriptor)))
    name = _new_name(found, wish.name, descriptor.name, asks=asks)
    values: dict[Keys, Any] = {("provider",): descriptor.name, **fixed}
    if asks:
        values |= _asked_options(descriptor, {**_options_in(fixed)})
    if wish.low_below is not None:
        values["low_below",] = _ask.plain(wish.low_below)
    if not asks:
        change = Change(name=name, values=values, secrets=_secrets(wish, descriptor))
        if not wish.gives_credential:
            _look(change, file, app)
        yield change
    while asks:
        yield Change(name=name, values=values, secrets=_ask.secrets(descriptor, "look in the usual places"))


def _descriptor(provider: str | None) -> Descriptor:
    names = registry.names()
    if provider is None:
        if not _ask.interactive():
            raise _ask.need("--provider")
        log.note(f"Providers: {', '.join(names)}")
        provider = _ask.text("Provider", check=_known_provider)
    try:
        _known_provider(provider)
    except ValueError as error:
        raise click.UsageError(f"--provider: {error}") from None
    return registry.get(provider).descriptor


def _known_provider(provider: str) -> None:
    if provider not in registry.names():
        raise ValueError(f"there is no provider {provider!r}{near(provider)}")


def _new_name(found: Config, given: str | None, provider: str, *, asks: bool) -> str:
    if given is None and asks:
        return _ask.text("Name", free_name(found, provider), functools.partial(_check_new, found))
    name = provider if given is None else _checked("--name", given, config.check_name)
    refuse_taken(found, name)
    return name


def _check_new(found: Config, name: str) -> None:
    config.check_name(name)
    if name in taken(found):
        raise ValueError(f"there is a service {name!r} already")


def _look(change: Change, file: ConfigFile, app: App) -> None:
    """Say which of the usual credentials the service will use; refuse where there is none."""
    origins = []
    for service in change.tried(replace(file)):
        provider = registry.get(service.provider)
        try:
            found = credentials.find(provider, service, app.machine.overlaid(service.env))
        except ProviderError as error:
            raise click.UsageError(f"{error.message}; give --secret-stdin or --credential") from None
        origins.append(found.origin)
    log.note(f"No credential was given: {change.name} uses {', '.join(origins)}.")


# -- a service that is there ------------------------------------------------------------------------


def edited(app: App, file: ConfigFile, wish: Wish, before: str, provider: str) -> Iterator[Change]:
    """What to change of the service; on a terminal, without options, all of it is asked for."""
    descriptor = registry.get(provider).descriptor
    asks = wish.is_empty
    if asks and not _ask.interactive():
        raise click.UsageError(
            "nothing to change: give an option, such as --name, --option or --secret-stdin"
        )
    body = file.bodies()[before]
    if asks:
        name, values = _asked(descriptor, body, before)
    else:
        name = before if wish.name is None else _checked("--name", wish.name, config.check_name)
        values = _fixed(wish, descriptor, app)
        if wish.low_below is not None:
            values[_low_keys(body)] = _ask.plain(wish.low_below)
    if not asks:
        yield Change(name=name, before=before, values=values, secrets=_secrets(wish, descriptor))
    while asks:
        secrets = _ask.secrets(descriptor, "as before")
        yield Change(name=name, before=before, values=values, secrets=secrets)


def _asked(descriptor: Descriptor, body: Mapping[str, Any], before: str) -> tuple[str, dict[Keys, Any]]:
    """Name and values, each with what stands there as the answer to an empty line."""
    log.note("An empty answer leaves a value as it is.")
    name = _ask.text("Name", before, config.check_name)
    values: dict[Keys, Any] = {}
    url = _ask.text("Base URL", str(body.get("base_url") or ""), lambda told: told and check_base_url(told))
    if url != str(body.get("base_url") or ""):
        values["base_url",] = check_base_url(url)
    now = body.get("low_below")
    told = now.get("default", "") if isinstance(now, Mapping) else "" if now is None else now
    percent = _ask.text("Low below, in percent", str(told), lambda told: told and _percent(told))
    if percent != str(told):
        values[_low_keys(body)] = _percent(percent)
    return name, values | _asked_options(descriptor, body.get("options") or {})


def _low_keys(body: Mapping[str, Any]) -> Keys:
    """Where the threshold of all quotas stands: beside those of single ones where there are such."""
    return ("low_below", "default") if isinstance(body.get("low_below"), Mapping) else ("low_below",)


def _percent(told: str) -> int | float:
    try:
        found = float(told)
    except ValueError:
        found = -1
    if not 0 <= found <= 100:
        raise ValueError("expected a percentage from 0 to 100")
    return _ask.plain(found)


# -- both -------------------------------------------------------------------------------------------


def _fixed(wish: Wish, descriptor: Descriptor, app: App) -> dict[Keys, Any]:
    """Base URL, options and credential as the command line gives them."""
    if wish.secret_stdin and wish.credential:
        raise click.UsageError("give either --secret-stdin or --credential")
    values: dict[Keys, Any] = {}
    if wish.base_url is not None:
        values["base_url",] = _checked("--base-url", wish.base_url, check_base_url) if wish.base_url else None
    for key, value in _ask.option_values(wish.options, descriptor).items():
        values["options", key] = value
    given = _ask.sources(wish.credential, descriptor, app.machine)
    if given is not None:
        values["credential",] = given
    return values


def _secrets(wish: Wish, descriptor: Descriptor) -> dict[str, Secret]:
    return _ask.secrets_of_stdin(descriptor) if wish.secret_stdin else {}


def _options_in(values: Mapping[Keys, Any]) -> dict[str, Any]:
    return {keys[1]: value for keys, value in values.items() if keys[0] == "options"}


def _asked_options(descriptor: Descriptor, known: Mapping[str, Any]) -> dict[Keys, Any]:
    """The provider's options, asked for with what is known of them; only those that change."""
    values: dict[Keys, Any] = {}
    for option in descriptor.options:
        now = known.get(option.name)
        shown = ", ".join(map(str, now)) if isinstance(now, list) else "" if now is None else str(now)
        about = option.about.rstrip(".")
        question = f"{option.name} ({about}{'' if shown else '; empty: none'})"
        told = _ask.text(question, shown, functools.partial(_ask.option_value, option))
        if told != shown:
            values["options", option.name] = _ask.option_value(option, told)
    return values


def _checked(option: str, told: str, check: Callable[[str], str]) -> str:
    try:
        return check(told)
    except ValueError as error:
        raise click.UsageError(f"{option} {error}") from None
