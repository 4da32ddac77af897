"""Google Vertex AI: how much of a project's quotas is used, by Cloud Monitoring.

Sources: Google's documentation of Cloud Monitoring (projects.timeSeries.list and the metrics of
serviceruntime) and of Application Default Credentials, read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.model import Usage
from usagecli.providers._vertexai import credentials
from usagecli.registry import Descriptor, Option, Way, register

DESCRIPTOR = Descriptor(
    name="vertexai",
    title="Google Vertex AI",
    reports="The quotas of a Google Cloud project's Vertex AI that are in use, by limit and region.",
    base_url="https://monitoring.googleapis.com",
    places=credentials.places(),
    access=(
        "Run `gcloud auth application-default login`: usagecli reads the file that it keeps and writes "
        "nothing. GOOGLE_APPLICATION_CREDENTIALS may name another, also a service account's "
        "(needs `usagecli[vertexai]` or gcloud).",
        "Set GOOGLE_CLOUD_PROJECT to the project's id, where gcloud's own configuration does not name it.",
        "The account needs the role Monitoring Viewer (roles/monitoring.viewer), and the project the Cloud "
        "Monitoring API.",
    ),
    dashboard="https://console.cloud.google.com/iam-admin/quotas",
    documented="https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list",
    ways=(Way(about="use and limits of a project in Cloud Monitoring", documented=True),),
    renew=credentials.SIGN_IN,
    options=(
        Option(
            name="project",
            env="GOOGLE_CLOUD_PROJECT",
            about="The Google Cloud project's id.",
            fallback="GCLOUD_PROJECT, CLOUDSDK_CORE_PROJECT, gcloud's configuration or the login names it",
        ),
    ),
    # Google's logins serve much else: these say that somebody works with Vertex AI.
    traces=("$GOOGLE_GENAI_USE_VERTEXAI", "$CLAUDE_CODE_USE_VERTEX", "$ANTHROPIC_VERTEX_PROJECT_ID"),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one project.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    # Imported where it is used: every run that looks for services loads this file.
    from usagecli.providers._vertexai.series import fetch_project

    return fetch_project(ask)
