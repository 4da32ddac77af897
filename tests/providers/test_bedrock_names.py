"""Names of quotas and ids of models: what they mean, and which belong together."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import d
from usagecli.errors import ServiceError
from usagecli.providers._bedrock.names import QuotaName, burndown, model_id, model_words, quota_name
from usagecli.providers.bedrock import burndown_rates


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@pytest.mark.parametrize(
    ("name", "kind", "scope", "model"),
    [
        ("On-demand model inference tokens per minute for Amazon Nova Lite", "TPM", "in-region", "Nova Lite"),
        ("On-demand InvokeModel requests per minute for Cohere Embed", "RPM", "in-region", "Embed"),
        ("ON-DEMAND INVOKEMODEL TOKENS PER MINUTE FOR META LLAMA 4", "TPM", "in-region", "LLAMA 4"),
        ("Cross-region model inference tokens per minute for DeepSeek R1 V1", "TPM", "cross-region", "R1"),
        ("Cross-Region InvokeModel tokens per minute for OpenAI GPT OSS", "TPM", "cross-region", "GPT OSS"),
        (
            "Global cross-region model inference tokens per day for Anthropic Claude Haiku 4.5",
            "TPD",
            "global",
            "Claude Haiku 4.5",
        ),
        (
            "Global Cross-Region Model Inference Requests Per Minute for Mistral AI Pixtral",
            "RPM",
            "global",
            "Pixtral",
        ),
        (
            "Cross-region model inference tokens per minute for AI21 Labs Jamba 1.5 Large (for all)",
            "TPM",
            "cross-region",
            "Jamba 1.5 Large",
        ),
        ("Model invocation max tokens per day for Amazon Nova Pro", "TPD", "in-region", "Nova Pro"),
    ],
)
def test_what_a_quota_s_name_says(name: str, kind: str, scope: str, model: str) -> None:
    found = quota_name(name)
    assert found is not None
    assert (found.kind, found.scope, found.model, found.doubled) == (kind, scope, model, False)
    assert found.words == words(model.lower())


@pytest.mark.parametrize(
    "spelling", ["(doubled for cross-region calls)", "(Doubled for cross-region calls) "]
)
def test_a_day_s_quota_that_is_doubled_for_geographic_profiles(spelling: str) -> None:
    """The parenthesis holds another " for "."""
    name = f"Model invocation max tokens per day for Anthropic Claude 3.5 Sonnet V2 {spelling}"
    assert quota_name(name) == QuotaName(
        kind="TPD",
        scope="in-region",
        model="Claude 3.5 Sonnet V2",
        words=words("claude 3.5 sonnet v2"),
        doubled=True,
    )


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Batch inference tokens per minute for Amazon Nova Lite",
        "On-demand model inference batch tokens per minute for Amazon Nova Lite",
        "On-demand model inference concurrent tokens per minute for Amazon Nova Lite",
        "On-demand model inference Provisioned tokens per day for Amazon Nova Lite",
        "On-demand model inference model units, tokens per minute for Amazon Nova Lite",
        "On-demand model inference job tokens per minute for Amazon Nova Lite",
        "On-demand model inference records, tokens per minute for Amazon Nova Lite",
        "On-demand model inference customization tokens per minute for Amazon Nova Lite",
        "On-demand InvokeModel concurrent requests for Amazon Nova Reel",
        "On-demand, latency-optimized model inference tokens per minute for Amazon Nova Lite",
        "Bedrock Mantle input tokens per minute for Anthropic Claude Haiku 4.5",
        "On-demand model inference tokens per hour for Amazon Nova Lite",
        "On-demand model inference tokens per minute",
        "On-demand model inference tokens per minute for ---",
    ],
)
def test_names_of_other_quotas(name: str) -> None:
    assert quota_name(name) is None


@pytest.mark.parametrize(
    ("text", "scope", "vendor", "expected"),
    [
        ("amazon.nova-lite-v1:0", "in-region", "amazon", "nova lite"),
        (
            "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
            "cross-region",
            "anthropic",
            "claude sonnet 4.5",
        ),
        ("global.anthropic.claude-opus-4-20250514-v1:0", "global", "anthropic", "claude opus 4"),
        ("eu.meta.llama3-1-70b-instruct-v1:0", "cross-region", "meta", "llama 3.1 70b instruct"),
        ("apac.amazon.nova-pro-v1:0", "cross-region", "amazon", "nova pro"),
        ("jp.anthropic.claude-haiku-4-5-20251001-v1:0", "cross-region", "anthropic", "claude haiku 4.5"),
        ("au.deepseek.r1-v1:0", "cross-region", "deepseek", "r1"),
        ("ca.amazon.nova-2-lite-v1:0", "cross-region", "amazon", "nova 2 lite"),
        ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "cross-region", "anthropic", "claude 3 haiku"),
        ("openai.gpt-oss-120b-1:0", "in-region", "openai", "gpt oss 120b"),
        ("minimax.minimax-m2", "in-region", "minimax", "minimax m2"),
        ("mistral.mixtral-8x7b-instruct-v0:1", "in-region", "mistral", "mixtral 8x7b instruct"),
        ("anthropic.claude-instant-v1", "in-region", "anthropic", "claude instant"),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", "in-region", "anthropic", "claude 3.5 sonnet v2"),
        ("anthropic.claude-v2:1", "in-region", "anthropic", "claude v2 1"),
    ],
)
def test_what_a_model_s_id_says(text: str, scope: str, vendor: str, expected: str) -> None:
    found = model_id(text)
    assert found is not None
    assert (found.scope, found.vendor, found.words) == (scope, vendor, words(expected))


@pytest.mark.parametrize(
    "text",
    ["", "a1b2c3d4e5f6", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1.b2"],
)
def test_ids_of_application_profiles_name_no_model(text: str) -> None:
    assert model_id(text) is None


@pytest.mark.parametrize(
    ("name", "text", "same"),
    [
        ("Anthropic Claude Sonnet 4.5 V1", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("Anthropic Claude Sonnet 4.5 V1", "anthropic.claude-sonnet-4-20250514-v1:0", False),
        ("Anthropic Claude Sonnet 5", "anthropic.claude-sonnet-4-5-20250929-v1:0", False),
        ("Anthropic Claude 3.5 Sonnet", "anthropic.claude-3-5-sonnet-20240620-v1:0", True),
        ("Anthropic Claude 3.5 Sonnet", "anthropic.claude-3-5-sonnet-20241022-v2:0", False),
        ("Anthropic Claude 3.5 Sonnet V2", "anthropic.claude-3-5-sonnet-20241022-v2:0", True),
        ("Anthropic Claude 3.5 Sonnet V2", "anthropic.claude-3-5-sonnet-20240620-v1:0", False),
        ("Anthropic Claude Haiku 4.5", "anthropic.claude-3-5-haiku-20241022-v1:0", False),
        ("Meta Llama 3.1 70B Instruct", "us.meta.llama3-1-70b-instruct-v1:0", True),
        ("Meta Llama3.1 70B Instruct", "us.meta.llama3-1-70b-instruct-v1:0", True),
        ("Meta Llama 3.1 8B Instruct", "us.meta.llama3-1-70b-instruct-v1:0", False),
        ("Amazon Nova Lite", "amazon.nova-lite-v1:0", True),
        ("Amazon Nova Lite", "amazon.nova-2-lite-v1:0", False),
        ("DeepSeek R1 V1", "us.deepseek.r1-v1:0", True),
    ],
)
def test_which_name_and_id_are_of_one_model(name: str, text: str, same: bool) -> None:
    quota = quota_name(f"On-demand model inference tokens per minute for {name}")
    model = model_id(text)
    assert quota is not None
    assert model is not None
    assert (quota.words == model.words) is same


@pytest.mark.parametrize(
    ("text", "factor"),
    [
        ("anthropic.claude-3-7-sonnet-20250219-v1:0", 5),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", 5),
        ("anthropic.claude-opus-4-1-20250805-v1:0", 5),
        ("global.anthropic.claude-haiku-4-5-20251001-v1:0", 5),
        ("anthropic.claude-3-5-sonnet-20241022-v2:0", 1),
        ("anthropic.claude-3-haiku-20240307-v1:0", 1),
        ("anthropic.claude-instant-v1", 1),
        ("amazon.nova-pro-v1:0", 1),
        ("meta.llama4-scout-17b-instruct-v1:0", 1),
    ],
)
def test_the_usual_burndown_of_output(text: str, factor: int) -> None:
    model = model_id(text)
    assert model is not None
    assert burndown(model, {}) == factor
    assert burndown(model, {model.words: d("2.5"), words("other"): d(9)}) == d("2.5")


@pytest.mark.parametrize(
    "text",
    [
        "claude-sonnet-4-5",
        "claude-sonnet-4.5",
        " Claude Sonnet 4.5 ",
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    ],
)
def test_how_a_user_may_name_a_model(text: str) -> None:
    assert model_words(text) == words("claude sonnet 4.5")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        (" , ", {}),
        ("nova-pro=2", {words("nova pro"): d(2)}),
        (
            "claude-sonnet-4=5, Nova Pro = 1.5,",
            {words("claude sonnet 4"): d(5), words("nova pro"): d("1.5")},
        ),
    ],
)
def test_burndown_rates_of_the_user(text: str | None, expected: dict[frozenset[str], Decimal]) -> None:
    assert burndown_rates(text) == expected


@pytest.mark.parametrize("text", ["nova-pro", "nova-pro=", "=5", "nova-pro=0", "nova-pro=-1", "a=b", "="])
def test_burndown_rates_that_are_none(text: str) -> None:
    with pytest.raises(ServiceError, match="the option burndown"):
        burndown_rates(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_names(text: str) -> None:
    for read in (quota_name, model_id, model_words):
        read(text)
    quota = quota_name(f"On-demand model inference tokens per minute for {text}")
    assert quota is None or quota.words
