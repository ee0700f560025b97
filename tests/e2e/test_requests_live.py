"""A request that runs is cancelled where it is seen running."""

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from e2e.browser import Opened
from playwright.sync_api import expect
from running_server import SMOL, RunningServer, eventually
from sign_in import Person, ask_json, settle

ENDS = {"0": -100, "2": -100}
"""The tokens by which the real model ends an answer."""


def broken_off(server: RunningServer, who: Person) -> tuple[str, openai.APIError]:
    """A stream that would go on until the context is full: its request's id, and what its client was told."""
    stream = server.client(who.key).chat.completions.create(
        model=SMOL,
        messages=[{"role": "user", "content": "Tell me a story about the sea."}],
        stream=True,
        logit_bias=ENDS,
    )
    with pytest.raises(openai.APIError) as raised:
        for _ in stream:
            pass
    return stream.response.headers["x-request-id"], raised.value


def test_a_request_is_cancelled_and_its_slot_is_free(open_page: Opened, workshop: RunningServer) -> None:
    who = settle(workshop, "cleo-who-cancels")
    page = open_page(workshop, who, "/requests")
    with ThreadPoolExecutor(1) as clients:
        told = clients.submit(broken_off, workshop, who)
        row = page.get_by_role("row").filter(has_text="cleo-who-cancels's")
        expect(row).to_contain_text("Writing")
        row.get_by_role("button", name="Cancel").click()
        expect(page.get_by_text("Nothing runs or waits now.")).to_be_visible()
        request_id, error = told.result(timeout=30)
    assert error.code == "request_cancelled"
    workshop.usage_of(request_id)

    def busy() -> int:
        models = ask_json(workshop, "GET", "/api/models", cookie=who.cookie).json["data"]
        found: int = next(model for model in models if model["id"] == SMOL)["busy"]
        return found

    eventually(lambda: busy() == 0, seconds=10)
    page.get_by_role("tab", name="History").click()
    over = page.get_by_role("region", name="Requests").get_by_role("row").filter(has_text=SMOL.rpartition("/")[2])
    expect(over).to_contain_text("request_cancelled")
    over.click()
    details = page.get_by_role("dialog", name="Request")
    expect(details.get_by_title(request_id)).to_be_visible()
