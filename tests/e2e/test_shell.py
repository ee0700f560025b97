"""What is around every page."""

import pytest
from e2e.browser import Opened
from playwright.sync_api import expect
from running_server import RunningServer
from sign_in import PASSWORD, Person


def test_whoever_is_signed_in_is_at_home(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann)
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
    expect(page).to_have_title("Home · Penstock")


def test_who_logs_in_comes_to_the_page_that_was_asked_for(
    open_page: Opened, echo_server: RunningServer, ann: Person
) -> None:
    page = open_page(echo_server, None, "/", refusals=True)
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.get_by_label("E-mail").fill(ann.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_systems_until_one_is_chosen(
    open_page: Opened, echo_server: RunningServer, ann: Person, theme: str
) -> None:
    page = open_page(echo_server, ann, theme="dark" if theme == "dark" else "light")
    shown = page.locator("html")
    expect(shown).to_have_attribute("data-theme", theme)
    other = "light" if theme == "dark" else "dark"
    page.get_by_role("button", name=f"{other} theme").click()
    expect(shown).to_have_attribute("data-theme", other)
    page.reload()
    expect(shown).to_have_attribute("data-theme", other)
