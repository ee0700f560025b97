"""How much the pages weigh."""

from pathlib import Path

import pytest
from e2e.browser import Opened, settled
from running_server import RunningServer
from sign_in import Person

from penstock.console.pages import STATIC

FIRST_LOAD = 160_000
"""Bytes of all that the browser fetches for a first page, texts as gzip has them, and fonts. What the API answers comes
on top, and is as much as there is to show."""
EVERYTHING = 1_200_000
"""Bytes of all pages and their fonts, as they are once they are unpacked."""


def compressed(path: Path) -> int:
    packed = path.with_name(path.name + ".gz")
    return (packed if packed.is_file() else path).stat().st_size


@pytest.mark.parametrize("path", ["/", "/login"])
def test_a_first_page_is_light(open_page: Opened, echo_server: RunningServer, ann: Person, path: str) -> None:
    page = settled(open_page(echo_server, None if path == "/login" else ann, path))
    entries = "performance.getEntriesByType('resource').map((one) => [one.name, one.encodedBodySize])"
    fetched: dict[str, int] = page.evaluate(f"() => Object.fromEntries({entries})")
    origin = f"http://127.0.0.1:{echo_server.port}/"
    names = {"index.html", *(name.removeprefix(origin) for name in fetched)}
    weights = {name: compressed(STATIC / name) for name in sorted(names) if not name.startswith("api/")}
    assert {name.rpartition(".")[2] for name in weights} >= {"html", "js", "css", "woff2"}, weights
    answers = sum(size for name, size in fetched.items() if name.startswith(f"{origin}api/"))
    print(f"{path}: {sum(weights.values())} bytes, and {answers} of answers: {weights}")
    assert answers, "the page has asked what it shows"
    assert sum(weights.values()) <= FIRST_LOAD, weights


def test_all_pages_together_are_light(console_build: object) -> None:
    weights = {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html")}
    weights |= {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".svg", ".woff2")}
    print(f"{sum(weights.values())} bytes")
    assert 0 < sum(weights.values()) <= EVERYTHING, weights
