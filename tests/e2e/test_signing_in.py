"""Getting in, and being put out: first run, sign-up in its three modes, a session that ends, one that is revoked."""

import re
from pathlib import Path

import pytest
from e2e.browser import Opened
from playwright.sync_api import Page, expect
from running_server import RunningServer, eventually, penstock, serving
from sign_in import PASSWORD, ask_json, settle, sign_in, sql

ECHO = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
ENDED = "Your session has ended."
MILLISECONDS = 15_000
"""For what takes a few seconds by itself: a session is looked up anew every five."""
HASTY_CLOCK = "{ let at = Date.now(); Date.now = () => ++at; }"
"""One on which no two looks fall into the same millisecond."""


def fill(page: Page, **fields: str) -> None:
    for label, value in {"E-mail": "ann@example.org", "Password": PASSWORD, **fields}.items():
        page.get_by_label(label).fill(value)


def leave(*pages: Page) -> None:
    """Before the server ends, which the pages would complain about."""
    for page in pages:
        page.goto("about:blank")


def test_first_run_leads_from_the_printed_link_to_home(open_page: Opened, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=ECHO) as server:
        lost = open_page(server, None, "/apikeys", refusals=True)
        expect(lost).to_have_url(re.compile("/setup$"))
        expect(lost.get_by_text("Nobody can log in yet.")).to_be_visible()
        page = open_page(server, None, f"/setup?token={server.setup_token}", refusals=True)
        fill(page, **{"Full name": "Ann Operator", "Password": "short"})
        page.get_by_role("button", name="Create administrator").click()
        expect(page.get_by_text("A password has 12 to 1024 characters.")).to_be_visible()
        fill(page)
        page.get_by_role("button", name="Create administrator").click()
        expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
        assert "token" not in page.url
        late = open_page(server, None, f"/setup?token={server.setup_token}", refusals=True)
        expect(late.get_by_role("heading", name="This server is set up")).to_be_visible()
        leave(lost, page, late)


def test_sign_up_is_closed_as_a_rule_and_says_whom_to_ask(open_page: Opened, echo_server: RunningServer) -> None:
    settle(echo_server, "somebody-who-is-there")
    page = open_page(echo_server, None, "/signup", refusals=True)
    expect(page.get_by_role("heading", name="Sign-up is closed")).to_be_visible()
    expect(page.get_by_text("Ask them for one")).to_be_visible()
    expect(page.get_by_role("button", name="Sign up")).to_have_count(0)


def test_sign_up_where_it_is_open(open_page: Opened, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=ECHO, environ={"PENSTOCK_SIGNUP": "open"}) as server:
        settle(server, "root", role="admin")
        page = open_page(server, None, "/login", refusals=True)
        page.get_by_role("link", name="Sign up").click()
        expect(page.get_by_role("heading", name="Sign up", level=1)).to_be_visible()
        fill(page, **{"Full name": "Ann"})
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
        again = open_page(server, None, "/signup", refusals=True)
        fill(again, **{"Full name": "Ann", "Password": "another one of five words"})
        again.get_by_role("button", name="Sign up").click()
        expect(again.get_by_role("alert")).to_contain_text("This e-mail may have an account here already")
        leave(page, again)


def test_sign_up_by_invitation(open_page: Opened, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=ECHO, environ={"PENSTOCK_SIGNUP": "invitation"}) as server:
        settle(server, "root", role="admin")
        token = penstock("users", "invite", "ann@example.org", data_dir=tmp_path).stdout.strip()
        without = open_page(server, None, "/signup", refusals=True)
        expect(without.get_by_label("Invitation")).to_be_visible()
        page = open_page(server, None, f"/signup?invitation={token}", refusals=True)
        fill(page, **{"Full name": "Ann"})
        page.get_by_role("button", name="Sign up").click()
        expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
        leave(without, page)


def test_a_session_that_ends_leads_to_the_log_in_and_back(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "ivy-whose-session-ends")
    page = open_page(echo_server, who, "/account", refusals=True)
    expect(page.get_by_text("This one")).to_be_visible()
    sql(echo_server, "UPDATE sessions SET expires_at = 1 WHERE account_id = ?", who.id)
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill("another one of five words")
    change, ended = page.get_by_role("button", name="Change password"), page.get_by_text("Your session has ended.")
    eventually(lambda: ask_json(echo_server, "GET", "/api/session", cookie=who.cookie).status == 401)
    change.click()
    expect(ended).to_be_visible()
    fill(page, **{"E-mail": who.email})
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Account", level=1)).to_be_visible()


