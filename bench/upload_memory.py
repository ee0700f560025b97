"""How much memory a server takes while 200 MB are uploaded to it, and while they are downloaded again.

    python bench/upload_memory.py [--at-once 1] [--files-url s3://bucket/prefix]

The server and its engine are started on a data folder of their own, with the echo engine. What is printed is how much
more the tree of processes had at its peak than before: RSS, which counts shared pages once for each process, and PSS,
which shares them out. The target is 64 MB for one upload.
"""

import http.client
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click
import psutil

MOST_BYTES = 200_000_000
TARGET_MB = 64
LINE = b'{"custom_id": "%09d", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "echo"}}\n'
CONFIG = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
BOUNDARY = "bench"
BEFORE = f'--{BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="input.jsonl"\r\n\r\n'.encode()
AFTER = (
    f'\r\n--{BOUNDARY}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--{BOUNDARY}--\r\n'.encode()
)


@contextmanager
def started(folder: Path, files_url: str) -> Iterator[tuple[psutil.Process, int, str]]:
    """A server, its port, and a key."""
    store = f'files_url = "{files_url}"\n' if files_url else ""
    (folder / "penstock.toml").write_text(store + CONFIG)
    environ, command = {**os.environ, "PENSTOCK_DATA_DIR": str(folder)}, [sys.executable, "-m", "penstock"]
    log = folder / "serve.log"
    with log.open("wb") as output:
        serving = subprocess.Popen(
            [*command, "serve", "--port", "0", "--model", "echo"],
            env=environ, cwd=folder, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        while not (found := re.search(r"API base +http://127\.0\.0\.1:(\d+)/v1", log.read_text())):
            assert serving.poll() is None, log.read_text()
            time.sleep(0.1)
        made = subprocess.run([*command, "keys", "create", "bench"], env=environ, capture_output=True, check=True)
        yield psutil.Process(serving.pid), int(found[1]), made.stdout.decode().strip()
    finally:
        serving.terminate()
        serving.wait()


def memory(server: psutil.Process) -> tuple[float, float]:
    """RSS and PSS of the process and all that came of it, in MB."""
    rss = pss = 0
    for process in [server, *server.children(recursive=True)]:
        try:
            found = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        rss, pss = rss + found.rss, pss + found.pss
    return rss / 1e6, pss / 1e6


def peak(server: psutil.Process, work: Callable[[], None]) -> tuple[float, float, float]:
    """How much more RSS and PSS there were at their peaks than before `work`, and its seconds."""
    before, most = memory(server), [0.0, 0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.01):
            most[:] = map(max, most, memory(server))

    watching = threading.Thread(target=watch)
    watching.start()
    began = time.monotonic()
    try:
        work()
    finally:
        spent = time.monotonic() - began
        done.set()
        watching.join()
    return max(0.0, most[0] - before[0]), max(0.0, most[1] - before[1]), spent


def parts() -> Iterator[bytes]:
    """200 MB of lines, in a form."""
    yield BEFORE
    left, number = MOST_BYTES, 0
    while left:
        part = b"".join(LINE % (number + at) for at in range(2000))[:left]
        left, number = left - len(part), number + 2000
        yield part
    yield AFTER


def upload(port: int, key: str) -> str:
    """The id of a file that was uploaded."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    size = len(BEFORE) + MOST_BYTES + len(AFTER)
    headers = {
        "authorization": f"Bearer {key}",
        "content-type": f"multipart/form-data; boundary={BOUNDARY}",
        "content-length": str(size),
    }
    connection.request("POST", "/v1/files", parts(), headers)
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    assert answer.status == 200, body
    return body.split('"id":"')[1].split('"')[0]


def download(port: int, key: str, id_: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", f"/v1/files/{id_}/content", headers={"authorization": f"Bearer {key}"})
    answer, size = connection.getresponse(), 0
    while part := answer.read(1 << 16):
        size += len(part)
    connection.close()
    assert size == MOST_BYTES


def all_at_once(works: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@click.command()
@click.option("--at-once", default=1, show_default=True, help="So many uploads.")
@click.option("--files-url", default="", help="A store in place of the server's own folder.")
def main(at_once: int, files_url: str) -> None:
    """Print what it took, and fail where one upload took more than 64 MB."""
    with tempfile.TemporaryDirectory() as folder, started(Path(folder), files_url) as (server, port, key):
        ids: list[str] = []
        figures = {
            "upload": peak(server, lambda: all_at_once([lambda: ids.append(upload(port, key))] * at_once)),
            "again": peak(server, lambda: all_at_once([lambda: ids.append(upload(port, key))] * at_once)),
            "download": peak(server, lambda: all_at_once([lambda: download(port, key, ids[0])] * at_once)),
        }
        assert len(ids) == 2 * at_once
    click.echo(f"{at_once} at once, 200 MB each; more memory than before, in MB")
    click.echo(f"{'':10}{'RSS':>8}{'PSS':>8}{'seconds':>10}")
    for name, (rss, pss, seconds) in figures.items():
        click.echo(f"{name:10}{rss:8.1f}{pss:8.1f}{seconds:10.2f}")
    if at_once == 1 and max(figures["upload"][:2]) > TARGET_MB:
        raise click.ClickException(f"That is more than {TARGET_MB} MB.")


if __name__ == "__main__":
    main()
