"""Two servers on one database and one folder of files: what one is writing, the other does not clear away."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raw_http import read_answer
from running_server import RunningServer, eventually, serving
from uploads import END, LINE, begin, chunks, field, file_head, listed, stored, upload

CONFIG = """
database_url = "{database}"
files_url = "file://{files}"
[[models]]
id = "echo"
engine = "echo"
context_length = 64
"""
PART = b"x" * (1 << 20)


@contextmanager
def one_of_them(postgres_url: str, folder: Path, name: str) -> Iterator[RunningServer]:
    """A server with a data folder of its own; the pepper is that of the first."""
    data_dir = folder / name
    data_dir.mkdir(exist_ok=True)
    if name != "first" and not (data_dir / "pepper").exists():
        shutil.copy(folder / "first" / "pepper", data_dir)
    config = CONFIG.format(database=postgres_url, files=folder / "files")
    with serving(data_dir, "--model", "echo", config=config) as server:
        yield server


def test_a_server_that_starts_spares_what_another_writes(postgres_url: str, tmp_path: Path) -> None:
    bodies = tmp_path / "files"
    with one_of_them(postgres_url, tmp_path, "first") as first:
        with one_of_them(postgres_url, tmp_path, "second") as second:
            there = upload(second, LINE)
            assert first.request("GET", f"/v1/files/{there['id']}/content").body == LINE
            assert [file["id"] for file in listed(first)] == [there["id"]]
            writing = [begin(server, "transfer-encoding: chunked") for server in (first, second)]
            for connection in writing:
                for part in chunks([file_head(), *[PART] * 4]):
                    connection.sendall(part)
            eventually(lambda: len(stored(bodies)) == 3)
            second.process.kill()
            second.process.wait()
            writing[1].close()
        with one_of_them(postgres_url, tmp_path, "second"):
            assert len(stored(bodies)) == 3, "nobody knows yet whose the other is"
            for part in chunks([PART, b"\r\n" + field("purpose", "batch") + END]):
                writing[0].sendall(part)
            writing[0].sendall(b"0\r\n\r\n")
            answer = read_answer(writing[0], "POST")
            writing[0].close()
            assert (answer.status, answer.json["bytes"]) == (200, 5 << 20)
            content = first.request("GET", f"/v1/files/{answer.json['id']}/content")
            assert content.body == PART * 5
    with one_of_them(postgres_url, tmp_path, "second") as alone:
        names = {path.rpartition("/")[2] for path in stored(bodies)}
        assert names == {there["id"], answer.json["id"]} == {file["id"] for file in listed(alone)}
