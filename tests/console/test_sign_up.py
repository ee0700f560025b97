"""Signing up over HTTP: with an invitation, or where it is open to everybody."""

import statistics
import time
from pathlib import Path

from running_server import RunningServer, penstock, serving
from sign_in import PASSWORD, ask_json, settle

from penstock.tenants.tries import FREE_OF_ADDRESS


def sign_up(server: RunningServer, email: str, **more: str) -> tuple[int, str]:
    """The status, and the error's code or the plan of the account that one logs in to then."""
    given = {"email": email, "name": email.partition("@")[0], "password": PASSWORD, **more}
    answer = ask_json(server, "POST", "/api/signup", given)
    if answer.status != 200:
        return answer.status, answer.error["code"]
    assert "set-cookie" not in answer.headers
    session = ask_json(server, "POST", "/api/login", {"email": email, "password": PASSWORD}).json
    return answer.status, session["account"]["plan"]


def test_an_invitation_makes_one_account(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": "invitation"}) as server:
        assert sign_up(server, "ann@example.org") == (403, "signup_closed")
        invited = penstock("users", "invite", "ann@example.org", "--plan", "trial", data_dir=tmp_path)
        token = invited.stdout.strip()
        assert sign_up(server, "bob@example.org", invitation=token)[0] == 400, "it is somebody else's"
        assert sign_up(server, "ann@example.org", invitation=token) == (200, "trial")
        assert sign_up(server, "ann-again@example.org", invitation=token)[0] == 404, "it is used up"


def test_where_it_is_open_everybody_gets_the_default_plan(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": "open"}) as server:
        assert sign_up(server, "first@example.org") == (403, "signup_closed"), "the operator has to be first"
        settle(server, "root", role="admin")
        assert sign_up(server, "ann@example.org") == (200, "free")
        cookie = ask_json(server, "POST", "/api/login", {"email": "ann@example.org", "password": PASSWORD})
        session = cookie.headers["set-cookie"].partition(";")[0]
        key = ask_json(server, "POST", "/api/keys", {"name": "laptop"}, cookie=session).json["key"]
        headers = {"authorization": f"Bearer {key}"}
        assert server.request("GET", "/v1/models", headers=headers).status == 200
        admin = ask_json(server, "GET", "/api/admin/accounts", cookie=session)
        assert (admin.status, admin.error["code"]) == (403, "insufficient_permissions")


def test_an_email_that_is_taken_is_answered_like_a_new_one(tmp_path: Path) -> None:
    """Nobody's account is changed by it, and the audit log tells its administrator."""
    other = "another one of five words"
    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": "open"}) as server:
        root, ann = settle(server, "root", role="admin"), settle(server, "ann")
        taken, new = (
            ask_json(server, "POST", "/api/signup", {"email": email, "name": "Mallory", "password": other})
            for email in (ann.email, "nan@example.org")
        )
        assert (taken.status, taken.body.replace(b"ann@", b"nan@")) == (200, new.body)
        assert {*taken.headers} == {*new.headers}
        weak = [
            ask_json(server, "POST", "/api/signup", {"email": email, "name": "M", "password": "short"})
            for email in (ann.email, "new@example.org")
        ]
        assert (weak[0].status, weak[0].body) == (400, weak[1].body)
        wrong = ask_json(server, "POST", "/api/login", {"email": ann.email, "password": other})
        assert (wrong.status, wrong.error["code"]) == (401, "wrong_password")
        again = ask_json(server, "POST", "/api/login", {"email": ann.email, "password": PASSWORD}).json["account"]
        assert (again["id"], again["name"]) == (ann.id, "ann@example.org")
        acts = ask_json(server, "GET", "/api/admin/audit?action=account.signup_taken", cookie=root.cookie).json["data"]
        assert [(act["target"], act["details"]["email"]) for act in acts] == [(ann.id, ann.email)]


def test_an_email_that_is_taken_takes_the_same_time(tmp_path: Path) -> None:
    def took(email: str) -> float:
        before = time.perf_counter()
        answer = ask_json(server, "POST", "/api/signup", {"email": email, "name": "M", "password": PASSWORD})
        assert answer.status == 200, answer.body
        return time.perf_counter() - before

    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": "open"}) as server:
        taken = [settle(server, f"there{n}").email for n in range(5)]
        times = [(took(email), took(f"not-{email}")) for email in taken]
    there, new = (statistics.median(each) for each in zip(*times, strict=True))
    assert 0.3 < there / new < 3


def test_who_signs_up_to_find_out_is_slowed(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": "open"}) as server:
        ann = settle(server, "ann")
        statuses = [
            ask_json(server, "POST", "/api/signup", {"email": f"e{n}@example.org", "name": "M", "password": PASSWORD})
            for n in range(FREE_OF_ADDRESS + 1)
        ]
        assert [answer.status for answer in statuses] == [200] * FREE_OF_ADDRESS + [429]
        assert int(statuses[-1].headers["retry-after"]) >= 1
        logged_in = ask_json(server, "POST", "/api/login", {"email": ann.email, "password": PASSWORD})
        assert logged_in.status == 200, "log-ins are counted apart"
