"""YAML text in which one value changes: every other byte stays, whatever the file looks like."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from usagecli import yamltext
from usagecli.yamltext import NotEditable

NEW = {"name": "new", "provider": "zai"}
OFF = ("services", 0, "enabled")

COMMENTED = """\
# what I pay for
defaults:
  low_below: 20   # percent

services:
  # the work account
  - name: "work"          # shown in tables
    provider: openrouter
    credential:  # from pass
      command: 'pass show x'   # never typed
    # tokens are dear
    low_below: {default: 20, weekly: 5}   # both

  # at home
  - provider: codex
    name: home
# the end
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "services:\n  - name: new\n    provider: zai\n"),
        ("# head\n", "# head\n\nservices:\n  - name: new\n    provider: zai\n"),
        ("# head", "# head\n\nservices:\n  - name: new\n    provider: zai\n"),
        ("defaults: {}\n\n", "defaults: {}\n\nservices:\n  - name: new\n    provider: zai\n"),
        ("services:\n", "services:\n  - name: new\n    provider: zai\n"),
        ("services: ~ # none\n", "services: # none\n  - name: new\n    provider: zai\n"),
        ("services: []\n", "services:\n  - name: new\n    provider: zai\n"),
        ("services: [\n  # none\n]\n", "services: [\n  # none\n{name: new, provider: zai}]\n"),
        ("services:\n- a: 1\n", "services:\n- a: 1\n- name: new\n  provider: zai\n"),
        ("services:\n- a: 1", "services:\n- a: 1\n- name: new\n  provider: zai\n"),
        (
            "services:\n    -   a: 1  # one\n        b: 2\nx: 1\n",
            "services:\n    -   a: 1  # one\n        b: 2\n    -   name: new\n        provider: zai\nx: 1\n",
        ),
        (
            "services:\n  - {a: 1}\n  # later\nx: 1\n",
            "services:\n  - {a: 1}\n  - name: new\n    provider: zai\n  # later\nx: 1\n",
        ),
        ("services:\n  -\n    a: 1\n", "services:\n  -\n    a: 1\n  - name: new\n    provider: zai\n"),
        (
            "services:\n  - a: |\n      x\n\nb: 1\n",
            "services:\n  - a: |\n      x\n  - name: new\n    provider: zai\n\nb: 1\n",
        ),
        ("services: [{a: 1}] # c\n", "services: [{a: 1}, {name: new, provider: zai}] # c\n"),
        ('{"services": [{"a": 1}]}', '{"services": [{"a": 1}, {name: new, provider: zai}]}'),
        ("{services: null}", "{services: [{name: new, provider: zai}]}"),
        ("{}", "{services: [{name: new, provider: zai}]}"),
        ("{defaults: {}}", "{defaults: {}, services: [{name: new, provider: zai}]}"),
        ("services:\r\n  - a: 1\r\n", "services:\r\n  - a: 1\r\n  - name: new\r\n    provider: zai\r\n"),
        ("\ufeffservices:\n  - a: 1\n", "\ufeffservices:\n  - a: 1\n  - name: new\n    provider: zai\n"),
        (
            "---\nservices:\n  - a: 1\n...\n",
            "---\nservices:\n  - a: 1\n  - name: new\n    provider: zai\n...\n",
        ),
        (
            "services: &s\n  - a: *x\n".replace("*x", "1"),
            "services: &s\n  - a: 1\n  - name: new\n    provider: zai\n",
        ),
        (
            "b: &b {x: 1}\nservices:\n  - a: *b # c\n",
            "b: &b {x: 1}\nservices:\n  - a: *b # c\n  - name: new\n    provider: zai\n",
        ),
    ],
)
def test_an_item_is_added_below_the_last_and_indented_alike(before: str, after: str) -> None:
    assert yamltext.append(before, "services", NEW) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # Missing: at the end of the service, above comments that follow it.
        ("services:\n  - a: 1 # c\n  # d\n", "services:\n  - a: 1 # c\n    enabled: false\n  # d\n"),
        ("services:\n- a: 1\n\n- a: 2\n", "services:\n- a: 1\n  enabled: false\n\n- a: 2\n"),
        ("services: [{a: 1}, {a: 2}]\n", "services: [{a: 1, enabled: false}, {a: 2}]\n"),
        ("services:\n  - {a: 1} # c\n", "services:\n  - {a: 1, enabled: false} # c\n"),
        ("services:\n  - {a: 1,}\n", "services:\n  - {a: 1, enabled: false,}\n"),
        ("services:\n  - {}\n", "services:\n  - {enabled: false}\n"),
        ("services:\n  - a: [\n      1]\n", "services:\n  - a: [\n      1]\n    enabled: false\n"),
        ("services:\n  - a: 1", "services:\n  - a: 1\n    enabled: false\n"),
        ("services:\r\n  - a: 1\r\n", "services:\r\n  - a: 1\r\n    enabled: false\r\n"),
        # There: only the value.
        (
            "services:\n  - enabled:   yes  # on\n    a: 1\n",
            "services:\n  - enabled:   false  # on\n    a: 1\n",
        ),
        ("services:\n  - enabled: # ?\n    a: 1\n", "services:\n  - enabled: false # ?\n    a: 1\n"),
        ('{"services": [{"enabled":true}]}', '{"services": [{"enabled":false}]}'),
        ("services:\n  - enabled: 'a\n      b'\n    a: 1\n", "services:\n  - enabled: false\n    a: 1\n"),
        (
            "services:\n  - enabled: >-\n      a\n      b\n    a: 1\n",
            "services:\n  - enabled: false\n    a: 1\n",
        ),
        # What a merge brings is overridden.
        (
            "b: &b {enabled: true}\nservices:\n  - <<: *b\n    a: 1\n",
            "b: &b {enabled: true}\nservices:\n  - <<: *b\n    a: 1\n    enabled: false\n",
        ),
    ],
)
def test_a_value_is_set_where_it_stands_or_at_the_end(before: str, after: str) -> None:
    assert yamltext.put(before, OFF, False) == after


