"""What boto3 raises -> one of our errors. Messages are made of services, IAM actions and codes only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from usagecli import wire
from usagecli.client import retry_at
from usagecli.errors import (
    AuthError,
    NotConfigured,
    PayloadError,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)

# The last row: parsers of botocore raise whatever comes when an answer has another shape than its
# model, and so do its readers of files and programs.
RAISED = (
    boto.ClientError,
    boto.BotoCoreError,
    ResponseParserError,
    *(ValueError, TypeError, AttributeError, LookupError, RuntimeError, ArithmeticError, OSError),
)
_REFUSED = (
    "UnrecognizedClientException",
    "InvalidClientTokenId",
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "ExpiredTokenException",
    "ExpiredToken",
)
_FORBIDDEN = ("AccessDeniedException", "AccessDenied")
_THROTTLED = ("TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException")
_NETWORK = "check the network, then try again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One call: boto3's names for it, and the IAM action that allows it.

    `next_page` names the next page in an answer and in the request for it; `most` bounds the pages.
    """

    client: str
    method: str
    title: str
    action: str
    next_page: str = "NextToken"
    most: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asked and how it signs in: what a message may say, and what it advises."""

    profile: str = "default"
    renew: str = "give other credentials"
    clock: Callable[[], datetime]


def translated(error: Exception, operation: Operation, caller: Caller) -> ProviderError:
    """The error of a call."""
    if isinstance(error, boto.ClientError):
        return _answered(error, operation, caller)
    if isinstance(error, boto.BotoCoreError):
        return _raised(error, operation, caller)
    return PayloadError(f"body: {operation.title} answered in a shape that cannot be read")


def sign_in_error(error: Exception, operation: Operation, caller: Caller) -> ProviderError:
    """The error of finding or exchanging credentials."""
    if isinstance(error, (boto.ClientError, boto.BotoCoreError)):
        return translated(error, operation, caller)
    return ServiceError(
        f"the AWS credentials of profile {caller.profile} cannot be used: {type(error).__name__}",
        hint="run: aws sts get-caller-identity",
    )


def late(operation: Operation) -> Unavailable:
    """Nothing came within the time there was."""
    return Unavailable(
        f"{operation.title} did not answer in time", hint="try again, or give a longer --timeout"
    )


def _answered(error: boto.ClientError, operation: Operation, caller: Caller) -> ProviderError:
    code = wire.as_text(error.response.get("Error", {}).get("Code")) or "no code"
    meta: Mapping[str, object] = error.response.get("ResponseMetadata", {})
    status = wire.as_whole(meta.get("HTTPStatusCode")) or 0
    title = operation.title
    until = retry_at(wire.as_mapping(meta.get("HTTPHeaders")).get("retry-after", ""), caller.clock())
    named = _NAMED.get((operation.client, code))
    if named is not None:
        kind, message, hint = named
        return kind(message, hint=hint)
    if code in _FORBIDDEN:
        action = operation.action
        return AuthError(f"{title} refused: {action} is not allowed", hint=f"allow the IAM action {action}")
    if code in _THROTTLED or status == 429:
        return RateLimited(f"{title} asked us to wait ({code})", retry_at=until)
    # Of an answer that is no JSON, botocore gives the status as the code.
    if status >= 500 or code == "ServiceException":
        return Unavailable(
            f"{title} has a problem of its own ({code})", hint="try again later", retry_at=until
        )
    if code in _REFUSED or status in (401, 403):
        return AuthError(f"{title} refused the AWS credentials ({code})", hint=caller.renew)
    return PayloadError(f"{title} answered {status} ({code})", hint="check base_url and the Region")


_NAMED: Mapping[tuple[str, str], tuple[type[ProviderError], str, str]] = {
    ("service-quotas", "NoSuchResourceException"): (
        ServiceError,
        "Bedrock is not offered in this Region",
        "set another AWS_REGION, or options: {region: ...} in the config",
    ),
    ("ce", "DataUnavailableException"): (
        Unavailable,
        "Cost Explorer has no figures for this month yet",
        "try again in a day",
    ),
    ("ce", "OptInRequired"): (
        AuthError,
        "Cost Explorer is not enabled in this account",
        "enable it in the AWS console",
    ),
    **{
        ("ce", code): (
            AuthError,
            "ce:GetCostAndUsage is not allowed, or Cost Explorer is not enabled for this account",
            "allow the IAM action ce:GetCostAndUsage, or ask the owner of the management account",
        )
        for code in _FORBIDDEN
    },
}


def _raised(error: boto.BotoCoreError, operation: Operation, caller: Caller) -> ProviderError:
    for kinds, make in _CLASSES:
        if isinstance(error, kinds):
            return make(operation, caller)
    return ServiceError(
        f"the settings for AWS cannot be used: {type(error).__name__}",
        hint="correct ~/.aws/config and the AWS_ variables",
    )


def _sign_in_again(command: str) -> Callable[[Operation, Caller], ProviderError]:
    return lambda _, caller: AuthError(
        f"the sign-in of AWS profile {caller.profile} has expired or is missing",
        hint=f"run: {command} --profile {caller.profile}",
    )


# The first that fits counts.
_CLASSES: tuple[
    tuple[tuple[type[Exception], ...], Callable[[Operation, Caller], ProviderError]],
    ...,
] = (
    (
        (boto.NoCredentialsError, boto.PartialCredentialsError),
        lambda _, caller: NotConfigured(
            f"AWS profile {caller.profile} has no credentials, or only a part of them",
            hint="usagecli providers bedrock says how to give them",
        ),
    ),
    (
        (boto.ProfileNotFound,),
        lambda _, caller: NotConfigured(
            f"there is no AWS profile {caller.profile}",
            hint="correct AWS_PROFILE, or run: aws configure list-profiles",
        ),
    ),
    (
        (boto.NoRegionError,),
        lambda *_: NotConfigured("no AWS Region is given", hint="set AWS_REGION"),
    ),
    ((boto.SSOError, boto.TokenRetrievalError), _sign_in_again("aws sso login")),
    (tuple(filter(None, [getattr(boto, "LoginError", None)])), _sign_in_again("aws login")),
    (
        (boto.CredentialRetrievalError,),
        lambda _, caller: ServiceError(
            f"no credentials could be had for AWS profile {caller.profile}",
            hint="run its credential_process by hand, or: aws sts get-caller-identity",
        ),
    ),
    (
        (boto.InvalidRegionError,),
        lambda *_: ServiceError("the AWS Region is no name of a Region", hint="correct AWS_REGION"),
    ),
    (
        (boto.ReadTimeoutError, boto.ConnectTimeoutError),
        lambda operation, _: late(operation),
    ),
    (
        (boto.ProxyConnectionError,),
        lambda operation, _: Unavailable(
            f"the proxy on the way to {operation.title} refused or failed",
            hint="check HTTPS_PROXY and NO_PROXY",
        ),
    ),
    (
        (boto.SSLError,),
        lambda operation, _: Unavailable(
            f"no safe connection to {operation.title}: its certificate is not trusted",
            hint="behind a company proxy, set REQUESTS_CA_BUNDLE to its certificate",
        ),
    ),
    (
        (boto.HTTPClientError, boto.ConnectionError, boto.MetadataRetrievalError),
        lambda operation, _: Unavailable(f"no connection to {operation.title}", hint=_NETWORK),
    ),
    (
        (boto.ParamValidationError,),
        lambda operation, _: PayloadError(f"{operation.next_page}: {operation.title} sent no text"),
    ),
)
