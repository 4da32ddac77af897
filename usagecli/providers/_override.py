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
    try:
        return check_base_url(told)
    except ValueError as error:
        raise ServiceError(f"{variable} {error}", hint=f"correct or unset {variable}") from None