@pytest.mark.parametrize(
    ("before", "path", "value", "after"),
    [
        ("a: 1\n", ("o", "x"), 5, "a: 1\no: {x: 5}\n"),
        ("", ("o", "x"), 5, "o: {x: 5}\n"),
        ("o:\n", ("o", "x"), 5, "o: {x: 5}\n"),
        ("o: ~\n", ("o", "x"), 5, "o: {x: 5}\n"),
        ("o:\n  y: 1 # c\n  # d\nz: 1\n", ("o", "x"), 5, "o:\n  y: 1 # c\n  x: 5\n  # d\nz: 1\n"),
        ("o: {y: 1} # c\n", ("o", "x"), "a, b", "o: {y: 1, x: 'a, b'} # c\n"),
        ("o:\n  y: 1\n", ("o", "x"), "a, b: c", "o:\n  y: 1\n  x: 'a, b: c'\n"),
        ("o:\n  y: 1\n", ("o", "x"), "http://127.0.0.1:1", "o:\n  y: 1\n  x: http://127.0.0.1:1\n"),
        ("o:\n  y: 1\n", ("o", "x"), "on", "o:\n  y: 1\n  x: 'on'\n"),
        ("o:\n  y: 1\n", ("o", "x"), "two\nlines", 'o:\n  y: 1\n  x: "two\\nlines"\n'),
        ("o:\n  y: 1\n", ("o", "x"), ["a", "b"], "o:\n  y: 1\n  x: [a, b]\n"),
        ("o:\n  y: 1\n", ("o", "x"), "ü" * 200, f"o:\n  y: 1\n  x: {'ü' * 200}\n"),
        # A block stays one, with the comment of its key and the one behind it.
        ("c: # k\n   env: X # e\n# n\n", ("c",), {"file": "~/x"}, "c: # k\n   file: ~/x # e\n# n\n"),
        ("c: {env: X} # e\n", ("c",), {"keyring": "a/b"}, "c: {keyring: a/b} # e\n"),
        (
            "c:\n  env: X\nd: 1\n",
            ("c",),
            {"p": {"env": "A"}, "q": {"env": "B"}},
            "c:\n  p: {env: A}\n  q: {env: B}\nd: 1\n",
        ),
        ("- a\n- b: 1\n", (1, "b"), 2, "- a\n- b: 2\n"),
        # As many quotes as there were.
        ("a: x\n", ("a",), "http://127.0.0.1:1", "a: http://127.0.0.1:1\n"),
        ("{a: x}", ("a",), "http://127.0.0.1:1", "{a: 'http://127.0.0.1:1'}"),
        ("a: 'x' # c\n", ("a",), "y", "a: 'y' # c\n"),
        ('a: "x" # c\n', ("a",), "y", 'a: "y" # c\n'),
        ('{"a": "x"}', ("a",), "y", '{"a": "y"}'),
        ('a: "x"\n', ("a",), 5, "a: 5\n"),
    ],
)
def test_values_of_every_shape(before: str, path: Any, value: Any, after: str) -> None:
    assert yamltext.put(before, path, value) == after


