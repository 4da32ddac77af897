"""Google's lists, page by page."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from usagecli import wire
from usagecli.client import Client, Judge

_MAX_PAGES = 20


def pages(
    client: Client, path: str, params: Mapping[str, str], *, until: float, judge: Judge
) -> Iterator[Any]:
    """The pages of a list, as far as they are bounded; `until` is of `time.monotonic`."""
    following: dict[str, str] = {}
    for _ in range(_MAX_PAGES):
        left = until - time.monotonic()
        page = client.get_json(path, params={**params, **following}, timeout_s=max(left, 0.001), judge=judge)
        yield page
        token = wire.as_mapping(page).get("nextPageToken")
        if not isinstance(token, str) or not token:
            return
        following = {"pageToken": token}
