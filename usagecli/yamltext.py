"""YAML text in which single values change while every other byte stays where it stands.

A library that reads a file and writes it anew moves comments, quotes and indentation about. Here
PyYAML only tells where each value stands, and what is new is put between: on lines of its own, or
inside `{}` and `[]`. A path is made of keys and indexes. Whatever cannot be changed so (a value
written with an alias, say) is a NotEditable, and so is a result that would read as anything but the
old data with that one change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from usagecli import yamllines

Path = tuple[str | int, ...]

_ALIAS = re.compile(r"\s*:\s+\*[^\s,\[\]{}]+")
_DASH = re.compile(r"( *)-(\s|$)")


class NotEditable(ValueError):
    """The text cannot be changed there without touching something else."""


def put(text: str, path: Path, value: Any) -> str:
    """The text with this value at a key of a mapping; mappings on the way there are made."""
    return _checked(text, _put(text, path, value), lambda data: _put_in(data, path, value))


def drop(text: str, path: Path) -> str:
    """The text without that entry, and without what holds it where nothing else is left in there."""
    return _checked(text, _drop(text, path), lambda data: _drop_in(data, path))


def append(text: str, key: str, body: Mapping[str, Any]) -> str:
    """The text with one more mapping in the list at a key of the document, which is made if need be."""

    def add(data: Any) -> Any:
        return {**(data or {}), key: [*((data or {}).get(key) or []), dict(body)]}

    return _checked(text, _append(text, key, body), add)


def data(text: str) -> Any:
    """What the text says, as plain values that share nothing."""
    import yaml

    return _copy(yaml.safe_load(text))


def has(text: str, path: Path) -> bool:
    """Whether something stands there."""
    return _at(text, path) is not None


# -- finding ----------------------------------------------------------------------------------------


def _root(text: str) -> Any:
    import yaml

    return yaml.compose(text, Loader=yaml.SafeLoader)


def _pair(node: Any, key: str | int) -> tuple[Any, Any] | None:
    """Key and value of that entry of a mapping; None where there is none, or no mapping."""
    if node is None or node.id != "mapping":
        return None
    return next(((k, v) for k, v in node.value if k.id == "scalar" and k.value == key), None)


def _child(node: Any, step: str | int) -> Any:
    """The value at a key or an index; None where there is none."""
    if node.id == "sequence" and isinstance(step, int):
        # An alias stands for a node of an earlier place.
        after = _start(node.value[step - 1]) + 1 if step else _start(node)
        return _own(node.value[step], after)
    pair = _pair(node, step)
    return None if pair is None else _own(pair[1], _start(pair[0]))


def _own(node: Any, after: int) -> Any:
    if _start(node) < after:
        raise NotEditable("it is written with an alias")
    return node


def _at(text: str, path: Path) -> Any:
    node = _root(text)
    for step in path:
        node = None if node is None else _child(node, step)
    return node


def _start(node: Any) -> int:
    return int(node.start_mark.index)


def _end(text: str, node: Any) -> int:
    """Where the node's own text ends: PyYAML counts the space and comments behind a block to it."""
    if node.id == "scalar":
        end = int(node.end_mark.index)
        return len(text[:end].rstrip()) if node.style in ("|", ">") else end
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    if node.id == "sequence":
        return _end(text, _child(node, len(node.value) - 1))
    return _entry_end(text, *node.value[-1])


def _entry_end(text: str, key: Any, value: Any) -> int:
    if _start(value) >= _start(key):
        return _end(text, value)
    alias = _ALIAS.match(text, key.end_mark.index)
    if alias is None:
        raise NotEditable("it is written with an alias")
    return alias.end()


def _is_null(node: Any) -> bool:
    return bool(node.tag == "tag:yaml.org,2002:null")


def _is_block(node: Any) -> bool:
    return node.id != "scalar" and not node.flow_style


# -- changing ---------------------------------------------------------------------------------------


