"""The AWS services that report on Bedrock, asked through boto3 within the deadline of the run.

The only module, with that of its errors, that imports boto3: an extra, and slow to import. Its chain
of credentials is used as it is, but no login of another program is renewed or written.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import Any, NoReturn

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.session import Session

from usagecli.client import Ask
from usagecli.credentials import Secret
from usagecli.errors import AuthError, NotConfigured, PayloadError, ServiceError
from usagecli.providers._bedrock.errors import RAISED, Caller, Operation, late, sign_in_error, translated
from usagecli.urls import check_base_url

_CONNECT_S, _READ_S = 5.0, 15.0

QUOTAS = Operation(
    client="service-quotas",
    method="list_service_quotas",
    title="Service Quotas",
    action="servicequotas:ListServiceQuotas",
)
METRICS = Operation(
    client="cloudwatch", method="list_metrics", title="CloudWatch", action="cloudwatch:ListMetrics"
)
VALUES = Operation(
    client="cloudwatch", method="get_metric_data", title="CloudWatch", action="cloudwatch:GetMetricData"
)
# AWS bills every page of it.
COST = Operation(
    client="ce",
    method="get_cost_and_usage",
    title="Cost Explorer",
    action="ce:GetCostAndUsage",
    next_page="NextPageToken",
    most=10,
)
BUDGETS = Operation(
    client="budgets", method="describe_budgets", title="AWS Budgets", action="budgets:ViewBudget"
)
IDENTITY = Operation(client="sts", method="get_caller_identity", title="STS", action="sts:GetCallerIdentity")
_SIGN_IN = Operation(client="sts", method="", title="the AWS sign-in", action="sts:AssumeRole")


class Aws:
    """One account in one Region. Its making and its methods raise ProviderError."""

    def __init__(self, ask: Ask, renew: str) -> None:
        self._ask = ask
        profile = ask.service.options.get("profile")
        self._caller = Caller(
            profile=profile or _profile(ask) or "default", renew=renew, clock=ask.machine.clock
        )
        try:
            core = Session(profile=profile, session_vars=_variables(ask))
            core.set_default_client_config(self._limits(2, ask.transport.remaining()))
            self.region = _region(core, ask)
            # Before the sign-in, which asks AWS itself for the credentials of a role.
            self._session = boto3.Session(botocore_session=core, region_name=self.region or None)
            self._sign_in(core)
        except RAISED as error:
            raise sign_in_error(error, _SIGN_IN, self._caller) from None
        if not self.region:
            raise NotConfigured(
                "no AWS Region is given",
                hint="set AWS_REGION, or options: {region: us-east-1} in the config",
            )

    def pages(self, operation: Operation, *, enrich: bool = False, **parameters: Any) -> list[Any]:
        """All pages of an answer. `enrich`: the report stands without it, so it is given less time."""
        left = self._ask.transport.remaining()
        if left <= 0:
            raise late(operation)
        # Never all the time that is left: one that hangs would cost the figures that are already here.
        until = monotonic() + (left / 2 if enrich else left)
        limits = self._limits(1, left / 4) if enrich else self._limits(2, left)
        try:
            client = self._session.client(
                operation.client, config=limits, endpoint_url=self._ask.service.base_url
            )
            with closing(client):
                _check_endpoint(client.meta.endpoint_url, operation)
                return _all_pages(getattr(client, operation.method), parameters, operation, until)
        except RAISED as error:
            raise translated(error, operation, self._caller) from None

    def _limits(self, attempts: int, longest_s: float) -> Config:
        """Timeouts and tries of a client: one that may retry costs at most twice both."""
        longest_s = max(longest_s, 0.1)
        return Config(
            retries={"total_max_attempts": attempts},
            connect_timeout=min(_CONNECT_S, longest_s),
            read_timeout=min(_READ_S, longest_s),
            # An empty map is no proxy at all, where botocore would look into the environment.
            proxies=None if self._ask.transport.trust_env else {},
        )

    def _sign_in(self, core: Session) -> None:
        """Make the session's credentials those of the service; their texts are secrets from here on."""
        credential = self._ask.credential
        if credential.kind == "keys":
            token = credential.others.get("session_token")
            core.set_credentials(
                credential.others["access_key_id"].reveal(),
                credential.secret.reveal(),
                token.reveal() if token else None,
            )
        core.register("before-call.sso-oidc.CreateToken", _refuse_renewal)
        core.register("before-call.signin.CreateOAuth2Token", _refuse_renewal)
        found = core.get_credentials()
        profile = self._caller.profile
        if found is None:
            raise NotConfigured(
                f"AWS profile {profile} has no credentials",
                hint="usagecli providers bedrock says how to give them",
            )
        if found.method in ("sso", "login"):
            command = "aws sso login" if found.method == "sso" else "aws login"
            self._caller = replace(self._caller, renew=f"run: {command} --profile {profile}")
        if found.method == "assume-role" and core.get_scoped_config().get("mfa_serial"):
            # boto3 would wait for the code on the terminal.
            raise AuthError(
                f"AWS profile {profile} asks for an MFA code, which usagecli does not",
                hint="in the config: credential: {command: aws configure export-credentials "
                f"--profile {profile}}}",
            )
        frozen = found.get_frozen_credentials()
        for text in (frozen.access_key, frozen.secret_key, frozen.token):
            if text:
                Secret(text)


def _all_pages(call: Any, parameters: dict[str, Any], operation: Operation, until: float) -> list[Any]:
    found: list[Any] = []
    while len(found) < operation.most:
        if monotonic() >= until:
            raise late(operation)
        page = call(**parameters)
        found.append(page)
        token = page.get(operation.next_page)
        if not token:
            return found
        parameters[operation.next_page] = token
    raise PayloadError(f"{operation.next_page}: {operation.title} gives pages without end")


def _variables(ask: Ask) -> dict[str, tuple[None, None, str | None, None]]:
    """What boto3 would look up by itself, from the machine of the run: config key, variable, value, type."""
    machine = ask.machine

    def fixed(value: str | None) -> tuple[None, None, str | None, None]:
        return None, None, value, None

    return {
        "profile": fixed(_profile(ask)),
        "config_file": fixed(machine.expand(machine.get("AWS_CONFIG_FILE") or "~/.aws/config")),
        "credentials_file": fixed(
            machine.expand(machine.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials")
        ),
    }


def _profile(ask: Ask) -> str | None:
    """The profile that the environment names; keys of the config are of none."""
    if ask.credential.kind == "keys":
        return None
    return ask.machine.get("AWS_DEFAULT_PROFILE") or ask.machine.get("AWS_PROFILE")


def _region(core: Session, ask: Ask) -> str:
    # boto3 itself reads only the second of the two variables.
    given = ask.options.get("region") or ask.machine.get("AWS_DEFAULT_REGION")
    return str(given or core.get_scoped_config().get("region") or "")


def _check_endpoint(url: str, operation: Operation) -> None:
    """An endpoint may also come from AWS_ENDPOINT_URL or ~/.aws/config."""
    try:
        check_base_url(url)
    except ValueError as error:
        raise ServiceError(
            f"the endpoint of {operation.title} {error}", hint="correct base_url or AWS_ENDPOINT_URL"
        ) from None


def _refuse_renewal(**_: Any) -> NoReturn:
    # boto3 would write the new login into the other program's file; it goes on with the old one.
    raise ClientError({"Error": {"Code": "ExpiredTokenException"}}, "CreateToken")
