"""What a chart shows where the pointer is."""

from e2e.browser import Opened, settled
from playwright.sync_api import Page, expect
from running_server import RunningServer
from sign_in import Person, bearer, settle

_CURSOR = "() => document.querySelector('.u-cursor-x').getBoundingClientRect().x"
_CHAT = b'{"model": "echo", "messages": [{"role": "user", "content": "one two three"}]}'


def keep_looking(page: Page) -> None:
    """As one does who comes back to the window, again and again: what is not fresh any more is asked for anew."""
    page.evaluate("() => setInterval(() => window.dispatchEvent(new Event('visibilitychange')), 200)")


def ask(server: RunningServer, who: Person) -> None:
    assert server.request("POST", "/v1/chat/completions", _CHAT, bearer(who.key)).status == 200


def test_the_cursor_stays_when_new_numbers_come(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "cleo-of-the-charts")
    ask(echo_server, who)
    page = settled(open_page(echo_server, who, "/usage"))
    chart = page.get_by_role("region", name="Requests")
    plot, told = chart.locator(".u-over"), chart.locator("figcaption")
    box = plot.bounding_box()
    assert box is not None
    plot.hover(position={"x": box["width"] - 2, "y": 40})
    expect(told).to_contain_text("All1")
    at = page.evaluate(_CURSOR)
    ask(echo_server, who)
    keep_looking(page)
    expect(told).to_contain_text("All2", timeout=20_000)
    assert page.evaluate(_CURSOR) == at