def _put(text: str, path: Path, value: Any) -> str:
    *parents, key = path
    node = _at(text, tuple(parents))
    if node is None or _is_null(node):
        return _put(text, tuple(parents), {key: value}) if parents else _with_lines(text, None, {key: value})
    if node.id != "mapping":
        raise NotEditable("it is not a mapping")
    pair = _pair(node, key)
    if pair is not None:
        return _replaced(text, _own(pair[1], _start(pair[0])), value, flow=node.flow_style)
    if node.flow_style:
        return _into_flow(text, node, f"{yamllines.inline(key)}: {yamllines.inline(value)}")
    return _insert(text, _end(text, node), yamllines.lines({key: value}, node.value[0][0].start_mark.column))


def _replaced(text: str, node: Any, value: Any, *, flow: bool) -> str:
    start, end = _start(node), _end(text, node)
    if node.id == "mapping" and _is_block(node) and isinstance(value, Mapping):
        told = _line_end(text).join(yamllines.lines(value, node.value[0][0].start_mark.column)).lstrip()
    else:
        quote = node.style if node.id == "scalar" and node.style in ("'", '"') else None
        told = ("" if start < end else " ") + yamllines.inline(value, flow=flow, quote=quote)
    return text[:start] + told + text[end:]


def _append(text: str, key: str, body: Mapping[str, Any]) -> str:
    root = _root(text)
    node = None if root is None else _child(root, key)
    if root is not None and root.flow_style:
        if node is None:
            return _into_flow(text, root, f"{yamllines.inline(key)}: {yamllines.inline([dict(body)])}")
        return (
            _replaced(text, node, [dict(body)], flow=True) if _is_null(node) else _flow_item(text, node, body)
        )
    if node is None:
        return _with_lines(text, root, {key: [body]})
    if _is_null(node) or re.fullmatch(r"\[\s*\]", text[_start(node) : _end(text, node)]):
        emptied = text[: _start(node)].rstrip(" ") + text[_end(text, node) :]
        column = root.value[0][0].start_mark.column + 2
        return _insert(emptied, _start(node) - 1, yamllines.item(body, column, column + 2))
    return _flow_item(text, node, body) if node.flow_style else _block_item(text, node, body)


def _flow_item(text: str, node: Any, body: Mapping[str, Any]) -> str:
    return _into_flow(text, node, yamllines.inline(dict(body)))


def _block_item(text: str, node: Any, body: Mapping[str, Any]) -> str:
    """The text with one more item below the last, indented alike."""
    last = _child(node, len(node.value) - 1)
    _, dash = _dash(text, last)
    alike = last.id == "mapping" and _is_block(last)
    column = last.value[0][0].start_mark.column if alike else dash + 2
    return _insert(text, _end(text, last), yamllines.item(body, dash, column))


def _drop(text: str, path: Path) -> str:
    *parents, last = path
    node = _at(text, tuple(parents))
    if node is None or node.id == "scalar":
        raise NotEditable("it is not there")
    text = _cut_flow(text, node, last) if node.flow_style else _cut_block(text, node, last)
    if len(node.value) > 1 or not parents:
        return text
    return _drop(text, tuple(parents))


def _span(text: str, node: Any, step: str | int) -> tuple[int, int]:
    """Where an entry of a collection begins and ends."""
    if node.id == "sequence":
        child = _child(node, step)
        return _start(child), _end(text, child)
    pair = _pair(node, step)
    if pair is None:
        raise NotEditable("it is not there")
    return _start(pair[0]), _entry_end(text, *pair)


def _cut_flow(text: str, node: Any, step: str | int) -> str:
    start, end = _span(text, node, step)
    behind = re.compile(r"\s*,\s*").match(text, end)
    if behind and len(node.value) > 1:
        return text[:start] + text[behind.end() :]
    return re.sub(r",\s*$", "", text[:start]) + text[end:]


