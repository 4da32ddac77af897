"""The `.env` files in which vendors' programs keep their variables."""

from __future__ import annotations

import re


def value(text: str, variable: str) -> str | None:
    """What the file's text sets the variable to, as a shell would read it; None for nothing.

    The last line counts. What follows quotes, or ` #`, is a comment.
    """
    lines = re.findall(rf"^\s*(?:export\s+)?{re.escape(variable)}\s*=\s*(.*?)\s*$", text, re.MULTILINE)
    told = lines[-1] if lines else ""
    if told[:1] in ("'", '"'):
        return told[1:].partition(told[0])[0].strip() or None
    return re.split(r"\s+#|^#", told)[0].strip() or None
