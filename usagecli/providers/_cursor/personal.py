"""One person's account: the website's summary and what stands beside it, else the editor's own API."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from usagecli import wire
from usagecli.client import Answer, Ask, Client, usual_error
from usagecli.credentials import Credential
from usagecli.errors import AuthError, ProviderError, RateLimited, Unavailable
from usagecli.model import Usage
from usagecli.providers._cursor import usage
from usagecli.providers._cursor.credentials import JWT, RENEW
from usagecli.providers._cursor.period import as_summary

_RPC = "https://api2.cursor.sh"
_SERVICE = "/aiserver.v1.DashboardService/"
_ORIGIN = "https://cursor.com"
# What a sign-in page's host or path holds.
_SIGN_IN = ("login", "signin", "sign-in", "authenticator", "authkit", "authorize", "workos")


@dataclass(slots=True, kw_only=True)
class Account:
    """One credential at work; `notes` say what could not be read."""

    ask: Ask
    credential: Credential
    notes: list[str] = field(default_factory=list)

    def read(self) -> Usage:
        """The account's usage. Raises AuthError, RateLimited, Unavailable, PayloadError."""
        try:
            body = self._summary()
        except (AuthError, RateLimited):
            raise
        except ProviderError as error:
            return self._of_rpc(error)
        me = wire.as_mapping(self._optional("/api/auth/me"))
        user = self.credential.account_id or _user_id(me)
        extras = usage.Extras(
            requests=self._optional("/api/usage", "an older plan's requests", {"user": user})
            if user
            else None,
            grok=self._grok(),
            grants=self._call("GetCreditGrantsBalance", "credit grants"),
            stripe=self._optional("/api/auth/stripe", "the prepaid balance"),
        )
        return usage.parse(
            body,
            extras=extras,
            account=wire.as_text(me.get("email")) or self.credential.facts.get("email"),
            source="oauth" if self.credential.kind == "oauth" else "cookie",
            notes=tuple(self.notes),
        )

    # -- the website ------------------------------------------------------------------------------------

    @property
    def _site(self) -> Client:
        return self.ask.client(headers={"Cookie": self.credential.secret.reveal()})

    def _summary(self) -> Any:
        # Should it hang, the other API is still to be asked.
        timeout_s = self.ask.transport.remaining() / 2 if JWT in self.credential.others else None
        answer = self._site.get("/api/usage-summary", timeout_s=timeout_s, moved=self._moved)
        if answer.status != 200:
            raise self._error(answer)
        return usage.checked(answer.json())

    def _moved(self, url: str) -> ProviderError | None:
        parts = urlsplit(url)
        words = f"{parts.hostname or ''}{parts.path}".lower()
        return (
            _refused("asks to sign in", self.credential) if any(word in words for word in _SIGN_IN) else None
        )

    def _error(self, answer: Answer) -> ProviderError:
        if answer.status in (401, 403):
            return _refused(f"refused the session ({answer.status})", self.credential)
        if answer.status == 404:
            return Unavailable(
                "Cursor knows no usage of this account (404): no active subscription, or another account",
                hint="see which account is signed in at cursor.com/dashboard",
            )
        return usual_error(answer, self.ask.descriptor)

    def _optional(self, path: str, what: str | None = None, params: dict[str, str] | None = None) -> Any:
        """A body without which the report still stands; a note, where `what` it says is missed."""
        try:
            return self._site.get_json(path, params=params, timeout_s=self.ask.transport.spare())
        except ProviderError as error:
            self._missed(what, error)
            return None

    def _grok(self) -> Any:
        path, headers = "/api/dashboard/get-sand-usage-status", {"Origin": _ORIGIN}
        try:
            return self._site.post_json(path, {}, headers=headers, timeout_s=self.ask.transport.spare())
        except ProviderError:
            # Few accounts have it.
            return None

    def _missed(self, what: str | None, error: ProviderError) -> None:
        if what is not None:
            self.notes.append(f"{what} could not be read: {error.message}")

    # -- the editor's API -------------------------------------------------------------------------------

    def _rpc(self, method: str, timeout_s: float | None = None) -> Any:
        headers = {
            "Authorization": f"Bearer {self.credential.others[JWT].reveal()}",
            "Connect-Protocol-Version": "1",
        }
        client = self.ask.client(self.ask.service.base_url or _RPC, headers)
        return client.post_json(_SERVICE + method, {}, timeout_s=timeout_s)

    def _call(self, method: str, what: str | None) -> Any:
        """What that API says beside the main figures."""
        if JWT not in self.credential.others:
            return None
        try:
            return self._rpc(method, self.ask.transport.spare())
        except ProviderError as error:
            self._missed(what, error)
            return None

    def _of_rpc(self, failed: ProviderError) -> Usage:
        """The same account by the other API; where that fails too, what the website said."""
        if JWT not in self.credential.others:
            raise failed
        try:
            body = as_summary(self._rpc("GetCurrentPeriodUsage"), self._call("GetPlanInfo", None))
            extras = usage.Extras(grants=self._call("GetCreditGrantsBalance", "credit grants"))
            return usage.parse(
                body,
                extras=extras,
                account=self.credential.facts.get("email"),
                source="oauth",
                notes=(f"read from the editor's API: {failed.message}", *self.notes),
            )
        except ProviderError:
            raise failed from None


def _refused(what: str, credential: Credential) -> AuthError:
    return AuthError(f"Cursor {what}: the login from {credential.origin} has expired or is wrong", hint=RENEW)


def _user_id(me: Any) -> str | None:
    return (wire.as_text(me.get("sub")) or "").rpartition("|")[2] or None
