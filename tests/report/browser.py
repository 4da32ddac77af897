"""A real Chromium for the tests, and what it says of a page."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, Playwright, Route

SIZES = {"phone": (390, 844), "laptop": (1280, 800), "wall": (1920, 1200)}
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
_MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"

# Violations of the page's policy, noted before anything of the page runs.
_WATCH = """
window.refused = [];
document.addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));
"""
# What is wider than its place, or stands out of its card to the side.
_WIDE = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`page: ${root.scrollWidth} > ${root.clientWidth}`);
  for (const box of document.querySelectorAll('.card, .panel, .alarms, .page-head, .page-foot')) {
    const name = `${box.id || box.className}: `;
    if (box.scrollWidth > box.clientWidth) found.push(`${name}${box.scrollWidth} > ${box.clientWidth}`);
    const edge = box.getBoundingClientRect();
    for (const part of box.querySelectorAll('p, span, b, h2, h3, li, dd, dt, time, .bar, .trend, table')) {
      if (part.closest('.scroll')) continue;
      const own = part.getBoundingClientRect();
      if (own.width && (own.right > edge.right + 1 || own.left < edge.left - 1))
        found.push(`${name}${part.tagName} ${part.className.baseVal ?? part.className}`);
    }
  }
  return found;
}"""


def executable(playwright: Playwright) -> str | None:
    """The Chromium that is installed here, Playwright's own last."""
    for path in (*map(shutil.which, _NAMES), _MAC if sys.platform == "darwin" else None):
        if path is not None and Path(path).exists():
            return path
    own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


# No slots: Playwright marks the object whose method it calls.
@dataclass
class View:
    """A tab: what its page asked for beside itself, which is refused, and what the browser complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    _file: str = ""

    def __post_init__(self) -> None:
        self.page.route("**/*", self._gate)
        self.page.add_init_script(_WATCH)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _gate(self, route: Route) -> None:
        if route.request.url == self._file:
            route.continue_()
        else:
            self.requests.append(route.request.url)
            route.abort()

    def show(self, path: Path, size: str, scheme: Literal["light", "dark"]) -> None:
        """The file, in a window of that size, light or dark."""
        width, height = SIZES[size]
        self._file = path.as_uri()
        self.page.set_viewport_size({"width": width, "height": height})
        self.page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        # In between, so that nothing of the page before it counts, and a fragment is no mere jump.
        self.page.goto("about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(self._file)

    @property
    def refused(self) -> list[str]:
        """The directives of its policy that it ran against."""
        return list(self.page.evaluate("refused"))

    @property
    def wide(self) -> list[str]:
        """What does not fit."""
        return list(self.page.evaluate(_WIDE))

    @property
    def height(self) -> int:
        return int(self.page.evaluate("document.documentElement.scrollHeight"))

    def unfold(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach(found => { found.open = true })")
