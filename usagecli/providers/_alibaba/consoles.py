"""How Alibaba's consoles are asked: with `bl`'s login, with a key, with a cookie of Qwen Cloud."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode, urlsplit

from usagecli import wire
from usagecli.client import Answer, Ask, Client, Judge
from usagecli.credentials import Secret
from usagecli.errors import AuthError, PayloadError, ProviderError, ServiceError
from usagecli.model import Usage
from usagecli.providers._alibaba.answers import holding, refusal
from usagecli.providers._alibaba.credentials import SIGN_IN
from usagecli.providers._alibaba.usage import has_shares, parse_coding_plan, parse_credits, parse_token_plan
from usagecli.providers._web import BROWSER, cookies

_PERSONAL = "zeldaHttp.apikeyMgr./tokenplan/personal/api/v2/"
_CHINESE, _INTERNATIONAL = "BroadScopeAspnGateway", "IntlBroadScopeAspnGateway"
# Region and site of a login -> host and action.
_GATEWAYS = {
    ("cn-beijing", "domestic"): ("bailian-cs.console.aliyun.com", _CHINESE),
    ("cn-beijing", "international"): ("bailian-cs.console.alibabacloud.com", _CHINESE),
    ("ap-southeast-1", "domestic"): ("modelstudio-cs.console.aliyun.com", _INTERNATIONAL),
    ("ap-southeast-1", "international"): ("bailian-singapore-cs.alibabacloud.com", _INTERNATIONAL),
}
_REGION, _SITE = "cn-beijing", "domestic"
_CODING_PREFIX, _CODING_API = "zeldaEasy.broadscope-bailian.codingPlan.", "queryCodingPlanInstanceInfoV2"
_PRODUCT_IN_CHINA, _PRODUCT_ABROAD = "sfm_codingplan_public_cn", "sfm_codingplan_public_intl"
_LOGIN_PRODUCTS = {"domestic": _PRODUCT_IN_CHINA, "international": _PRODUCT_ABROAD}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# -- a token plan, with bl's login ------------------------------------------------------------------


def by_login(ask: Ask) -> Usage:
    """Read a token plan and, best effort, its subscription; a coding plan where there is no token plan."""
    facts = ask.credential.facts
    region = ask.options.get("console_region") or facts.get("region") or _REGION
    site = ask.options.get("console_site") or facts.get("site") or _SITE
    found = _GATEWAYS.get((region, site))
    if found is None:
        raise ServiceError(
            "region and site of the console are not known to have a gateway",
            hint="correct console_region (cn-beijing, ap-southeast-1) and console_site "
            "(domestic, international)",
        )
    host, action = found
    token = ask.credential.secret.reveal()
    client = ask.client(ask.service.base_url or f"https://{host}", {"Authorization": f"Bearer {token}"})

    def read(api: str, more: Mapping[str, Any] | None = None, timeout_s: float | None = None) -> Any:
        form = {"params": _params(api, {**_CORNERSTONE, **_agent(facts)}, more), "region": region}
        query = urlencode({"action": action, "product": "sfm_bailian", "api": api})
        return _read(client, f"/cli/api.json?{query}", form, SIGN_IN, timeout_s)

    usage = read(f"{_PERSONAL}usage")
    subscription, notes = _optional(lambda: read(f"{_PERSONAL}subscription", timeout_s=ask.transport.spare()))
    try:
        return parse_token_plan(usage, subscription=subscription, notes=notes)
    except PayloadError as error:
        if has_shares(usage):
            raise
        # No token plan at all: the login reads a coding plan too.
        wanted = {"commodityCode": _LOGIN_PRODUCTS[site], "onlyLatestOne": True}
        try:
            found = read(f"{_CODING_PREFIX}{_CODING_API}", {"queryCodingPlanInstanceInfoRequest": wanted})
            return replace(parse_coding_plan(found), source="oauth")
        except ProviderError:
            raise error from None


_CORNERSTONE: dict[str, Any] = {
    "protocol": "V2",
    "console": "ONE_CONSOLE",
    "productCode": "p_efm",
    "switchUserType": 3,
    "consoleSite": "BAILIAN_ALIYUN",
}


def _agent(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {} if facts.get("agent") is None else {"switchAgent": facts["agent"]}


def _params(api: str, cornerstone: Mapping[str, Any], more: Mapping[str, Any] | None = None) -> str:
    return json.dumps({"Api": api, "V": "1.0", "Data": {**(more or {}), "cornerstoneParam": cornerstone}})


def _read(client: Client, path: str, form: Mapping[str, str], hint: str, timeout_s: float | None) -> Any:
    """The body of a success. An envelope may refuse with any status."""
    data = urlencode(form).encode()
    body = client.post_json(path, data, headers=_FORM, timeout_s=timeout_s, judge=_judge(hint))
    error = refusal(body, hint)
    if error is not None:
        raise error
    return body


def _judge(hint: str) -> Judge:
    def judge(answer: Answer) -> ProviderError | None:
        if answer.status not in (400, 401, 403):
            return None
        told = _told(answer, hint)
        if told is not None or answer.status == 400:
            return told
        return AuthError(f"Alibaba does not accept the credential ({answer.status})", hint=hint)

    return judge


def _told(answer: Answer, hint: str) -> ProviderError | None:
    """The refusal in the body of an error: it may name the permission that is missing."""
    try:
        found = refusal(answer.json(), hint)
    except PayloadError:
        return None
    return found if isinstance(found, AuthError) else None


def _optional(read: Callable[[], Any]) -> tuple[Any, tuple[str, ...]]:
    try:
        return read(), ()
    except ProviderError as error:
        return None, (f"the subscription could not be read: {error.message}",)


# -- a coding plan, with a key ----------------------------------------------------------------------

# Host, region and product of the two sites.
_SITES = (
    ("modelstudio.console.alibabacloud.com", "ap-southeast-1", _PRODUCT_ABROAD),
    ("bailian.console.aliyun.com", "cn-beijing", _PRODUCT_IN_CHINA),
)
_REFUSED_KEY = f"Alibaba often refuses keys; {SIGN_IN}"


def by_key(ask: Ask) -> Usage:
    """Read a coding plan at the international site, else at the Chinese one. The first failure is told."""
    given = ask.service.base_url
    if given:
        host = urlsplit(given).hostname
        site = next((site for site in _SITES if site[0] == host), _SITES[0])
        return _coding_plan(ask, given, site)
    first, second = _SITES
    try:
        return _coding_plan(ask, f"https://{first[0]}", first, ask.transport.remaining() / 2)
    except ProviderError as error:
        try:
            return _coding_plan(ask, f"https://{second[0]}", second)
        except ProviderError:
            raise error from None


def _coding_plan(
    ask: Ask, base_url: str, site: tuple[str, str, str], timeout_s: float | None = None
) -> Usage:
    _, region, product = site
    key = ask.credential.secret.reveal()
    client = ask.client(
        base_url, {"Authorization": f"Bearer {key}", "x-api-key": key, "X-DashScope-API-Key": key}
    )
    query = urlencode(
        {
            "action": f"{_CODING_PREFIX}{_CODING_API}",
            "product": "broadscope-bailian",
            "api": _CODING_API,
            "currentRegionId": region,
        }
    )
    body = client.post_json(
        f"/data/api.json?{query}",
        {"queryCodingPlanInstanceInfoRequest": {"commodityCode": product}},
        timeout_s=timeout_s,
        judge=_judge(_REFUSED_KEY),
    )
    error = refusal(body, _REFUSED_KEY)
    if error is not None:
        raise error
    return parse_coding_plan(body)


# -- Qwen Cloud, with a cookie ----------------------------------------------------------------------

_QWEN = "https://home.qwencloud.com"
_QWEN_PRODUCT = "sfm_tokenplansolo_public_intl"
_COPY = "copy the cookie of home.qwencloud.com again from a browser that is signed in"
_QWEN_CORNERSTONE = {
    "protocol": "V2",
    "console": "ONE_CONSOLE",
    "productCode": "p_efm",
    "consoleSite": "QWENCLOUD",
    "domain": "home.qwencloud.com",
}


def by_cookie(ask: Ask) -> Usage:
    """Read Qwen Cloud's token plan: its shares, else the credits of its subscription."""
    header = ask.credential.secret.reveal()
    known = cookies(header)
    csrf = known.get("login_aliyunid_csrf") or known.get("csrf")
    headers = {
        "Cookie": header,
        "Origin": _QWEN,
        "Referer": f"{_QWEN}/billing/subscription/token-plan-individual",
        "User-Agent": BROWSER,
        **({"x-xsrf-token": csrf, "x-csrf-token": csrf} if csrf else {}),
    }
    client = ask.client(ask.service.base_url or _QWEN, headers)
    token = known.get("sec_token") or _session_token(client)

    def read(query: Mapping[str, str], params: str, timeout_s: float | None = None) -> Any:
        form = {**query, "sec_token": token, "region": "ap-southeast-1", "language": "en-US"}
        form["params"] = params
        return _read(client, f"/data/api.json?{urlencode(query)}", form, _COPY, timeout_s)

    def personal(what: str, more: Mapping[str, Any], timeout_s: float | None = None) -> Any:
        api = f"{_PERSONAL}{what}"
        query = {"action": _INTERNATIONAL, "product": "sfm_bailian", "api": api}
        return read(query, _params(api, _QWEN_CORNERSTONE, more), timeout_s)

    usage = personal("usage", {})
    if not has_shares(usage):
        query = {"action": "GetSubscriptionSummary", "product": "BssOpenAPI-V3"}
        return parse_credits(read(query, json.dumps({"productCode": _QWEN_PRODUCT})))
    subscription, notes = _optional(
        lambda: personal("subscription", {"commodityCode": _QWEN_PRODUCT}, ask.transport.spare())
    )
    return parse_token_plan(usage, subscription=subscription, notes=notes, source="cookie")


def _session_token(client: Client) -> str:
    """The token that the console sends beside the cookie. Raises AuthError where there is none."""
    body = client.get_json("/tool/user/info.json", judge=_judge(_COPY))
    error = refusal(body, _COPY)
    if error is not None:
        raise error
    wire.mapping(body, "body")
    found = holding(body, "secToken", "sec_token")
    token = wire.as_text(wire.first(found, "secToken", "sec_token"))
    if token is None:
        raise AuthError("Qwen Cloud's console knows no session of this cookie", hint=_COPY)
    # Now the log masks it.
    Secret(token)
    return token
