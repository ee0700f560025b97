"""Accounts and sessions on a running server, for tests that need several of each."""

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import msgspec
from running_server import Answer, RunningServer

from penstock.cli.data_folder import settings_of
from penstock.database.connection import Database
from penstock.tenants.audit import Actor
from penstock.tenants.pepper import load_pepper
from penstock.tenants.tenants import Tenants

PASSWORD = "correct horse battery staple"


def own_origin(server: RunningServer) -> dict[str, str]:
    """What a page of the server itself sends."""
    return {"origin": f"http://127.0.0.1:{server.port}"}


def ask_json(server: RunningServer, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """One request of the server's own page, with these headers more; `_` in a name stands for `-`."""
    given = {**own_origin(server), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return server.request(method, path, None if body is None else msgspec.json.encode(body), given)


def sign_in(server: RunningServer, email: str) -> str:
    """The cookie of a new session, as it is sent back."""
    answer = ask_json(server, "POST", "/api/login", {"email": email, "password": PASSWORD})
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@dataclass(frozen=True)
class Person:
    """An account of a test."""

    id: str
    email: str
    key: str
    """Of a key with every scope that the account may have."""
    cookie: str

    def credential(self, kind: str) -> dict[str, str]:
        """`key` or `cookie`, as a header."""
        return bearer(self.key) if kind == "key" else {"cookie": self.cookie}


def settle(server: RunningServer, name: str, *, role: Any = "user", plan: str = "unlimited") -> Person:
    """An account with a password, a key and a session."""

    async def make(tenants: Tenants) -> tuple[str, str]:
        actor = Actor.operator()
        account = await tenants.accounts.create(
            f"{name}@example.org", by=actor, role=role, plan=plan, password=PASSWORD
        )
        scopes: Any = ("inference", "batch", "admin") if role == "admin" else ("inference", "batch")
        _, secret = await tenants.keys.create(f"{name}'s", account_id=account.id, by=actor, scopes=scopes)
        return account.id, secret

    account_id, secret = in_database(server, make)
    return Person(account_id, f"{name}@example.org", secret, sign_in(server, f"{name}@example.org"))


def in_database(server: RunningServer, work: Any) -> Any:
    """What `work` gives with the services of the room of tenants, in this process, on the server's database."""

    async def run() -> Any:
        database = Database(settings_of(str(server.data_dir), None).database)
        await database.connect()
        try:
            tenants = Tenants.of(database, load_pepper(server.data_dir), own_plans={}, default_plan="free")
            return await work(tenants)
        finally:
            await database.close()

    with ThreadPoolExecutor(1) as apart:  # a thread that has a loop, as the browser's has, takes no second one
        return apart.submit(asyncio.run, run()).result()


def sql(server: RunningServer, statement: str, *values: Any) -> None:
    """One statement on the server's database, for states that take days to come about."""
    database = sqlite3.connect(server.data_dir / "penstock.db", timeout=30)
    try:
        with database:
            database.execute(statement, values)
    finally:
        database.close()
