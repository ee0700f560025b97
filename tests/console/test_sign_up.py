"""Signing up over HTTP: with an invitation, or where it is open to everybody."""

from pathlib import Path

from running_server import RunningServer, penstock, serving
from sign_in import PASSWORD, ask_json, settle


def sign_up(server: RunningServer, email: str, **more: str) -> tuple[int, str]:
    """The status, and the error's code or the account's plan."""
    given = {"email": email, "name": email.partition("@")[0], "password": PASSWORD, **more}
    answer = ask_json(server, "POST", "/api/signup", given)
    return answer.status, answer.json["account"]["plan"] if answer.status == 200 else answer.error["code"]


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
        assert sign_up(server, "Ann@Example.org")[0] == 400, "there is one of that e-mail already"
        cookie = ask_json(server, "POST", "/api/login", {"email": "ann@example.org", "password": PASSWORD})
        session = cookie.headers["set-cookie"].partition(";")[0]
        key = ask_json(server, "POST", "/api/keys", {"name": "laptop"}, cookie=session).json["key"]
        headers = {"authorization": f"Bearer {key}"}
        assert server.request("GET", "/v1/models", headers=headers).status == 200
        admin = ask_json(server, "GET", "/api/admin/accounts", cookie=session)
        assert (admin.status, admin.error["code"]) == (403, "insufficient_permissions")
