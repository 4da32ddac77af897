"""`usagecli schema`: the schema that is printed is the one that the tests check against."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli import run, schema
from usagecli.commands.schema import PATH


def test_the_schema_is_printed() -> None:
    outcome = run("schema")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == Path(PATH).read_text(encoding="utf-8")
    assert json.loads(outcome.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("words", [("openrouter",), ("status",)])
def test_documents_and_snapshots_fit_the_root(words: tuple[str, ...]) -> None:
    schema().validate(run(*words, "--json").document)


@pytest.mark.parametrize("body", [{}, [], None, {"schemaVersion": 1}, {"schemaVersion": 2, "services": []}])
def test_not_everything_fits(body: object) -> None:
    assert not schema().is_valid(body)
