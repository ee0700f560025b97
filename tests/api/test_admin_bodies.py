"""What cannot be read is refused, and SQL in any field is text."""

import json
from typing import Any

import pytest
from running_server import RunningServer
from sign_in import Person, ask_json, own_origin, settle

from penstock.api.chat import PLAYGROUND
from penstock.app import operations
from penstock.web.body import SMALL_CAP
from penstock.web.operation import Operation

SQL = "'; DROP TABLE accounts; --"
WITH_BODY = [
    one
    for one in operations()
    if one.path.startswith("/api/") and one.request is not None and one.request_media == "application/json"
]


@pytest.fixture(scope="module")
def admin(echo_server: RunningServer) -> Person:
    return settle(echo_server, "bodies", role="admin")


def path_of(operation: Operation) -> str:
    return operation.path.replace("{id}", "nobody").replace("{name}", "free")


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b'"text"', 400),
        (b'{"a": 1, "a": 1}', 400),
        (b'{"nobody_knows_this": 1}', 400),
        (b'{"name": "\xff"}', 400),
        (b'{"name": "\\ud800"}', 400),
        (b'{"name": NaN}', 400),
        (b'{"a":' * 65 + b"1" + b"}" * 65, 400),
        (b" " * (SMALL_CAP + 1), 413),
    ],
)
def test_what_is_no_body_is_refused(
    echo_server: RunningServer, admin: Person, operation: Operation, body: bytes, status: int
) -> None:
    if operation.path == PLAYGROUND and status == 413:
        status = 400  # a conversation may be longer, and this is none
    headers = {**own_origin(echo_server), "cookie": admin.cookie}
    assert echo_server.request(operation.method, path_of(operation), body, headers).status == status


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda operation: operation.name)
@pytest.mark.parametrize(
    "header", [("content-type", "text/plain"), ("content-type", "application/x-www-form-urlencoded"),
               ("content-encoding", "gzip")],
)  # fmt: skip
def test_a_form_is_no_json(
    echo_server: RunningServer, admin: Person, operation: Operation, header: tuple[str, str]
) -> None:
    """What a form of a foreign page can send without being asked for leave is never read."""
    headers = {**own_origin(echo_server), "cookie": admin.cookie, header[0]: header[1]}
    assert echo_server.request(operation.method, path_of(operation), b"{}", headers).status == 415


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/login", {"email": SQL, "password": SQL}),
        ("/api/login", {"email": "a@b.example", "password": SQL}),
        ("/api/keys", {"name": SQL, "models": [SQL]}),
        ("/api/admin/accounts", {"email": SQL, "name": SQL}),
        ("/api/admin/accounts", {"email": "sql@example.org", "plan": SQL}),
        ("/api/admin/keys", {"name": SQL, "account_id": SQL}),
        ("/api/admin/invitations", {"email": SQL, "plan": SQL}),
    ],
)
def test_sql_is_text(echo_server: RunningServer, admin: Person, path: str, body: Any) -> None:
    extra = {"cookie": admin.cookie} if path != "/api/login" else {}
    answer = ask_json(echo_server, "POST", path, body, user_agent=SQL, x_client_request_id=SQL, **extra)
    assert answer.status in (200, 400, 401, 404), answer.body
    assert ask_json(echo_server, "GET", "/api/session", cookie=admin.cookie).status == 200


@pytest.mark.parametrize(
    "path",
    ["/api/admin/accounts?search=", "/api/admin/keys?account_id=", "/api/admin/audit?action=", "/api/keys?after="],
)
def test_sql_in_a_query_is_text(echo_server: RunningServer, admin: Person, path: str) -> None:
    answer = ask_json(echo_server, "GET", path + "'%20OR%201=1%20--", cookie=admin.cookie)
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert answer.json["data"] == []


def test_a_secret_is_in_the_answer_that_made_it_alone(echo_server: RunningServer, admin: Person) -> None:
    made = ask_json(echo_server, "POST", "/api/admin/keys", {"name": "once"}, cookie=admin.cookie)
    secret = made.json["key"]
    assert made.headers["cache-control"] == "no-store"
    for path in ("/api/admin/keys", f"/api/admin/keys/{made.json['id']}", "/api/admin/audit"):
        shown = ask_json(echo_server, "GET", path, cookie=admin.cookie)
        assert shown.status == 200
        assert secret not in json.dumps(shown.json)


def test_a_key_made_by_a_key_names_its_maker_and_makes_no_administrator(
    echo_server: RunningServer, admin: Person
) -> None:
    by_key = admin.credential("key")
    made = ask_json(echo_server, "POST", "/api/admin/keys", {"name": "made"}, **by_key)
    assert made.json["maker_key_id"].startswith("key_")
    refused = ask_json(
        echo_server, "POST", "/api/admin/accounts", {"email": "x@example.org", "role": "admin"}, **by_key
    )
    assert (refused.status, refused.error["code"]) == (403, "insufficient_permissions")
    invited = ask_json(echo_server, "POST", "/api/admin/invitations", {"role": "admin"}, **by_key)
    assert invited.status == 403
    path = f"/api/admin/accounts/{admin.id}/password"
    assert ask_json(echo_server, "POST", path, {"password": "another long password"}, **by_key).status == 403
