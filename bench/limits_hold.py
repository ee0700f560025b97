"""Whether limits hold under load: for three minutes, 200 clients on each of three limits ask as fast as they may.

    python bench/limits_hold.py [--store memory|valkey] [--clients 200] [--seconds 180]

60 requests a minute, 6,000 output tokens a minute with long and short answers mixed, and 10 requests at once; each on
an account of its own, side by side. What counts is the ledger: no window of a minute, by when requests began as by when
they ended, may hold more than the limit, and each minute must hold 95 % of it. With `valkey`, two servers share the
limits through a Redis that is started here, and clients ask both in turn. Fails where a limit did not hold.
"""

import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from running_server import RunningServer, free_port, serving
from tenanted import key_on

MINUTE = 60.0
SHARE = 0.95
REQUESTS, TOKENS, PLACES = 60, 6000, 10
CONFIG = f"""
serve = ["echo"]
[[models]]
id = "echo"
engine = "echo"
context_length = 400
slots = 64
[models.echo]
tokens_per_second = 100

[plans.requests]
requests_per_minute = {REQUESTS}
[plans.tokens]
output_tokens_per_minute = {TOKENS}
[plans.places]
concurrency = {PLACES}
"""
LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True)
class Row:
    """One answered request, in seconds since 1970."""

    began: float
    let_in: float
    ended: float
    tokens: int


@dataclass(frozen=True)
class Verdict:
    """How one limit held: the most that was in any window, and the least in a minute of the run."""

    name: str
    limit: int
    most: float
    least: float

    @property
    def held(self) -> bool:
        return self.most <= self.limit and self.least >= SHARE * self.limit


async def client(session: aiohttp.ClientSession, urls: list[str], key: str, *, until: float, mixed: bool) -> int:
    """Ask until the end, as soon as a refusal lets it; how often it was refused."""
    loop, refused, turn = asyncio.get_running_loop(), 0, random.randrange(len(urls))
    while loop.time() < until:
        turn += 1
        words = random.choice((2, 5, 90)) if mixed else 20
        message = {"role": "user", "content": " ".join(["word"] * words)}
        body = {"model": "echo", "messages": [message], "max_tokens": words + 10}
        url, headers = urls[turn % len(urls)], {"authorization": f"Bearer {key}"}
        async with session.post(f"{url}/chat/completions", json=body, headers=headers) as answer:
            await answer.read()
            if answer.status == 429:
                refused += 1
                wait = int(answer.headers.get("retry-after-ms", 1000)) / 1000
                await asyncio.sleep(min(wait, LONGEST_WAIT_SECONDS) + random.random() / 5)
            elif answer.status != 200:
                raise click.ClickException(f"{answer.status}: {(await answer.text())[:200]}")
    return refused


async def load(urls: list[str], keys: dict[str, str], clients: int, seconds: float) -> dict[str, int]:
    """All clients of all accounts at once; refusals by account."""
    until = asyncio.get_running_loop().time() + seconds
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=60)) as session:
        asking = {
            name: [client(session, urls, key, until=until, mixed=name == "tokens") for _ in range(clients)]
            for name, key in keys.items()
        }
        refused = {name: asyncio.gather(*each) for name, each in asking.items()}
        return {name: sum(await each) for name, each in refused.items()}


def rows_of(data_dir: Path, email: str) -> list[Row]:
    """What the ledger has of an account."""
    query = """SELECT usage.created_at, usage.created_at + queue_ms / 1000, usage.created_at + total_ms / 1000,
               completion_tokens FROM usage
               JOIN accounts ON accounts.id = account_id WHERE email = ? AND status = 200"""
    database = sqlite3.connect(data_dir / "penstock.db")
    try:
        return [Row(*row) for row in database.execute(query, (email,))]
    finally:
        database.close()


def fullest(events: list[tuple[float, int]]) -> int:
    """The most in any window of a minute."""
    events, most, start, held = sorted(events), 0, 0, 0
    for at, amount in events:
        held += amount
        while events[start][0] <= at - MINUTE:
            held -= events[start][1]
            start += 1
        most = max(most, held)
    return most


