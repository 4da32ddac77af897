"""The requests of a descriptor, in order, through any `Send`: over the network, or recorded answers.

What is sent depends on the answers before it. Nothing here knows the key.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn
from urllib.parse import quote

from usagecli import wire
from usagecli.client import Answer, usual_error
from usagecli.declarative.expressions import Evaluator, Expression, Word
from usagecli.declarative.spec import Fail, Pages, Refusal, Request, Spec
from usagecli.declarative.values import plain, text, truth
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.registry import Descriptor

_ERRORS: Mapping[str, type[ProviderError]] = {
    error.kind: error
    for error in (NotConfigured, AuthError, RateLimited, Unavailable, PayloadError, ServiceError)
}
_MOST_ELEMENTS = 25
# What would lead elsewhere, or (half of a surrogate pair) cannot be encoded.
_NO_PATH = re.compile(r"[/\\\x00-\x1f\x7f\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request without the key. `path` is below the base; `number` counts those of `request`."""

    request: Request
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    number: int = 0


Send = Callable[[Call], Answer]


class Asking:
    """One run through a descriptor's requests: `answers` by name, and `notes` on what went wrong."""

    def __init__(self, spec: Spec, descriptor: Descriptor, evaluator: Evaluator, send: Send) -> None:
        self.spec = spec
        self.descriptor = descriptor
        self.evaluator = evaluator
        self.send = send
        self.answers: dict[str, Any] = {request.name: None for request in spec.requests}
        self.notes: list[str] = []
        self._sent: dict[str, int] = {}

    def run(self) -> Mapping[str, Any]:
        """The answers, None for what was not asked or may be missing. Raises ProviderError."""
        for request in self.spec.requests:
            root = self.root()
            if request.condition is not None and not truth(self.evaluator.value(request.condition, root)):
                continue
            try:
                self.answers[request.name] = self._answer(request, root)
            except ProviderError as error:
                if not request.optional:
                    raise
                self.notes.append(f"{_name(request)} could not be read: {self._advised(error)}")
        return self.answers

    def root(self) -> Mapping[str, Any]:
        """What expressions see: the answers so far, and `let` anew."""
        return rooted(self.spec, self.answers, self.evaluator)

    # -- one request -----------------------------------------------------------------------------

    def _answer(self, request: Request, root: Any) -> Any:
        if request.each is None:
            return self._paged(request, root, None)
        elements = self.evaluator.value(request.each, root)
        if not isinstance(elements, list):
            return None
        if len(elements) > _MOST_ELEMENTS:
            self.notes.append(
                f"only the first {_MOST_ELEMENTS} of {len(elements)} were asked for {_name(request)}"
            )
        found, failed = [], []
        for element in elements[:_MOST_ELEMENTS]:
            try:
                answer = self._paged(request, root, element)
            except ProviderError as error:
                told = error.message + self._of(request, root, element)
                failed.append(type(error)(told, hint=error.hint, retry_at=error.retry_at))
                continue
            if answer is not None:
                found.append({"item": element, "answer": answer})
        if failed and not found:
            raise failed[0]
        if failed:
            self.notes.append(
                f"{_name(request)} could not be read {len(failed)} of {len(failed) + len(found)} times: "
                f"{self._advised(failed[0])}"
            )
        return found

    def _advised(self, error: ProviderError) -> str:
        """The message for a note, with what the descriptor advises against a refusal."""
        advised = isinstance(error, (AuthError, ServiceError)) and error.hint != self.descriptor.renew
        return f"{error.message}; {error.hint}" if advised and error.hint else error.message

    def _of(self, request: Request, root: Any, element: Any) -> str:
        """` (ID)`: the element as the path names it."""
        places = [part for part in request.path if isinstance(part, Expression)]
        try:
            found = [text(self._word(part, root, element, request)) for part in places]
        except ProviderError:
            return ""
        told = ", ".join(name for name in found if name)
        return f" ({told})" if told else ""

    def _paged(self, request: Request, root: Any, element: Any) -> Any:
        query = self._texts(request.query, root, element, request)
        body = self._once(request, root, element, query)
        if request.pages is not None and body is not None:
            body = self._joined(request, request.pages, root, element, body, query)
        return body

    def _joined(
        self, request: Request, pages: Pages, root: Any, element: Any, body: Any, query: Mapping[str, str]
    ) -> Any:
        """The last page with the rows of all, and `_partial` where there would have been more."""
        rows, partial = list(_at(body, pages.rows)), False
        for number in range(1, pages.most + 1):
            following = self._next(pages, body)
            if following is None:
                break
            if number == pages.most:
                partial = True
                break
            body = self._once(request, root, element, {**query, **following}) or {}
            rows += _at(body, pages.rows)
        return {**_put(body, pages.rows, rows), "_partial": partial}

    def _next(self, pages: Pages, body: Any) -> dict[str, str] | None:
        if pages.more is not None and not truth(self.evaluator.value(pages.more, body)):
            return None
        found = {name: self.evaluator.value(value, body) for name, value in pages.query.items()}
        texts = {name: _parameter(value) for name, value in found.items() if truth(value)}
        return {k: v for k, v in texts.items() if v is not None} if len(texts) == len(found) else None

    def _once(self, request: Request, root: Any, element: Any, query: Mapping[str, str]) -> Any:
        number = self._sent.get(request.name, 0)
        self._sent[request.name] = number + 1
        call = Call(
            request=request,
            path="".join(self._part(part, root, element, request) for part in request.path),
            query=query,
            headers=self._texts(request.headers, root, element, request),
            body=self._json(request.body, root, element, request),
            number=number,
        )
        return self._read(request, self.send(call))

    def _read(self, request: Request, answer: Answer) -> Any:
        if answer.status in request.absent:
            return None
        if answer.status != 200:
            told = request.status.get(answer.status)
            raise self._refused(told, answer) if told else usual_error(answer, self.descriptor)
        # A web page is a portal's or a gateway's, and so are its headers: read as JSON it is refused.
        if request.from_headers and not answer.is_html:
            body: Any = dict(answer.headers)
        else:
            body = wire.mapping(answer.json(), request.name)
        check_fails(request.fail, body, self.evaluator, self.descriptor)
        return body

    def _refused(self, told: Refusal, answer: Answer) -> ProviderError:
        hint = told.hint or (self.descriptor.renew if told.kind == "auth" else None)
        message = {
            "auth": f"{self.descriptor.title} refused the credential ({answer.status})",
            "config": f"{answer.host} does not know what it was asked for ({answer.status})",
            "rate_limited": f"{answer.host} asked us to wait ({answer.status})",
        }.get(told.kind, f"{answer.host} answered {answer.status}")
        error = _ERRORS[told.kind](message, hint=hint)
        error.retry_at = answer.retry_at
        return error

    # -- words -> texts --------------------------------------------------------------------------

    def _word(self, word: Word | None, root: Any, element: Any, request: Request) -> Any:
        return self.evaluator.word(word, root, at=element, inner=request.each is not None)

    def _texts(self, words: Mapping[str, Word], root: Any, element: Any, request: Request) -> dict[str, str]:
        found = {name: _parameter(self._word(word, root, element, request)) for name, word in words.items()}
        return {name: value for name, value in found.items() if value is not None}

    def _part(self, part: str | Expression, root: Any, element: Any, request: Request) -> str:
        if isinstance(part, str):
            return part
        value = _parameter(self._word(part, root, element, request)) or ""
        if value.strip() in ("", ".", "..") or _NO_PATH.search(value):
            self._refuse_place(part, value)
        return quote(value, safe="")

    def _refuse_place(self, part: Expression, value: str) -> NoReturn:
        """What no path can hold, by the option that holds it, else by its place in the descriptor."""
        what, title = repr(text(value)) if text(value) else "empty", self.descriptor.title
        for option in self.spec.options:
            if self.evaluator.setting(option.name) == value:
                raise ServiceError(
                    f"the option {option.name} of {title} cannot be {what}: it stands in a path",
                    hint=f"correct {option.env or f'the option {option.name}'}",
                )
        raise ServiceError(
            f"{part.where}: what stands in the path of {title} cannot be {what}",
            hint="correct the options of the service",
        )

    def _json(self, body: Any, root: Any, element: Any, request: Request) -> Any:
        if isinstance(body, dict):
            return {key: self._json(inner, root, element, request) for key, inner in body.items()}
        if isinstance(body, list):
            return [self._json(inner, root, element, request) for inner in body]
        return self._word(body, root, element, request)


