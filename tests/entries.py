"""A service of each provider with credentials that are none, as the config would name it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from usagecli import demo


def of_the_demo() -> dict[str, dict[str, Any]]:
    """A service of each provider as the demo has it: the first of several."""
    text = (Path(demo.__file__).parent / "config.yaml").read_text(encoding="utf-8")
    found: dict[str, dict[str, Any]] = {}
    for service in yaml.safe_load(text)["services"]:
        found.setdefault(service["provider"], service)
    return found


# Those that the demo does not show.
BEYOND_THE_DEMO: dict[str, dict[str, Any]] = {
    "antigravity": {"credential": {"value": "ya29.demo-not-a-token"}},
    "cursor": {"credential": {"session_token": {"value": "user_demo::demo-not-a-token"}}},
    "grok": {"credential": {"value": "demo-not-a-token"}},
    "devin": {"credential": {"value": "demo-not-a-key"}},
    "kiro": {"credential": {"value": "demo-not-a-token"}},
    "windsurf": {"credential": {"value": "sk-ws-01-demo-not-a-key"}},
    "zed": {"credential": {"user_id": {"value": "7"}, "access_token": {"value": "demo-not-a-token"}}},
    "factory": {"credential": {"value": "demo-not-a-token"}},
    "perplexity": {"credential": {"session_token": {"value": "demo-not-a-token"}}},
    "kilo": {"credential": {"value": "demo-not-a-token"}},
    "minimax": {"credential": {"value": "demo-not-a-key"}},
    "mistral": {"credential": {"admin_key": {"value": "demo-not-a-key"}}},
    "vertexai": {"credential": {"value": "demo-not-a-token"}, "options": {"project": "demo-1"}},
    "alibaba": {"credential": {"access_token": {"value": "demo-not-a-token"}}},
    "warp": {"credential": {"value": "demo-not-a-key"}},
    "kimi": {"credential": {"value": "demo-not-a-token"}},
    "augment": {"credential": {"value": "demo-not-a-token"}},
    "deepseek": {
        "credential": {
            "api_key": {"value": "demo-not-a-key"},
            "platform_token": {"value": "demo-not-a-token"},
        }
    },
}
# Of every provider in Python that asks somebody.
SERVICES = of_the_demo() | {name: {"provider": name, **more} for name, more in BEYOND_THE_DEMO.items()}


# Those that ask nobody.
ON_THIS_MACHINE = {"jetbrains"}


def secrets(value: Any) -> Iterator[str]:
    """Every text in a service's credential."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from secrets(inner)
    else:
        yield str(value)


def secret_words(credential: Any) -> list[str]:
    """What may be seen nowhere: of a text with several parts its secret words, of an id nothing."""
    words = (word for secret in secrets(credential) for word in secret.replace('"', " ").split())
    return [word for word in words if "not-a" in word or "not_a" in word or "NOTA" in word]
