"""`usagecli schema`: the JSON Schema of what --json prints."""

from __future__ import annotations

import os

import click

from usagecli.commands._run import emit

PATH = os.path.join(os.path.dirname(os.path.dirname(__file__)), "schema.json")


@click.command("schema")
def command() -> None:
    """Print the JSON Schema (draft 2020-12) of what --json prints.

    The root describes both a service's document and a snapshot of `status --json`.
    """
    with open(PATH, encoding="utf-8") as file:
        emit(file.read().rstrip("\n"))
