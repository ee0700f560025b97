"""API Keys: a key is made, shown once, used from elsewhere, changed, stopped and deleted."""

import re
import subprocess

import pytest
from debian import program
from e2e.browser import Opened
from playwright.sync_api import Page, expect
from running_server import RunningServer
from sign_in import Person, ask_json, bearer, settle

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def kim(echo_server: RunningServer) -> Person:
    return settle(echo_server, "kim-of-the-keys")


def issue(page: Page, name: str) -> str:
    """Make a key as a person does; its secret, once Done is pressed."""
    page.get_by_role("button", name="Issue New API Key").first.click()
    page.get_by_label("API Key Name").fill(name)
    page.get_by_role("button", name="Create Key").click()
    shown = page.get_by_role("dialog", name="Your New API Key")
    secret = re.search(r"psk_\w+", shown.inner_text())
    assert secret
    page.keyboard.press("Escape")
    expect(shown).to_be_visible()  # what is shown once is not lost by a slip
    shown.get_by_role("button", name="Copy to Clipboard").click()
    expect(shown.get_by_role("button", name="Copied").first).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == secret.group()
    shown.get_by_role("button", name="Done").click()
    expect(shown).to_be_hidden()
    return secret.group()


def test_a_key_is_made_shown_once_and_used(open_page: Opened, real_server: RunningServer) -> None:
    page = open_page(real_server, settle(real_server, "kay-of-the-keys"), "/apikeys")
    page.get_by_role("button", name="Issue New API Key").first.click()
    page.get_by_label("API Key Name").fill("a laptop")
    page.get_by_role("button", name="Create Key").click()
    shown = page.get_by_role("dialog", name="Your New API Key")
    code = shown.get_by_label("Code for curl").inner_text()
    found = re.search(r"psk_\w+", code)
    assert found
    secret = found.group()
    program("curl", "curl")
    ran = subprocess.run(["bash", "-c", code], capture_output=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert b"chat.completion" in ran.stdout
    shown.get_by_role("tab", name="Python").click()
    assert secret in shown.get_by_label("Code for Python").inner_text()
    shown.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row").filter(has_text="a laptop")).to_be_visible()
    page.reload()
    expect(page.get_by_role("row").filter(has_text="a laptop")).to_be_visible()
    assert secret not in page.content()


def test_a_key_is_renamed_stopped_rotated_and_deleted(
    open_page: Opened, echo_server: RunningServer, kim: Person
) -> None:
    page = open_page(echo_server, kim, "/apikeys")
    first = issue(page, "short-lived")

    def status(secret: str) -> int:
        return echo_server.request("GET", "/v1/models", headers=bearer(secret)).status

    page.get_by_role("button", name="Change short-lived").click()
    page.get_by_label("API Key Name").fill("for a while")
    page.get_by_label("Requests per minute").fill("50")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("row").filter(has_text="for a while")).to_contain_text("Requests per minute: 50")
    page.get_by_role("button", name="Disable for a while").click()
    expect(page.get_by_role("row").filter(has_text="for a while")).to_contain_text("disabled")
    page.get_by_role("button", name="Enable for a while").click()
    expect(page.get_by_role("row").filter(has_text="for a while")).to_contain_text("active")

    page.get_by_role("button", name="Rotate for a while").click()
    page.get_by_label("The secret it has now ends").select_option("at once")
    page.get_by_role("button", name="Rotate", exact=True).click()
    shown = page.get_by_role("dialog", name="Your New API Key")
    second = re.search(r"psk_\w+", shown.inner_text())
    assert second
    assert second.group() != first
    shown.get_by_role("button", name="Done").click()
    assert status(second.group()) == 200

    page.get_by_role("button", name="Delete for a while").click()
    asked = page.get_by_role("dialog", name="Delete for a while?")
    expect(asked).to_contain_text(re.compile("It was last used|No use of it is recorded"))
    asked.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row").filter(has_text="for a while")).to_have_count(0)


def test_names_are_text_and_the_order_is_in_the_url(open_page: Opened, echo_server: RunningServer, kim: Person) -> None:
    for name in (HOSTILE, "aaa", "zzz"):
        assert ask_json(echo_server, "POST", "/api/keys", {"name": name}, cookie=kim.cookie).status == 200
    page = open_page(echo_server, kim, "/apikeys")
    expect(page.get_by_text(HOSTILE)).to_be_visible()
    page.get_by_role("button", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=-name"))
    page.get_by_role("button", name="Name", exact=True).click()
    expect(page).to_have_url(re.compile("sort=name"))
    page.reload()
    names = page.locator("tbody tr td:first-child")
    expect(names.first).to_contain_text(HOSTILE)
    page.get_by_label("Search by name").fill("ZZ")
    expect(names).to_have_count(1)
    expect(page).to_have_url(re.compile("search=ZZ"))


def test_who_has_no_key_is_told_how_to_come_by_one(open_page: Opened, echo_server: RunningServer) -> None:
    new = settle(echo_server, "new-at-the-console")
    (own,) = ask_json(echo_server, "GET", "/api/keys", cookie=new.cookie).json["data"]
    assert ask_json(echo_server, "DELETE", f"/api/keys/{own['id']}", cookie=new.cookie).status == 200
    page = open_page(echo_server, new, "/apikeys", width=390, theme="dark")
    expect(page.get_by_text("You have no API key yet.")).to_be_visible()
    expect(page.get_by_role("button", name="Issue New API Key")).to_have_count(2)
    expect(page.get_by_text("penstock keys create my-key")).to_be_visible()


def test_limits_are_told_as_they_are_used(open_page: Opened, echo_server: RunningServer) -> None:
    dora = settle(echo_server, "dora-of-limits", plan="standard")
    page = open_page(echo_server, dora, "/limits")
    expect(page.get_by_text("0 of 60", exact=True)).to_be_visible()
    body = b'{"model": "echo", "messages": [{"role": "user", "content": "one two"}]}'
    assert echo_server.request("POST", "/v1/chat/completions", body, bearer(dora.key)).status == 200
    expect(page.get_by_text("1 of 60", exact=True)).to_be_visible(timeout=15_000)  # too short to be seen running
    expect(page.get_by_text(re.compile("All of it is free in"))).to_be_visible()
    expect(page.get_by_role("tab", name="standard (yours)")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="free", exact=True).click()
    expect(page).to_have_url(re.compile("plan=free"))
    expect(page.get_by_role("cell", name="32,768")).to_be_visible()