def _cut_block(text: str, node: Any, step: str | int) -> str:
    start, end = _span(text, node, step)
    if node.id == "sequence":
        start = _dash(text, _child(node, step))[0]
    line = text.rfind("\n", 0, start) + 1
    if text[line:start].strip(" \ufeff"):
        return _cut_behind_dash(text, node, start, end)
    after = _after_line(text, end)
    head, tail = text[:line], text[after:]
    blank = re.match(r"[ \t]*\r?\n", tail)
    if blank and (not head.strip() or re.search(r"\n[ \t]*\r?\n$", head)):
        tail = tail[blank.end() :]
    return head + tail


def _cut_behind_dash(text: str, node: Any, start: int, end: int) -> str:
    """Without the entry that stands on the line of its item's `-`."""
    after = _after_line(text, end)
    following = [_start(key) for key, _ in node.value if _start(key) > start]
    if following and not text[after : following[0]].strip():
        return text[:start] + text[following[0] :]
    return text[:start].rstrip(" ") + _line_end(text) + text[after:]


def _dash(text: str, item: Any) -> tuple[int, int]:
    """Where the `-` of a list's item stands: offset, column."""
    at = _start(item)
    while at >= 0:
        line = text.rfind("\n", 0, at) + 1
        found = _DASH.match(text, line)
        if found:
            return found.end(1), found.end(1) - line
        at = line - 1
    raise NotEditable("its list is not written one item a line")


# -- text -------------------------------------------------------------------------------------------


def _line_end(text: str) -> str:
    first = text.find("\n")
    return "\r\n" if first > 0 and text[first - 1] == "\r" else "\n"


def _after_line(text: str, offset: int) -> int:
    """Where the line after that offset's begins, or the text ends."""
    found = text.find("\n", offset)
    return len(text) if found < 0 else found + 1


def _insert(text: str, offset: int, lines: Iterable[str]) -> str:
    """The text with these lines after the one of the offset."""
    end = _line_end(text)
    at = _after_line(text, offset)
    head = text[:at] if not at or text[:at].endswith("\n") else text[:at] + end
    return head + "".join(line + end for line in lines) + text[at:]


def _with_lines(text: str, root: Any, body: Mapping[Any, Any]) -> str:
    """The text with these keys at its end, set off by an empty line."""
    pad = 0 if root is None or not root.value else root.value[0][0].start_mark.column
    apart = [""] if text.strip(" \r\n\ufeff") and not re.search(r"\n[ \t]*\r?\n$", text) else []
    return _insert(text, len(text), [*apart, *yamllines.lines(body, pad)])


def _into_flow(text: str, node: Any, told: str) -> str:
    """The text with one more entry at the end of a `{}` or `[]`."""
    if not node.value:
        at = int(node.end_mark.index) - 1
        return text[:at] + told + text[at:]
    last = node.value[-1]
    at = _end(text, last) if node.id == "sequence" else _entry_end(text, *last)
    return f"{text[:at]}, {told}{text[at:]}"


# -- the same on data -------------------------------------------------------------------------------


def _checked(before: str, after: str, change: Callable[[Any], Any]) -> str:
    import yaml

    try:
        reads = yaml.safe_load(after)
    except yaml.YAMLError:
        raise NotEditable("it is written in an unusual way") from None
    # Without its last entry a document is empty: `{}`, or nothing at all.
    if (reads or None) != (change(data(before)) or None):
        raise NotEditable("it shares its text with something else")
    return after


def _copy(data: Any) -> Any:
    """Deep, and without the sharing that aliases bring."""
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    return [_copy(value) for value in data] if isinstance(data, list) else data


def _put_in(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, *rest = path
    if isinstance(step, int):
        return [*data[:step], _put_in(data[step], tuple(rest), value), *data[step + 1 :]]
    return {**(data or {}), step: _put_in((data or {}).get(step), tuple(rest), value)}


def _drop_in(data: Any, path: Path) -> Any:
    *parents, last = path
    holder = data
    for step in parents:
        holder = holder[step]
    del holder[last]
    if holder:
        return data
    return _drop_in(data, tuple(parents)) if parents else None