@pytest.mark.parametrize(
    "path", ["/requests?tab=history&outcome=failed&error=engine_error", "/batch?status=completed&sort=created_at"]
)
def test_who_looks_on_when_the_session_ends_comes_back_to_the_same_view(
    open_page: Opened, echo_server: RunningServer, path: str
) -> None:
    who = settle(echo_server, f"isa-at-{path[1:4]}")
    page = open_page(echo_server, who, path, refusals=True)
    shown = page.url
    sql(echo_server, "UPDATE sessions SET expires_at = 1 WHERE account_id = ?", who.id)
    expect(page.get_by_text(ENDED)).to_be_visible(timeout=MILLISECONDS)  # though nobody has touched the page
    fill(page, **{"E-mail": who.email})
    page.get_by_role("button", name="Log in").click()
    expect(page).to_have_url(shown)
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Log in")


def test_a_conversation_goes_on_after_a_session_that_ended(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "ike-in-mid-conversation")
    page = open_page(echo_server, who, "/playground?model=echo", refusals=True)
    message, answers = page.get_by_label("Message", exact=True), page.get_by_role("article", name="Answer of")
    message.fill("one two three")
    message.press("Enter")
    expect(answers.last).to_contain_text("3 out / 3 in · stop")
    message.fill("four five")
    sql(echo_server, "UPDATE sessions SET expires_at = 1 WHERE account_id = ?", who.id)
    expect(page.get_by_text(ENDED)).to_be_visible(timeout=MILLISECONDS)
    fill(page, **{"E-mail": who.email})
    page.get_by_role("button", name="Log in").click()
    expect(answers).to_have_count(1)
    expect(message).to_have_value("four five")
    message.press("Enter")
    expect(answers.last).to_contain_text("2 out / 8 in · stop")
    page.reload()
    expect(answers).to_have_count(2)
    expect(message).to_have_value("")


def test_one_session_is_revoked_and_no_other(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "ivo-who-revokes-one")
    third = sign_in(echo_server, who.email)
    theirs = open_page(echo_server, None, "/login?to=/usage%3Frange%3D7d", refusals=True)
    fill(theirs, **{"E-mail": who.email})
    theirs.get_by_role("button", name="Log in").click()
    expect(theirs.get_by_role("heading", name="Usage", level=1)).to_be_visible()

    page = open_page(echo_server, who, "/account")
    rows = page.get_by_role("region", name="Where you are signed in").locator("tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Revoke Chrome on Linux").click()
    asked = page.get_by_role("dialog", name="Revoke Chrome on Linux?")
    asked.get_by_role("button", name="Revoke").click()
    expect(rows).to_have_count(2)
    expect(theirs.get_by_text(f"{ENDED} Log in to go on where you were.")).to_be_visible(timeout=MILLISECONDS)
    expect(theirs).to_have_url(re.compile(r"to=%2Fusage%3Frange%3D7d"))
    theirs.go_back()
    expect(theirs.get_by_role("heading", name="Log in", level=1)).to_be_visible()
    assert ask_json(echo_server, "GET", "/api/session", cookie=third).status == 200
    page.reload()
    expect(page.get_by_text("This one")).to_be_visible()


def test_all_other_sessions_are_revoked(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "ida-who-revokes")
    sign_in(echo_server, who.email)
    page = open_page(echo_server, who, "/account")
    rows = page.get_by_role("row")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="Revoke all others").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(rows).to_have_count(2)
    expect(page.get_by_text("This one")).to_be_visible()


def test_a_log_in_that_was_not_refused_waits_for_nothing(open_page: Opened, echo_server: RunningServer) -> None:
    page = open_page(echo_server, None, "/login")
    page.add_init_script(HASTY_CLOCK)
    page.reload()
    expect(page.get_by_text("Accounts are made by the administrator of this server.")).to_be_visible()
    expect(page.get_by_role("button", name="Log in")).to_be_enabled()


def test_a_log_in_leads_to_no_other_site(open_page: Opened, echo_server: RunningServer) -> None:
    who = settle(echo_server, "ina-who-is-led-astray")
    page = open_page(echo_server, None, "/login?to=//evil.example/", refusals=True)
    fill(page, **{"E-mail": who.email})
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()
