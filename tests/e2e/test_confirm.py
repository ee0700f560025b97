"""What is asked before something is deleted: beside the button, by keyboard alone, on a telephone too."""

import pytest
from e2e.browser import Opened
from playwright.sync_api import Locator, Page, expect
from running_server import RunningServer
from sign_in import Person, ask_json, settle


def asked_beside(page: Page, button: Locator) -> Locator:
    """What asks, once it stands in the window right over or under its button."""
    question = page.get_by_role("dialog")
    expect(question).to_be_in_viewport(ratio=1)
    box, at = question.bounding_box(), button.bounding_box()
    assert box is not None
    assert at is not None
    assert 0 <= box["y"] - (at["y"] + at["height"]) < 10 or 0 <= at["y"] - (box["y"] + box["height"]) < 10
    assert box["x"] <= at["x"] + at["width"]
    assert at["x"] <= box["x"] + box["width"]
    return question


@pytest.mark.parametrize("width", [1440, 390])
def test_a_key_is_deleted_without_a_mouse(open_page: Opened, echo_server: RunningServer, width: int) -> None:
    who = settle(echo_server, f"uma-who-deletes-at-{width}")
    for name in ("first", "second"):
        assert ask_json(echo_server, "POST", "/api/keys", {"name": name}, cookie=who.cookie).status == 200
    page = open_page(echo_server, who, "/apikeys", width=width)
    button = page.get_by_role("button", name="Delete first")
    button.focus()
    page.keyboard.press("Enter")
    question = asked_beside(page, button)
    expect(question).to_contain_text("No use of it is recorded.")
    delete = question.get_by_role("button", name="Delete")
    expect(delete).to_be_focused()
    page.keyboard.press("Escape")
    expect(question).to_have_count(0)
    expect(button).to_be_focused()

    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(question).to_have_count(0)
    expect(page.get_by_role("row").filter(has_text="first")).to_have_count(0)
    expect(page.get_by_role("region", name="API keys")).to_be_focused()
    expect(page.get_by_role("row").filter(has_text="second")).to_be_visible()


def test_a_click_beside_it_and_a_key_that_is_held_do_nothing(
    open_page: Opened, echo_server: RunningServer, ann: Person
) -> None:
    page = open_page(echo_server, ann, "/apikeys")
    button = page.get_by_role("button", name="Delete ann-at-the-console's")
    button.click()
    question = asked_beside(page, button)
    page.mouse.click(300, 300)
    expect(question).to_have_count(0)
    expect(button).to_be_focused()
    page.keyboard.down("Enter")
    expect(question).to_be_visible()
    page.keyboard.down("Enter")
    page.keyboard.up("Enter")
    expect(question.get_by_role("button", name="Delete")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("row").filter(has_text="ann-at-the-console's")).to_be_visible()
