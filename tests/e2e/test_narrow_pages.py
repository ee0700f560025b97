"""On a telephone a page is as wide as the screen, with rows in every list of it."""

from e2e.browser import Opened, settled
from e2e.busy_house import House
from playwright.sync_api import Page

TELEPHONE = 390
_WIDER = """
() => [document.documentElement, ...document.querySelectorAll("main [role=region], main table, dialog[open]")]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => `${one.localName} ${one.ariaLabel ?? ""}: ${one.scrollWidth} in ${one.clientWidth} px`)
"""
_CUT = """
() => [...document.querySelectorAll("main td")]
  .filter((one) => one.clientWidth > 0 && one.scrollWidth > one.clientWidth)
  .map((one) => `${one.dataset.name}: ${one.textContent}`)
"""


def rows(page: Page) -> int:
    return page.locator("main tbody tr").count()


def test_nothing_is_wider_than_a_telephone(open_page: Opened, house: House) -> None:
    page = open_page(house.server, house.root, "/", width=TELEPHONE)
    wider, lists = {}, 0
    for address in house.addresses():
        page.goto(address)
        page.get_by_role("heading", level=1).first.wait_for()
        found = settled(page).evaluate(_WIDER) + page.evaluate(_CUT)
        if found:
            wider[address] = found
        lists += rows(page) > 0
    assert wider == {}
    assert lists >= 14, "there are no rows to look at"
