"""OpenCode's web console, asked with a browser's cookie: its pages, and one function of its server.

Not documented. The pages outlive a deployment; the ids of functions are hashes of a build, so that
only what stands on no page is asked of one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from usagecli.client import Answer, Ask, Client, usual_error
from usagecli.credentials import Secret
from usagecli.errors import AuthError, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.providers._opencode.credentials import COPY_COOKIE, cookie_header, workspace_id
from usagecli.providers._opencode.usage import Billing, read_billing
from usagecli.providers._opencode.windows import Subscription, read_page
from usagecli.registry import Descriptor

_ORIGIN = "https://opencode.ai"
_ENRICH_S = 5.0
_NAME_WORKSPACE = "set OPENCODE_WORKSPACE_ID (option workspace_id) to the id in the console's address"
# The function that gives Black's windows, as of a build of August 2026.
_BLACK = "7abeebee372f304e050aaaf92be863f4a86490e382f8c79db68fd94040d691b4"
_NULL = re.compile(r"\bnull\b")


@dataclass(slots=True, kw_only=True)
class Console:
    """What the console said of a workspace; None is what it did not say, and `notes` tell why."""

    workspace: str
    billing: Billing | None = None
    go: Subscription | None = None
    black: Subscription | None = None
    notes: list[str] = field(default_factory=list)


def read(ask: Ask, cookie: Secret, *, windows: bool, brief: bool) -> Console:
    """Read a workspace's billing and, with `windows`, those of its subscription.

    `brief`: the report stands without any of it. Raises AuthError, RateLimited, Unavailable,
    PayloadError, ServiceError where nothing could be read.
    """
    pages = _Pages.of(ask, cookie, brief=brief)
    console, landed = _start(ask, pages)
    path = f"/workspace/{console.workspace}"
    failed: ProviderError | None = None
    try:
        page = landed or pages.open(path, console.workspace)
        console.billing = read_billing(page.text, page.at)
    except (Unavailable, PayloadError) as error:
        # What holds for this page need not hold for the other.
        failed = error
    if windows:
        _read_go(pages, console, f"{path}/go")
    if windows and console.billing and console.billing.black and not (console.go and console.go.quotas):
        _read_black(pages, console, path)
    if failed is not None:
        if console.go is None:
            raise failed
        console.notes.append(f"Zen could not be read: {failed.message}")
    return console


def _start(ask: Ask, pages: _Pages) -> tuple[Console, _Page | None]:
    """The workspace that is set, else the last one seen, with its page where that came along."""
    given = ask.options.get("workspace_id")
    if given is not None:
        id_ = workspace_id(given)
        if id_ is None:
            raise ServiceError("OPENCODE_WORKSPACE_ID is no workspace id (wrk_...)", hint=_NAME_WORKSPACE)
        return Console(workspace=id_), None
    page = pages.open("/auth")
    if page.workspace is None:
        raise PayloadError("workspace: the console does not say which is yours", hint=_NAME_WORKSPACE)
    return Console(workspace=page.workspace), page if page.path.endswith(page.workspace) else None


def _read_go(pages: _Pages, console: Console, path: str) -> None:
    try:
        page = pages.open(path, console.workspace, brief=True)
        found = read_page(page.text, page.at)
        if found is None and (console.billing is None or console.billing.go):
            raise PayloadError("lite.subscription.get: the page holds no windows")
        console.go = found or Subscription()
    except ProviderError as error:
        # Nobody misses what the workspace does not have.
        if console.billing is None or console.billing.go:
            console.notes.append(f"Go could not be read: {error.message}")


def _read_black(pages: _Pages, console: Console, path: str) -> None:
    try:
        page = pages.call(_BLACK, console.workspace, path)
        found = read_page(page.text, page.at)
        if found is None and _NULL.search(page.text) is None:
            raise PayloadError("subscription.get: the answer holds no windows")
        console.black = found or Subscription()
    except ProviderError as error:
        console.notes.append(f"Black's windows could not be read: {error.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A page as it came, and the path that redirects led to."""

    text: str
    at: datetime
    path: str

    @property
    def workspace(self) -> str | None:
        return workspace_id(self.path)


@dataclass(frozen=True, slots=True)
class _Pages:
    """Requests with the cookie."""

    client: Client
    brief: bool

    @classmethod
    def of(cls, ask: Ask, cookie: Secret, *, brief: bool) -> _Pages:
        headers = {
            "Cookie": cookie_header(cookie.reveal()),
            "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            # A site for browsers.
            "User-Agent": "Mozilla/5.0",
        }
        return cls(ask.client(headers=headers), brief)

    def open(self, path: str, workspace: str | None = None, *, brief: bool = False) -> _Page:
        """A page, of this workspace where it is one's."""
        trail = [self.client.base_url + path]

        def moved(url: str) -> ProviderError | None:
            trail.append(url)
            return _signed_out() if self._is_sign_in(url) else None

        answer = self.client.get(path, timeout_s=self._timeout_s(brief=brief), moved=moved)
        _check(answer, self.client.ask.descriptor)
        if self._is_sign_in(trail[-1]):
            raise _signed_out()
        page = _page(answer, urlsplit(trail[-1]).path)
        if workspace is not None and page.workspace not in (None, workspace):
            raise PayloadError(f"workspace: asked for {workspace}, answered with {page.workspace}")
        return page

    def call(self, function: str, workspace: str, path: str) -> _Page:
        """The answer of a function of the server that takes a workspace."""
        import uuid

        answer = self.client.get(
            "/_server",
            params={"id": function, "args": json.dumps([workspace])},
            headers={
                "X-Server-Id": function,
                "X-Server-Instance": f"server-fn:{uuid.uuid4()}",
                "Origin": _ORIGIN,
                "Referer": _ORIGIN + path,
                "Accept": "text/javascript, application/json;q=0.9, */*;q=0.8",
            },
            timeout_s=self._timeout_s(brief=True),
        )
        if answer.status == 404:
            raise PayloadError("server: the console no longer has this function (404)")
        _check(answer, self.client.ask.descriptor)
        return _page(answer, path)

    def _timeout_s(self, *, brief: bool) -> float:
        # Never all the time that is left: one that hangs would cost what the others say.
        half = self.client.ask.transport.remaining() / 2
        return min(_ENRICH_S, half) if brief or self.brief else half

    def _is_sign_in(self, url: str) -> bool:
        """Whether an address of the console itself asks to sign in."""
        parts, own = urlsplit(url), urlsplit(self.client.base_url)
        return parts.netloc == own.netloc and "auth" in parts.path.split("/")


def _page(answer: Answer, path: str) -> _Page:
    return _Page(text=answer.body.decode("utf-8", "replace"), at=answer.at, path=path)


def _check(answer: Answer, descriptor: Descriptor) -> None:
    """Raise what a status other than 200 means."""
    if answer.status == 403 and answer.is_html:
        raise blocked(answer)
    if answer.status in (401, 403):
        raise AuthError(
            f"OpenCode refused the cookie ({answer.status}): expired, or signed out", hint=COPY_COOKIE
        )
    if answer.status == 404:
        raise ServiceError(
            "OpenCode's console has no such workspace, or none for this cookie (404)", hint=_NAME_WORKSPACE
        )
    if answer.status != 200:
        raise usual_error(answer, descriptor)


def blocked(answer: Answer) -> Unavailable:
    """A 403 with a web page: something in between speaks, and says nothing of the credential."""
    return Unavailable(f"{answer.host} answered with a web page (403)", hint="try again later")


def _signed_out() -> AuthError:
    return AuthError("OpenCode asks to sign in: the cookie has expired", hint=COPY_COOKIE)
