"""Azure OpenAI and Foundry models in an Azure subscription: quota given to deployments, use, cost.

Sources: https://learn.microsoft.com/azure/foundry-classic/openai/how-to/quota and the REST references
of Cognitive Services, Azure Monitor and Cost Management, read 2026-11. An application signs in through
azure-identity, which the extra `azure` installs; a person through the Azure CLI.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.model import Usage
from usagecli.providers._azure_openai.credentials import PARTS, accept, places
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="azure-openai",
    title="Azure OpenAI",
    reports="How much of a subscription's model quota is given to deployments; if asked, the busiest minute "
    "of each deployment against its limit, the month's cost and budgets.",
    base_url="https://management.azure.com",
    places=places(),
    access=(
        "Install the Azure CLI and run: az login.",
        "Or, for an application, pip install 'usagecli[azure]' and set AZURE_TENANT_ID, AZURE_CLIENT_ID and "
        "AZURE_CLIENT_SECRET (or AZURE_FEDERATED_TOKEN_FILE).",
        "Set AZURE_SUBSCRIPTION_ID, unless it is the default of the Azure CLI.",
        "Give the account the role Reader on the subscription (for the quota alone Cognitive Services Usages "
        "Reader with AZURE_LOCATION); Monitoring Reader for metrics, Cost Management Reader for cost.",
    ),
    dashboard="https://ai.azure.com",
    documented="The vendor documents these APIs: "
    "https://learn.microsoft.com/rest/api/aiservices/accountmanagement/usages/list",
    ways=(Way(about="quota, metrics, cost and limits of a subscription", documented=True),),
    renew="run: az login, or check the service principal",
    parts=PARTS,
    options=(
        Option(name="subscription_id", env="AZURE_SUBSCRIPTION_ID", about="The Azure subscription's id."),
        Option(
            name="location",
            env="AZURE_LOCATION",
            about="Regions, separated by commas, such as eastus2,swedencentral; "
            "else those in which the subscription has resources.",
        ),
        Option(name="tenant_id", env="AZURE_TENANT_ID", about="The tenant of the service principal."),
        Option(name="client_id", env="AZURE_CLIENT_ID", about="The client id of the service principal."),
        Option(
            name="authority_host",
            env="AZURE_AUTHORITY_HOST",
            about="Where to sign in: login.microsoftonline.us or login.chinacloudapi.cn for other clouds.",
        ),
        Option(
            name="metrics",
            kind="flag",
            about="true: report the use of each deployment. Two requests more for each resource.",
        ),
        Option(
            name="cost",
            kind="flag",
            about="true: report the month's cost and the budgets. Azure allows few such requests an hour, "
            "and its figures are some 4 hours old.",
        ),
        Option(
            name="cost_services",
            kind="texts",
            about="Further names of services whose cost counts, as they stand on the bill.",
        ),
        Option(
            name="probe",
            kind="flag",
            about="true: send one chat request of one token to a deployment for its live limits. "
            "Each report is billed as such a request.",
        ),
        Option(
            name="endpoint",
            env="AZURE_OPENAI_ENDPOINT",
            about="With probe: the resource, such as https://NAME.openai.azure.com.",
        ),
        Option(
            name="deployment_name", env="AZURE_OPENAI_DEPLOYMENT_NAME", about="With probe: the deployment."
        ),
        Option(
            name="api_version",
            env="AZURE_OPENAI_API_VERSION",
            about="With probe: the version of the API, 2024-10-21 unless given; v1 for the newer path.",
        ),
    ),
    # A login of Azure alone says nothing of its models.
    traces=("$AZURE_OPENAI_ENDPOINT",),
    # Cost Management is to be asked only a few times an hour.
    min_interval=600,
)


@register(DESCRIPTOR, accept)
def fetch(ask: Ask) -> Usage:
    """Read one subscription.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    # Imported where it is used: every run that looks for services loads this file.
    from usagecli.providers._azure_openai.report import read

    return read(ask)
