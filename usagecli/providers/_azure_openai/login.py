"""A token for Azure Resource Manager, of whatever login there is; it is kept for this run only."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from usagecli import wire
from usagecli.client import Ask, retry_at
from usagecli.credentials import Secret
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from usagecli.providers._azure_openai.credentials import az
from usagecli.urls import check_base_url

AUTHORITY = "login.microsoftonline.com"
RESOURCE = "https://management.azure.com"
# The clouds that stand apart: another sign-in, another host to ask.
_RESOURCES = {
    "login.microsoftonline.us": "https://management.usgovcloudapi.net",
    "login.chinacloudapi.cn": "https://management.chinacloudapi.cn",
}
INSTALL = "pip install 'usagecli[azure]'"
AZ_LOGIN = "run: az login"
_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_AZ_TIMEOUT_S = 15.0
_SUBSCRIPTION = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", re.ASCII)
# Entra's numbers for a tenant or a client that is not there; its errors name the rest.
_UNKNOWN_IDS = ("90002", "700016", "900023")
_NEW_SECRET = (
    "give the secret's value, not its id; a new one is made in the Azure portal "  # noqa: S105 - a hint
    "under App registrations, Certificates & secrets"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What management calls are made with. `renew` says how to get a token that works again."""

    token: Secret
    subscription: str
    resource: str
    renew: str


def login(ask: Ask) -> Login:
    """Sign in. Raises NotConfigured, AuthError, RateLimited, Unavailable, PayloadError, ServiceError."""
    authority = _authority(ask)
    resource = _RESOURCES.get(authority.removeprefix("https://"), RESOURCE)
    named, kind = _named_subscription(ask), _kind(ask)
    if kind == "cli":
        token, active = _cli_token(ask, resource, named)
        renew = AZ_LOGIN
    elif kind == "token":
        token, active = ask.credential.secret, ask.credential.facts.get("subscription")
        renew = "give a new token (one of az lasts about an hour), or sign in with: az login"
    else:
        token, active = _application_token(ask, kind, authority, resource), None
        renew = "check the service principal, or sign in with: az login"
    subscription = named or active or _active_subscription(ask)
    if subscription is None:
        raise NotConfigured(
            "the Azure subscription is not given",
            hint="set AZURE_SUBSCRIPTION_ID, or options: {subscription_id: ID} in the config",
        )
    return Login(token=token, subscription=subscription, resource=resource, renew=renew)


def _kind(ask: Ask) -> str:
    """What the secret is. A bare one is a token, but beside the ids of an application its secret."""
    if ask.credential.kind != "bare":
        return ask.credential.kind
    told = {"tenant_id", "client_id"} <= ask.service.options.keys()
    # All tokens of Entra begin so.
    return "client_secret" if told and not ask.credential.secret.reveal().startswith("eyJ") else "token"


def _named_subscription(ask: Ask) -> str | None:
    found: str | None = ask.options.get("subscription_id")
    if found is not None and not _SUBSCRIPTION.fullmatch(found):
        raise ServiceError(
            "subscription_id is not the id of an Azure subscription", hint="see: az account list -o table"
        )
    return found


def _authority(ask: Ask) -> str:
    given = ask.options.get("authority_host") or AUTHORITY
    try:
        return check_base_url(given if "://" in given else f"https://{given}")
    except ValueError as error:
        raise ServiceError(
            f"AZURE_AUTHORITY_HOST {error}", hint=f"correct it, such as {AUTHORITY}, or unset it"
        ) from None


# -- an application -----------------------------------------------------------------------------------


def _application_token(ask: Ask, kind: str, authority: str, resource: str) -> Secret:
    ids = {}
    for name in ("tenant_id", "client_id"):
        found = ask.credential.facts.get(name) or ask.options.get(name)
        if not found:
            raise NotConfigured(
                f"the service principal's {name} is not given",
                hint=f"set AZURE_{name.upper()}, or options: {{{name}: ID}} in the config",
            )
        ids[name] = str(found)
    tenant, client, scope = ids["tenant_id"], ids["client_id"], f"{resource}/.default"
    try:
        import azure.identity  # noqa: F401
    except ImportError:
        raise NotConfigured(
            "azure-identity, which signs in to Azure, is not installed", hint=INSTALL
        ) from None
    # The package refuses what is not https, and so a stand-in on loopback.
    ask_for = _from_identity if authority.startswith("https:") else _from_post
    return ask_for(ask, kind, authority, tenant, client, scope)


