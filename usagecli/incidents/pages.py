"""Which page is whose, where it can be read by a program, and which of its parts matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from usagecli.model import Service


@dataclass(frozen=True, slots=True)
class Feed:
    """What is read together: addresses, in the order in which the kind's `fold` takes their answers.

    `whole`: it does not tell the page's parts apart, so that all of it counts.
    """

    kind: str
    urls: tuple[str, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A vendor's page, for the services of these providers.

    `feeds` are tried in order until one can be read; a page without any is there for people only.
    `parts` are names or ids of components, groups, products or services, a part of the name is
    enough; without them the whole page counts. `host`: only for services whose base URL names it.
    """

    vendor: str
    providers: tuple[str, ...]
    url: str
    feeds: tuple[Feed, ...] = ()
    parts: tuple[str, ...] = ()
    host: str = ""

    @property
    def key(self) -> str:
        """Names the page in the cache."""
        return f"{urlsplit(self.url).hostname}-{self.providers[0]}"


def _feed(kind: str, page: str, *paths: str) -> Feed:
    return Feed(kind, tuple(page + path for path in paths))


def _statuspage(
    vendor: str, providers: tuple[str, ...], url: str, parts: tuple[str, ...] = (), host: str = ""
) -> Page:
    feeds = (_feed("statuspage", url, "/api/v2/summary.json"),)
    return Page(vendor=vendor, providers=providers, url=url, feeds=feeds, parts=parts, host=host)


def _recent(vendor: str, provider: str, *urls: str, parts: tuple[str, ...] = ()) -> Page:
    """A page with a feed of incidents; further addresses hold the same."""
    parsed = urlsplit(urls[0])
    feeds = tuple(Feed("recent", (url,)) for url in urls)
    return Page(
        vendor=vendor,
        providers=(provider,),
        url=f"https://{parsed.hostname}",
        feeds=feeds,
        parts=parts,
    )


_OPENAI = "https://status.openai.com"
_PERPLEXITY, _ZED = "https://status.perplexity.com", "https://status.zed.dev"
_XAI, _DEVIN = "https://status.x.ai", "https://www.devinstatus.com"
_GOOGLE, _CLOUD = "https://www.google.com/appsstatus/dashboard", "https://status.cloud.google.com"
_AWS = "https://health.aws.amazon.com"
_AWS_FEED = Feed("aws", (f"{_AWS}/public/currentevents",))
_AZURE = "https://azure.status.microsoft/en-us/status"

# On the pages of big vendors other products are in trouble more often than not: their parts are named.
PAGES: tuple[Page, ...] = (
    _statuspage(
        "Anthropic",
        ("claude", "anthropic"),
        "https://status.claude.com",
        ("claude.ai", "Claude Code", "Claude API", "Claude Console"),
    ),
    Page(
        vendor="OpenAI",
        providers=("codex", "openai"),
        url=_OPENAI,
        # Only the page's own feed, which nobody documents, tells the groups.
        feeds=(
            _feed("incident.io", _OPENAI, "/proxy/status.openai.com", "/api/v2/incidents.json"),
            Feed(
                "statuspage",
                (f"{_OPENAI}/api/v2/summary.json", f"{_OPENAI}/api/v2/incidents.json"),
                whole=True,
            ),
        ),
        parts=("APIs", "ChatGPT", "Codex", "FedRAMP"),
    ),
    _statuspage("GitHub", ("copilot",), "https://www.githubstatus.com", ("Copilot",)),
    _statuspage("Cursor", ("cursor",), "https://status.cursor.com"),
    _statuspage("Factory", ("factory",), "https://status.factory.ai"),
    _statuspage("Augment", ("augment",), "https://status.augmentcode.com"),
    _statuspage("Warp", ("warp",), "https://status.warp.dev", ("agent", "AI")),
    _statuspage("MiniMax", ("minimax",), "https://status.minimax.io"),
    _statuspage("MiniMax (China)", ("minimax",), "https://status.minimaxi.com", host="minimaxi.com"),
    _statuspage("Moonshot AI", ("kimi",), "https://status.moonshot.cn"),
    _statuspage(
        "Devin",
        ("devin",),
        _DEVIN,
        ("Cloud Web Client", "Cloud Agent", "q72cy1kjpk4r", "c20stk646s0v", "Integrations"),
    ),
    _statuspage("Devin", ("windsurf",), _DEVIN, ("Desktop Agent", "h6z52njyz22z")),
    _recent("OpenRouter", "openrouter", "https://status.openrouter.ai/incidents.rss"),
    Page(
        vendor="Perplexity",
        providers=("perplexity",),
        url=_PERPLEXITY,
        feeds=(_feed("instatus", _PERPLEXITY, "/summary.json"),),
    ),
    Page(
        vendor="Zed",
        providers=("zed",),
        url=_ZED,
        feeds=(_feed("instatus", _ZED, "/summary.json", "/v2/components.json"),),
        parts=("edit prediction", "hosted model"),
    ),
    _recent("Mistral AI", "mistral", "https://status.mistral.ai/feed.rss"),
    Page(
        vendor="xAI",
        providers=("grok",),
        url=_XAI,
        feeds=(_feed("xai", _XAI, "/feed.xml"),),
        parts=("grok-build", "api-us-east-1", "grok-com"),
    ),
    Page(
        vendor="xAI",
        providers=("xai",),
        url=_XAI,
        feeds=(_feed("xai", _XAI, "/feed.xml"),),
        parts=("api",),
    ),
    _recent(
        "DeepSeek",
        "deepseek",
        "https://status.deepseek.com/feed.rss",
        "https://status.deepseek.com/feed.atom",
        "https://deepseek.statuspage.io/history.atom",
        parts=("API",),
    ),
    Page(
        vendor="Google",
        providers=("gemini", "antigravity"),
        url=f"{_GOOGLE}/",
        feeds=(_feed("google", _GOOGLE, "/incidents.json"),),
        parts=("npdyhgECDJ6tB66MxXyo",),
    ),
    Page(
        vendor="Google Cloud",
        providers=("vertexai",),
        url=_CLOUD,
        feeds=(_feed("google", _CLOUD, "/incidents.json"),),
        parts=("Vertex", "Gemini"),
    ),
    Page(
        vendor="AWS",
        providers=("bedrock",),
        url=f"{_AWS}/health/status",
        feeds=(_AWS_FEED,),
        parts=("bedrock",),
    ),
    Page(
        vendor="AWS",
        providers=("kiro",),
        url=f"{_AWS}/health/status",
        feeds=(_AWS_FEED,),
        parts=("kiro", "codewhisperer", "q"),
    ),
    Page(
        vendor="Azure",
        providers=("azure-openai",),
        url=_AZURE,
        feeds=(_feed("azure", _AZURE, "/feed/"),),
        parts=("OpenAI", "Foundry", "Cognitive Services"),
    ),
    Page(vendor="Alibaba Cloud", providers=("alibaba",), url="https://status.alibabacloud.com"),
    Page(
        vendor="Alibaba Cloud (China)",
        providers=("alibaba",),
        url="https://status.aliyun.com",
        host="aliyun",
    ),
    Page(vendor="JetBrains", providers=("jetbrains",), url="https://status.jetbrains.com"),
)


def page_of(service: Service) -> Page | None:
    """The page that concerns a service; None where its vendor has none."""
    own = [page for page in PAGES if service.provider in page.providers]
    address = urlsplit(service.base_url or "").hostname or ""
    elsewhere = [page for page in own if page.host and page.host in address]
    return next((page for page in (*elsewhere, *own) if page in elsewhere or not page.host), None)
