"""`usagecli schema`: the JSON Schema of what --json prints."""

from __future__ import annotations

import os

import click

from usagecli.commands._run import emit

_PACKAGE = os.path.dirname(os.path.dirname(__file__))
PATH = os.path.join(_PACKAGE, "schema.json")
TOKENS_PATH = os.path.join(_PACKAGE, "tokens", "schema.json")
HISTORY_PATH = os.path.join(_PACKAGE, "history", "schema.json")
_PATHS = {"tokens": TOKENS_PATH, "history": HISTORY_PATH}


@click.command("schema")
@click.argument("of", required=False, type=click.Choice(list(_PATHS)), metavar="[tokens|history]")
def command(of: str | None) -> None:
    """Print the JSON Schema (draft 2020-12) of what --json prints; `tokens` and `history` have
    their own.

    The root describes both a service's document and a snapshot of `status --json`.
    """
    with open(_PATHS[of] if of else PATH, encoding="utf-8") as file:
        emit(file.read().rstrip("\n"))
