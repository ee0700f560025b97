"""What one account has is for another account like what nobody has, byte for byte."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import inspect
from running_server import Answer, RunningServer, eventually
from sign_in import Person, ask_json, bearer, settle
from uploads import LINE, form, post

from penstock.app import operations
from penstock.web.operation import Operation

NOBODYS = {"api_key": "key_0123456789abcdef", "session": "sess_0123456789abcdef"}
NOBODYS |= {"request": "req_0123456789abcdef0123456789abcdef"}
NOBODYS |= {"files": "file-0123456789abcdef01234567", "batches": "batch_0123456789abcdef01234567"}
OF_KEYS = [one for one in operations() if one.parameters and one.access.scopes == ("batch",)]
OF_TENANTS = [one for one in operations() if one.parameters and one.access.role == "user"]
NO_TENANTS = ("/api/admin/models/", "/api/admin/workers", "/api/admin/settings")
"""What belongs to the server."""
OF_ADMINISTRATORS = [
    one for one in operations() if one.path.startswith("/api/admin/") and not one.path.startswith(NO_TENANTS)
]
NAMING = {"account_id": "accounts", "target": "keys", "plan": "plans", "email": "emails", "search": "emails"}
NAMING |= {"actor": "emails"}
"""A text in a query or a body of theirs -> what it names; `after` names what the route lists."""
NAMING_NOTHING = {"name", "action", "password", "description"}
NEEDED = {"findBatchLine": "?custom_id=1"}
"""Operation -> what it is never asked without."""
BODIES: dict[str, Any] = {"PATCH": {"name": "taken over"}, "POST": {}}


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    ann = settle(echo_server, "ann")
    body = {"model": "echo", "messages": [{"role": "user", "content": "one"}]}
    assert ask_json(echo_server, "POST", "/v1/chat/completions", body, **bearer(ann.key)).status == 200
    eventually(lambda: ids_of(echo_server, ann)["request"])
    return ann


@pytest.fixture(scope="module")
def bob(echo_server: RunningServer) -> Person:
    return settle(echo_server, "bob")


def ids_of(server: RunningServer, person: Person) -> dict[str, str]:
    found = {}
    for kind, path in (("api_key", "/api/keys"), ("session", "/api/sessions"), ("request", "/api/requests")):
        data = ask_json(server, "GET", path, cookie=person.cookie).json["data"]
        found[kind] = data[-1]["id"] if data else ""
    return found


def told(answer: Answer, asked_for: str) -> tuple[int, dict[str, str], bytes]:
    """Everything but what differs from one request to the next."""
    own = {"x-request-id", "openai-processing-ms", "date", "connection"}  # which ends where a body was not read whole
    headers = {name: value for name, value in answer.headers.items() if name not in own}
    return answer.status, headers, answer.body.replace(asked_for.encode(), b"ID")


def test_there_are_such_routes() -> None:
    assert {one.name for one in OF_TENANTS} >= {"showKey", "changeKey", "revokeKey", "rotateKey", "endSession"}


@pytest.mark.parametrize("operation", OF_TENANTS, ids=lambda operation: operation.name)
def test_anothers_is_nobodys(
    echo_server: RunningServer, ann: Person, bob: Person, of_ann: dict[str, str], operation: Operation
) -> None:
    kind = {"sessions": "session", "keys": "api_key", "requests": "request"}.get(kind_of(operation), kind_of(operation))
    anns = {**ids_of(echo_server, ann), **of_ann}[kind]
    body = BODIES.get(operation.method) if operation.request is not None else None
    for headers in ({"cookie": bob.cookie}, bearer(bob.key)):
        of_theirs, of_nobody = (
            told(ask_json(echo_server, operation.method, path_of(operation, id_), body, **headers), id_)
            for id_ in (anns, NOBODYS[kind])
        )
        assert of_theirs == of_nobody
        assert of_theirs[0] == (404 if "cookie" in headers else 401)
    assert {**ids_of(echo_server, ann), **of_ann}[kind] == anns, "and nothing has happened to it"


def path_of(operation: Operation, id_: str) -> str:
    return operation.path.replace("{id}", id_).replace("{line}", "1") + NEEDED.get(operation.name, "")


def kind_of(operation: Operation) -> str:
    """`files` of `/v1/files/{id}/content`."""
    return operation.path.split("/")[2]


@pytest.fixture(scope="module")
def of_ann(echo_server: RunningServer, ann: Person) -> dict[str, str]:
    """Kind -> the id of what Ann's key made."""
    made = post(echo_server, form(), key=ann.key).json["id"]
    body = {"input_file_id": made, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = ask_json(echo_server, "POST", "/v1/batches", body, **bearer(ann.key)).json["id"]
    return {"files": made, "batches": batch}


@pytest.mark.parametrize("operation", OF_KEYS, ids=lambda operation: operation.name)
def test_what_anothers_key_made_is_nobodys(
    echo_server: RunningServer, ann: Person, bob: Person, of_ann: dict[str, str], operation: Operation
) -> None:
    kind = kind_of(operation)
    anns, nobodys = (
        told(echo_server.request(operation.method, operation.path.replace("{id}", id_), headers=bearer(bob.key)), id_)
        for id_ in (of_ann[kind], NOBODYS[kind])
    )
    assert anns == nobodys
    assert anns[0] == 404
    assert echo_server.request("GET", f"/v1/files/{of_ann['files']}/content", headers=bearer(ann.key)).body == LINE
    batch = echo_server.request("GET", f"/v1/batches/{of_ann['batches']}", headers=bearer(ann.key)).json
    assert batch["cancelling_at"] is None
    cursors = [
        told(echo_server.request("GET", f"/v1/{kind}?after={id_}", headers=bearer(bob.key)), id_)
        for id_ in (of_ann[kind], NOBODYS[kind])
    ]
    assert cursors[0] == cursors[1]
    assert cursors[0][0] == 400


def test_anothers_file_is_no_input(
    echo_server: RunningServer, ann: Person, bob: Person, of_ann: dict[str, str]
) -> None:
    answers = [
        told(
            ask_json(
                echo_server,
                "POST",
                "/v1/batches",
                {"input_file_id": id_, "endpoint": "/v1/chat/completions", "completion_window": "24h"},
                **bearer(bob.key),
            ),
            id_,
        )
        for id_ in (of_ann["files"], NOBODYS["files"])
    ]
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


def test_anothers_key_has_used_nothing(echo_server: RunningServer, ann: Person, bob: Person) -> None:
    assert echo_server.request("GET", "/v1/models", headers=bearer(ann.key)).status == 200
    body = b'{"model": "echo", "messages": [{"role": "user", "content": "one two"}]}'
    assert echo_server.request("POST", "/v1/chat/completions", body, bearer(ann.key)).status == 200
    anns = ids_of(echo_server, ann)["api_key"]

    def usage(person: Person, key_id: str) -> tuple[int, dict[str, str], bytes]:
        path = f"/v1/usage?limit=1&group_by=api_key_id&api_key_ids={key_id}"
        return told(echo_server.request("GET", path, headers=bearer(person.key)), key_id)

    eventually(lambda: b'"api_key_id":"ID"' in usage(ann, anns)[2])
    assert usage(bob, anns) == usage(bob, NOBODYS["api_key"])


@pytest.fixture(scope="module")
def anns_in_admin(echo_server: RunningServer, ann: Person) -> dict[str, str]:
    """What an administrator would find, `keys` of `/api/admin/keys` -> the id of one."""
    cookie = settle(echo_server, "administrator-of-ann", role="admin").cookie
    invited = ask_json(echo_server, "POST", "/api/admin/invitations", {}, cookie=cookie).json["id"]
    plan = ask_json(echo_server, "PUT", "/api/admin/plans/secret-plan", {}, cookie=cookie).json["id"]
    act = ask_json(echo_server, "GET", "/api/admin/audit", cookie=cookie).json["data"][0]["id"]
    key = ids_of(echo_server, ann)["api_key"]
    found = {"accounts": ann.id, "keys": key, "emails": ann.email, "invitations": invited, "plans": plan, "audit": act}
    for noun in ("accounts", "keys", "plans"):
        assert ask_json(echo_server, "GET", f"/api/admin/{noun}/{found[noun]}", cookie=cookie).status == 200
    return found


NOBODYS_IN_ADMIN = {
    "accounts": "acct_0123456789abcdef",
    "keys": NOBODYS["api_key"],
    "emails": "nobody@example.com",
    "invitations": "inv_0123456789abcdef",
    "plans": "nobody-plan",
    "audit": "audit_0123456789abcdef",
}


def texts(struct: Any) -> set[str]:
    """The fields of a query or a body that take a text."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    kinds = {one.encode_name: one.type.types if isinstance(one.type, inspect.UnionType) else (one.type,)
             for one in described.fields}  # fmt: skip
    return {name for name, types in kinds.items() if any(isinstance(one, inspect.StrType) for one in types)}


def naming(operation: Operation, ids: dict[str, str]) -> Iterator[tuple[str, str, Any]]:
    """An id, and the path and the body of a request that names it: in each place that the route has for one."""
    noun = operation.path.split("/")[3]
    known = {**NAMING, "after": noun}
    if operation.parameters:
        yield ids[noun], re.sub(r"{\w+}", ids[noun], operation.path), BODIES.get(operation.method)
    if operation.query is not None:
        for name in sorted(texts(operation.query) - NAMING_NOTHING):
            yield ids[known[name]], f"{operation.path}?{name}={ids[known[name]]}", None
    if operation.request is not None:
        for name in sorted(texts(operation.request) - NAMING_NOTHING):
            path = re.sub(r"{\w+}", NOBODYS_IN_ADMIN[noun], operation.path)
            yield ids[known[name]], path, {name: ids[known[name]]}


@pytest.mark.parametrize("kind", ["key", "cookie"])
@pytest.mark.parametrize("operation", OF_ADMINISTRATORS, ids=lambda operation: operation.name)
def test_whoever_is_no_administrator_learns_nothing_of_ids(
    echo_server: RunningServer, anns_in_admin: dict[str, str], bob: Person, operation: Operation, kind: str
) -> None:
    def answers(ids: dict[str, str]) -> list[tuple[int, dict[str, str], bytes]]:
        return [
            told(ask_json(echo_server, operation.method, path, body, **bob.credential(kind)), id_)
            for id_, path, body in naming(operation, ids)
        ]

    of_ann = answers(anns_in_admin)
    assert of_ann == answers(NOBODYS_IN_ADMIN)
    assert {status for status, _, _ in of_ann} <= {403}


def test_there_are_ids_in_every_place() -> None:
    named = {id_ for operation in OF_ADMINISTRATORS for id_, _, _ in naming(operation, NOBODYS_IN_ADMIN)}
    assert named == set(NOBODYS_IN_ADMIN.values())


@pytest.mark.parametrize("path", ["/api/keys", "/api/sessions"])
def test_lists_have_ones_own_alone(echo_server: RunningServer, ann: Person, bob: Person, path: str) -> None:
    of_ann, of_bob = (
        {row["id"] for row in ask_json(echo_server, "GET", path, cookie=one.cookie).json["data"]} for one in (ann, bob)
    )
    assert of_ann
    assert of_bob
    assert of_ann.isdisjoint(of_bob)


def test_anothers_id_is_no_cursor(echo_server: RunningServer, ann: Person, bob: Person) -> None:
    anns = ids_of(echo_server, ann)["api_key"]
    of_ann, of_nobody = (
        told(ask_json(echo_server, "GET", f"/api/keys?after={id_}", cookie=bob.cookie), id_)
        for id_ in (anns, NOBODYS["api_key"])
    )
    assert of_ann == of_nobody
    assert of_ann[0] == 400


def test_ones_own_is_found(echo_server: RunningServer, ann: Person) -> None:
    for kind, path in (("api_key", "/api/keys"),):
        id_ = ids_of(echo_server, ann)[kind]
        assert ask_json(echo_server, "GET", f"{path}/{id_}", cookie=ann.cookie).json["id"] == id_
