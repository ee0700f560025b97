"""Changing one's own password in the console."""

from running_server import Answer, RunningServer
from sign_in import PASSWORD, ask_json, settle, sign_in

from penstock.tenants.tries import FREE_OF_PAIR

NEW = "another one of five words"


def change(server: RunningServer, cookie: str, current: str, new: str) -> Answer:
    return ask_json(server, "POST", "/api/password", {"current": current, "new": new}, cookie=cookie)


def test_a_change_keeps_this_session_and_ends_the_others(echo_server: RunningServer) -> None:
    pia = settle(echo_server, "pia-with-a-new-password")
    here = sign_in(echo_server, pia.email)
    changed = change(echo_server, here, PASSWORD, NEW)
    assert (changed.status, changed.json["id"]) == (200, pia.id)
    assert ask_json(echo_server, "GET", "/api/session", cookie=here).status == 200
    assert ask_json(echo_server, "GET", "/api/session", cookie=pia.cookie).status == 401
    sessions = ask_json(echo_server, "GET", "/api/sessions", cookie=here).json["data"]
    assert [one["current"] for one in sessions] == [True]
    given = {"email": pia.email, "password": NEW}
    assert ask_json(echo_server, "POST", "/api/login", given).status == 200


def test_the_current_one_has_to_be_right(echo_server: RunningServer) -> None:
    pat = settle(echo_server, "pat-who-is-away")
    wrong = change(echo_server, pat.cookie, "not the right one", NEW)
    assert (wrong.status, wrong.error["code"]) == (401, "wrong_password")
    assert ask_json(echo_server, "GET", "/api/session", cookie=pat.cookie).status == 200
    assert sign_in(echo_server, pat.email)


def test_a_bad_new_one_is_told_by_its_field(echo_server: RunningServer) -> None:
    pim = settle(echo_server, "pim")
    for new in ("short", "pim@example.org"):
        refused = change(echo_server, pim.cookie, PASSWORD, new)
        assert (refused.status, refused.error["param"]) == (400, "new")
    assert sign_in(echo_server, pim.email)


def test_guesses_are_slowed_and_the_owner_still_gets_in(echo_server: RunningServer) -> None:
    pol = settle(echo_server, "pol")
    guesses = [change(echo_server, pol.cookie, f"guess number {n}", NEW).status for n in range(FREE_OF_PAIR + 1)]
    assert guesses == [401] * FREE_OF_PAIR + [429]
    assert sign_in(echo_server, pol.email), "guesses in a session do not slow down log-ins"
