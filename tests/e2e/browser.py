"""A real Chromium, on a thread of its own, and pages in it that keep watch of what they should not do."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
    sync_playwright,
)
from running_server import RunningServer
from sign_in import Person

T = TypeVar("T")
Theme = Literal["light", "dark"]

THEMES: tuple[Theme, ...] = ("light", "dark")
WIDTHS = {1440: 900, 1024: 768, 390: 844}
"""Of a screen, with its height: a desk, a tablet, a telephone."""
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"

_WATCH = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`the page's policy forbids ${event.violatedDirective}: ${event.blockedURI}`));
"""
_OWN_SCHEMES = ("data:", "blob:", "about:")


def settled(page: Page) -> Page:
    """The page, once it has what it shows. A page that listens to the server always has a request under way."""
    page.wait_for_function(
        "() => document.fonts.status === 'loaded' && !document.querySelector('[aria-label=Loading]')"
    )
    return page


class BrowserThread:
    """Where Playwright lives: its loop counts as running for its whole thread, which is no place for other loops."""

    def __init__(self, chromium: str) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="browser")
        self._playwright: Playwright = self.run(lambda: sync_playwright().start())
        self.browser: Browser = self.run(lambda: self._launch(chromium))

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives, in that thread."""
        return self._thread.submit(work).result()

    def _launch(self, chromium: str) -> Browser:
        quiet = ("background-networking", "component-update", "sync", "gpu", "quic")
        options = ["--no-first-run", *(f"--disable-{one}" for one in quiet)]
        return self._playwright.chromium.launch(executable_path=chromium, args=options)

    def close(self) -> None:
        self.run(self.browser.close)
        self.run(self._playwright.stop)
        self._thread.shutdown()


@dataclass
class Opened:
    """The pages that one test has opened, and what they did that no page should."""

    browser: Browser
    wrong: list[str] = field(default_factory=list)
    contexts: list[BrowserContext] = field(default_factory=list)

    def __call__(
        self,
        server: RunningServer,
        who: Person | None,
        path: str = "/",
        *,
        width: int = 1440,
        theme: Theme = "light",
        refusals: bool = False,
        outages: bool = False,
    ) -> Page:
        """A page of the server at `path`, once it shows its heading; nobody is signed in where `who` is None.

        The browser writes a line to its console for each 4xx: a test that brings these about says `refusals`,
        and one that stops the server says `outages`.
        """
        origin = f"http://127.0.0.1:{server.port}"
        context = self.browser.new_context(
            viewport={"width": width, "height": WIDTHS[width]},
            color_scheme=theme,
            reduced_motion="reduce",
            base_url=origin,
            permissions=["clipboard-read", "clipboard-write"],
            locale="en-GB",
            timezone_id="UTC",
        )
        self.contexts.append(context)
        context.set_default_timeout(15_000)
        expect.set_options(timeout=15_000)
        if who is not None:
            name, _, value = who.cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": origin}])
        context.add_init_script(_WATCH)
        page = context.new_page()
        self._watch(page, origin, refusals=refusals, outages=outages)
        page.goto(path)
        page.get_by_role("heading", level=1).first.wait_for()
        return page

    def _watch(self, page: Page, origin: str, *, refusals: bool, outages: bool) -> None:
        def said(message: ConsoleMessage) -> None:
            failed = message.text.startswith("Failed to load resource")
            refused = refusals and failed and "status of 4" in message.text
            away = outages and failed and ("net::ERR_" in message.text or "status of 503" in message.text)
            if message.type == "error" and not (refused or away):
                self.wrong.append(f"{page.url}: {message.text} ({message.location.get('url', '')})")

        def asked(request: Request) -> None:
            if not request.url.startswith((f"{origin}/", *_OWN_SCHEMES)):
                self.wrong.append(f"{page.url}: asks outside of its origin: {request.url}")

        page.on("console", said)
        page.on("pageerror", lambda error: self.wrong.append(f"{page.url}: {error}"))
        page.on("request", asked)

    def keep_pictures(self, name: str) -> None:
        """What all pages look like now, for whoever asks why the test `name` failed."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        pages = [page for context in self.contexts for page in context.pages]
        for number, page in enumerate(pages):
            page.screenshot(path=SCREENSHOTS / f"{name}-{number}.png")

    def close(self) -> None:
        for context in self.contexts:
            context.close()
