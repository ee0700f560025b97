"""axe finds nothing on any page, in either theme, at a desk and on a telephone, with each dialog open.

A theme is a set of colours: in the second one only the rules of colours are asked again.
"""

from typing import Any

import pytest
from e2e.browser import THEMES, Opened, settled
from e2e.busy_house import House
from e2e.dialogs import OPENINGS, Opening, titles
from e2e.site_map import CONSOLE, Place, places
from playwright.sync_api import Page

AXE = CONSOLE.parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
RULES_OF_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


def violations(page: Page, rules: dict[str, Any]) -> list[str]:
    """What is wrong, as `rule: element`. The source is evaluated, as a script element would break the page's policy."""
    if not settled(page).evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": rules, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


def violations_in_both_themes(page: Page) -> list[str]:
    found = []
    for theme, rules in zip(THEMES, (RULES, RULES_OF_COLOURS), strict=True):
        page.evaluate("(theme) => { document.documentElement.dataset.theme = theme }", theme)
        found += [f"{theme}: {one}" for one in violations(page, rules)]
    return found


def violations_at_all_widths(page: Page) -> list[str]:
    found = []
    for width, height in ((1440, 900), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{width} wide, {one}" for one in violations_in_both_themes(page)]
    return found


@pytest.mark.parametrize("place", places(), ids=lambda place: place.path)
def test_axe_finds_nothing(open_page: Opened, house: House, place: Place) -> None:
    who = None if place.outside else house.root
    page = open_page(house.server, who, place.path, refusals=place.outside)
    assert violations_at_all_widths(page) == []


@pytest.mark.parametrize("opening", OPENINGS, ids=lambda opening: opening.name)
def test_axe_finds_nothing_in_a_dialog(open_page: Opened, house: House, opening: Opening) -> None:
    page = open_page(house.server, house.root, opening.address(house), width=opening.width)
    opening.open(settled(page))
    assert violations_in_both_themes(page) == []


def test_every_dialog_of_the_sources_is_opened() -> None:
    names = [opening.name for opening in OPENINGS]
    assert [title.pattern for title in titles() if not any(map(title.fullmatch, names))] == []


def test_axe_finds_nothing_in_what_else_pages_show(open_page: Opened, house: House) -> None:
    page = open_page(house.server, house.root)
    found = {}
    for address in house.more_addresses():
        page.goto(address)
        page.get_by_role("heading", level=1).first.wait_for()
        if wrong := violations_at_all_widths(page):
            found[address] = wrong
    assert found == {}


def test_axe_finds_nothing_in_the_drawer_and_in_a_comparison(open_page: Opened, house: House) -> None:
    page = open_page(house.server, house.root, "/playground", width=390)
    page.get_by_role("button", name="Compare").click()
    assert violations_in_both_themes(page) == []
    page.get_by_role("button", name="Open the menu").click()
    assert violations_in_both_themes(page) == []