@pytest.mark.parametrize(
    ("before", "path", "after"),
    [
        ("a: 1\nb: 2 # c\n# d\nc: 3\n", ("b",), "a: 1\n# d\nc: 3\n"),
        ("a: 1\nb:\n  x: 1\n\n  # in\n  y: 2\nc: 3\n", ("b",), "a: 1\nc: 3\n"),
        ("a: 1\n\nb: 2\n\nc: 3\n", ("b",), "a: 1\n\nc: 3\n"),
        ("{a: 1, b: 2, c: 3}", ("b",), "{a: 1, c: 3}"),
        ("{a: 1, b: 2}", ("b",), "{a: 1}"),
        ("{a: 1}", ("a",), "{}"),
        ("[1, 2, 3]", (0,), "[2, 3]"),
        ("s:\n  - a: 1\n    b: 2\n", ("s", 0, "a"), "s:\n  - b: 2\n"),
        ("s:\n  - a: 1\n    # b!\n    b: 2\n", ("s", 0, "a"), "s:\n  -\n    # b!\n    b: 2\n"),
        ("s:\n  - a: 1\n    b: 2\n", ("s", 0, "b"), "s:\n  - a: 1\n"),
        ("s:\n  # 1\n  - a: 1\n  # 2\n  - a: 2\n  # 3\n", ("s", 1), "s:\n  # 1\n  - a: 1\n  # 2\n  # 3\n"),
        ("s:\n  -\n    a: 1\n  - a: 2\n", ("s", 0), "s:\n  - a: 2\n"),
        # With the last entry goes what held it.
        ("x: 1\ns: # k\n  # 1\n  - a: 1\n# e\n", ("s", 0), "x: 1\n  # 1\n# e\n"),
        ("x: 1\no:\n  a: 1\n", ("o", "a"), "x: 1\n"),
        ("s:\n  - a: 1\n", ("s", 0, "a"), ""),
        ("s: [{a: 1}]\nx: 1\n", ("s", 0), "x: 1\n"),
        ("s:\r\n  - a: 1\r\n  - a: 2\r\n", ("s", 0), "s:\r\n  - a: 2\r\n"),
    ],
)
def test_an_entry_goes_and_comments_of_others_stay(before: str, path: Any, after: str) -> None:
    assert yamltext.drop(before, path) == after


def test_a_file_as_people_write_them() -> None:
    text = yamltext.put(COMMENTED, OFF, False)
    text = yamltext.put(text, ("services", 0, "credential"), {"keyring": "usagecli/work"})
    text = yamltext.put(text, ("services", 0, "low_below", "default"), 15)
    text = yamltext.drop(yamltext.append(text, "services", NEW), ("services", 1))
    assert text == (
        COMMENTED.replace("command: 'pass show x'", "keyring: usagecli/work")
        .replace("{default: 20,", "{default: 15,")
        .replace("# both\n", "# both\n    enabled: false\n")
        .replace("  - provider: codex\n    name: home\n", "  - name: new\n    provider: zai\n")
    )


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("services:\n  - &a {x: 1}\n  - *a\n", lambda text: yamltext.append(text, "services", NEW)),
        ("services:\n  - &a {x: 1}\n  - *a\n", lambda text: yamltext.put(text, OFF, False)),
        ("services:\n  - &a {x: 1}\n  - *a\n", lambda text: yamltext.put(text, ("services", 1, "x"), 2)),
        ("services:\n  - &a {x: 1}\n  - *a\n", lambda text: yamltext.drop(text, ("services", 0))),
        ("o: &o {x: 1}\np: *o\n", lambda text: yamltext.put(text, ("p", "x"), 2)),
        ("o: &o {x: 1}\np: *o\n", lambda text: yamltext.put(text, ("o", "x"), 2)),
        ("o: &o\n  x: 1\np: *o\n", lambda text: yamltext.put(text, ("o",), {"y": 1})),
        ("o: text\n", lambda text: yamltext.put(text, ("o", "x"), 2)),
        ("o: {x}\n", lambda text: yamltext.put(text, ("o", "x"), 2)),
        ("o: 1\n", lambda text: yamltext.drop(text, ("p",))),
        ("o: 1\n", lambda text: yamltext.drop(text, ("o", "p"))),
        ("- - a: 1\n  - a: 2\n", lambda text: yamltext.drop(text, (0, 0))),
        ("o: |+\n  x\n\n", lambda text: yamltext.put(text, ("p",), 1)),
    ],
)
def test_what_cannot_be_changed_alone_is_refused(text: str, change: Any) -> None:
    with pytest.raises(NotEditable):
        change(text)


