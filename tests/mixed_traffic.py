"""Traffic as it comes: whole and streamed answers, clients that leave, engines that fail, and a server that is killed.

What each client was told is kept, to be held against the ledger afterwards.
"""

import asyncio
import json
import random
import signal
import sqlite3
import threading
import time
from collections import deque
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import aiohttp
from running_server import RunningServer, serving

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 400
slots = 16
price = { input = 0.35, cached_input = 0.1, output = 0.4 }
[models.echo]
directives = true
tokens_per_second = 400

[[models]]
id = "brittle"
engine = "echo"
context_length = 400
slots = 4
[models.echo]
directives = true
tokens_per_second = 400
"""
CLIENTS = 16
CRASHES = (50, 147, 244, 341)
"""Requests that end the engine's process: one more in five minutes, and its model is given up."""
FAULTS = ("!error", "!garbage@{k}", "!close@{k}")
"""What fails one request alone."""


@dataclass
class Told:
    """What one client was told. `usage` is (prompt, completion) where the answer was whole."""

    request_id: str = ""
    """Empty where the connection broke before there was a head: whole answers that were under way at the kill."""
    end: Literal["completed", "aborted", "failed", "cut"] = "cut"
    usage: tuple[int, int] | None = None
    events: int = 0
    """Tokens that had come before the client left, or the answer broke off."""
    ended_at: float = 0.0


@dataclass
class Run:
    """All that was asked, and when the server was killed, by the wall clock."""

    told: list[Told] = field(default_factory=list)
    killed_at: float = 0.0


def asked(number: int, random_: random.Random) -> tuple[dict[str, Any], int | None]:
    """A request, and after how many events its client leaves (None: never)."""
    words = " ".join(["word"] * random_.randint(2, 60))
    leaves, model, stream = None, "echo", random_.random() < 0.6
    chance = random_.random()
    if number in CRASHES:
        model, words = "brittle", f"!crash@{random_.randint(1, 5)} {words}"
    elif chance < 0.05:
        words = random_.choice(FAULTS).format(k=random_.randint(1, 5)) + " " + words
    elif chance < 0.25:
        stream, leaves = True, random_.randint(0, 10)
    body = {"model": model, "messages": [{"role": "user", "content": words}], "stream": stream}
    if stream:
        body["stream_options"] = {"include_usage": True}
    return body, leaves


async def ask(session: aiohttp.ClientSession, server: RunningServer, body: dict[str, Any], leaves: int | None) -> Told:
    """One request to its end, whatever that is."""
    told = Told()
    try:
        headers = {"authorization": f"Bearer {server.key}"}
        async with session.post(f"{server.base_url}/chat/completions", json=body, headers=headers) as response:
            told.request_id = response.headers["x-request-id"]
            if response.status != 200:
                told.end = "failed"
            elif body["stream"]:
                await _follow(response, told, leaves)
            else:
                _complete(told, (await response.json())["usage"])
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ClientError, OSError):
        told.end = "cut"
    told.ended_at = time.time()
    return told


async def _follow(response: aiohttp.ClientResponse, told: Told, leaves: int | None) -> None:
    usage = None
    async for line in response.content:
        if line.startswith(b"data: [DONE]"):
            _complete(told, usage)
        elif line.startswith(b"data: "):
            event = json.loads(line[6:])
            if "error" in event:
                told.end = "failed"
                return
            usage = event["usage"]
            told.events += sum(1 for choice in event["choices"] if choice["delta"].get("content"))
        if leaves is not None and told.events >= leaves and not told.usage:
            told.end = "aborted"
            response.close()
            return


def _complete(told: Told, usage: Any) -> None:
    told.end, told.usage = "completed", (usage["prompt_tokens"], usage["completion_tokens"])


async def send(server: RunningServer, numbers: range, *, seed: int) -> list[Told]:
    """These requests, by so many clients at once; those that no server takes any more are left out."""
    random_ = random.Random(seed)
    waiting = deque(asked(number, random_) for number in numbers)
    told: list[Told] = []

    async def client(session: aiohttp.ClientSession) -> None:
        while waiting:
            try:
                told.append(await ask(session, server, *waiting.popleft()))
            except aiohttp.ClientConnectorError:
                return  # nobody is there any more

    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as session:
        await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
    return told


