"""The text of a descriptor -> `Spec`, or a ConfigError that names file, line and key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from usagecli import config
from usagecli.declarative.checker import Checker
from usagecli.declarative.entry_loader import GROUPS, entries
from usagecli.declarative.expressions import Expression
from usagecli.declarative.request_loader import CALL, auth, requests
from usagecli.declarative.spec import ANSWER, Auth, Base, Entry, Key, Option, Request, Spec
from usagecli.errors import ConfigError
from usagecli.registry import KINDS
from usagecli.urls import check_base_url, host_of
from usagecli.yamlreader import Path, YamlReader

KNOWN = (
    "title",
    "kind",
    "reports",
    "source",
    "documented",
    "dashboard",
    "min_interval",
    "key",
    "key_url",
    "key_hint",
    "auth",
    "base",
    "options",
    "requests",
    *CALL,
    "let",
    "fail",
    "status",
    *GROUPS,
    "plan",
    "account",
    "exhausted",
    "notes",
    "empty_ok",
)
_SHORTEST_INTERVAL = 60


class _File(YamlReader):
    example = "key"


def load(path: str, id_: str) -> Spec:
    """The descriptor in a file. Raises ConfigError."""
    data = config.read(path)
    if data is None:
        raise ConfigError(f"{path}: there is no such file")
    reader = _File(path)
    return read(reader, (), reader.parse(data) or {}, id_)


def read(reader: YamlReader, base: Path, body: Any, id_: str) -> Spec:
    """The descriptor that stands at a place of a file. Raises ConfigError."""
    try:
        return _read(reader, base, body, id_)
    except RecursionError:
        # An alias of YAML may lead into itself.
        raise ConfigError(f"{reader.path}: nested too deep") from None


def _read(reader: YamlReader, base: Path, body: Any, id_: str) -> Spec:
    check = Checker(reader, base)
    found = check.mapping((), body, KNOWN, what="keys such as `key:` and `url:`")
    if "key" not in found:
        check.fail((), "needs a `key:`, the name of the variable that holds the key")
    keys = _keys(check, found["key"])
    options = _options(check, found.get("options"), tuple(key.kind for key in keys))
    check.options = [option.name for option in options]
    place = _base(check, found)
    usual = auth(check, ("auth",), found["auth"]) if "auth" in found else _BEARER
    calls, let = requests(check, found, usual, lets=tuple(_let_keys(check, found)))
    url = place or _from_urls(check, found, calls)
    optional = _optional(calls, let)
    shown = _entries(check, found)
    return Spec(
        id=id_,
        title=check.text(("title",), found["title"]) if "title" in found else id_.replace("-", " ").title(),
        kind=_kind(check, found, url),
        reports=_reports(check, found, shown),
        documented=check.flag(("documented",), found["documented"]) if "documented" in found else None,
        min_interval=_interval(check, found),
        keys=keys,
        base=url,
        requests=tuple(_bare(call) for call in calls),
        entries=shown,
        options=options,
        let=let,
        fail=check.fails(("fail",), found["fail"]) if "fail" in found and "requests" in found else (),
        notes=tuple(
            check.word(("notes", i), note) for i, note in enumerate(check.listed(("notes",), found["notes"]))
        )
        if "notes" in found
        else (),
        empty_ok=_empty_ok(check, found),
        optional=optional,
        plan=_expression(check, found, "plan"),
        account=_expression(check, found, "account"),
        exhausted=_expression(check, found, "exhausted"),
        key_url=_link(check, found, "key_url"),
        key_hint=_text(check, found, "key_hint"),
        source=_text(check, found, "source") or "",
        dashboard=_link(check, found, "dashboard") or _link(check, found, "key_url") or _home(url),
    )


_BEARER = Auth(header="Authorization", words="Bearer {key}")


def _bare(call: Request) -> Request:
    """The request with a path below the base, where its url was whole."""
    first = call.path[0]
    if isinstance(first, str) and "://" in first:
        from dataclasses import replace

        return replace(call, path=(first[len(_origin(first)) :], *call.path[1:]))
    return call


def _origin(url: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}"


def _let_keys(check: Checker, found: Mapping[str, Any]) -> list[str]:
    return list(check.mapping(("let",), found["let"])) if "let" in found else []


def _expression(check: Checker, found: Mapping[str, Any], key: str) -> Expression | None:
    return check.expression((key,), found[key]) if key in found else None


def _text(check: Checker, found: Mapping[str, Any], key: str) -> str | None:
    return check.text((key,), found[key]) if key in found else None


def _link(check: Checker, found: Mapping[str, Any], key: str) -> str | None:
    value = _text(check, found, key)
    if value is not None and not re.fullmatch(r"https?://\S+", value):
        check.fail((key,), "expected a URL")
    return value


def _home(base: Base) -> str:
    first = base.url or next(iter(base.urls.values()), None)
    return _origin(first) if first else ""


def _kind(check: Checker, found: Mapping[str, Any], base: Base) -> str:
    """As the descriptor says; what has no usual address is a server of one's own."""
    if "kind" in found:
        return check.one_of(("kind",), found["kind"], tuple(KINDS))
    return "api" if base.url or base.urls else "server"


def _interval(check: Checker, found: Mapping[str, Any]) -> int:
    if "min_interval" not in found:
        return _SHORTEST_INTERVAL
    seconds = check.number(("min_interval",), found["min_interval"])
    if not _SHORTEST_INTERVAL <= seconds <= 86400:
        check.fail(("min_interval",), f"expected seconds from {_SHORTEST_INTERVAL} to 86400")
    return int(seconds)