def rooted(spec: Spec, answers: Mapping[str, Any], evaluator: Evaluator) -> Mapping[str, Any]:
    """The root of the expressions: answers by name (the only answer itself), and what `let` names."""
    root = dict(answers[spec.requests[0].name] or {}) if spec.single else dict(answers)
    for name in spec.let:
        if not spec.single:
            root[name] = None
    for name, expression in spec.let.items():
        try:
            root[name] = evaluator.value(expression, root)
        except PayloadError:
            if name not in spec.optional:
                raise
            root[name] = None
    return root


def check_fails(fails: tuple[Fail, ...], root: Any, evaluator: Evaluator, descriptor: Descriptor) -> None:
    """Raise the first of the errors whose condition holds."""
    for fail in fails:
        if not truth(evaluator.value(fail.condition, root)):
            continue
        told, title = spoken(fail.message, root, evaluator), descriptor.title
        if told and not _is_own(fail.message):
            told = f"{title} says: {told}"
        raise _ERRORS[fail.kind](
            told or f"{title} answered with an error",
            hint=fail.hint or (descriptor.renew if fail.kind == "auth" else None),
        )


def _is_own(message: Expression | None) -> bool:
    """Whether the descriptor words it; else the answer does."""
    return message is None or _has_words(message.parsed.parsed)


def _has_words(node: Any) -> bool:
    if not isinstance(node, dict):
        return False
    literal = node["type"] == "literal" and isinstance(node["value"], str)
    return literal or any(map(_has_words, node["children"]))


def spoken(word: Word | None, root: Any, evaluator: Evaluator) -> str | None:
    """A text for people, None where it is none: no figure and no error depends on it."""
    try:
        return text(evaluator.word(word, root))
    except PayloadError:
        return None


def _name(request: Request) -> str:
    return request.name.replace("_", " ")


def _parameter(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    number = wire.as_number(value)
    if number is None:
        raise PayloadError("request: expected a text or a number to send")
    return str(plain(number))


def _at(body: Any, path: tuple[str, ...]) -> list[Any]:
    for step in path:
        body = wire.as_mapping(body).get(step)
    return wire.as_rows(body)


def _put(body: Any, path: tuple[str, ...], rows: list[Any]) -> Any:
    if not path:
        return rows
    inner = wire.as_mapping(body)
    return {**inner, path[0]: _put(inner.get(path[0]), path[1:], rows)}