def run(folder: Path, *, requests: int, seed: int = 1) -> Run:
    """Half of the requests, with a kill -9 in their middle; the other half after a start on the same folder."""
    half, result = requests // 2, Run()
    with serving(folder, "--model", "echo", "--model", "brittle", config=CONFIG) as server:
        told: list[Told] = []
        clients = threading.Thread(target=lambda: told.extend(asyncio.run(send(server, range(half), seed=seed))))
        clients.start()
        while len(_rows(folder)) < half // 2:
            time.sleep(0.05)
        server.stop(signal.SIGKILL)
        result.killed_at = time.time()
        clients.join()
        result.told += told
    with serving(folder, "--model", "echo", "--model", "brittle", config=CONFIG) as server:
        rest = requests - len(result.told)  # with those that found no server any more
        result.told += asyncio.run(send(server, range(half, half + rest), seed=seed + 1))
    return result


def _rows(folder: Path) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(folder / "penstock.db")) as database:
        database.row_factory = sqlite3.Row
        return list(database.execute("SELECT * FROM usage"))


@dataclass
class Account:
    """The run against the ledger."""

    completed: int = 0
    aborted: int = 0
    failed: int = 0
    cut: int = 0
    """Broken off by the kill: no client was told what it used."""
    lost: int = 0
    """Those that have no row, or whose id is not known: the stated window."""
    clients_tokens: int = 0
    ledgers_tokens: int = 0
    """Both of completed requests alone."""
    differences: list[str] = field(default_factory=list)


def compare(run_: Run, folder: Path) -> Account:
    """Every client's word against the row of its request, and the rows against their sums."""
    rows = {row["request_id"]: row for row in _rows(folder)}
    account = Account()
    for told in run_.told:
        setattr(account, told.end, getattr(account, told.end) + 1)
        row = rows.get(told.request_id)
        if row is None:
            _missing(told, run_, account)
        elif told.usage is not None:
            used = (row["prompt_tokens"], row["completion_tokens"])
            account.clients_tokens += sum(told.usage)
            account.ledgers_tokens += sum(used)
            if used != told.usage:
                account.differences.append(f"{told} has {used}")
        elif row["completion_tokens"] < told.events:
            account.differences.append(f"{told} has {row['completion_tokens']}")
        elif told.end == "failed" and not told.events and (row["prompt_tokens"] or row["cost"]):
            account.differences.append(f"{told} was billed")
    account.differences += _sums_that_differ(folder, rows)
    return account


def _missing(told: Told, run_: Run, account: Account) -> None:
    """No row: that may be where the server was killed while the request was under way, and nowhere else."""
    account.lost += 1
    # A client that left just before may not have been noticed yet, and one that was cut notices it a little later.
    at_the_kill = abs(told.ended_at - run_.killed_at) < 2
    if told.end not in ("cut", "aborted") or not at_the_kill:
        account.differences.append(f"{told} has no row")


def _sums_that_differ(folder: Path, rows: dict[str, Any]) -> list[str]:
    names = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")
    differ = []
    with closing(sqlite3.connect(folder / "penstock.db")) as database:
        for table, seconds in (("usage_hourly", 3600), ("usage_daily", 86400)):
            wanted: dict[tuple[int, str, str], list[int]] = {}
            for row in rows.values():
                key = (int(row["created_at"] // seconds) * seconds, row["key_id"], row["model"])
                sums = wanted.setdefault(key, [0] * (1 + len(names)))
                wanted[key] = [have + more for have, more in zip(sums, (1, *(row[n] for n in names)), strict=True)]
            query = f"SELECT start, key_id, model, requests, {', '.join(names)} FROM {table}"
            kept = {(start, key_id, model): sums for start, key_id, model, *sums in database.execute(query)}
            if kept != wanted:
                differ.append(f"{table} has {kept}, the rows {wanted}")
    return differ
