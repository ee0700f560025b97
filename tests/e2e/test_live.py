"""What the pages do while the server does not answer."""

from pathlib import Path

from e2e.browser import Opened
from playwright.sync_api import expect
from running_server import free_port, serving
from sign_in import settle


def test_a_server_that_is_away_is_told_of_and_the_page_goes_on(open_page: Opened, tmp_path: Path) -> None:
    port = str(free_port())
    with serving(tmp_path, "--model", "echo", "--port", port) as server:
        page = open_page(server, settle(server, "ann", role="admin"), "/models")
        expect(page.get_by_text("Ready")).to_be_visible()
    away = page.get_by_text("The server does not answer; trying again…")
    expect(away).to_be_visible()
    with serving(tmp_path, "--model", "echo", "--port", port):
        expect(away).to_have_count(0)
        expect(page.get_by_text("Ready")).to_be_visible()
        page.close()  # else it tells of the end of this one as well
    # The browser itself writes down that it reached nobody.
    open_page.wrong[:] = [line for line in open_page.wrong if "net::ERR_" not in line]
