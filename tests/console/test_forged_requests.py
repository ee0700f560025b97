"""What another site's page makes a browser send (CSRF) is refused by every route that changes anything by a cookie."""

import re

import pytest
from running_server import RunningServer
from sign_in import Person, settle

from penstock.app import operations
from penstock.web.operation import Operation
from penstock.web.origin import SAFE_METHODS

UNSAFE = [one for one in operations() if one.path.startswith("/api/") and one.method not in SAFE_METHODS]
BY_COOKIE = [one for one in UNSAFE if one.access.role is not None]


@pytest.fixture(scope="module")
def victim(echo_server: RunningServer) -> Person:
    """An administrator, for whom every route is open."""
    return settle(echo_server, "victim", role="admin")


def forged(server: RunningServer, operation: Operation, **headers: str) -> tuple[int, str]:
    """The status and the error's code of a request with these headers; its body is what each route takes least ill."""
    path = re.sub(r"\{[^}]*\}", "nothing", operation.path)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = server.request(operation.method, path, None if operation.request is None else b"{}", given)
    return answer.status, answer.error["code"]


def test_there_is_something_to_walk() -> None:
    assert {one.name for one in BY_COOKIE} >= {"createKey", "logOut", "endSession", "changePassword", "createAccount"}
    assert {one.name for one in UNSAFE} >= {"logIn", "signUp", "finishSetup"}


@pytest.mark.parametrize("operation", UNSAFE, ids=lambda operation: operation.name)
def test_a_foreign_page_changes_nothing(echo_server: RunningServer, victim: Person, operation: Operation) -> None:
    own = f"http://127.0.0.1:{echo_server.port}"
    cookie = f"{victim.cookie}; __Host-{victim.cookie}"  # whichever of the two a browser has
    foreign = [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": f"http://127.0.0.1:{echo_server.port + 1}"},
        {"origin": own.replace("127.0.0.1", "127.0.0.1.evil.example")},
        {"origin": f"{own}@evil.example"},
        {"origin": own, "sec_fetch_site": "cross-site"},
        {"origin": own, "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "none"},
    ]
    for headers in foreign:
        told = forged(echo_server, operation, cookie=cookie, **headers)
        assert told == (403, "wrong_origin"), headers
    assert echo_server.request("GET", "/api/session", headers={"cookie": victim.cookie}).status == 200


@pytest.mark.parametrize("operation", UNSAFE, ids=lambda operation: operation.name)
def test_a_cookie_has_to_come_with_an_origin(echo_server: RunningServer, victim: Person, operation: Operation) -> None:
    assert forged(echo_server, operation, cookie=victim.cookie) == (403, "wrong_origin")


@pytest.mark.parametrize("operation", BY_COOKIE, ids=lambda operation: operation.name)
def test_a_form_of_a_foreign_page_is_no_json(echo_server: RunningServer, victim: Person, operation: Operation) -> None:
    """What a form can send without asking first: these three media types."""
    if operation.request is None or operation.request_media != "application/json":
        return
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        own = {"origin": f"http://127.0.0.1:{echo_server.port}", "cookie": victim.cookie, "content_type": kind}
        assert forged(echo_server, operation, **own)[0] == 415, kind
