"""The `requests`, `let` and `auth` of a descriptor -> values, or a ConfigError."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from usagecli.declarative.checker import Checker
from usagecli.declarative.expressions import Expression
from usagecli.declarative.spec import ANSWER, Auth, Pages, Request
from usagecli.yamlreader import Path

# What a request says; a single one may say it at the top of the descriptor.
CALL = ("url", "method", "query", "headers", "body", "optional", "absent", "each", "pages", "answer")
_KEYS = (*CALL, "if", "auth", "status", "fail")
_HEADER = r"[A-Za-z][A-Za-z0-9-]*"
# Ours to set: what they say belongs to the connection, or to `auth`.
_RESERVED = ("host", "content-length", "transfer-encoding", "connection", "cookie", "user-agent")
_MOST_REQUESTS = 12
_MOST_PAGES = 20

Let = Mapping[str, Expression]


def requests(
    check: Checker, found: Mapping[str, Any], usual: Auth, lets: tuple[str, ...]
) -> tuple[tuple[Request, ...], Let]:
    """The requests in order, and the `let` beside their answers."""
    if ("url" in found) == ("requests" in found):
        check.fail((), "needs either a `url:` or `requests:`")
    if "url" in found:
        check.names = None
        let = _let(check, found, ())
        for key in ("optional", "absent", "each"):
            if key in found:
                check.fail((key,), "makes sense only below `requests:`")
        body = {key: found[key] for key in (*CALL, "status", "fail") if key in found}
        return (_request(check, (), ANSWER, body, found, usual),), let
    for key in CALL:
        if key in found:
            check.fail((key,), "stands below a name in `requests:`")
    bodies = check.mapping(("requests",), found["requests"])
    if len(bodies) > _MOST_REQUESTS:
        check.fail(("requests",), f"more than {_MOST_REQUESTS} requests")
    for name in bodies:
        if not re.fullmatch("[a-z][a-z0-9_]*", name) or name in lets:
            check.fail(("requests", name), "expected another name, in lower case")
    let = _let(check, found, tuple(bodies))
    check.names = [*bodies, *let]
    return tuple(
        _request(
            check, ("requests", name), name, check.mapping(("requests", name), body, _KEYS), found, usual
        )
        for name, body in bodies.items()
    ), let


def _let(check: Checker, found: Mapping[str, Any], names: tuple[str, ...]) -> Let:
    """Each may use the answers and those above it."""
    let: dict[str, Expression] = {}
    if "let" not in found:
        return let
    for name, value in check.mapping(("let",), found["let"]).items():
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            check.fail(("let", name), "expected a name of letters, digits and _")
        check.names = [*names, *let] if names else None
        let[name] = check.expression(("let", name), value)
    return let


def _request(
    check: Checker, where: Path, name: str, body: Mapping[str, Any], found: Mapping[str, Any], usual: Auth
) -> Request:
    if "url" not in body:
        check.fail(where, "needs a `url:`")
    element = "each" in body
    own = Checker(check.reader, check.base, None, check.options)
    statuses = check.statuses(("status",), found["status"]) if "status" in found else {}
    if where and "status" in body:
        statuses = {**statuses, **check.statuses((*where, "status"), body["status"])}

    def expression(key: str) -> Expression | None:
        return check.expression((*where, key), body[key]) if key in body else None

    return Request(
        name=name,
        path=_path(check, (*where, "url"), body["url"], whole="base" not in found, element=element),
        method=check.one_of((*where, "method"), body.get("method", "GET"), ("GET", "POST")),
        query=check.words((*where, "query"), body["query"], element=element) if "query" in body else {},
        headers=_headers(check, (*where, "headers"), body["headers"], element) if "headers" in body else {},
        body=_body(check, where, body, element),
        condition=expression("if"),
        optional=check.flag((*where, "optional"), body.get("optional", False)),
        absent=check.codes((*where, "absent"), body["absent"]) if "absent" in body else (),
        each=expression("each"),
        pages=_pages(own, (*where, "pages"), body["pages"]) if "pages" in body else None,
        from_headers=check.one_of((*where, "answer"), body["answer"], ("headers",)) == "headers"
        if "answer" in body
        else False,
        auth=auth(check, (*where, "auth"), body["auth"]) if "auth" in body else usual,
        status=statuses,
        fail=own.fails((*where, "fail"), body["fail"]) if "fail" in body else (),
    )


def auth(check: Checker, where: Path, value: Any) -> Auth:
    """`Header: words {key}`, `?name={key}` or `none`."""
    if value == "none":
        return Auth()
    text = value if isinstance(value, str) else ""
    header = re.fullmatch(rf"({_HEADER}): ([^{{}}]*\{{key\}}[^{{}}]*)", text)
    query = re.fullmatch(r"\?([A-Za-z0-9_.-]+)=\{key\}", text)
    if header and header[1].lower() not in _RESERVED and header[2].isascii() and header[2].isprintable():
        return Auth(header=header[1], words=header[2])
    if query is None:
        check.fail(where, 'expected "Header: words {key}", "?name={key}" or none')
    assert query is not None
    return Auth(query=query[1])


def _path(
    check: Checker, where: Path, value: Any, *, whole: bool, element: bool
) -> tuple[str | Expression, ...]:
    """The url, cut at its places: constant, expression, constant ..."""
    text = check.text(where, value)
    parts: list[str | Expression] = []
    for index, part in enumerate(re.split(r"\{([^{}]*)\}", text)):
        parts.append(check.expression(where, part, element=element) if index % 2 else part)
    constants = "".join(part for part in parts if isinstance(part, str))
    if re.search(r"[?#\s{}\\]", constants):
        check.fail(where, "must hold no ?, #, space or backslash; parameters stand in `query:`")
    first = str(parts[0])
    if whole and not re.match(r"https?://[^/]+/", first + ("/" if len(parts) == 1 else "")):
        check.fail(where, "expected a whole URL (https, a written host), for there is no `base:`")
    if not whole and not first.startswith("/"):
        check.fail(where, "expected a path below `base:` that begins with /")
    return tuple(parts)


def _headers(check: Checker, where: Path, value: Any, element: bool) -> Mapping[str, Any]:
    words = check.words(where, value, element=element)
    for name, word in words.items():
        if not re.fullmatch(_HEADER, name) or name.lower() in _RESERVED:
            check.fail((*where, name), "is no header that a descriptor may set")
        if isinstance(word, str) and not (word.isascii() and word.isprintable()):
            check.fail((*where, name), "holds characters that no HTTP header can carry")
    return words


def _body(check: Checker, where: Path, body: Mapping[str, Any], element: bool) -> Any:
    if "body" not in body:
        return None
    if body.get("method") != "POST":
        check.fail((*where, "body"), "needs `method: POST`")
    return check.json((*where, "body"), check.mapping((*where, "body"), body["body"]), element=element)


def _pages(own: Checker, where: Path, value: Any) -> Pages:
    body = own.mapping(where, value, ("rows", "query", "more", "max"))
    for key in ("rows", "query"):
        if key not in body:
            own.fail(where, f"needs a `{key}:`")
    rows = own.text((*where, "rows"), body["rows"])
    if not re.fullmatch(r"\w+(\.\w+)*", rows):
        own.fail((*where, "rows"), "expected the place of a list, such as data.rows")
    most = own.number((*where, "max"), body.get("max", 10))
    if not 1 <= most <= _MOST_PAGES or most != int(most):
        own.fail((*where, "max"), f"expected a number of pages from 1 to {_MOST_PAGES}")
    query = own.mapping((*where, "query"), body["query"])
    return Pages(
        rows=tuple(rows.split(".")),
        query={key: own.expression((*where, "query", key), text) for key, text in query.items()},
        more=own.expression((*where, "more"), body["more"]) if "more" in body else None,
        most=int(most),
    )
