"""Anthropic's Admin API with an admin key: only ever GET."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from usagecli import wire
from usagecli.client import Client
from usagecli.errors import PayloadError, ProviderError
from usagecli.model import Usage
from usagecli.providers._anthropic.errors import Forbidden, NotOffered, judge
from usagecli.providers._anthropic.usage import is_console, limited_workspaces, parse

ADMIN_KEYS = (
    "use a key that starts with sk-ant-admin: an admin of the organization makes it in the Claude Console, "
    "Settings, Admin keys"
)
_ORGANIZATION = "/v1/organizations"
_MAX_PAGES = 50
_judge = judge(
    key=ADMIN_KEYS,
    missing="check base_url; an account of one person and Claude Platform on AWS have no such report",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _List:
    """A list of the API. `preview`: most organizations are not offered it, which is not worth a note."""

    path: str
    what: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False


_LIMITS = _List(
    path=f"{_ORGANIZATION}/spend_limits",
    what="the spend limits",
    headers={"anthropic-beta": "spend-limit-reads-2026-09-26"},
    preview=True,
)
_MEMBERS = _List(
    path=f"{_ORGANIZATION}/spend_limits/effective", what="the limits of the members", preview=True
)


def read(client: Client) -> Usage:
    """Read one organization: its costs, and beside them, best effort, tokens, limits and name.

    A key that may not read the costs still reports what it may read. Raises AuthError, RateLimited,
    Unavailable, PayloadError.
    """
    now = client.ask.now()
    month = _month(now)
    costs = _List(path=f"{_ORGANIZATION}/cost_report", what="the costs", params=month)
    tokens = _List(path=f"{_ORGANIZATION}/usage_report/messages", what="the tokens", params=month)
    notes: list[str] = []
    refused: ProviderError | None = None
    total: list[Any] | None = None
    try:
        total = list(_pages(client, costs))
    except (Forbidden, NotOffered) as error:
        refused = error
        notes.append(_unread(costs, error))
    used = _optional(client, tokens, notes)
    limits = _optional(client, _LIMITS, notes)
    grouped = None
    if total is not None and limited_workspaces(limits):
        grouped = _optional(client, _by_workspace(costs), notes)
    usage = parse(
        now=now,
        costs=total,
        tokens=used,
        limits=limits,
        by_workspace=grouped,
        # Only Claude Enterprise has them.
        members=None if is_console(limits) else _optional(client, _MEMBERS, notes),
        organization=_organization(client),
        notes=tuple(notes),
    )
    if refused is not None and not usage.quotas and not usage.spend:
        raise refused
    return usage


def _month(now: datetime) -> Mapping[str, str]:
    """This month until the end of today, by the day. Without `limit` a page would hold a week."""
    first, tomorrow = wire.month_start(now), wire.day_start(now, 1)
    return {
        "starting_at": f"{first:%Y-%m-%dT%H:%M:%SZ}",
        "ending_at": f"{tomorrow:%Y-%m-%dT%H:%M:%SZ}",
        "bucket_width": "1d",
        "limit": "31",
    }


def _by_workspace(costs: _List) -> _List:
    params = {**costs.params, "group_by[]": "workspace_id"}
    return replace(costs, what="the costs of the workspaces", params=params)


def _pages(client: Client, wanted: _List, *, optional: bool = False) -> Iterator[Any]:
    """The pages of a list, to the last. Raises PayloadError where they do not end: a sum needs all."""
    cursors: list[str] = []
    while len(cursors) < _MAX_PAGES:
        page = client.get_json(
            wanted.path,
            params={**wanted.params, **({"page": cursors[-1]} if cursors else {})},
            headers=wanted.headers,
            timeout_s=client.ask.transport.spare() if optional else None,
            judge=_judge,
        )
        yield page
        body = wire.mapping(page, "body")
        if body.get("has_more") is not True:
            return
        cursor = body.get("next_page")
        if not isinstance(cursor, str) or not cursor or cursor in cursors:
            break
        cursors.append(cursor)
    raise PayloadError(f"next_page: {wanted.what} have pages without an end")


def _optional(client: Client, wanted: _List, notes: list[str]) -> list[Any] | None:
    """The pages of a list that the report stands without: None where one fails, which a note tells."""
    try:
        return list(_pages(client, wanted, optional=True))
    except ProviderError as error:
        if not (wanted.preview and isinstance(error, (Forbidden, NotOffered))):
            notes.append(_unread(wanted, error))
        return None


def _unread(wanted: _List, error: ProviderError) -> str:
    return f"{wanted.what} could not be read: {error.message}"


def _organization(client: Client) -> Any:
    """Who it is: only a name, so nothing is said where it cannot be read."""
    try:
        return client.get_json(f"{_ORGANIZATION}/me", timeout_s=client.ask.transport.spare(), judge=_judge)
    except ProviderError:
        return None
