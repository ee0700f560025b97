"""What an administrator does on the pages, and what becomes of it for the people that it is done to."""

import re
from collections.abc import Iterator

import pytest
from e2e.browser import Opened
from playwright.sync_api import expect
from running_server import RunningServer, eventually, serving
from sign_in import PASSWORD, Person, ask_json, bearer, settle

HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=alert(1)>"
SECONDS = 5.0
"""Within which a change holds everywhere."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of this file's own, where an invitation lets people in."""
    with serving(tmp_path_factory.mktemp("house"), "--model", "echo", config='signup = "invitation"\n') as server:
        yield server


@pytest.fixture(scope="module")
def chief(house: RunningServer) -> Person:
    """The only administrator of the house who can sign in."""
    return settle(house, "chief", role="admin")


@pytest.fixture(scope="module")
def lodger(house: RunningServer) -> Person:
    return settle(house, "lodger", plan="core")


def test_a_changed_plan_is_the_users_limit_within_5_s(
    open_page: Opened, house: RunningServer, chief: Person, lodger: Person
) -> None:
    theirs = open_page(house, lodger, "/limits")
    expect(theirs.get_by_text("0 of 600", exact=True)).to_be_visible()
    page = open_page(house, chief, "/settings?tab=plans")
    page.get_by_role("button", name="Edit the plan core").click()
    dialog = page.get_by_role("dialog")
    per_minute = dialog.get_by_label("Requests per minute").first
    per_minute.fill("a few")
    expect(dialog.get_by_text("A whole number, 0 or more.")).to_be_visible()
    expect(dialog.get_by_role("button", name="Save")).to_be_disabled()
    per_minute.fill("7")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).not_to_be_visible()
    row = page.get_by_role("row").filter(has_text="For a product")
    expect(row).to_contain_text("Changed here")

    def limit() -> str:
        return house.request("GET", "/v1/models", headers=bearer(lodger.key)).headers["x-ratelimit-limit-requests"]

    eventually(lambda: limit() == "7", seconds=SECONDS)
    expect(theirs.get_by_text(re.compile("^[01] of 7$"))).to_be_visible(timeout=1000 * SECONDS)
    page.get_by_role("button", name="Reset the plan core").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset").click()
    expect(row).to_contain_text("Shipped")
    eventually(lambda: limit() == "600", seconds=SECONDS)
    expect(theirs.get_by_text(re.compile("^[01] of 600$"))).to_be_visible(timeout=1000 * SECONDS)


def test_a_disabled_account_is_signed_out(
    open_page: Opened, house: RunningServer, chief: Person, lodger: Person
) -> None:
    theirs = open_page(house, lodger, refusals=True)
    page = open_page(house, chief, "/users")
    page.get_by_role("searchbox", name="Name, e-mail or id").fill("lodger")
    expect(page).to_have_url(re.compile("search=lodger"))
    page.get_by_role("link", name="lodger").click()
    page.get_by_role("button", name="Disable", exact=True).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Disable").click()
    expect(page.get_by_role("button", name="Enable", exact=True)).to_be_visible()
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Log in")).to_be_visible()
    eventually(lambda: house.request("GET", "/v1/models", headers=bearer(lodger.key)).status == 401, seconds=SECONDS)
    page.get_by_role("button", name="Enable", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Enable").click()
    expect(page.get_by_role("button", name="Disable", exact=True)).to_be_visible()


def test_the_last_administrator_stays(open_page: Opened, house: RunningServer, chief: Person) -> None:
    page = open_page(house, chief, f"/users?account={chief.id}", refusals=True)
    page.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Role").select_option("user")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("last administrator")
    dialog.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Admin (you)")).to_be_visible()


def test_a_reset_password_is_shown_once_and_works(open_page: Opened, house: RunningServer, chief: Person) -> None:
    made = ask_json(house, "POST", "/api/admin/accounts", {"email": "new@example.org"}, cookie=chief.cookie).json
    page = open_page(house, chief, f"/users?account={made['id']}")
    page.get_by_role("button", name="Reset password").click()
    page.get_by_role("dialog").get_by_role("button", name="Reset password").click()
    password = page.get_by_label("Password", exact=True).inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text(password)).to_have_count(0)
    given = {"email": "new@example.org", "password": password}
    assert ask_json(house, "POST", "/api/login", given).status == 200


