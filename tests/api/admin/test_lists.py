"""The lists of administrators over HTTP: what their queries ask for is what comes."""

import csv
import io
from typing import Any

import pytest
from running_server import RunningServer
from sign_in import Person, ask_json, settle

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(scope="module")
def admin(echo_server: RunningServer) -> Person:
    return settle(echo_server, "lists", role="admin")


@pytest.fixture(scope="module")
def made(echo_server: RunningServer, admin: Person) -> list[str]:
    """The ids of three accounts, in the order of their names."""
    bodies = [
        {"email": "c@lists.example", "name": HOSTILE, "plan": "core"},
        {"email": "b@lists.example", "name": "B", "plan": "core"},
        {"email": "a@lists.example", "name": "C", "plan": "trial"},
    ]
    return [
        ask_json(echo_server, "POST", "/api/admin/accounts", body, cookie=admin.cookie).json["id"] for body in bodies
    ]


def listed(server: RunningServer, admin: Person, path: str) -> list[dict[str, Any]]:
    answer = ask_json(server, "GET", path, cookie=admin.cookie)
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = answer.json["data"]
    return rows


def test_accounts_by_query(echo_server: RunningServer, admin: Person, made: list[str]) -> None:
    path = "/api/admin/accounts?search=lists.example"
    assert [one["id"] for one in listed(echo_server, admin, f"{path}&sort=name")] == made
    assert [one["id"] for one in listed(echo_server, admin, f"{path}&sort=-email&limit=2")] == made[:2]
    assert [one["id"] for one in listed(echo_server, admin, f"{path}&sort=email&after={made[1]}")] == made[:1]
    assert [one["id"] for one in listed(echo_server, admin, f"{path}&plan=trial")] == [made[2]]
    assert (
        listed(echo_server, admin, f"{path}&role=admin") == listed(echo_server, admin, f"{path}&state=disabled") == []
    )
    (first, *_) = listed(echo_server, admin, f"{path}&sort=name")
    assert (first["name"], first["last_active_at"]) == (HOSTILE, None)
    (self_,) = listed(echo_server, admin, f"/api/admin/accounts?search={admin.id}")
    assert isinstance(self_["last_active_at"], int)


@pytest.mark.parametrize(
    "query",
    [
        *("accounts?sort=password_hash", "accounts?sort=--name", "accounts?role=root", "accounts?state=gone"),
        *("accounts?after=acct_0123456789abcdef&sort=name", "invitations?state=revoked", "audit?sort=actor"),
        *("audit?format=xml", "audit?until=tomorrow", "audit?format=csv&after=audit_0123456789abcdef"),
    ],
)
def test_what_no_list_knows_is_refused(echo_server: RunningServer, admin: Person, query: str) -> None:
    assert ask_json(echo_server, "GET", f"/api/admin/{query}", cookie=admin.cookie).status == 400


def test_the_audit_log_as_csv(echo_server: RunningServer, admin: Person, made: list[str]) -> None:
    change = {"name": "=HYPERLINK(1)"}
    ask_json(echo_server, "PATCH", f"/api/admin/accounts/{made[1]}", change, cookie=admin.cookie)
    query = f"/api/admin/audit?target={made[1]}&actor=lists"
    answer = ask_json(echo_server, "GET", f"{query}&format=csv&sort=at", cookie=admin.cookie)
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="audit.csv"'
    assert answer.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(answer.body.decode())))
    acts = listed(echo_server, admin, query)
    assert [row["id"] for row in rows] == [act["id"] for act in acts][::-1]
    assert [row["action"] for row in rows] == ["account.create", "account.update"]
    assert rows[1]["details"] == '{"name": {"from": "B", "to": "=HYPERLINK(1)"}}'
