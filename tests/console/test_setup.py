"""First run, over HTTP: from the URL that the server printed to an administrator who is signed in."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from running_server import Answer, RunningServer, eventually, penstock, serving
from sign_in import PASSWORD, ask_json, settle

from penstock.tenants.tries import FREE_OF_PAIR


def set_up(server: RunningServer, token: str, email: str = "root@example.org", **more: Any) -> Answer:
    given = {"token": token, "name": "Root", "email": email, "password": PASSWORD, **more}
    return ask_json(server, "POST", "/api/setup", given)


def test_the_printed_token_makes_the_administrator_once(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as server:
        assert ask_json(server, "GET", "/api/setup").json == {
            "object": "setup",
            "needed": True,
            "signup": "closed",
            "signed_in": False,
        }
        token = server.setup_token
        assert token
        made = set_up(server, token)
        assert (made.status, made.json["account"]["role"], made.json["account"]["plan"]) == (200, "admin", "unlimited")
        cookie = made.headers["set-cookie"].partition(";")[0]
        assert ask_json(server, "GET", "/api/admin/accounts", cookie=cookie).status == 200
        acts = ask_json(server, "GET", "/api/admin/audit?action=account.setup", cookie=cookie).json["data"]
        assert [act["target"] for act in acts] == [made.json["account"]["id"]]
        assert ask_json(server, "GET", "/api/setup").json["needed"] is False
        again = set_up(server, token, "eve@example.org")
        assert (again.status, again.error["code"]) == (404, "setup_done")
        assert server.log.read_text().count(token) == 1, "the log has it once, in the banner"
        server.stop()
    with serving(tmp_path, "--model", "echo") as server:
        assert server.setup_token == ""


def test_a_wrong_token_is_refused_and_slowed(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as server:
        wrong = [set_up(server, f"pset_{n}") for n in range(FREE_OF_PAIR + 1)]
        assert [(one.status, one.error["code"]) for one in wrong[:-1]] == [(403, "wrong_setup_token")] * FREE_OF_PAIR
        assert (wrong[-1].status, wrong[-1].error["code"]) == (429, "rate_limit_exceeded")
        assert int(wrong[-1].headers["retry-after"]) >= 1
        assert ask_json(server, "GET", "/api/setup").json["needed"] is True


def test_a_password_that_is_none_costs_no_try(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as server:
        for _ in range(FREE_OF_PAIR + 1):
            refused = set_up(server, server.setup_token, password="short")
            assert (refused.status, refused.error["param"]) == (400, "password")
        assert set_up(server, server.setup_token).status == 200


def test_of_many_at_once_on_two_servers_one_is_the_administrator(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as first:
        log = first.log.rename(tmp_path / "first.log")
        with serving(tmp_path, "--model", "echo") as second:
            first.log = log
            tokens = [(first, first.setup_token), (second, second.setup_token)]
            assert all(token for _, token in tokens)
            assert tokens[0][1] != tokens[1][1]
            with ThreadPoolExecutor(8) as threads:
                asked = [
                    threads.submit(set_up, *tokens[n % 2], f"root{n}@example.org") for n in range(2 * FREE_OF_PAIR)
                ]
            answers = [one.result() for one in asked]
            assert sorted(one.status for one in answers) == [200] + [404] * (len(answers) - 1)
            assert {one.error["code"] for one in answers if one.status == 404} == {"setup_done"}
            assert [ask_json(one, "GET", "/api/setup").json["needed"] for one in (first, second)] == [False, False]


def test_an_account_that_the_operator_makes_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as server:
        token = server.setup_token
        settle(server, "ann")
        assert ask_json(server, "GET", "/api/setup").json["needed"] is False
        assert set_up(server, token).status == 404


@pytest.mark.parametrize("mode", ["open", "invitation"])
def test_it_tells_who_may_sign_up(mode: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", environ={"PENSTOCK_SIGNUP": mode}) as server:
        assert ask_json(server, "GET", "/api/setup").json["signup"] == mode


def test_an_operator_who_has_lost_the_password_sets_another(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo") as server:
        cookie = set_up(server, server.setup_token).headers["set-cookie"].partition(";")[0]
        given = {"email": "root@example.org", "password": "another one of five words"}
        words = ("users", "reset-password", given["email"], "--password-stdin")
        reset = penstock(*words, data_dir=tmp_path, stdin=f"{given['password']}\n")
        assert reset.returncode == 0, reset.stderr
        assert ask_json(server, "POST", "/api/login", {**given, "password": PASSWORD}).status == 401
        assert ask_json(server, "POST", "/api/login", given).status == 200
        eventually(lambda: ask_json(server, "GET", "/api/session", cookie=cookie).status == 401)
