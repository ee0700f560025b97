"""The whole of the console without a mouse, and on a telephone."""

import pytest
from e2e.browser import WIDTHS, Opened, settled
from e2e.site_map import Place, places
from playwright.sync_api import Page, expect
from running_server import RunningServer
from sign_in import Person


def focused(page: Page) -> str:
    """What the element that has the focus is called."""
    name: str = page.evaluate(
        "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()"
    )
    return name


def test_the_palette_goes_anywhere(open_page: Opened, echo_server: RunningServer, root: Person) -> None:
    page = open_page(echo_server, root, "/")
    page.keyboard.press("Control+k")
    expect(page.get_by_role("combobox", name="Page or action")).to_be_focused()
    page.keyboard.type("dark")
    page.keyboard.press("Enter")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+k")
    page.keyboard.type("nothing is called like this")
    expect(page.get_by_text("Nothing is called that.")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_chooses_with_arrows(open_page: Opened, echo_server: RunningServer, root: Person) -> None:
    page = open_page(echo_server, root, "/")
    page.keyboard.press("Control+k")
    options = page.get_by_role("option")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(options.nth(1)).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    expect(options.first).to_have_attribute("aria-selected", "true")


def test_the_first_stop_skips_to_the_page(open_page: Opened, echo_server: RunningServer, root: Person) -> None:
    page = open_page(echo_server, root, "/")
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the page"
    expect(page.get_by_role("link", name="Skip to the page")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_focus_goes_down_the_sidebar_and_is_seen(
    open_page: Opened, echo_server: RunningServer, root: Person
) -> None:
    page = open_page(echo_server, root, "/")
    entries = page.get_by_role("navigation", name="Pages", exact=True).locator("a, button")
    named = [entry.inner_text().split("\n")[0].strip() for entry in entries.all()]
    page.keyboard.press("Tab")
    stops = []
    for _ in named:
        page.keyboard.press("Tab")
        stops.append(focused(page).removesuffix("Ctrl K"))
        outline = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline == "solid", f"{stops[-1]} does not show that it has the focus"
    assert stops == named


def test_the_drawer_of_a_telephone(open_page: Opened, echo_server: RunningServer, root: Person) -> None:
    page = open_page(echo_server, root, "/", width=390)
    link = page.get_by_role("navigation", name="Pages", exact=True).get_by_role("link", name="Home")
    expect(link).to_be_hidden()
    menu = page.get_by_role("button", name="Open the menu")
    menu.focus()
    page.keyboard.press("Enter")
    expect(link).to_be_visible()
    expect(link).to_be_focused()
    page.keyboard.press("Escape")
    expect(link).to_be_hidden()
    menu.click()
    link.click()
    expect(link).to_be_hidden()


@pytest.mark.parametrize("place", places(), ids=lambda place: place.path)
def test_no_page_scrolls_sideways(open_page: Opened, echo_server: RunningServer, root: Person, place: Place) -> None:
    page = settled(open_page(echo_server, None if place.outside else root, place.path, refusals=place.outside))
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        wider = page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider == 0, width