def _from_identity(ask: Ask, kind: str, authority: str, tenant: str, client: str, scope: str) -> Secret:
    """Through azure-identity, over a session of ours: with its trust store, proxies and redirects."""
    import logging

    from azure.core.exceptions import (
        ClientAuthenticationError,
        ServiceRequestError,
        ServiceResponseError,
    )
    from azure.core.pipeline.transport import RequestsTransport
    from azure.identity import ClientAssertionCredential, ClientSecretCredential

    # It would print what it is refused, bodies included.
    logging.getLogger("azure").addHandler(logging.NullHandler())
    session, answers = ask.transport.session(), list[Any]()
    # Its errors do not tell a refusal from an outage, but the answers do.
    session.hooks["response"] = [lambda answer, **_: answers.append(answer)]
    left = max(ask.transport.remaining(), 0.1)
    told: dict[str, Any] = {
        "authority": authority,
        # Otherwise another host would be asked whether this one is to be trusted.
        "disable_instance_discovery": True,
        "retry_total": 0,
        "connection_timeout": min(8.0, left),
        "read_timeout": min(15.0, left),
        "transport": RequestsTransport(session=session, session_owner=False),
    }
    text = ask.credential.secret.reveal()
    host = authority.removeprefix("https://")
    try:
        with session:
            if kind == "federated":
                found = ClientAssertionCredential(tenant, client, lambda: text, **told).get_token(scope)
            else:
                found = ClientSecretCredential(tenant, client, text, **told).get_token(scope)
    except ClientAuthenticationError as error:
        unanswered = isinstance(error.__cause__, (ServiceRequestError, ServiceResponseError))
        if unanswered or not answers:
            raise Unavailable(f"no answer from {host}", hint="check the network, then try again") from None
        last = answers[-1]
        until = retry_at(last.headers.get("Retry-After", ""), ask.now())
        raise _refusal(kind, last.status_code, last.text, host, until) from None
    except ValueError:
        raise ServiceError(
            "tenant_id is not the id of a Microsoft Entra tenant", hint="correct AZURE_TENANT_ID"
        ) from None
    return Secret(found.token)


def _from_post(ask: Ask, kind: str, authority: str, tenant: str, client: str, scope: str) -> Secret:
    form = {"grant_type": "client_credentials", "client_id": client, "scope": scope}
    text = ask.credential.secret.reveal()
    if kind == "federated":
        form |= {"client_assertion_type": _ASSERTION, "client_assertion": text}
    else:
        form["client_secret"] = text
    answer = ask.client(authority).post(
        f"/{quote(tenant, safe='')}/oauth2/v2.0/token",
        urlencode(form).encode(),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )
    if answer.status != 200 or answer.is_html:
        said = answer.body.decode("utf-8", "replace")
        raise _refusal(kind, answer.status, said, answer.host, answer.retry_at)
    token = wire.mapping(answer.json(), "body").get("access_token")
    if not isinstance(token, str) or not token:
        raise PayloadError("access_token: expected a text")
    return Secret(token)


def _refusal(kind: str, status: int, said: str, host: str, until: datetime | None) -> ProviderError:
    """What an answer of the token endpoint, or of the tenant's description before it, means."""
    number = re.search(r"AADSTS(\d{1,9})", said)
    code = f"AADSTS{number[1]}" if number else str(status)
    if status == 429:
        return RateLimited(f"{host} asked us to wait (429)", retry_at=until)
    if status not in (400, 401, 403) or said.lstrip().startswith("<"):
        if 200 <= status < 500 and not said.lstrip().startswith("<"):
            return PayloadError(f"body: {host} answered {status} without a token")
        return Unavailable(f"{host} has a problem of its own ({status})", hint="try again later")
    if (number and number[1] in _UNKNOWN_IDS) or '"unauthorized_client"' in said:
        return AuthError(
            f"Microsoft Entra knows no such tenant or client ({code})",
            hint="correct AZURE_TENANT_ID and AZURE_CLIENT_ID",
        )
    if kind == "federated":
        return AuthError(
            f"Microsoft Entra refused the workload's token ({code})",
            hint="check AZURE_FEDERATED_TOKEN_FILE and the federated credential of the application",
        )
    return AuthError(
        f"Microsoft Entra refused the client secret ({code}): it is wrong or has expired", hint=_NEW_SECRET
    )


# -- the Azure CLI ------------------------------------------------------------------------------------


def _cli_token(ask: Ask, resource: str, subscription: str | None) -> tuple[Secret, str | None]:
    """The token, and the subscription that it was made for."""
    words = ["account", "get-access-token", "--output", "json", "--resource", f"{resource}/"]
    said = _az(ask, [*words, *(["--subscription", subscription] if subscription else [])])
    try:
        body = wire.as_mapping(json.loads(said))
    except (ValueError, RecursionError):
        body = {}
    token = body.get("accessToken")
    if not isinstance(token, str) or not token:
        raise PayloadError("accessToken: az printed no token")
    return Secret(token), wire.as_text(body.get("subscription"))


def _active_subscription(ask: Ask) -> str | None:
    """The default of the Azure CLI, where there is one."""
    if az(ask.machine) is None:
        return None
    try:
        found = _az(ask, ["account", "show", "--query", "id", "-o", "tsv"]).strip()
    except ProviderError:
        return None
    return found if _SUBSCRIPTION.fullmatch(found) else None


def _az(ask: Ask, words: list[str]) -> str:
    """What the Azure CLI prints. Raises AuthError, ServiceError."""
    by_hand = f"run it by hand: az {' '.join(words[:2])}"
    try:
        done = subprocess.run(  # noqa: S603 - found on the PATH, and no shell
            [az(ask.machine) or "az", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=max(min(_AZ_TIMEOUT_S, ask.transport.remaining()), 0.1),
            env={**ask.machine.env, "AZURE_CORE_NO_COLOR": "true"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ServiceError("the Azure CLI did not answer in time", hint=by_hand) from None
    except OSError as error:
        raise ServiceError(
            f"the Azure CLI cannot be run: {error.strerror or type(error).__name__}", hint=by_hand
        ) from None
    if done.returncode == 0:
        return done.stdout.decode("utf-8", "replace")
    said = done.stderr.decode("utf-8", "replace")
    if "az login" in said or "AADSTS" in said:
        raise AuthError("the Azure CLI is not signed in, or its login is over", hint=AZ_LOGIN)
    raise ServiceError(f"the Azure CLI failed with exit code {done.returncode}", hint=by_hand)
