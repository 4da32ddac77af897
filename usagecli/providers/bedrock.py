"""Amazon Bedrock: what its models may use and did use in one Region, the month's cost, budgets.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/ (monitoring-runtime-metrics,
quotas-token-burndown, quotas) and the API references of Service Quotas, CloudWatch, Cost Explorer and
Budgets, read 2026-11. Everything is asked through boto3, which the extra `bedrock` installs.
"""

from __future__ import annotations

from decimal import Decimal

from usagecli import wire
from usagecli.client import Ask
from usagecli.errors import NotConfigured, ServiceError
from usagecli.model import Usage
from usagecli.providers._bedrock.credentials import PARTS, RENEW, accept, places
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="bedrock",
    title="Amazon Bedrock",
    reports="Tokens per minute and day of every model in use against its quota, throttled requests; "
    "if asked, the month's cost and AWS Budgets.",
    base_url="https://servicequotas.REGION.amazonaws.com",
    places=places(),
    access=(
        "Install boto3: pip install 'usagecli[bedrock]'.",
        "Sign in as for any AWS tool, for example with aws configure or aws sso login, and set AWS_REGION.",
        "Allow servicequotas:ListServiceQuotas, cloudwatch:ListMetrics and cloudwatch:GetMetricData; "
        "ce:GetCostAndUsage and budgets:ViewBudget only for the options cost and budgets.",
        "Name the service in the config, unless CLAUDE_CODE_USE_BEDROCK or AWS_BEARER_TOKEN_BEDROCK is set.",
    ),
    dashboard="https://console.aws.amazon.com/bedrock",
    documented="AWS documents these APIs: https://docs.aws.amazon.com/bedrock/latest/userguide/quotas.html "
    "CloudWatch bills the series that are read, about 0.01 USD a thousand.",
    ways=(Way(about="quotas, use and cost of an AWS account", documented=True),),
    renew=RENEW,
    parts=PARTS,
    options=(
        Option(name="region", env="AWS_REGION", about="The AWS Region, such as us-east-1."),
        Option(name="profile", env="AWS_PROFILE", about="A profile of ~/.aws/config."),
        Option(
            name="cost",
            kind="flag",
            about="true: report the month's cost. AWS bills each request to Cost Explorer, about 0.01 USD.",
        ),
        Option(name="budgets", kind="flag", about="true: report the account's AWS Budgets."),
        Option(
            name="burndown",
            about="Tokens of the quota that one output token costs, where AWS gives no estimate of its own: "
            "claude-sonnet-4=5, nova-pro=1. Usually 5 for Claude from 3.7 on, else 1.",
        ),
    ),
    # Variables of those who run models there: Claude Code's switch, Bedrock's own keys.
    traces=("$CLAUDE_CODE_USE_BEDROCK", "$AWS_BEARER_TOKEN_BEDROCK"),
)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one account in one Region: quotas, the metrics of what is in use, and what else was asked for.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    rates = burndown_rates(ask.options.get("burndown"))
    try:
        import boto3  # noqa: F401
    except ImportError:
        raise NotConfigured(
            "boto3, through which AWS is asked, is not installed", hint="pip install 'usagecli[bedrock]'"
        ) from None
    from usagecli.providers._bedrock.read import read

    return read(ask, RENEW, rates)


def burndown_rates(text: str | None) -> dict[frozenset[str], Decimal]:
    """`claude-sonnet-4=5, nova-pro=1` as rates by the words of a model. Raises ServiceError."""
    # Here: whoever looks for credentials imports this file.
    from usagecli.providers._bedrock.names import model_words

    found = {}
    for entry in (text or "").split(","):
        name, _, value = entry.rpartition("=")
        words, rate = model_words(name), wire.as_number(value)
        if not entry.strip():
            continue
        if not words or rate is None or rate <= 0:
            raise ServiceError(
                "the option burndown is not as it should be", hint="write it as claude-sonnet-4=5, nova-pro=1"
            )
        found[words] = rate
    return found
