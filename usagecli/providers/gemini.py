"""Google Gemini: the daily requests of Code Assist, what a key says, a Cloud project's limits.

Sources: what Google's own open-source CLI asks (github.com/google-gemini/gemini-cli, code_assist),
the Gemini API's list of models, and the documented Cloud Quotas and Cloud Monitoring. Read 2026-11.
"""

from __future__ import annotations

from usagecli.client import Ask
from usagecli.errors import ServiceError
from usagecli.model import Usage
from usagecli.providers._gemini import credentials
from usagecli.registry import Descriptor, Option, Way, register

_PROJECT = "GOOGLE_CLOUD_PROJECT"

DESCRIPTOR = Descriptor(
    name="gemini",
    title="Google Gemini",
    kind="agent",
    reports="The daily requests of each model in Gemini CLI and Code Assist, Google One AI credits; "
    "a Google Cloud project's limits of the Gemini API.",
    base_url="https://cloudcode-pa.googleapis.com",
    places=credentials.places(),
    access=(
        "Install Gemini CLI and sign in with Google: run `gemini`. usagecli reads its login and writes "
        "nothing. Since 2026-06-18 Google serves Code Assist Standard and Enterprise, Workspace and "
        "education accounts only; for personal plans use the provider antigravity.",
        "Or make an API key at https://aistudio.google.com/app/apikey and set it as GEMINI_API_KEY: "
        "Google tells no program more of it than that it works.",
        "Or, for a Google Cloud project's limits, give the service `credential: {command: gcloud auth "
        "print-access-token}` and `options: {cloud: true, project: ID}`.",
    ),
    dashboard="https://aistudio.google.com/rate-limit",
    documented="A project's limits and their use are documented by the vendor: "
    "https://docs.cloud.google.com/docs/quotas. The quota of a login is not: the endpoint that Google's "
    "own open-source Gemini CLI asks.",
    ways=(
        Way(about="a Google Cloud project's limits, with cloud: true", documented=True, option="cloud"),
        Way(about="whether an API key works", documented=True, kinds=("key",)),
        Way(about="the quota of a login, as Gemini CLI asks for it"),
    ),
    renew=credentials.SIGN_IN,
    options=(
        Option(name="project", env=_PROJECT, about="The Google Cloud project's id, not its number."),
        Option(name="project_id", env=f"{_PROJECT}_ID", about="The same, where project is not given."),
        Option(name="cloud", kind="flag", about="true: report the Google Cloud project instead of a login."),
        Option(
            name="cloud_service",
            about="With cloud: whose limits; generativelanguage.googleapis.com (the Gemini API) unless "
            "given, or aiplatform.googleapis.com (Vertex AI).",
        ),
    ),
    traces=("~/.gemini/settings.json", "~/.gemini/oauth_creds.json", "~/.gemini/google_accounts.json"),
)


@register(DESCRIPTOR, credentials.accept)
def fetch(ask: Ask) -> Usage:
    """Read one login, key or project.

    Raises AuthError, NotConfigured, RateLimited, Unavailable, PayloadError, ServiceError.
    """
    # Imported where it is used: every run that looks for services loads this file.
    if ask.options.get("cloud"):
        from usagecli.providers._gemini import project

        return project.fetch(ask, _own_project(ask))
    if ask.credential.kind == "key":
        from usagecli.providers._gemini import key

        return key.fetch(ask)
    from usagecli.providers._gemini import code_assist

    return code_assist.fetch(ask, _own_project(ask))


def _own_project(ask: Ask) -> str | None:
    found: str | None = ask.options.get("project") or ask.options.get("project_id")
    if found is not None and found.isdigit():
        raise ServiceError(
            "the Google Cloud project is given as a number", hint=f"give its id as project or {_PROJECT}"
        )
    return found
