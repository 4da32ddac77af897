"""Names of Bedrock's quotas and ids of its models, brought to a form in which they can be compared.

Service Quotas writes "Cross-region model inference tokens per minute for Anthropic Claude Sonnet 4.5
V1" where CloudWatch writes `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. Both become a scope and a
set of words; equal ones belong together, and nothing is ever guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Kind = Literal["TPM", "TPD", "RPM"]
Scope = Literal["in-region", "cross-region", "global"]

_SCOPES: tuple[tuple[str, Scope], ...] = (
    ("global cross-region model inference ", "global"),
    ("cross-region model inference ", "cross-region"),
    ("cross-region invokemodel ", "cross-region"),
    ("on-demand model inference ", "in-region"),
    ("on-demand invokemodel ", "in-region"),
    ("model invocation max tokens per day ", "in-region"),
)
_KINDS: tuple[tuple[str, Kind], ...] = (
    ("tokens per minute", "TPM"),
    ("tokens per day", "TPD"),
    ("requests per minute", "RPM"),
)
_DOUBLED = "(doubled for cross-region calls)"
_OTHER_WORK = re.compile(
    r"\b(batch|provisioned|model units?|jobs?|records?|concurrent|customi[sz]ation|fine-tuning|training)\b"
)
_CLOSING_PARENTHESIS = re.compile(r"\s*\([^()]*\)\s*$")
_LAST_FOR = re.compile(r"(.*) for (.*)", re.IGNORECASE | re.DOTALL)
_VENDOR = re.compile(
    r"(ai21 labs|ai21|amazon|anthropic|cohere|deepseek|google|luma ai|meta|mistral ai|moonshot ai"
    r"|nvidia|openai|qwen|stability ai|twelvelabs|writer|z\.ai)\s+",
    re.IGNORECASE,
)
_FIRST_VERSION = re.compile(r"\s+v1$", re.IGNORECASE)

_PROFILE = re.compile(r"(global|apac|us-gov|[a-z]{2})\.(?=[a-z0-9-]+\.)")
_ENDING = re.compile(r"-(v0:1|v1:0|v1|1:0)$")
_SECOND_VERSION = re.compile(r"(-v[2-9]):0$")
_DATE = re.compile(r"-\d{8}(?=-|$)")
_GLUED = re.compile(r"(?<=[a-z]{2})(?=\d)|(?<=\d)(?=[a-z]{2})")
_SPLIT_DECIMAL = re.compile(r"(?<![a-z0-9.])(\d{1,2})-(\d{1,2})(?![a-z0-9.])")
_WORD = re.compile(r"[a-z]?\d+\.\d+[a-z]?|[a-z0-9]+")
_NUMBER = re.compile(r"\d{1,2}(\.\d+)?")
_DOT_OF_A_VENDOR = re.compile(r"\w\.[a-z]")

_BURNDOWN_FROM = Decimal("3.7")
_BURNDOWN = Decimal(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaName:
    """What a quota's name says. `doubled`: geographic profiles have twice its value to themselves."""

    kind: Kind
    scope: Scope
    model: str
    words: frozenset[str]
    doubled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelId:
    """What a model's id says."""

    scope: Scope
    vendor: str
    words: frozenset[str]


def quota_name(name: str) -> QuotaName | None:
    """A quota on the running of one model; None for a quota on anything else."""
    lower = name.lower()
    scope = next((scope for start, scope in _SCOPES if lower.startswith(start)), None)
    kind = next((kind for words, kind in _KINDS if words in lower), None)
    parts = _LAST_FOR.match(_CLOSING_PARENTHESIS.sub("", name))
    if scope is None or kind is None or parts is None or _OTHER_WORK.search(parts[1].lower()):
        return None
    model = _FIRST_VERSION.sub("", _VENDOR.sub("", parts[2].strip(), count=1)).strip()
    words = _words(_unglued(model.lower()))
    if not words:
        return None
    doubled = kind == "TPD" and lower.startswith("model invocation ") and lower.rstrip().endswith(_DOUBLED)
    return QuotaName(kind=kind, scope=scope, model=model, words=words, doubled=doubled)


def model_id(text: str) -> ModelId | None:
    """A model's own id or that of a cross-Region profile; None for an application's profile."""
    text = text.lower()
    profile = _PROFILE.match(text)
    vendor, dot, rest = text[profile.end() if profile else 0 :].partition(".")
    if not dot or text.startswith("arn:"):
        return None
    rest = _SECOND_VERSION.sub(r"\1", _DATE.sub("", _ENDING.sub("", rest)))
    scope: Scope = "in-region"
    if profile:
        scope = "global" if profile[1] == "global" else "cross-region"
    words = _words(_SPLIT_DECIMAL.sub(r"\1.\2", _unglued(rest)))
    return ModelId(scope=scope, vendor=vendor, words=words)


def burndown(model: ModelId, given: Mapping[frozenset[str], Decimal]) -> Decimal:
    """How many tokens of the quota one output token costs; `given` by the words of a model."""
    numbers = [Decimal(word) for word in model.words if _NUMBER.fullmatch(word)]
    usual = model.vendor == "anthropic" and any(number >= _BURNDOWN_FROM for number in numbers)
    return given.get(model.words, _BURNDOWN if usual else Decimal(1))


def model_words(text: str) -> frozenset[str]:
    """The words of a model that a user names, by its id or as people write it."""
    text = text.strip().lower()
    found = model_id(text if _DOT_OF_A_VENDOR.search(text) else f"any.{text.replace(' ', '-')}")
    return found.words if found else frozenset()


def _unglued(text: str) -> str:
    """`llama3` as `llama 3`; `m2` and `70b` stay."""
    return _GLUED.sub(" ", text)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text))
