"""What stands in for a provider of the user's, or of a package, that cannot be used: it fails alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from usagecli import registry
from usagecli.credentials import Place
from usagecli.errors import ConfigError, ServiceError
from usagecli.registry import Descriptor, Provider

if TYPE_CHECKING:
    from usagecli.client import Ask
    from usagecli.machine import Machine


@dataclass(frozen=True, slots=True)
class Broken:
    """One provider; `why` names the file, or the package, and what is wrong with it."""

    name: str
    why: str

    def names(self) -> tuple[str, ...]:
        return (self.name,)

    def get(self, name: str) -> Provider:
        def refuse(_: Machine | Ask) -> NoReturn:
            raise ServiceError(self.why, hint="correct it; usagecli config validate checks it")

        descriptor = Descriptor(
            name=name,
            title=name,
            reports="",
            base_url="",
            places=(Place(name="its descriptor", look=refuse),),
            access=(),
            dashboard="",
            documented="",
            renew="",
        )
        return Provider(descriptor, refuse)

    def may_be_used(self, name: str, machine: Machine) -> bool:
        return True

    def troubles(self) -> Iterable[str]:
        # The source that it comes from tells.
        return ()


def is_broken(name: str) -> bool:
    """Whether the provider cannot be used; if so, something stands in for it from now on."""
    if any(isinstance(source, Broken) and source.name == name for source in registry.also):
        return True
    try:
        registry.get(name)
    except ConfigError as error:
        registry.also = (Broken(name, error.message), *registry.also)
        return True
    return False