def emptiest(events: list[tuple[float, int]], seconds: float) -> int:
    """The least in any whole minute of the run, from its first event on."""
    first = min(at for at, _ in events)
    minutes = [0] * int(seconds / MINUTE)
    for at, amount in events:
        if (minute := int((at - first) / MINUTE)) < len(minutes):
            minutes[minute] += amount
    return min(minutes, default=0)


def at_once(rows: list[Row], seconds: float) -> tuple[int, float]:
    """The most requests at once, and how many there were on the average."""
    # From when a request was let in: before, it holds no place, and a shared store takes its time to answer.
    steps = sorted([(row.let_in, 1) for row in rows] + [(row.ended, -1) for row in rows])
    running = most = 0
    for _, step in steps:
        running += step
        most = max(most, running)
    return most, sum(row.ended - row.began for row in rows) / (steps[-1][0] - steps[0][0])


def judged(rows: dict[str, list[Row]], seconds: float) -> list[Verdict]:
    """Every limit, by the start and by the end of its requests."""
    starts = [(row.began, 1) for row in rows["requests"]]
    by_start = [(row.began, row.tokens) for row in rows["tokens"]]
    by_end = [(row.ended, row.tokens) for row in rows["tokens"]]
    return [
        Verdict("requests a minute", REQUESTS, fullest(starts), emptiest(starts, seconds)),
        Verdict("output tokens a minute, by start", TOKENS, fullest(by_start), emptiest(by_end, seconds)),
        Verdict("output tokens a minute, by end", TOKENS, fullest(by_end), emptiest(by_end, seconds)),
        Verdict("requests at once", PLACES, *at_once(rows["places"], seconds)),
    ]


@contextmanager
def redis() -> Iterator[str]:
    """A Redis on a free port that keeps nothing; its address."""
    port = free_port()
    process = subprocess.Popen(
        ["redis-server", "--port", str(port), "--save", "", "--appendonly", "no"], stdout=subprocess.DEVNULL
    )
    try:
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def servers(folder: Path, store: str) -> Iterator[tuple[list[RunningServer], dict[str, str]]]:
    """One server, or two that share the limits; and a key for each limit."""
    first = folder / "0"
    first.mkdir()
    (first / "penstock.toml").write_text(CONFIG)
    keys = {name: key_on(first, name, email=f"{name}@example.com") for name in ("requests", "tokens", "places")}
    with ExitStack() as stack:
        environ: dict[str, str] = {}
        folders = [first]
        if store == "valkey":
            environ["PENSTOCK_VALKEY_URL"] = stack.enter_context(redis())
            folders.append(Path(shutil.copytree(first, folder / "1")))
        yield [stack.enter_context(serving(each, config=CONFIG, environ=environ)) for each in folders], keys


@click.command()
@click.option("--store", type=click.Choice(["memory", "valkey"]), default="memory", show_default=True)
@click.option("--clients", default=200, show_default=True, help="For each of the three limits.")
@click.option("--seconds", default=180.0, show_default=True)
def main(store: str, clients: int, seconds: float) -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder, servers(Path(folder), store) as (running, keys):
        refused = asyncio.run(load([server.base_url for server in running], keys, clients, seconds + 1))
        for server in running:
            server.stop()  # which waits for the ledger
        rows = {name: [r for s in running for r in rows_of(s.data_dir, f"{name}@example.com")] for name in keys}
    click.echo(f"store: {store}, servers: {len(running)}, clients: {clients} on each limit, {seconds:.0f} s")
    click.echo("answered: " + ", ".join(f"{name} {len(each)}" for name, each in rows.items()))
    click.echo("refused:  " + ", ".join(f"{name} {count}" for name, count in refused.items()))
    verdicts = judged(rows, seconds)
    click.echo(f"{'limit':36}{'allows':>8}{'most':>8}{'least':>8}")
    for each in verdicts:
        mark = "held" if each.held else "FAILED"
        click.echo(f"{each.name:36}{each.limit:>8}{each.most:>8g}{each.least:>8.4g}  {mark}")
    if not all(each.held for each in verdicts):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
