"""Every route with every kind of credential: what is let in is what its Operation says, and nothing else."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from raw_http import ask
from running_server import Answer, RunningServer
from sign_in import Person, bearer, in_database, own_origin, settle, sign_in, sql

from penstock.app import operations
from penstock.tenants.accounts import AccountChanges
from penstock.tenants.audit import Actor
from penstock.tenants.key import KeyChanges
from penstock.tenants.tenants import Tenants
from penstock.web.operation import Operation
from penstock.web.origin import SAFE_METHODS

DENIED = {401, 403}
EVERY = [operation for operation in operations() if operation.path != "/api/logout"]
ENDS_A_SESSION = {"endSession", "endOtherSessions"}


@dataclass(frozen=True)
class Credential:
    """What a request carries, and what it is good for; `scopes` None where it is no good key, and so `role`."""

    headers: dict[str, str]
    scopes: frozenset[str] | None = None
    role: str | None = None
    foreign: bool = False

    def expected(self, operation: Operation) -> int | None:
        """401 or 403 where the route must refuse it, None where it must not."""
        access = operation.access
        if access.everybody:
            held = self.foreign and operation.path.startswith("/api/") and operation.method not in SAFE_METHODS
            return 403 if held else None
        if access.role is not None and "cookie" in self.headers:
            if self.foreign and operation.method not in SAFE_METHODS:
                return 403
            if self.role is None:
                return 401
            return 403 if access.role == "admin" and self.role != "admin" else None
        if access.scopes is None or self.scopes is None:
            return 401
        return 403 if access.scopes and self.scopes.isdisjoint(access.scopes) else None


def _dead_keys(server: RunningServer, account_id: str) -> dict[str, str]:
    async def make(tenants: Tenants) -> dict[str, str]:
        by, made = Actor.operator(), {}
        for state in ("revoked", "disabled", "expired", "of a disabled account"):
            owner = account_id
            if state == "of a disabled account":
                owner = (await tenants.accounts.create("gone@example.org", by=by, plan="unlimited")).id
            key, made[state] = await tenants.keys.create(state, account_id=owner, by=by)
            if state == "revoked":
                await tenants.keys.revoke(key.id, by=by)
            elif state == "disabled":
                await tenants.keys.update(key.id, KeyChanges(disabled=True), by=by)
            elif state == "expired":
                await tenants.keys.update(key.id, KeyChanges(expires_at=time.time() - 1), by=by)
            else:
                await tenants.accounts.update(owner, AccountChanges(disabled=True), by=by)
        _, made["batch"] = await tenants.keys.create("batch", account_id=account_id, by=by, scopes=("batch",))
        return made

    found: dict[str, str] = in_database(server, make)
    return found


@pytest.fixture(scope="module")
def people(echo_server: RunningServer) -> dict[str, Person]:
    return {
        "user": settle(echo_server, "access-user"),
        "admin": settle(echo_server, "access-admin", role="admin"),
    }


@pytest.fixture(scope="module")
def credentials(echo_server: RunningServer, people: dict[str, Person]) -> dict[str, Credential]:
    user, admin = people["user"], people["admin"]
    dead = _dead_keys(echo_server, user.id)
    usual, every = frozenset({"inference", "batch"}), frozenset({"inference", "batch", "admin"})
    old = sign_in(echo_server, user.email)
    sql(
        echo_server,
        "UPDATE sessions SET expires_at = 1 WHERE id = (SELECT id FROM sessions WHERE account_id = ? "
        "ORDER BY created_at DESC LIMIT 1)",
        user.id,
    )
    return {
        "nothing": Credential({}),
        "user's key": Credential(bearer(user.key), usual),
        "admin's key": Credential(bearer(admin.key), every),
        "key for batches": Credential(bearer(dead.pop("batch")), frozenset({"batch"})),
        "user's cookie": Credential({"cookie": user.cookie}, role="user"),
        "admin's cookie": Credential({"cookie": admin.cookie}, role="admin"),
        "expired cookie": Credential({"cookie": old}),
        "made-up cookie": Credential({"cookie": "penstock_session=pses_" + "a" * 43}),
        "user's cookie on a foreign page": Credential({"cookie": user.cookie}, role="user", foreign=True),
        "admin's cookie on a foreign page": Credential({"cookie": admin.cookie}, role="admin", foreign=True),
        **{f"key {state}": Credential(bearer(secret)) for state, secret in dead.items()},
    }


def send(server: RunningServer, operation: Operation, credential: Credential, *, method: str = "") -> Answer:
    """The request with a body that no route takes: whoever is let in is told so."""
    origin = {"origin": "http://evil.example"} if credential.foreign else own_origin(server)
    headers = {**origin, **credential.headers}
    path = operation.path
    for name in operation.parameters:
        path = path.replace(f"{{{name}}}", "nobody")
    body = b"[]" if operation.request is not None else None
    if operation.name == "watch":
        method = method or "HEAD"  # it is let in alike, and what it would be answered with has no end
    return server.request(method or operation.method, path, body, headers)


def cells(credentials: dict[str, Credential]) -> Iterator[tuple[Operation, str, Credential]]:
    for operation in EVERY:
        for name, credential in credentials.items():
            if operation.name in ENDS_A_SESSION and credential.expected(operation) is None:
                continue  # the others still need theirs
            yield operation, name, credential


def test_every_route_lets_in_whom_it_says_and_nobody_else(
    echo_server: RunningServer, credentials: dict[str, Credential]
) -> None:
    wrong: list[Any] = []
    counted = 0
    for operation, name, credential in cells(credentials):
        status, expected = send(echo_server, operation, credential).status, credential.expected(operation)
        counted += 1
        if status != expected if expected is not None else status in DENIED:
            wrong.append((operation.method, operation.path, name, status, expected))
    assert wrong == []
    assert counted > 400


def test_a_head_is_let_in_like_its_get(echo_server: RunningServer, credentials: dict[str, Credential]) -> None:
    for operation, name, credential in cells(credentials):
        if operation.method == "GET":
            answer = send(echo_server, operation, credential, method="HEAD")
            expected = credential.expected(operation)
            assert answer.body == b""
            assert (answer.status == expected) if expected else answer.status not in DENIED, (operation.path, name)


def test_nobody_is_told_options(echo_server: RunningServer, credentials: dict[str, Credential]) -> None:
    for operation in EVERY:
        assert send(echo_server, operation, credentials["nothing"], method="OPTIONS").status == 405


@pytest.mark.parametrize("host", ["a/?x=", "a/health", "/health#", "x@127.0.0.1", "localhost"])
def test_no_host_opens_anything(echo_server: RunningServer, credentials: dict[str, Credential], host: str) -> None:
    """Nor does the cookie of an administrator change anything for a page of the host that the client names."""
    cookie = "cookie: " + credentials["admin's cookie"].headers["cookie"]
    for operation in EVERY:
        path, body = operation.path.replace("{", "").replace("}", ""), "content-type: application/json"
        if not operation.access.everybody:
            assert ask(echo_server, operation.method, path, body, host=host, body=b"{}").status == 401
        if operation.access.role == "admin" and operation.method not in SAFE_METHODS:
            lines = (body, cookie, f"origin: http://127.0.0.1:{echo_server.port}")
            assert ask(echo_server, operation.method, path, *lines, host=host, body=b"{}").status in (400, 403)


@pytest.mark.parametrize("header", ["x-http-method-override", "x-method-override", "x-original-url", "x-rewrite-url"])
def test_no_header_makes_another_request_of_it(
    echo_server: RunningServer, people: dict[str, Person], header: str
) -> None:
    for value in ("DELETE", "/health", "GET"):
        lines = (f"{header}: {value}", f"authorization: Bearer {people['user'].key}")
        assert ask(echo_server, "GET", "/api/admin/accounts", *lines).status == 403
        assert ask(echo_server, "POST", "/v1/models", *lines).status == 405


def test_a_key_and_a_cookie_together_are_refused(echo_server: RunningServer, people: dict[str, Person]) -> None:
    user, admin = people["user"], people["admin"]
    for key, cookie in ((user.key, admin.cookie), (admin.key, user.cookie), (admin.key, admin.cookie)):
        answer = echo_server.request("GET", "/api/admin/accounts", None, {**bearer(key), "cookie": cookie})
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
    assert echo_server.request("GET", "/v1/models", None, {"cookie": admin.cookie}).status == 401


@pytest.mark.parametrize("name", ["key", "api_key", "token", "access_token", "authorization", "penstock_session"])
def test_a_credential_in_the_query_is_none(echo_server: RunningServer, people: dict[str, Person], name: str) -> None:
    for path in ("/v1/models", "/api/admin/accounts", "/api/keys"):
        answer = ask(echo_server, "GET", f"{path}?{name}={people['admin'].key}")
        assert answer.status == 401
        assert people["admin"].key not in answer.body.decode()
    own = ask(echo_server, "GET", f"/api/keys?{name}={people['admin'].key}", f"cookie: {people['user'].cookie}")
    assert (own.status, own.error["code"]) == (400, "unknown_parameter")
    assert people["admin"].key not in own.body.decode()
