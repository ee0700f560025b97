"""How much the pages weigh."""

from pathlib import Path

from e2e.browser import Opened, settled
from running_server import RunningServer
from sign_in import Person

from penstock.console.pages import STATIC

FIRST_LOAD = 160_000
"""Bytes, compressed by gzip, of all that Home has to have before it shows anything. Its two fonts, 53 kB, are not among
them: the text stands there in the system's font until they have come."""
EVERYTHING = 1_200_000
"""Bytes of all pages and their fonts, as they are once they are unpacked."""


def compressed(path: Path) -> int:
    packed = path.with_name(path.name + ".gz")
    return (packed if packed.is_file() else path).stat().st_size


def test_the_first_page_is_light(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = settled(open_page(echo_server, ann, "/"))
    names: list[str] = page.evaluate("() => performance.getEntriesByType('resource').map(({ name }) => name)")
    origin = f"http://127.0.0.1:{echo_server.port}/"
    loaded = {name.removeprefix(origin) for name in names} | {"index.html"}
    weights = {name: compressed(STATIC / name) for name in loaded if not name.startswith("api/")}
    assert len(weights) > 5
    print(f"{sum(weights.values())} bytes: {weights}")
    needed = {name: weight for name, weight in weights.items() if not name.endswith(".woff2")}
    assert sum(needed.values()) <= FIRST_LOAD, weights


def test_all_pages_together_are_light(console_build: object) -> None:
    weights = {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".js", ".css", ".html")}
    weights |= {path.name: path.stat().st_size for path in STATIC.rglob("*") if path.suffix in (".svg", ".woff2")}
    print(f"{sum(weights.values())} bytes")
    assert 0 < sum(weights.values()) <= EVERYTHING, weights
