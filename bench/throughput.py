"""Tokens a second through the gateway, against the same engine process asked directly.

    python bench/throughput.py [--clients 16] [--tokens 64] [--rounds 9]

Both are measured in turn within each round, so that what else the machine does hits both alike; the figure that counts
is the ratio. The requests are the same ones, with the same seeds, so both give the same tokens.
"""

import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import click
import psutil

from penstock import __version__

MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"


@dataclass(frozen=True)
class Side:
    """One of the two ways to ask."""

    name: str
    url: str
    key: str


@dataclass(frozen=True)
class Round:
    """What one burst of all clients gave."""

    tokens: int
    seconds: float
    ttft_ms: float
    """Median over the clients."""

    @property
    def rate(self) -> float:
        return self.tokens / self.seconds


async def ask(session: aiohttp.ClientSession, side: Side, number: int, tokens: int) -> tuple[int, float]:
    """One streamed request: its completion tokens as the usage chunk counts them, and its time to first token in ms."""
    body = {
        "model": MODEL,
        "messages": [{"role": "user", "content": f"Write a story about the number {number}."}],
        "max_tokens": tokens,
        "temperature": 1,
        "top_p": 1,
        "seed": number,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if side.name == "engine":
        body["cache_prompt"] = False  # as the gateway asks where a request names a seed
    started, first, counted = time.perf_counter(), 0.0, 0
    async with session.post(side.url, json=body, headers={"authorization": f"Bearer {side.key}"}) as response:
        assert response.status == 200, await response.text()
        async for line in response.content:
            if not line.startswith(b"data: {"):
                continue
            chunk: dict[str, Any] = json.loads(line[6:])
            if not first and any(choice["delta"].get("content") for choice in chunk["choices"]):
                first = time.perf_counter()
            if chunk.get("usage"):
                counted = chunk["usage"]["completion_tokens"]
    return counted, (first - started) * 1000


async def burst(side: Side, clients: int, tokens: int) -> Round:
    """All clients at once."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        started = time.perf_counter()
        answers = await asyncio.gather(*(ask(session, side, number, tokens) for number in range(clients)))
        seconds = time.perf_counter() - started
    return Round(sum(count for count, _ in answers), seconds, statistics.median(ttft for _, ttft in answers))


async def start_gateway(data_dir: Path) -> tuple[asyncio.subprocess.Process, Side, Side]:
    """A gateway in a process of its own; how to ask it, and how to ask its engine directly."""
    server = Path(__file__).with_name("open_engine.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(server), str(data_dir), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    where = json.loads(await process.stdout.readline())
    path = "/v1/chat/completions"
    gateway = Side("gateway", where["gateway_url"] + path, where["gateway_key"])
    return process, gateway, Side("engine", where["engine_url"] + path, where["engine_key"])


async def measure(clients: int, tokens: int, rounds: int, data_dir: Path) -> dict[str, Any]:
    """All rounds, as one JSON-able result."""
    process, gateway, engine = await start_gateway(data_dir)
    try:
        for side in (engine, gateway):
            await burst(side, clients, 4)
        spent = psutil.Process(process.pid).cpu_times()
        pairs = []
        for number in range(rounds):
            order = (engine, gateway) if number % 2 else (gateway, engine)
            pair = {side.name: await burst(side, clients, tokens) for side in order}
            assert pair["engine"].tokens == pair["gateway"].tokens, "the same seeds must give the same tokens"
            pairs.append(pair)
            ratio = pair["gateway"].rate / pair["engine"].rate
            click.echo(
                f"round {number + 1}: engine {pair['engine'].rate:6.1f} tok/s, "
                f"gateway {pair['gateway'].rate:6.1f} tok/s, ratio {ratio:.3f}",
                err=True,
            )
        now = psutil.Process(process.pid).cpu_times()
    finally:
        process.terminate()
        await process.wait()
    through = sum(pair["gateway"].tokens for pair in pairs)
    cpu = now.user + now.system - spent.user - spent.system
    return {
        "penstock": __version__,
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "model": MODEL,
        "clients": clients,
        "tokens_per_client": tokens,
        "rounds": rounds,
        "engine_tokens_per_second": statistics.median(pair["engine"].rate for pair in pairs),
        "gateway_tokens_per_second": statistics.median(pair["gateway"].rate for pair in pairs),
        "ratio": statistics.median(pair["gateway"].rate / pair["engine"].rate for pair in pairs),
        "added_ttft_ms": statistics.median(pair["gateway"].ttft_ms - pair["engine"].ttft_ms for pair in pairs),
        "gateway_cpu_us_per_token": cpu / through * 1e6,
    }


@click.command()
@click.option("--clients", default=16, show_default=True)
@click.option("--tokens", default=64, show_default=True, help="Tokens of each answer, at most.")
@click.option("--rounds", default=9, show_default=True)
@click.option("--data-dir", type=click.Path(path_type=Path), help="Data folder with the pulled model.")
def main(clients: int, tokens: int, rounds: int, data_dir: Path | None) -> None:
    """Compare the gateway with its engine's own port."""
    with tempfile.TemporaryDirectory() as folder:
        result = asyncio.run(measure(clients, tokens, rounds, data_dir or Path(folder)))
    click.echo(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
