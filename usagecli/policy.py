"""`policy: documented-only`: nobody is asked anything that the vendor does not document for others.

What a provider's ways say of each kind of credential is held against the credential that is about to
be used. Files on this machine are allowed: nobody is asked for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from usagecli.errors import ServiceError
from usagecli.own import file_of

if TYPE_CHECKING:
    from usagecli.credentials import Credential
    from usagecli.registry import Descriptor, Way

DOCUMENTED_ONLY = "documented-only"


class ForbiddenError(ServiceError):
    """The policy forbids the only source that there is."""


def way_of(descriptor: Descriptor, kind: str, options: Mapping[str, Any]) -> Way | None:
    """How a credential of that kind is read; None where the provider does not say."""
    fitting = [way for way in descriptor.ways if way.option is None or options.get(way.option)]
    named = [way for way in fitting if kind in way.kinds]
    # The one that wants an option is the more exact one.
    usual = [way for way in fitting if not way.kinds]
    return next(iter(sorted([*named, *usual], key=lambda way: (way.option is None, not way.kinds))), None)


def interval(descriptor: Descriptor, kind: str, options: Mapping[str, Any]) -> int:
    """Seconds for which a report that was read with a credential of that kind is reused at least."""
    way = way_of(descriptor, kind, options)
    return descriptor.min_interval if way is None or way.min_interval is None else way.min_interval


def is_local(descriptor: Descriptor, kind: str, options: Mapping[str, Any]) -> bool:
    """Whether a credential of that kind leads to a file of this machine, so that nobody is asked."""
    way = way_of(descriptor, kind, options)
    return way is not None and way.local


def allows(descriptor: Descriptor, kind: str, options: Mapping[str, Any]) -> bool:
    """Whether a credential of that kind is read from what is documented, or from a file."""
    way = way_of(descriptor, kind, options)
    return way is not None and (way.documented or way.local)


def narrowed(descriptor: Descriptor, credential: Credential, options: Mapping[str, Any]) -> Credential:
    """The credential without the further secrets that only serve what is not documented.

    Raises ForbiddenError, which says what would do instead.
    """
    if not allows(descriptor, credential.kind, options):
        raise _forbidden(descriptor, way_of(descriptor, credential.kind, options))
    kept = {part: secret for part, secret in credential.others.items() if allows(descriptor, part, options)}
    return credential if len(kept) == len(credential.others) else replace(credential, others=kept)


def _forbidden(descriptor: Descriptor, way: Way | None) -> ForbiddenError:
    title = descriptor.title
    what = f" {way.about}" if way is not None else ""
    instead = [way.about for way in descriptor.ways if way.documented or way.local]
    hint = f"allowed is {', or '.join(instead)}" if instead else f"{title} documents nothing that would do"
    if own := file_of(descriptor.name):
        hint = f"where it is documented, write `documented: true` into {own}"
    told = f"the policy {DOCUMENTED_ONLY} forbids it: {title} does not document{what or ' this source'}"
    return ForbiddenError(told, hint=hint)