def test_who_is_invited_signs_up_by_the_link(open_page: Opened, house: RunningServer, chief: Person) -> None:
    page = open_page(house, chief, "/users?tab=invitations")
    page.get_by_role("button", name="Invite", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("E-mail").fill("guest@example.org")
    dialog.get_by_label("Plan").select_option("core")
    dialog.get_by_role("button", name="Make link").click()
    link = page.get_by_label("Link", exact=True).inner_text()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_role("row").filter(has_text="guest@example.org")).to_contain_text("Open")

    guest = open_page(house, None, link.removeprefix(f"http://127.0.0.1:{house.port}"))
    guest.get_by_label("Full name").fill(HOSTILE)
    guest.get_by_label("E-mail").fill("guest@example.org")
    guest.get_by_label("Password", exact=True).fill(PASSWORD)
    guest.get_by_role("button", name="Sign up").click()
    expect(guest.get_by_role("heading", name="Home", level=1)).to_be_visible()

    page.reload()
    invitation = page.get_by_role("row").filter(has_text="guest@example.org")
    expect(invitation).to_contain_text("Used")
    invitation.get_by_role("link", name="this account").click()
    expect(page.get_by_role("heading", name=HOSTILE, level=1)).to_be_visible()


@pytest.mark.parametrize("width", [1440, 390])
def test_what_people_call_themselves_is_text(
    open_page: Opened, house: RunningServer, chief: Person, width: int
) -> None:
    names = {"a@hostile.example": HOSTILE, "b@hostile.example": "W" * 100}
    for email, name in names.items():
        ask_json(house, "POST", "/api/admin/accounts", {"email": email, "name": name}, cookie=chief.cookie)
    refused = {"email": "c@hostile.example", "name": "user\u202enimda"}  # written from right to left
    assert ask_json(house, "POST", "/api/admin/accounts", refused, cookie=chief.cookie).status == 400
    assert (
        ask_json(house, "POST", "/api/admin/accounts", {**refused, "name": "n" * 200}, cookie=chief.cookie).status
        == 400
    )
    page = open_page(house, chief, "/users?search=hostile.example&sort=name", width=width)
    for email, name in names.items():
        row = page.get_by_role("row").filter(has_text=email)
        row.get_by_role("link").click()
        expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
        expect(page).to_have_title(f"{name} · Penstock")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.go_back()
    page.goto("/audit?actor=chief&action=account")
    expect(page.get_by_text("a@hostile.example").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_lists_are_asked_of_the_server(open_page: Opened, house: RunningServer, chief: Person) -> None:
    page = open_page(house, chief, "/users")
    for column in ("Name", "E-mail", "Last active"):
        with page.expect_response(re.compile(r"/api/admin/accounts\?.*sort=")) as asked:
            page.get_by_role("button", name=column, exact=True).click()
        assert asked.value.ok
    page.get_by_role("combobox", name="State").select_option("disabled")
    expect(page.get_by_text("penstock users list")).to_be_visible()
    page.goto("/audit?action=plan.create")
    expect(page.get_by_text("penstock audit --since 7d")).to_be_visible()
    page.get_by_role("combobox", name="Action").select_option("account")
    with page.expect_download() as saved:
        page.get_by_role("button", name="CSV").click()
    assert saved.value.path().read_text().startswith("time,action,target,actor")


def test_settings_say_where_they_come_from(open_page: Opened, house: RunningServer, chief: Person) -> None:
    page = open_page(house, chief, "/settings")
    row = page.get_by_role("row").filter(has_text="PENSTOCK_SIGNUP")
    expect(row).to_contain_text("invitation")
    expect(row).to_contain_text("File")
    expect(page.get_by_role("row").filter(has_text="PENSTOCK_SERVE")).to_contain_text("Flag")
    expect(page.get_by_text(re.compile("SQLite 3"))).to_be_visible()


def test_administration_is_not_for_everybody(open_page: Opened, house: RunningServer, lodger: Person) -> None:
    cookie = ask_json(house, "POST", "/api/login", {"email": lodger.email, "password": PASSWORD}).headers["set-cookie"]
    again = Person(lodger.id, lodger.email, lodger.key, cookie.partition(";")[0])
    page = open_page(house, again, "/users", refusals=True)
    expect(page.get_by_role("alert").first).to_contain_text("Only an administrator may do this.")
    expect(page.get_by_role("link", name="Users")).to_have_count(0)
