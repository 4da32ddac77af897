"""An access token of Google's, made in memory from a login; nothing is written.

Google does not rotate these refresh tokens, so that asking for a token logs nobody out.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from usagecli import programs, wire
from usagecli.credentials import Secret
from usagecli.errors import AuthError, NotConfigured, PayloadError, ProviderError, ServiceError, Unavailable
from usagecli.providers import _google
from usagecli.providers._gemini.errors import rate_limited
from usagecli.providers._vertexai.credentials import ACCOUNT, SIGN_IN, TOKEN, USER
from usagecli.providers._web import web_page
from usagecli.urls import check_base_url

if TYPE_CHECKING:
    from usagecli.client import Answer, Ask

_TOKEN_URL = f"{_google.HOST}{_google.PATH}"
_SCOPE = "https://www.googleapis.com/auth/monitoring.read"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LIFETIME_S = 600
_GCLOUD_S = 15.0
_PACKAGE = "pip install 'usagecli[vertexai]'"


def access_token(ask: Ask) -> Secret:
    """A token for Cloud Monitoring.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    credential = ask.credential
    if credential.kind == TOKEN:
        return credential.secret
    if credential.kind == USER:
        form = {name: credential.others[name].reveal() for name in ("client_id", "client_secret")}
        form |= {"refresh_token": credential.secret.reveal(), "grant_type": "refresh_token"}
        return _asked(ask, _TOKEN_URL, form)
    if credential.kind == ACCOUNT:
        url = credential.facts.get("token_uri") or _TOKEN_URL
        assertion = _signed(ask, url)
        if assertion is not None:
            return _asked(ask, url, {"grant_type": _GRANT, "assertion": assertion.reveal()})
    return _from_gcloud(ask)


def _asked(ask: Ask, url: str, form: Mapping[str, str]) -> Secret:
    try:
        parts = urlsplit(check_base_url(url))
    except ValueError as error:
        raise ServiceError(
            f"token_uri of {ask.credential.origin} {error}", hint="download the key again"
        ) from None
    host = urlunsplit((parts.scheme, parts.netloc, "", "", ""))
    return _google.exchanged(ask, form, _judge, host=host, path=parts.path)[0]


def _judge(answer: Answer) -> ProviderError | None:
    if answer.status == 429:
        return rate_limited(answer)
    if answer.status not in (400, 401, 403):
        return None
    blocked = web_page(answer)
    if blocked is not None:
        return blocked
    try:
        why = wire.as_text(wire.as_mapping(answer.json()).get("error"))
    except PayloadError:
        why = None
    return AuthError(f"Google gave no token for the login ({why or answer.status})", hint=SIGN_IN)


def _from_gcloud(ask: Ask) -> Secret:
    """What gcloud makes of the file that it would take itself."""
    credential = ask.credential
    done = None
    if credential.facts["default"]:
        timeout_s = max(0.1, min(_GCLOUD_S, ask.transport.remaining()))
        words = ("auth", "application-default", "print-access-token")
        done = programs.output(ask.machine, "gcloud", *words, timeout_s=timeout_s)
    if done is None:
        raise NotConfigured(
            f"{credential.origin} needs a program to make a token of it",
            hint=f"install gcloud, or: {_PACKAGE}",
        )
    if done.code is None:
        raise Unavailable("gcloud did not give a token in time", hint="run it by hand to see why")
    token = done.text.strip()
    if done.code != 0 or not token or len(token.split()) != 1:
        raise AuthError("gcloud gave no token for the application default credentials", hint=SIGN_IN)
    return Secret(token)


# -- a service account's own signature ----------------------------------------------------------------


def _signed(ask: Ask, audience: str) -> Secret | None:
    """The JWT that proves a service account; None without the package that signs. Raises ServiceError."""
    try:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        return None
    credential = ask.credential
    try:
        key = load_pem_private_key(credential.secret.reveal().encode(), None)
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ServiceError(f"{credential.origin} holds no usable private_key", hint="download its key again")
    issued = int(ask.now().timestamp())
    head = {"alg": "RS256", "typ": "JWT", "kid": credential.facts.get("key_id")}
    claims = {
        "iss": credential.facts["email"],
        "scope": _SCOPE,
        "aud": audience,
        "iat": issued,
        "exp": issued + _LIFETIME_S,
    }
    text = f"{_part(head)}.{_part(claims)}"
    signature = key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return Secret(f"{text}.{_encoded(signature)}")


def _part(body: Mapping[str, Any]) -> str:
    return _encoded(json.dumps(body, separators=(",", ":")).encode())


def _encoded(data: bytes) -> str:
    return binascii.b2a_base64(data, newline=False).decode().rstrip("=").replace("+", "-").replace("/", "_")
