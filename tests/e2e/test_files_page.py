"""Uploads that do not come to their end: cancelled half way, and on a disk that is full."""

import re
from pathlib import Path

import pytest
from e2e.browser import Opened
from playwright.sync_api import Page, expect
from running_server import RunningServer, eventually
from sign_in import Person, settle
from test_faults_of_uploads import files_of_at_most, folder
from uploads import LINE, listed, stored


@pytest.fixture(scope="module")
def fay(workshop: RunningServer) -> Person:
    return settle(workshop, "fay-of-files")


def file_of(folder: Path, size: int) -> Path:
    path = folder / "many.jsonl"
    path.write_bytes(LINE * (size // len(LINE)))
    return path


def choose(page: Page, path: Path) -> None:
    page.locator('input[type="file"]').set_input_files(path)


def test_an_upload_is_cancelled_half_way_and_nothing_is_left(
    open_page: Opened, workshop: RunningServer, fay: Person, tmp_path: Path
) -> None:
    before = stored(folder(workshop))
    page = open_page(workshop, fay, "/files")
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 1 << 20}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    choose(page, file_of(tmp_path, 20_000_000))
    expect(page.get_by_text(re.compile(r"^[1-9][\d.]* MB of 20\.0 MB$"))).to_be_visible()
    eventually(lambda: len(stored(folder(workshop))) == len(before) + 1)
    page.get_by_role("button", name="Cancel the upload").click()
    expect(page.get_by_text("Sending many.jsonl")).to_have_count(0)
    expect(page.get_by_text("You have no files yet.")).to_be_visible()
    eventually(lambda: stored(folder(workshop)) == before)
    assert listed(workshop, fay.key) == []
    expect(page.get_by_role("alert")).to_have_count(0)


def test_a_full_disk_is_told_and_the_file_is_taken_when_there_is_room(
    open_page: Opened, workshop: RunningServer, fay: Person, tmp_path: Path
) -> None:
    before = stored(folder(workshop))
    page = open_page(workshop, fay, "/files", outages=True)
    with files_of_at_most(workshop, 3 << 20):
        choose(page, file_of(tmp_path, 5_000_000))
        alert = page.get_by_role("alert")
        expect(alert).to_contain_text("many.jsonl was not uploaded.")
        expect(alert).to_contain_text("no room")
        expect(alert).to_contain_text("req_")
        eventually(lambda: stored(folder(workshop)) == before)
    expect(page.get_by_text("You have no files yet.")).to_be_visible()
    alert.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("region", name="Files")).to_contain_text("many.jsonl")
    expect(alert).to_have_count(0)
    (kept,) = listed(workshop, fay.key)
    page.get_by_role("button", name="Delete many.jsonl").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("You have no files yet.")).to_be_visible()
    assert kept["bytes"] == 5_000_000 // len(LINE) * len(LINE)
