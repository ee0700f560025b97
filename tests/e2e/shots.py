"""Takes a picture of every page and of what opens on it, in both themes, on a server that looks used.

    PYTHONPATH=src:tests .venv/bin/python -m e2e.shots [NAME ...]
    PYTHONPATH=src:tests .venv/bin/python -m e2e.shots --docs

The pictures are for people to look at: build/shots/NAME-WIDTH-THEME.png. Without names it takes all of them; with
`--docs` those of README.md and the guides, and puts them, with the colours of a palette, into docs/assets/console.
The server has the real model, which `make test` has pulled, and weeks of use behind it: see `scene.py`.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from debian import program
from e2e.browser import THEMES, WIDTHS, BrowserThread, Opened, Theme, settled
from e2e.scene import SERVED, Scene, busy, config, lived_in
from playwright.sync_api import Error, Page
from running_server import RunningServer, serving

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "assets" / "console"
SHOTS = ROOT / "build" / "shots"
MODELS = ROOT / ".cache" / "tests" / "models"
TAKEN = (1440, 390)
IN_DOCS: dict[str, Theme] = {
    "new-home": "light",
    "playground-answer": "light",
    "models": "dark",
    "apikeys": "dark",
    "batch-errors": "light",
    "usage": "dark",
    "requests-refused": "light",
}
_ANSWER_MS = 120_000


@dataclass(frozen=True)
class Shot:
    """One picture."""

    name: str
    path: str
    """`{...}` in it is an id of the scene."""
    who: Literal["root", "newcomer", "nobody"] = "root"
    act: Callable[[Page], None] | None = None
    """What is done before."""
    whole: bool = True
    """Whether what one has to scroll to is in it."""


def press(name: str) -> Callable[[Page], None]:
    """The button that is called so."""
    return lambda page: page.get_by_role("button", name=name).first.click()


def ask(page: Page, *, question: str = "What is the most famous street in Paris?", answers: int = 1) -> None:
    """A question in the playground, answered to its end."""
    page.get_by_label("Message", exact=True).fill(question)
    page.keyboard.press("Enter")
    page.get_by_text("tok/s").nth(answers - 1).wait_for(timeout=_ANSWER_MS)
    page.get_by_role("button", name="Send").wait_for(timeout=_ANSWER_MS)


def compare(page: Page) -> None:
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Model B").select_option(SERVED[1])
    ask(page, question="Name three fruits, and the colour of each.", answers=2)


def make_key(page: Page) -> None:
    page.get_by_role("button", name="Issue New API Key").first.click()
    page.get_by_label("API Key Name").fill("checkout")
    page.get_by_role("button", name="Create Key").click()
    page.get_by_role("heading", name="Your New API Key").wait_for()


def open_row(page: Page) -> None:
    page.get_by_role("row").nth(1).click()
    page.get_by_role("dialog").wait_for()


def go_astray(page: Page) -> None:
    page.evaluate("history.pushState({}, '', '/no-such-page')")
    page.get_by_text("There is no such page").wait_for()


SIGNED_IN = (
    Shot("home", "/"),
    Shot("playground", "/playground"),
    Shot("playground-answer", "/playground", act=ask, whole=False),
    Shot("playground-compare", "/playground", act=compare, whole=False),
    Shot("playground-api", "/playground?tab=api"),
    Shot("models", "/models"),
    Shot("models-code", "/models", act=press("Code"), whole=False),
    Shot("models-log", "/models", act=press("Logs"), whole=False),
    Shot("batch-errors", "/batch?id={batches[tickets.jsonl]}"),
    Shot("batch-failed", "/batch?id={batches[draft.jsonl]}"),
    Shot("batch-new", "/batch?new=1", whole=False),
    Shot("files", "/files"),
    Shot("apikeys", "/apikeys"),
    Shot("apikeys-create", "/apikeys", act=press("Issue New API Key"), whole=False),
    Shot("apikeys-change", "/apikeys", act=press("Change staging"), whole=False),
    Shot("apikeys-delete", "/apikeys", act=press("Delete staging"), whole=False),
    Shot("usage", "/usage?range=30d&account=all"),
    Shot("usage-by-key", "/usage?range=30d&by=api_key_id&account=all"),
    Shot("requests", "/requests?tab=history&account=all"),
    Shot("requests-detail", "/requests?tab=history&id={done}", act=open_row, whole=False),
    Shot("requests-refused", "/requests?tab=history&account=all&id={refused}", act=open_row, whole=False),
    Shot("limits", "/limits"),
    Shot("account", "/account"),
    Shot("users", "/users"),
    Shot("users-invitations", "/users?tab=invitations"),
    Shot("users-invite", "/users", act=press("Invite"), whole=False),
    Shot("users-one", "/users?account={root.id}"),
    Shot("settings", "/settings"),
    Shot("audit", "/audit"),
    Shot("palette", "/", act=lambda page: page.keyboard.press("Control+k"), whole=False),
    Shot("no-page", "/", act=go_astray),
)
NEW = (
    Shot("new-home", "/", "newcomer"),
    Shot("new-apikeys", "/apikeys", "newcomer"),
    Shot("new-batch", "/batch", "newcomer"),
    Shot("new-files", "/files", "newcomer"),
    Shot("new-usage", "/usage", "newcomer"),
    Shot("new-requests", "/requests", "newcomer"),
    Shot("new-history", "/requests?tab=history", "newcomer"),
    Shot("new-limits", "/limits", "newcomer"),
    Shot("login", "/login", "nobody"),
    Shot("signup", "/signup", "nobody"),
    Shot("setup", "/setup", "nobody"),
)
LAST = (Shot("apikeys-shown", "/apikeys", act=make_key, whole=False),)
"""This leaves something behind."""
LIVE = (
    Shot("batch", "/batch"),
    Shot("batch-running", "/batch?id={running}"),
    Shot("requests-live", "/requests"),
    Shot("workers", "/workers"),
)
"""Requests run meanwhile."""


def shoot(opened: Opened, server: RunningServer, scene: Scene, shot: Shot, *, theme: Theme, running: str) -> None:
    who = {"root": scene.root, "newcomer": scene.newcomer, "nobody": None}[shot.who]
    page = opened(server, who, shot.path.format_map({**vars(scene), "running": running}), theme=theme, refusals=True)
    page.set_default_timeout(_ANSWER_MS)
    if shot.act:
        settled(page)
        shot.act(page)
    for width in TAKEN:
        page.set_viewport_size({"width": width, "height": WIDTHS[width]})
        settled(page)
        page.wait_for_timeout(500)  # for the eye: bars grow and charts draw themselves anew
        if shot.whole:
            height = page.evaluate("document.documentElement.scrollHeight")
            page.set_viewport_size({"width": width, "height": max(height, WIDTHS[width])})
        page.screenshot(path=SHOTS / f"{shot.name}-{width}-{theme}.png")
    page.context.close()


def take(server: RunningServer, scene: Scene, names: list[str]) -> None:
    """Take those pictures, or all, and tell what went wrong."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    thread = BrowserThread(program("chromium", "chromium"))
    opened = Opened(thread.browser)

    def series(shots: Iterable[Shot], running: str = "") -> None:
        for shot in shots:
            for theme in THEMES:
                try:
                    thread.run(partial(shoot, opened, server, scene, shot, theme=theme, running=running))
                except Error as error:
                    print(f"{shot.name}: {error}", file=sys.stderr)

    wanted = [shot for shot in (*SIGNED_IN, *NEW, *LAST) if not names or shot.name in names]
    series(wanted)
    if live := [shot for shot in LIVE if not names or shot.name in names]:
        with busy(server, scene) as running:
            series(live, running)
    print("\n".join(opened.wrong))
    thread.close()


def to_docs() -> None:
    """Make those of the docs small: screens have few colours."""
    pngquant = program("pngquant", "pngquant")
    IMAGES.mkdir(parents=True, exist_ok=True)
    for name, theme in IN_DOCS.items():
        image = SHOTS / f"{name}-{TAKEN[0]}-{theme}.png"
        subprocess.run([pngquant, "--force", "--strip", "--output", IMAGES / f"{name}.png", "128", image], check=True)


def main() -> None:
    models = [argument for model in SERVED for argument in ("--model", model)]
    with tempfile.TemporaryDirectory() as name:
        (folder := Path(name)).joinpath("models").symlink_to(MODELS)
        with serving(folder, *models, config=config(MODELS)) as server:
            take(server, lived_in(server), list(IN_DOCS) if sys.argv[1:] == ["--docs"] else sys.argv[1:])
    if sys.argv[1:] == ["--docs"]:
        to_docs()


if __name__ == "__main__":
    main()
