"""The site that `make docs` builds: whole, linked, and loading nothing from elsewhere."""

import re
import shutil
import subprocess
import sys
import tomllib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from guides import DOCS, ROOT, guides

# Elements whose address the browser loads by itself, without a click.
LOADING = {
    "audio", "embed", "iframe", "image", "img", "input", "link", "object", "script", "source", "track", "use", "video"
}  # fmt: skip


class Page(HTMLParser):
    """What one built page points to: what a browser loads, what a reader may click, and where both can lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given["id"]} if "id" in given else set()
        for name in ("href", "src", "srcset", "data", "xlink:href", "poster"):
            if name in given:
                (self.loads if tag in LOADING else self.links).append(given[name])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built from a copy, so that the build leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    shutil.copy(ROOT / "zensical.toml", folder)
    built = subprocess.run(
        [sys.executable, "-m", "zensical", "build", "--strict"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder / "build" / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def in_navigation(entry: Any) -> list[str]:
    if isinstance(entry, str):
        return [entry]
    return [page for inner in (entry.values() if isinstance(entry, dict) else entry) for page in in_navigation(inner)]


def test_every_guide_is_in_the_navigation() -> None:
    settings = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))
    listed = in_navigation(settings["project"]["nav"])
    assert sorted(listed) == sorted([*guides(), "ARCHITECTURE.md"])


def test_every_document_is_a_page(site: Path) -> None:
    documents = [path.relative_to(DOCS) for path in DOCS.rglob("*.md")]
    wanted = [site / path.with_suffix(".html") for path in documents]
    assert [path for path in wanted if not path.is_file()] == []


def test_no_page_loads_anything_from_elsewhere(pages: dict[Path, Page]) -> None:
    assert sum(len(page.loads) for page in pages.values()) > len(pages)
    outside = [(path.name, url) for path, page in pages.items() for url in page.loads if urlsplit(url).netloc]
    assert outside == []


def test_no_style_loads_anything_from_elsewhere(site: Path) -> None:
    styles = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.css")}
    assert len(styles) > 1
    reached = {path.name: re.findall(r"url\(\s*[\"']?((?!data:)[^\"')]+)", text) for path, text in styles.items()}
    assert [url for urls in reached.values() for url in urls if urlsplit(url).netloc] == []
    assert [path.name for path, text in styles.items() if "@import" in text] == []


def test_no_page_holds_what_the_theme_would_fetch_code_for(pages: dict[Path, Page]) -> None:
    """The theme's script loads a drawing library from elsewhere for the first diagram that it sees."""
    drawn = [path for path in pages if re.search(r"class=\"[^\"]*mermaid", path.read_text(encoding="utf-8"))]
    assert drawn == []


def test_every_link_inside_the_site_leads_somewhere(site: Path, pages: dict[Path, Page]) -> None:
    broken = []
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else []:
            target = urlsplit(link)
            if target.scheme or target.netloc:
                continue
            place = (path.parent / unquote(target.path)).resolve() if target.path else path
            found = place.is_file() and place.is_relative_to(site)
            anchors = pages[place].anchors if place in pages else set()
            if not found or (target.fragment and unquote(target.fragment) not in anchors):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_the_fonts_are_the_sites_own(site: Path) -> None:
    style = (site / "assets" / "penstock.css").read_text(encoding="utf-8")
    named = re.findall(r"url\(\"([^\"]+)\"\)", style)
    assert len(named) == 2
    assert [(site / "assets" / font).is_file() for font in named] == [True, True]
