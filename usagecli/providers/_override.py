"""A base URL that a vendor's own variable names for its own client."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usagecli.errors import ServiceError
from usagecli.urls import check_base_url

if TYPE_CHECKING:
    from usagecli.client import Ask


def base_url(ask: Ask, variable: str) -> str:
    """The service's own, else the variable's, which goes with what stands beside it, else the vendor's.

    Raises ServiceError for a variable that no credential may be sent to.
    """
    told = ask.machine.get(variable)
    if told is None or ask.service.base_url or ask.service.credential is not None:
        return ask.base_url
    return checked(told, variable)


def checked(url: str, name: str, hint: str | None = None) -> str:
    """A base URL that a variable, or a setting of the vendor's client, names.

    Raises ServiceError for one that no credential may be sent to.
    """
    try:
        return check_base_url(url)
    except ValueError as error:
        raise ServiceError(f"{name} {error}", hint=hint or f"correct or unset {name}") from None