def _reports(check: Checker, found: Mapping[str, Any], shown: tuple[Entry, ...]) -> str:
    if "reports" in found:
        return check.text(("reports",), found["reports"])
    told = [
        (f"{entry.label} ({entry.unit})" if isinstance(entry.unit, str) else entry.label)
        if isinstance(entry.label, str)
        else entry.group
        for entry in shown
    ]
    text = ", ".join(dict.fromkeys(told))
    return f"{text[:1].upper()}{text[1:]}."


def _empty_ok(check: Checker, found: Mapping[str, Any]) -> Expression | bool:
    value = found.get("empty_ok", False)
    return value if isinstance(value, bool) else check.expression(("empty_ok",), value)


def _entries(check: Checker, found: Mapping[str, Any]) -> tuple[Entry, ...]:
    shown = entries(check, found)
    if not shown:
        check.fail((), f"needs an entry under {', '.join(GROUPS)}")
    return shown


def _optional(calls: tuple[Request, ...], let: Mapping[str, Expression]) -> frozenset[str]:
    found = {call.name for call in calls if call.optional}
    for name, expression in let.items():
        if expression.reads & found:
            found.add(name)
    return frozenset(found)


# -- the key, the options, the base ----------------------------------------------------------------


def _keys(check: Checker, value: Any) -> tuple[Key, ...]:
    found = []
    for index, given in enumerate(check.listed(("key",), value)):
        where: Path = ("key", index) if isinstance(value, list) else ("key",)
        if isinstance(given, str):
            found.append(Key(env=_variable(check, where, given)))
            continue
        body = check.mapping(where, given, ("env", "file", "at", "kind"))
        if ("env" in body) == ("file" in body):
            check.fail(where, "expected one of env, file")
        if "at" in body and "file" not in body:
            check.fail((*where, "at"), "leads into a file: give one")
        kind = check.text((*where, "kind"), body["kind"]) if "kind" in body else "key"
        if not re.fullmatch("[a-z][a-z0-9_]*", kind):
            check.fail((*where, "kind"), "expected a word such as account")
        found.append(
            Key(
                env=_variable(check, (*where, "env"), body["env"]) if "env" in body else None,
                file=check.text((*where, "file"), body["file"]) if "file" in body else None,
                at=check.expression((*where, "at"), body["at"], element=True) if "at" in body else None,
                kind=kind,
            )
        )
    return tuple(found)


def _variable(check: Checker, where: Path, value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        # Never quoted: people paste the key itself.
        check.fail(where, "expected the name of an environment variable, not a value")
    return str(value)


def _options(check: Checker, value: Any, kinds: tuple[str, ...]) -> tuple[Option, ...]:
    if value is None:
        return ()
    found = []
    for name, given in check.mapping(("options",), value).items():
        where: Path = ("options", name)
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or name == "base_url":
            check.fail(where, "expected another name, in lower case, for an option")
        body = (
            {}
            if not given
            else check.mapping(where, given, ("env", "default", "choices", "required", "about"))
        )
        choices = tuple(
            str(choice) for choice in check.listed((*where, "choices"), body.get("choices", [""]))
        )
        default = str(body["default"]) if "default" in body else None
        if choices != ("",) and default is not None and default not in choices:
            check.fail((*where, "default"), f"is none of {', '.join(choices)}")
        found.append(
            Option(
                name=name,
                env=_variable(check, (*where, "env"), body["env"]) if "env" in body else None,
                default=default,
                choices=() if choices == ("",) else choices,
                required=_required(check, (*where, "required"), body.get("required", False), kinds),
                about=check.text((*where, "about"), body["about"]) if "about" in body else "",
            )
        )
    return tuple(found)


def _required(check: Checker, where: Path, value: Any, kinds: tuple[str, ...]) -> bool | str:
    """Always, never, or beside a key of one kind."""
    return check.one_of(where, value, kinds) if isinstance(value, str) else check.flag(where, value)


def _base(check: Checker, found: Mapping[str, Any]) -> Base | None:
    value = found.get("base")
    if value is None:
        return None
    where: Path = ("base",)
    if isinstance(value, str):
        return Base(url=_url(check, where, value))
    body = check.mapping(where, value)
    if "choose" in body:
        urls = {key: _url(check, (*where, key), url) for key, url in body.items() if key != "choose"}
        if not urls:
            check.fail(where, "needs the URLs that are chosen from")
        before, check.names = check.names, []
        choose = check.expression((*where, "choose"), body["choose"])
        check.names = before
        return Base(choose=choose, urls=urls)
    body = check.mapping(where, value, ("env", "default", "cut"))
    if "env" not in body:
        check.fail(where, "expected a URL, or keys `env:` or `choose:`")
    cut = [check.text((*where, "cut"), end) for end in check.listed((*where, "cut"), body.get("cut", "/v1"))]
    return Base(
        env=_variable(check, (*where, "env"), body["env"]),
        url=_url(check, (*where, "default"), body["default"]) if "default" in body else None,
        cut=tuple(cut) if "cut" in body else (),
    )


def _url(check: Checker, where: Path, value: Any) -> str:
    try:
        return check_base_url(check.text(where, value))
    except ValueError as error:
        check.fail(where, str(error))
        raise


def _from_urls(check: Checker, found: Mapping[str, Any], calls: tuple[Request, ...]) -> Base:
    """The one origin of requests whose urls are whole."""
    origins = {}
    for call in calls:
        where: Path = ("url",) if call.name == ANSWER else ("requests", call.name, "url")
        first = call.path[0] if isinstance(call.path[0], str) else ""
        if "://" not in first:
            check.fail(where, "expected a whole URL, for there is no `base:`")
        origins[_url(check, where, _origin(first))] = where
    if len(origins) > 1:
        hosts = ", ".join(host_of(url) for url in origins)
        check.fail(list(origins.values())[1], f"a descriptor has one host, not several: {hosts}")
    return Base(url=next(iter(origins)))
