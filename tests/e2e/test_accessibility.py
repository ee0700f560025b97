"""axe finds nothing on any page, in either theme, at a desk and on a telephone, with each dialog open."""

from typing import Any

import pytest
from e2e.browser import THEMES, Opened, Theme, settled
from e2e.site_map import CONSOLE, Place, places
from playwright.sync_api import Page
from running_server import RunningServer
from sign_in import Person

AXE = CONSOLE.parent / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

DIALOGS = {
    "/users": ["Invite", "Create account"],
    "/users?tab=invitations": ["Invite"],
    "/settings?tab=plans": ["New plan", "Edit the plan free"],
    "/": ["Search"],
}
"""Page -> the buttons that open a dialog there."""


def violations(page: Page) -> list[str]:
    """What is wrong, as `rule: element`. The source is evaluated, as a script element would break the page's policy."""
    settled(page).evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]}
    found: dict[str, Any] = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{rule['id']} ({rule['help']}): {node['html'][:200]}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("place", places(), ids=lambda place: place.path)
def test_axe_finds_nothing(
    open_page: Opened, echo_server: RunningServer, root: Person, place: Place, theme: Theme
) -> None:
    page = open_page(echo_server, None if place.outside else root, place.path, theme=theme, refusals=place.outside)
    assert violations(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert violations(page) == [], "on a telephone"


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("path", "button"), [(path, one) for path, buttons in DIALOGS.items() for one in buttons])
def test_axe_finds_nothing_in_a_dialog(
    open_page: Opened, echo_server: RunningServer, root: Person, path: str, button: str, theme: Theme
) -> None:
    page = open_page(echo_server, root, path, theme=theme)
    page.get_by_role("button", name=button).first.click()
    page.get_by_role("dialog").wait_for()
    assert violations(page) == []
