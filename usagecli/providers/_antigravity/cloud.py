"""Antigravity's cloud, asked with the login: the summary of the pools, else its models. Not documented.

Of the two hosts the second shows these accounts a frozen view: it is asked only where the first
cannot be reached, and never for a second opinion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from usagecli.client import Answer, usual_error
from usagecli.errors import AuthError, PayloadError, ProviderError, Unavailable
from usagecli.model import Quota, Usage
from usagecli.providers._antigravity import usage
from usagecli.providers._antigravity.credentials import RENEW
from usagecli.providers._antigravity.login import Login, Refused
from usagecli.providers._gemini.errors import rate_limited
from usagecli.providers._gemini.usage import project_of

if TYPE_CHECKING:
    from usagecli.client import Ask

DAILY, PRODUCTION = "https://daily-cloudcode-pa.googleapis.com", "https://cloudcode-pa.googleapis.com"
_FROZEN = "the usual host cannot be reached; the figures of the other one may be out of date"
_METADATA = {"ideType": "ANTIGRAVITY", "platform": "PLATFORM_UNSPECIFIED", "pluginType": "GEMINI"}


class _NotFound(PayloadError):
    """A 404: the host does not know this request."""


@dataclass(slots=True)
class Cloud:
    """One login and the hosts that it may ask."""

    ask: Ask
    login: Login = field(init=False)
    notes: list[str] = field(default_factory=list)
    _hosts: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.login = Login(self.ask)
        given = self.ask.service.base_url
        self._hosts = [given] if given else [DAILY, PRODUCTION]

    def read(self) -> Usage:
        """The account's usage. Raises AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
        loaded = self._load()
        project = project_of(loaded, None) or self.ask.credential.facts.get("project")
        body = {"project": project} if project else {}
        quotas = self._quotas(body, loaded)
        return usage.report(quotas, loaded=loaded, account=self.login.email, notes=tuple(self.notes))

    def _load(self) -> Any:
        """Plan, credits and project, without which the quotas still stand."""
        try:
            return self._call("loadCodeAssist", {"metadata": _METADATA}, enriches=True)
        except ProviderError as error:
            # The same token would be refused again.
            if isinstance(error, Refused) and error.status == 401:
                raise
            self.notes.append(f"plan and credits could not be read: {error.message}")
            # The editor's own record knows the plan too.
            return {"paidTier": self.ask.credential.facts.get("tier")}

    def _quotas(self, body: Any, loaded: Any) -> tuple[Quota, ...]:
        try:
            answer = self._asked("retrieveUserQuotaSummary", body)
        except _NotFound as error:
            # An older backend. Otherwise a refusal is final.
            return self._pools(body, loaded, error)
        try:
            return usage.summary(answer.json())
        except PayloadError as error:
            return self._pools(body, loaded, error)

    def _pools(self, body: Any, loaded: Any, failed: PayloadError) -> tuple[Quota, ...]:
        """The pools without the summary, whose failure it raises where there is nothing else."""
        left = self._models(body, failed)
        if not left:
            raise failed
        return usage.pools(left, paid=usage.is_paid(loaded))

    def _models(self, body: Any, failed: ProviderError) -> dict[str, usage.Left]:
        """What is left of the pools by their models."""
        try:
            left = usage.models(self._call("fetchAvailableModels", body))
        except Refused as error:
            if error.status != 403:
                raise
            return usage.buckets(self._call("retrieveUserQuota", body))
        except PayloadError:
            raise failed from None
        if left and all(fraction == 1 for fraction, _ in left.values()):
            # All full is often said of what was not counted here.
            left |= self._buckets(body)
        return left

    def _buckets(self, body: Any) -> dict[str, usage.Left]:
        try:
            return usage.buckets(self._call("retrieveUserQuota", body, enriches=True))
        except ProviderError:
            return {}

    # -- a call -----------------------------------------------------------------------------------------

    def _call(self, method: str, body: Any, *, enriches: bool = False) -> Any:
        return self._asked(method, body, enriches=enriches).json()

    def _asked(self, method: str, body: Any, *, enriches: bool = False) -> Answer:
        return self.login.read(lambda headers: self._send(method, body, headers, enriches=enriches))

    def _send(self, method: str, body: Any, headers: dict[str, str], *, enriches: bool) -> Answer:
        answer = self._answer(method, body, headers, enriches=enriches)
        if answer.status != 200:
            raise _error(answer) or usual_error(answer, self.ask.descriptor)
        return answer

    def _answer(self, method: str, body: Any, headers: dict[str, str], *, enriches: bool) -> Answer:
        while True:
            transport = self.ask.transport
            # Should the first host hang, the second is still to be asked.
            whole = transport.spare() if enriches else transport.remaining()
            client = self.ask.client(self._hosts[0], headers)
            try:
                return client.post(f"/v1internal:{method}", body, timeout_s=whole / len(self._hosts))
            except Unavailable:
                if len(self._hosts) == 1:
                    raise
                self._hosts.pop(0)
                self.notes.append(_FROZEN)


def _error(answer: Answer) -> ProviderError | None:
    if answer.status in (401, 403):
        refused = Refused(f"Google refused Antigravity's login ({answer.status})", hint=RENEW)
        refused.status = answer.status
        return refused
    if answer.status == 404:
        return _NotFound(
            f"{answer.host} does not know this request (404)",
            hint="check base_url, or look for a newer usagecli",
        )
    if answer.status in (408, 429):
        return rate_limited(answer)
    return None


def locked(origin: str) -> AuthError:
    """What a keyring that does not open means."""
    return AuthError(f"the {origin} could not be read", hint="unlock the system's keyring, then try again")
