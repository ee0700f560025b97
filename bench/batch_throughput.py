"""How fast a large batch goes: 50,000 lines of 200 MB on the echo engine.

    python bench/batch_throughput.py [--lines 50000] [--bytes 3990] [--database sqlite|postgresql]

Prints the seconds of validation (30 at most is the target), lines a second (500 at least), the seconds of assembly, the
CPU time of server and engine for each line, and the most memory that the server's process had.
"""

import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from databases import migrated
from postgres_server import postgres_server
from running_server import RunningServer, serving

CONFIG = """
access_log = false
[[models]]
id = "echo"
engine = "echo"
context_length = 32768
"""


@dataclass
class Watch:
    """What a process tree took while it was looked at."""

    peak_bytes: int = 0
    """The most memory of the server's own process."""
    cpu_seconds: dict[str, float] = field(default_factory=dict)


@contextmanager
def watched(server: RunningServer) -> Iterator[Watch]:
    """Look at the server until the block ends."""
    process, watch, over = psutil.Process(server.process.pid), Watch(), threading.Event()
    (engine,) = process.children()
    parts = {"server": process, "engine": engine}
    before = {name: sum(part.cpu_times()[:2]) for name, part in parts.items()}

    def look() -> None:
        while not over.wait(0.1):
            watch.peak_bytes = max(watch.peak_bytes, process.memory_info().rss)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield watch
    finally:
        over.set()
        looking.join()
        watch.cpu_seconds = {name: sum(part.cpu_times()[:2]) - before[name] for name, part in parts.items()}


def write_input(path: Path, lines: int, size: int) -> None:
    """Lines of `size` bytes each; a hundred in a row begin alike."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(lines):
            system = f"group {number // 100} "
            messages = [{"role": "system", "content": system}, {"role": "user", "content": f"This is line {number}."}]
            line = {
                "custom_id": f"line-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "echo", "messages": messages, "max_completion_tokens": 8},
            }
            messages[0]["content"] = system + "x" * (size - len(json.dumps(line)) - 1)
            file.write(json.dumps(line) + "\n")


@click.command()
@click.option("--lines", default=50_000, show_default=True)
@click.option("--bytes", "size", default=3_990, show_default=True, help="Of each line.")
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
def main(lines: int, size: int, database: str) -> None:
    """Run it, and print the figures."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder / "input.jsonl", lines, size)
        if database == "sqlite":
            _measure(folder, lines, {})
        else:
            with postgres_server() as postgres:
                url = postgres.create("throughput")
                migrated(url)
                _measure(folder, lines, {"PENSTOCK_DATABASE_URL": url})


def _measure(folder: Path, lines: int, environ: dict[str, str]) -> None:
    with serving(folder / "server", "--model", "echo", config=CONFIG, environ=environ) as server:
        client = server.client()
        with (folder / "input.jsonl").open("rb") as body:
            uploaded = client.files.create(file=body, purpose="batch")
        resting = psutil.Process(server.process.pid).memory_info().rss
        moments: dict[str, float] = {}
        with watched(server) as watch:
            batch = client.batches.create(
                input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
            )
            while batch.status not in ("completed", "failed"):
                moments.setdefault(batch.status, time.monotonic())
                time.sleep(0.25)
                batch = client.batches.retrieve(batch.id)
            moments[batch.status] = time.monotonic()
    assert batch.status == "completed", batch.errors
    running = moments["finalizing"] - moments["in_progress"]
    print(f"{lines:,} lines, {uploaded.bytes / 1e6:.0f} MB, {batch.request_counts}\n")
    print(f"  validated in    {moments['in_progress'] - moments['validating']:8.1f} s")
    print(f"  lines a second  {lines / running:8.0f}")
    print(f"  assembled in    {moments['completed'] - moments['finalizing']:8.1f} s")
    for part, seconds in watch.cpu_seconds.items():
        print(f"  CPU of {part:<8} {seconds / lines * 1e6:8.0f} us a line, over all")
    print(f"  memory at most  {(watch.peak_bytes - resting) / 1e6:8.1f} MB more than before")


if __name__ == "__main__":
    main()
