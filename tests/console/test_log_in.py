"""Signing in and out, as a browser does."""

import secrets
import statistics
from pathlib import Path

import psutil
import pytest
from running_server import RunningServer, serving
from sign_in import PASSWORD, Person, ask_json, settle, sign_in

from penstock.tenants.sessions import TOKEN_PREFIX
from penstock.tenants.tries import FREE_OF_PAIR


@pytest.fixture(scope="module")
def eve(echo_server: RunningServer) -> Person:
    return settle(echo_server, "eve-who-signs-in")


def test_the_cookie_is_out_of_reach_of_scripts(echo_server: RunningServer, eve: Person) -> None:
    given = {"email": eve.email, "password": PASSWORD}
    plain = ask_json(echo_server, "POST", "/api/login", given).headers["set-cookie"]
    assert plain.startswith("penstock_session=pses_")
    assert plain.endswith("; Path=/; HttpOnly; SameSite=Lax")
    safe = ask_json(echo_server, "POST", "/api/login", given, origin=f"https://127.0.0.1:{echo_server.port}")
    assert safe.headers["set-cookie"].startswith("__Host-penstock_session=pses_")
    assert safe.headers["set-cookie"].endswith("; Path=/; HttpOnly; SameSite=Lax; Secure")


def test_a_log_in_rotates_and_a_log_out_ends(echo_server: RunningServer, eve: Person) -> None:
    given = {"email": eve.email, "password": PASSWORD}
    first = ask_json(echo_server, "POST", "/api/login", given).headers["set-cookie"].partition(";")[0]
    second = ask_json(echo_server, "POST", "/api/login", given, cookie=first).headers["set-cookie"].partition(";")[0]
    assert ask_json(echo_server, "GET", "/api/session", cookie=first).status == 401
    assert ask_json(echo_server, "GET", "/api/session", cookie=second).json["account"]["email"] == eve.email
    assert ask_json(echo_server, "POST", "/api/logout", cookie=second).status == 200
    assert ask_json(echo_server, "GET", "/api/session", cookie=second).status == 401


def test_a_wrong_password_is_told_like_an_unknown_email(tmp_path: Path) -> None:
    """On a server of its own: guesses of other tests count for the same address."""
    with serving(tmp_path, "--model", "echo") as server:
        ann = settle(server, "ann")
        wrong, unknown = (
            ask_json(server, "POST", "/api/login", {"email": email, "password": "not the right one"})
            for email in (ann.email, "nobody@example.org")
        )
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)
    assert (wrong.status, wrong.error["code"]) == (401, "wrong_password")


def test_an_unknown_email_takes_the_same_work(tmp_path: Path) -> None:
    """Measured in the server's own CPU time, of which a password's hash is by far the most."""
    with serving(tmp_path, "--model", "echo") as server:
        emails = [settle(server, f"known{n}").email for n in range(4)]
        process = psutil.Process(server.process.pid)

        def work_of(email: str) -> float:
            before = process.cpu_times()
            ask_json(server, "POST", "/api/login", {"email": email, "password": "not the right one"})
            after = process.cpu_times()
            return after.user + after.system - before.user - before.system

        known = statistics.median(work_of(email) for email in emails)
        unknown = statistics.median(work_of(f"un{email}") for email in emails)
        impossible = statistics.median(work_of(f"no e-mail {n}") for n in range(4))
    assert known > 0
    assert 0.3 < unknown / known < 3
    assert 0.3 < impossible / known < 3


def test_a_planted_session_is_never_the_victims(echo_server: RunningServer, eve: Person) -> None:
    """Session fixation: a token that was there before the log-in, live or made up, opens nothing after it."""
    attacker = settle(echo_server, "attacker-who-plants")
    made_up = f"penstock_session={TOKEN_PREFIX}{secrets.token_urlsafe(32)}"
    given = {"email": eve.email, "password": PASSWORD}
    for planted in (attacker.cookie, made_up):
        answer = ask_json(echo_server, "POST", "/api/login", given, cookie=planted)
        own = answer.headers["set-cookie"].partition(";")[0]
        assert answer.status == 200
        assert own != planted
        assert ask_json(echo_server, "GET", "/api/session", cookie=planted).status == 401
        assert ask_json(echo_server, "GET", "/api/session", cookie=own).json["account"]["id"] == eve.id


def test_who_guesses_does_not_lock_the_owner_out(tmp_path: Path) -> None:
    """From the owner's very address: the worst case, where both are behind one router."""
    with serving(tmp_path, "--model", "echo") as server:
        ann, bob = settle(server, "ann"), settle(server, "bob")
        wrong = {"email": ann.email, "password": "not the right one"}
        answers = [ask_json(server, "POST", "/api/login", wrong) for _ in range(FREE_OF_PAIR + 1)]
        assert answers[-1].status == 429
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
        assert sign_in(server, bob.email), "others at this address are not held up"
        assert ask_json(server, "GET", "/api/session", cookie=ann.cookie).status == 200, "nor who is signed in"


def test_guesses_are_slowed(tmp_path: Path) -> None:
    """On a server of its own: guesses of other tests count for the same address."""
    given = {"email": "guessed@example.org", "password": "not the right one"}
    with serving(tmp_path, "--model", "echo") as server:
        statuses = [ask_json(server, "POST", "/api/login", given).status for _ in range(FREE_OF_PAIR + 1)]
    assert statuses == [401] * FREE_OF_PAIR + [429]


def test_nobody_signs_up_where_it_is_closed(echo_server: RunningServer) -> None:
    answer = ask_json(echo_server, "POST", "/api/signup", {"email": "new@example.org", "password": PASSWORD})
    assert (answer.status, answer.error["code"]) == (403, "signup_closed")
