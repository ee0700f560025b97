"""A batch on servers that are killed again and again, and the account of what came of each line."""

import json
import os
import random
import shutil
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai
import psycopg
from running_server import RunningServer, eventually, serving

Row = tuple[Any, ...]

_LOOK_SECONDS = 0.1
_LONGEST_SECONDS = 600.0

CONFIG = """
access_log = false
[[models]]
id = "echo"
engine = "echo"
context_length = 400
slots = {slots}
price = {{ input = 0.35, cached_input = 0.1, output = 0.4 }}
[models.echo]
directives = true
tokens_per_second = {rate}
"""


def write_lines(path: Path, count: int, *, model: str = "echo", words: int = 8, **body: Any) -> None:
    """An input of so many lines; each says its own number."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            text = " ".join([f"line {number}", *["word"] * (words - 2)])
            asked = {"model": model, "messages": [{"role": "user", "content": text}], **body}
            line = {"custom_id": f"line-{number}", "method": "POST", "url": "/v1/chat/completions", "body": asked}
            file.write(json.dumps(line) + "\n")


@dataclass
class Fleet:
    """Servers of one database and one store of files. One that is killed is started anew at once."""

    folders: list[Path]
    arguments: tuple[str, ...]
    config: str
    environ: dict[str, str]
    lives: list[ExitStack] = field(default_factory=list)
    servers: list[RunningServer] = field(default_factory=list)

    def start(self) -> None:
        for folder in self.folders:
            if self.servers and not (folder / "pepper").exists():
                folder.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.folders[0] / "pepper", folder)  # or the keys of one would open nothing at the other
            self.lives.append(ExitStack())
            self.servers.append(self._begin(self.lives[-1], folder))

    def _begin(self, life: ExitStack, folder: Path) -> RunningServer:
        server = serving(folder, *self.arguments, config=self.config, environ=self.environ, ready=False)
        return life.enter_context(server)

    def kill(self, number: int) -> None:
        """End a server as a power failure would, and start it again."""
        self.servers[number].process.kill()
        self.servers[number].process.wait()
        self.lives[number].close()
        self.lives[number] = ExitStack()
        self.servers[number] = self._begin(self.lives[number], self.folders[number])

    def stop(self) -> None:
        for life in self.lives:
            life.close()

    @property
    def client(self) -> openai.OpenAI:
        """A client of the first server as it is now."""
        first = self.servers[0]
        return first.clients[0] if first.clients else first.client(retries=5)


@contextmanager
def fleet(folders: list[Path], *arguments: str, config: str, environ: dict[str, str]) -> Iterator[Fleet]:
    """So many servers as there are folders, ended with the block."""
    servers = Fleet(folders, arguments, config, environ)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


@dataclass(frozen=True)
class Account:
    """What came of a batch, and what does not add up."""

    batch: openai.types.Batch
    answered: int
    failed: int
    kills: int
    faults: list[str]


def submit(servers: Fleet, source: Path) -> str:
    """The id of a new batch of these lines."""
    client = servers.client
    with source.open("rb") as body:
        uploaded = client.files.create(file=body, purpose="batch")
    made = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h")
    return made.id


def run_with_kills(servers: Fleet, source: Path, rows: "Rows", *, kills: int, seed: int = 1) -> Account:
    """Run a batch, and kill a server at random each time that it has come a random step on."""
    chance = random.Random(seed)
    total = source.read_bytes().count(b"\n")
    batch_id = submit(servers, source)
    steps = [0, *sorted(chance.randrange(total) for _ in range(kills - 1))]  # the first while it is validated
    for step in steps:
        _wait_for(servers, batch_id, step)
        servers.kill(chance.randrange(len(servers.servers)))
    return account_of(servers, batch_id, rows, kills=kills, total=total)


def run_with_engine_kills(servers: Fleet, source: Path, rows: "Rows", *, kills: int) -> Account:
    """Run a batch, and kill the engine so often while it does."""
    total = source.read_bytes().count(b"\n")
    batch_id = submit(servers, source)
    for kill in range(1, kills + 1):
        _wait_for(servers, batch_id, total * kill // (kills + 1))
        (pid,) = eventually(servers.servers[0].engine_pids)
        os.kill(pid, signal.SIGKILL)
    return account_of(servers, batch_id, rows, kills=kills, total=total)


def account_of(servers: Fleet, batch_id: str, rows: "Rows", *, kills: int, total: int) -> Account:
    """Wait for the end of a batch, and compare its files, its counts and the ledger."""
    ends = ("completed", "failed", "expired", "cancelled")
    while servers.client.batches.retrieve(batch_id).status not in ends:
        time.sleep(_LOOK_SECONDS)
    batch = servers.client.batches.retrieve(batch_id)
    output, errors = (_lines(servers.client, file) for file in (batch.output_file_id, batch.error_file_id))
    faults: list[str] = []

    def same(what: str, found: object, wanted: object) -> None:
        if found != wanted:
            faults.append(f"{what}: {found!r}, and not {wanted!r}")

    same("status", batch.status, "completed")
    given = Counter(line["custom_id"] for line in (*output, *errors))
    same("lines that are there twice", sum(count > 1 for count in given.values()), 0)
    same("lines that are there", len(given), total)
    counts = batch.request_counts
    assert counts is not None
    same("counts", (counts.total, counts.completed, counts.failed), (total, len(output), len(errors)))
    for line in output if batch.model == "echo" else ():
        said = line["response"]["body"]["choices"][0]["message"]["content"]
        if not said.startswith(f"line {line['custom_id'].removeprefix('line-')} "):
            faults.append(f"{line['custom_id']} has another's answer: {said!r}")
    delivered = Counter[str]()
    for line in output:
        delivered.update(
            {name: line["response"]["body"]["usage"][name] for name in ("prompt_tokens", "completion_tokens")}
        )
    ledger = rows(
        "SELECT request_id, prompt_tokens, completion_tokens FROM usage WHERE batch = TRUE AND outcome = 'completed'"
    )
    same("rows of the ledger", {row[0] for row in ledger}, {line["response"]["request_id"] for line in output})
    same(
        "tokens in the ledger",
        (sum(row[1] for row in ledger), sum(row[2] for row in ledger)),
        tuple(delivered.values()),
    )
    (sums,) = rows("SELECT SUM(requests), SUM(completion_tokens) FROM usage_daily WHERE batch = TRUE")
    billed = rows("SELECT COUNT(*), SUM(completion_tokens) FROM usage WHERE batch = TRUE")
    same("sums of the ledger", [tuple(map(int, sums))], [tuple(map(int, row)) for row in billed])
    eventually(lambda: not rows("SELECT 1 FROM batch_lines") or None)
    return Account(batch, len(output), len(errors), kills, faults)


def _wait_for(servers: Fleet, batch_id: str, step: int) -> None:
    """Until so many lines are over."""
    end = time.monotonic() + _LONGEST_SECONDS
    while not _has_come_to(servers, batch_id, step):
        assert time.monotonic() < end
        time.sleep(_LOOK_SECONDS)


def _has_come_to(servers: Fleet, batch_id: str, step: int) -> bool:
    """Whether so many lines are over; not while the server that is asked is on its way."""
    try:
        counts = servers.client.batches.retrieve(batch_id).request_counts
    except openai.APIError:
        return False
    assert counts is not None
    return counts.completed + counts.failed >= step


def _lines(client: openai.OpenAI, file_id: str | None) -> list[dict[str, Any]]:
    if file_id is None:
        return []
    return [json.loads(line) for line in client.files.content(file_id).content.splitlines()]


class Rows:
    """Asks the database beside the servers."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, query: str) -> list[Row]:
        if self._url.startswith("sqlite"):
            with closing(sqlite3.connect(self._url.partition(":///")[2])) as connection:
                return list(connection.execute(query))
        with psycopg.connect(self._url) as connection:
            return list(connection.execute(query.encode()).fetchall())
