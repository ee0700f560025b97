"""Two servers on one PostgreSQL: one set of keys, one ledger, and nobody has to start anew when the database did."""

import itertools
import json
import shutil
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from postgres_server import PostgresServer
from running_server import Answer, RunningServer, eventually, penstock, serving
from sign_in import Person, ask_json, bearer, settle, sign_in

CONFIG = """
database_url = "{url}"
[[models]]
id = "echo"
engine = "echo"
context_length = 400
[models.echo]
tokens_per_second = 20
"""
PROMISED_SECONDS = 5.0
"""From the answer to a change until it holds at every server."""
LOOKING_SECONDS = 1.0
"""What a look may take beside, on a machine that does other things as well."""


@pytest.fixture
def servers(postgres_url: str, tmp_path: Path) -> Iterator[tuple[RunningServer, RunningServer]]:
    """Each with a data folder of its own; the pepper is in both, or the keys of one would open nothing at the other."""
    config = CONFIG.format(url=postgres_url)
    with serving(tmp_path / "first", "--model", "echo", config=config) as first:
        (tmp_path / "second").mkdir()
        shutil.copy(first.data_dir / "pepper", tmp_path / "second")
        with serving(tmp_path / "second", "--model", "echo", config=config) as second:
            yield first, second


def chat(server: RunningServer, key: str, words: int, *, stream: bool = False) -> Answer:
    message = {"role": "user", "content": " ".join(["word"] * words)}
    body = json.dumps({"model": "echo", "messages": [message], "stream": stream}).encode()
    return server.request("POST", "/v1/chat/completions", body, {"authorization": f"Bearer {key}"})


def rows(url: str) -> dict[str, int]:
    """Request -> tokens of its answer, and the sums of both tables beside."""
    with psycopg.connect(url) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # all from one state
        found: dict[str, int] = dict(connection.execute("SELECT request_id, completion_tokens FROM usage").fetchall())
        for table in (b"usage_hourly", b"usage_daily"):
            sums = connection.execute(b"SELECT SUM(requests), SUM(completion_tokens) FROM " + table).fetchone()
            assert sums == ((len(found), sum(found.values())) if found else (None, None))
    return found


def test_one_database_and_two_servers(
    servers: tuple[RunningServer, RunningServer], postgres: PostgresServer, postgres_url: str
) -> None:
    first, second = servers
    answers = [chat(server, key, 3) for server in servers for key in (first.key, second.key)]
    with postgres.stopped():
        answers += [chat(first, first.key, 4), chat(second, second.key, 5, stream=True)]
    assert [answer.status for answer in answers] == [200] * 6
    ids = {answer.headers["x-request-id"] for answer in answers}
    eventually(lambda: rows(postgres_url).keys() == ids)
    assert sorted(rows(postgres_url).values()) == [3, 3, 3, 3, 4, 5]

    shown = penstock("usage", "--json", data_dir=second.data_dir)
    assert shown.returncode == 0, shown.stderr
    leaving = first.new_key("leaving")
    assert [chat(server, leaving, 1).status for server in servers] == [200, 200]
    assert penstock("keys", "revoke", "leaving", data_dir=second.data_dir).returncode == 0
    eventually(lambda: [chat(server, leaving, 1).status for server in servers] == [401, 401])
    for server in servers:
        assert "Traceback" not in server.log.read_text()


@dataclass(frozen=True)
class Change:
    """Something done at one server, by an administrator or by whose `cookie` it is, and what shows it at another."""

    method: str
    path: str
    look: Callable[[RunningServer], object]
    before: object
    after: object
    body: Any = None
    cookie: str = ""


def status(path: str, credential: dict[str, str]) -> Callable[[RunningServer], int]:
    return lambda server: ask_json(server, "GET", path, **credential).status


def allowed(person: Person) -> Callable[[RunningServer], str]:
    """The requests in a minute that a key is told of."""
    return lambda server: ask_json(server, "GET", "/v1/models", **bearer(person.key)).headers[
        "x-ratelimit-limit-requests"
    ]


def changes(server: RunningServer, people: Callable[..., Person]) -> Iterator[tuple[str, Change]]:
    """Each to somebody who has nothing to do with the others."""
    account, key = "/api/admin/accounts/{}".format, "/api/admin/keys/{}".format

    def key_of(person: Person) -> str:
        return key(ask_json(server, "GET", "/api/keys", cookie=person.cookie).json["data"][0]["id"])

    off, lower, listing = {"disabled": True}, {"role": "user"}, "/api/admin/accounts"
    for kind, own in (("key", "/v1/models"), ("cookie", "/api/session")):
        person, admin = people(), people(role="admin")
        look = status(own, person.credential(kind))
        yield f"account disabled, {kind}", Change("PATCH", account(person.id), look, 200, 401, off)
        look = status(listing, admin.credential(kind))
        yield f"role changed, {kind}", Change("PATCH", account(admin.id), look, 200, 403, lower)
    for name, method, end, body in (
        ("revoked", "DELETE", "", None),
        ("disabled", "PATCH", "", off),
        ("renewed", "POST", "/rotate", {"keep_seconds": 0}),
    ):
        person = people()
        look = status("/v1/models", bearer(person.key))
        yield f"key {name}", Change(method, key_of(person) + end, look, 200, 401, body)
    person = people(plan="trial")
    yield "plan given", Change("PATCH", account(person.id), allowed(person), "30", "60", {"plan": "standard"})
    define = {"requests_per_minute": 8}
    yield "plan defined", Change("PUT", "/api/admin/plans/core", allowed(people(plan="core")), "600", "8", define)
    person = people()
    look = status("/api/session", {"cookie": person.cookie})
    yield "signed out", Change("POST", "/api/logout", look, 200, 401, cookie=person.cookie)
    person = people()
    other = sign_in(server, person.email)
    look = status("/api/session", {"cookie": person.cookie})
    yield "other sessions ended", Change("DELETE", "/api/sessions", look, 200, 401, cookie=other)


def test_a_change_holds_at_every_server_within_five_seconds(servers: tuple[RunningServer, RunningServer]) -> None:
    first, second = servers
    numbers = itertools.count()

    def people(**how: str) -> Person:
        return settle(first, f"person-{next(numbers)}", **how)

    admin, made = people(role="admin"), dict(changes(first, people))

    def seconds_until_it_holds(change: Change) -> float:
        assert change.look(second) == change.before  # and is believed there from now on
        answer = ask_json(first, change.method, change.path, change.body, cookie=change.cookie or admin.cookie)
        since = time.monotonic()
        assert answer.status == 200, answer.body
        eventually(lambda: change.look(second) == change.after)
        return time.monotonic() - since

    with ThreadPoolExecutor(len(made)) as threads:
        took = dict(zip(made, threads.map(seconds_until_it_holds, made.values()), strict=True))
    assert max(took.values()) <= PROMISED_SECONDS + LOOKING_SECONDS, took
