"""A descriptor to begin with."""

from __future__ import annotations

import os
from string import Template

from usagecli.errors import ConfigError
from usagecli.own import check_id, folder_of

# Loads as it stands; everything behind `#` at the start of a line is an offer.
SKELETON = Template("""\
# A provider of your own: `usagecli $id` asks it, `usagecli status` shows it beside the others.
# Check it without a network: usagecli providers try THIS_FILE --payload answer.json
title: $title
# source: the page that you read, and when
# documented: true

# The variable that holds the key, or a list of them. The key goes to the host below and nowhere else.
key: ${name}_API_KEY
# key_url: https://acme.example.com/keys
# How the key travels; this is the default. Or "x-api-key: {key}", "?api_key={key}", none.
# auth: "Authorization: Bearer {key}"

url: https://api.example.com/v1/usage
# query: {days: 30, since: =month_start()}

# Values are read from the answer by JMESPath (https://jmespath.org). This reads
#   {"credits": {"left": 1234}, "month": {"used": 40, "limit": 100, "resetsAt": "2026-12-01T00:00:00Z"}}
balances:
  credits: {unit: usd, amount: credits.left}
  # In cents: {unit: usd, scale: 0.01, amount: credits.left}
quotas:
  monthly:
    label: This month
    unit: requests    # or usd, tokens, credits, percent ...
    used: month.used
    limit: month.limit
    resets: month.resetsAt    # text; for a number unix(month.resetsAt) or unix_ms(month.resetsAt)
# spend:
#   monthly: {unit: usd, amount: month.cost, since: month_start()}

# plan: plan.name
# account: user.email
# An error that comes with status 200. Its kind: auth, rate_limited (asked to wait), unavailable (no answer
# for now), config (a wrong option), not_configured, or without one invalid_response.
# fail: [{if: error, kind: auth, message: error.message}]
""")


def write(id_: str, config_path: str) -> str:
    """A new file in the folder of the user's own descriptors; its path. Raises ConfigError."""
    try:
        check_id(id_)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    path = os.path.join(folder_of(config_path), f"{id_}.yaml")
    title = id_.replace("-", " ").title()
    text = SKELETON.substitute(id=id_, title=title, name=id_.replace("-", "_").upper())
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path}: there is one already; it stays as it is") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    return path
