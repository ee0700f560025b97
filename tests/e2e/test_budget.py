"""How much the pages weigh."""

from pathlib import Path

import pytest
from e2e.browser import Opened, settled
from running_server import RunningServer
from sign_in import Person

from penstock.console.pages import STATIC

FIRST_LOAD = 160_000
"""Bytes of all that the browser fetches for a first page: texts as gzip has them, fonts, and what the API answers."""
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
    sizes = {"index.html": 0} | {name.removeprefix(origin): size for name, size in fetched.items()}
    weights = {
        name: size if name.startswith("api/") else compressed(STATIC / name) for name, size in sorted(sizes.items())
    }
    kinds = {name.rpartition(".")[2] for name in weights}
    assert {"html", "js", "css", "woff2"} <= kinds, weights
    assert any(name.startswith("api/") for name in weights), weights
    print(f"{path}: {sum(weights.values())} bytes: {weights}")
    assert sum(weights.values()) <= FIRST_LOAD, weights


def test_all_pages_together_are_light(console_build: object) -> None:
    weights = {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html")}
    weights |= {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".svg", ".woff2")}
    print(f"{sum(weights.values())} bytes")
    assert 0 < sum(weights.values()) <= EVERYTHING, weights