@pytest.mark.parametrize(
    ("text", "path", "there"),
    [
        ("a: {b: 1}", ("a", "b"), True),
        ("a: {b: 1}", ("a", "c"), False),
        ("", ("a",), False),
        ("a: 1", ("a", "b"), False),
    ],
)
def test_has(text: str, path: Any, there: bool) -> None:
    assert yamltext.has(text, path) is there


# -- any file, any edits ----------------------------------------------------------------------------

NAMES = ("alpha", "beta", "gamma")
VALUES = st.sampled_from([True, 5, 2.5, "on", "x", "a: b", "# no", "it's", "", ["a", "b, c"], {"env": "X"}])


@st.composite
def documents(draw: st.DrawFn) -> str:
    """A config with comments, in one of many styles; every line of the user's own is marked."""
    dash = draw(st.sampled_from(["- ", "  - ", "    -   "]))
    pad = " " * len(dash)
    end = draw(st.sampled_from(["\n", "\r\n"]))
    lines = ["# mark head", "defaults:", "  max_age: 60  # mark age", "", "services:"]
    for name in NAMES:
        lines += draw(st.sampled_from([[], ["# mark above"], ["", f"{pad}# mark above"]]))
        if draw(st.booleans()):
            lines.append(f"{dash}{{name: {name}, provider: 'codex'}}")
            continue
        lines += [f'{dash}name: "{name}"', f"{pad}provider: codex  # mark own"]
        lines += draw(
            st.sampled_from([[], [f"{pad}options:", f"{pad}  x: 1", f"{pad}  # mark x", f"{pad}  y: 2"]])
        )
        lines += draw(st.sampled_from([[], [f"{pad}low_below: {{default: 5}}"]]))
    lines += draw(st.sampled_from([[], ["# mark tail"], ["", "# mark tail", "other: 1"]]))
    return end.join(lines) + draw(st.sampled_from(["", end]))


EDITS = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "append"]),
        st.sampled_from(NAMES),
        st.sampled_from(
            [("enabled",), ("options", "x"), ("options", "z"), ("low_below", "default"), ("credential",)]
        ),
        VALUES,
    ),
    max_size=6,
)


def place(text: str, name: str) -> int | None:
    """The index of the service of that name."""
    names = [entry.get("name") for entry in yamltext.data(text).get("services") or []]
    return names.index(name) if name in names else None


@settings(max_examples=150, deadline=None)
@given(documents(), EDITS)
def test_any_sequence_of_edits_leaves_all_other_lines_as_they_were(text: str, edits: Any) -> None:
    for kind, name, keys, value in edits:
        index = place(text, name)
        if kind == "append":
            after = yamltext.append(text, "services", {"name": name, "x": value})
            assert yaml.safe_load(after)["services"][-1] == {"name": name, "x": value}
            assert is_subsequence(text.splitlines(), after.splitlines())
        elif index is None:
            continue
        elif kind == "drop":
            after = yamltext.drop(text, ("services", index))
            assert is_subsequence(after.splitlines(), text.splitlines())
            assert outer_marks(after) == outer_marks(text)
        else:
            after = yamltext.put(text, ("services", index, *keys), value)
            before, now = text.splitlines(), after.splitlines()
            changed = [line for line in before if line not in now]
            assert len(changed) <= 1 or keys == ("credential",)
            assert after.count("# mark") == text.count("# mark")
        assert ("\r\n" in after) == ("\r\n" in text)
        text = after


def is_subsequence(few: list[str], many: list[str]) -> bool:
    rest = iter(many)
    return all(line in rest for line in few)


def outer_marks(text: str) -> list[str]:
    """The comments that stand outside of services."""
    return [
        line for line in text.splitlines() if line.strip() in ("# mark head", "# mark above", "# mark tail")
    ]
