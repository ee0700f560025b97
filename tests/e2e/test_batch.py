"""Files and batches in the browser: checked before they are sent, watched to the end, and their answers fetched."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from e2e.browser import Opened
from playwright.sync_api import Page, expect
from running_server import SMOL, RunningServer
from sign_in import Person, ask_json, bearer, settle

CHAT = "/v1/chat/completions"
SECONDS = 60_000


@pytest.fixture(scope="module")
def rita(real_server: RunningServer) -> Person:
    """Somebody on the server with the real model."""
    return settle(real_server, "rita-of-batches")


def lines(count: int, model: str, **body: Any) -> bytes:
    asked = {"model": model, "messages": [{"role": "user", "content": "Say a word."}], "max_tokens": 8, **body}
    return b"".join(
        msgspec.json.encode({"custom_id": f"r{at}", "method": "POST", "url": CHAT, "body": asked}) + b"\n"
        for at in range(count)
    )


def choose(page: Page, body: bytes, name: str = "requests.jsonl") -> None:
    file: Any = {"name": name, "mimeType": "application/jsonl", "buffer": body}
    page.locator('input[type="file"]').last.set_input_files(file)


def begin(page: Page, body: bytes, name: str = "requests.jsonl") -> None:
    """From the list to a batch that was started."""
    page.get_by_role("button", name="New batch").first.click()
    choose(page, body, name)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.get_by_role("button", name="Start batch").click()
    expect(page.get_by_role("heading", name="Times")).to_be_visible()


def test_a_batch_is_uploaded_watched_and_fetched(
    open_page: Opened, real_server: RunningServer, rita: Person, tmp_path: Path
) -> None:
    page = open_page(real_server, rita, "/batch")
    begin(page, lines(4, SMOL, temperature=0))
    expect(page.get_by_text("completed", exact=True)).to_be_visible(timeout=SECONDS)
    expect(page.get_by_role("img", name="4 done, 0 failed, of 4")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="_output.jsonl").click()
    saved = tmp_path / "output.jsonl"
    download.value.save_as(saved)
    batch_id = page.url.rpartition("id=")[2]
    batch = real_server.request("GET", f"/v1/batches/{batch_id}", headers=bearer(rita.key)).json
    by_api = real_server.request("GET", f"/v1/files/{batch['output_file_id']}/content", headers=bearer(rita.key))
    assert saved.read_bytes() == by_api.body
    assert len(by_api.body.splitlines()) == 4
    page.goto("/batch")
    expect(page.get_by_role("region", name="Batches").get_by_text("completed")).to_be_visible()


def test_mistakes_are_told_before_anything_is_sent(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/batch?new=1")
    choose(page, lines(1, "echo") + b"{\n" + lines(1, "echo"))
    told = page.get_by_role("list", name="What is wrong")
    expect(told.get_by_role("listitem")).to_have_count(2)
    expect(told).to_contain_text("line 2")
    expect(told).to_contain_text("Line 1 has the same custom_id.")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_have_count(0)
    expect(page.get_by_role("button", name="Start batch")).to_be_disabled()
    choose(page, lines(2, "echo"))
    expect(page.get_by_text("2 lines, all in their form")).to_be_visible()
    choose(page, lines(3, "nobody/nothing"))
    expect(page.get_by_text("3 lines, of which 3 would fail")).to_be_visible()


def test_fifty_thousand_lines_do_not_hold_the_page_up(
    open_page: Opened, echo_server: RunningServer, ann: Person, tmp_path: Path
) -> None:
    large = tmp_path / "large.jsonl"  # a body that is handed over would itself hold the page up
    large.write_bytes(lines(50_000, "echo"))
    page = open_page(echo_server, ann, "/batch?new=1")
    page.evaluate(
        """() => { window.gaps = []; let last = performance.now();
        const tick = () => { const now = performance.now(); window.gaps.push(now - last); last = now;
        requestAnimationFrame(tick); }; requestAnimationFrame(tick); }"""
    )
    page.locator('input[type="file"]').set_input_files(large)
    expect(page.get_by_text("50,000 lines, all in their form")).to_be_visible(timeout=SECONDS)
    assert page.evaluate("Math.max(...window.gaps)") < 1000, "the page was still"


def test_what_failed_is_grouped(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/batch")
    begin(page, lines(5, "nobody/nothing"))
    errors = page.get_by_role("region", name="Errors by message")
    expect(errors.get_by_role("row")).to_have_count(2)
    expect(errors).to_contain_text("model_not_found")
    expect(errors.get_by_role("cell", name="5", exact=True)).to_be_visible()


def test_a_batch_is_cancelled(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/batch")
    words = [{"role": "user", "content": "word " * 300}]
    begin(page, lines(20, "slow", messages=words, max_tokens=300))
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Cancel batch").click()
    expect(page.get_by_text("cancelled", exact=True)).to_be_visible(timeout=SECONDS)
    expect(page.get_by_role("button", name="Cancel", exact=True)).to_have_count(0)


def test_a_file_is_uploaded_and_deleted(open_page: Opened, echo_server: RunningServer) -> None:
    carla = settle(echo_server, "carla-of-files")
    page = open_page(echo_server, carla, "/files")
    expect(page.get_by_text("penstock files upload FILE")).to_be_visible()
    choose(page, lines(2, "echo"), "<img src=x>.jsonl")
    table = page.get_by_role("region", name="Files")
    expect(table).to_contain_text("<img src=x>.jsonl")
    with page.expect_download() as download:
        table.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_bytes() == lines(2, "echo")
    table.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Delete", exact=True).last.click()
    expect(page.get_by_text("You have no files yet.")).to_be_visible()


def test_a_line_is_opened_in_the_playground_and_asked_anew(
    open_page: Opened, real_server: RunningServer, rita: Person
) -> None:
    page = open_page(real_server, rita, "/batch", refusals=True)
    system = {"role": "system", "content": "You say one word."}
    asked = [system, {"role": "user", "content": "Name a colour."}]
    begin(page, lines(2, SMOL, temperature=0, messages=asked, user="rita", max_tokens=12), "colours.jsonl")
    expect(page.get_by_text("completed", exact=True)).to_be_visible(timeout=SECONDS)
    batch_id = page.url.rpartition("id=")[2]
    page.get_by_label("Find a line by").select_option("custom_id")
    page.get_by_label("custom_id", exact=True).fill("nobody's")
    page.get_by_role("button", name="Open in the Playground").click()
    expect(page.get_by_text("No line of this batch's input has this custom_id.")).to_be_visible()
    page.get_by_label("custom_id", exact=True).fill("r1")
    page.get_by_role("button", name="Open in the Playground").click()

    expect(page).to_have_url(re.compile(rf"/playground\?batch={batch_id}&line=2\b"))
    note = page.get_by_role("region", name="The opened line")
    expect(note).to_contain_text("r1")
    expect(note.get_by_role("list", name="Left out")).to_have_text('user: "rita"')
    expect(page.get_by_label("Model", exact=True)).to_have_value(SMOL)
    expect(page.get_by_label("System prompt")).to_have_value("You say one word.")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("0")
    expect(page.get_by_label("Max tokens", exact=True)).to_have_value("12")
    expect(page.get_by_role("article", name="Your message")).to_contain_text("Name a colour.")
    line = ask_json(real_server, "GET", f"/api/batches/{batch_id}/lines/2", cookie=rita.cookie).json
    said = line["response"]["body"]["choices"][0]["message"]["content"]
    answer = page.get_by_role("article", name="Answer of")
    expect(answer.locator(".markdown")).to_contain_text(said.split()[0])
    expect(answer).to_contain_text(f"{line['response']['body']['usage']['completion_tokens']} out")

    answer.hover()
    answer.get_by_role("button", name="Regenerate").click()
    expect(answer).to_contain_text(re.compile(r"queue .* · TTFT "))
    page.reload()
    expect(answer).to_contain_text(re.compile(r"queue .* · TTFT "))
    page.get_by_role("button", name="Close the line").click()
    expect(page.get_by_text("Write a message below to begin.")).to_be_visible()


def test_from_a_line_that_failed_to_the_playground(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/batch")
    begin(page, lines(1, "echo") + lines(1, "echo", temperature=9).replace(b'"r0"', b'"hot"'))
    page.get_by_role("region", name="Errors by message").get_by_role("link", name="line 2").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("temperature")
    expect(page.get_by_label("Temperature", exact=True)).to_have_value("9")
    page.get_by_label("Temperature", exact=True).fill("1")
    alert.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("article", name="Answer of")).to_contain_text("Say a word.")
    expect(alert).to_have_count(0)


def test_the_requests_of_a_batch_lead_to_its_lines(open_page: Opened, echo_server: RunningServer) -> None:
    dora = settle(echo_server, "dora-of-batches")
    page = open_page(echo_server, dora, "/playground?model=echo")
    page.get_by_label("Message", exact=True).fill("not of a batch")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="Answer of")).to_contain_text("4 out")
    page.goto("/batch")
    begin(page, lines(3, "echo"))
    expect(page.get_by_text("completed", exact=True)).to_be_visible(timeout=SECONDS)
    batch_id = page.url.rpartition("id=")[2]
    page.get_by_role("link", name="Its requests").click()
    expect(page.get_by_label("Batch id")).to_have_value(batch_id)
    table = page.get_by_role("region", name="Requests", exact=True)
    expect(table.get_by_role("row")).to_have_count(1 + 3)
    table.get_by_role("button", name="Open request").first.click()
    page.get_by_role("link", name="Open the line in the Playground").click()
    expect(page.get_by_role("region", name="The opened line")).to_contain_text(batch_id[:12])
    expect(page.get_by_role("article", name="Your message")).to_contain_text("Say a word.")

    page.goto("/requests?tab=history&batch=false")
    table.get_by_role("button", name="Open request").click()
    page.get_by_role("link", name="Open the model in the Playground").click()
    expect(page.get_by_role("region", name="The opened request")).to_contain_text("was not kept")
    expect(page.get_by_label("Model", exact=True)).to_have_value("echo")


def test_a_line_that_is_no_conversation_is_shown_as_it_stands(
    open_page: Opened, echo_server: RunningServer, ann: Person
) -> None:
    given = {"custom_id": "e", "method": "POST", "url": "/v1/embeddings", "body": {"model": "echo", "input": "one"}}
    page = open_page(echo_server, ann, "/batch", refusals=True)
    begin(page, msgspec.json.encode(given) + b"\n")
    page.get_by_label("Line number").fill("1")
    page.get_by_role("button", name="Open in the Playground").click()
    note = page.get_by_role("region", name="The opened line")
    expect(note).to_contain_text("It asks /v1/embeddings for what no conversation is")
    expect(note.get_by_label("The line", exact=True)).to_contain_text('"input": "one"')
    page.goto("/playground?batch=batch_0123456789abcdef01234567&line=1")
    expect(page.get_by_role("alert")).to_contain_text("There is no such batch.")
