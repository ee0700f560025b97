"""Uploads that are cut, that lie, or that fall on a full disk: nothing of them is left, and nothing else is lost."""

import resource
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from raw_http import read_answer
from running_server import RunningServer, eventually, serving
from uploads import END, LINE, begin, chunks, field, file_head, form, listed, post, stored, upload

from penstock.protocol.files import MOST_BYTES

CONFIG = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
PART = b"x" * (1 << 20)
AFTER = b"\r\n" + field("purpose", "batch") + END


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("uploads"), "--model", "echo", config=CONFIG) as running:
        yield running


@pytest.fixture(autouse=True)
def _what_was_there_is_there(server: RunningServer) -> Iterator[None]:
    """A file from before stays whole, and is the only one that is left."""
    kept = upload(server, b"kept\n")
    yield
    eventually(lambda: stored(folder(server)) == [name_of(kept["id"])])
    assert [file["id"] for file in listed(server)] == [kept["id"]]
    assert server.request("GET", f"/v1/files/{kept['id']}/content").body == b"kept\n"
    assert server.request("DELETE", f"/v1/files/{kept['id']}").status == 200


def folder(server: RunningServer) -> Path:
    return server.data_dir / "files"


def name_of(id_: str) -> str:
    return f"{id_[5:7]}/{id_}"


def file_of(size: int) -> Iterator[bytes]:
    """A form with a file of so many bytes, in parts."""
    yield file_head()
    for at in range(0, size, len(PART)):
        yield PART[: size - at]
    yield AFTER


def in_mid_upload(server: RunningServer, *headers: str) -> socket.socket:
    """An upload of which some megabytes have reached the disk."""
    before = set(stored(folder(server)))
    connection = begin(server, "transfer-encoding: chunked", *headers)
    for part in chunks([file_head(), *[PART] * 4]):
        connection.sendall(part)
    eventually(lambda: set(stored(folder(server))) - before)
    return connection


def test_the_largest_file_is_taken_and_comes_back(server: RunningServer) -> None:
    connection = begin(server, "transfer-encoding: chunked")
    for part in chunks(file_of(MOST_BYTES)):
        connection.sendall(part)
    connection.sendall(b"0\r\n\r\n")
    answer = read_answer(connection, "POST")
    connection.close()
    assert (answer.status, answer.json["bytes"]) == (200, MOST_BYTES)
    path = f"/v1/files/{answer.json['id']}"
    content = server.request("GET", f"{path}/content")
    assert (len(content.body), content.body.count(b"x")) == (MOST_BYTES, MOST_BYTES)
    assert server.request("DELETE", path).status == 200


def test_one_byte_more_is_refused_while_it_comes(server: RunningServer) -> None:
    connection = begin(server, "transfer-encoding: chunked")
    for part in chunks(file_of(MOST_BYTES + 1)):
        connection.sendall(part)
    answer = read_answer(connection, "POST")
    connection.close()
    assert (answer.status, answer.error["code"], answer.error["param"]) == (413, "request_too_large", "file")


def test_a_body_that_is_no_file_has_the_same_cap(server: RunningServer) -> None:
    """What follows the form is read past, and not for ever."""
    connection = begin(server, "transfer-encoding: chunked")
    for part in chunks([form(), *[PART] * (MOST_BYTES // len(PART) + 2)]):
        connection.sendall(part)
    answer = read_answer(connection, "POST")
    connection.close()
    assert (answer.status, answer.error["code"]) == (413, "request_too_large")


@pytest.mark.parametrize("expecting", [(), ("expect: 100-continue",)], ids=["at once", "after being asked"])
def test_a_length_that_is_too_large_is_refused_before_a_byte(server: RunningServer, expecting: tuple[str, ...]) -> None:
    connection = begin(server, f"content-length: {MOST_BYTES + (64 << 10) + 1}", *expecting)
    answer = read_answer(connection, "POST")
    connection.close()
    assert (answer.status, answer.error["code"], answer.headers["connection"]) == (413, "request_too_large", "close")


def test_a_length_that_is_too_small_makes_half_a_form(server: RunningServer) -> None:
    body = form(LINE * 100)
    connection = begin(server, f"content-length: {len(body) - 200}")
    connection.sendall(body)
    answer = read_answer(connection, "POST")
    connection.close()
    assert (answer.status, answer.error["code"]) == (400, "invalid_value")


@pytest.mark.parametrize("how", ["closed", "reset"])
def test_a_client_that_leaves_leaves_nothing(server: RunningServer, how: str) -> None:
    connection = in_mid_upload(server)
    if how == "reset":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()


def test_a_length_that_never_comes_leaves_nothing(server: RunningServer) -> None:
    before = set(stored(folder(server)))
    connection = begin(server, f"content-length: {MOST_BYTES}")
    connection.sendall(file_head() + PART * 4)
    eventually(lambda: set(stored(folder(server))) - before)
    connection.close()


def test_chunks_that_are_none_leave_nothing(server: RunningServer) -> None:
    connection = in_mid_upload(server)
    connection.sendall(b"no size\r\n")
    assert read_answer(connection, "POST").status == 400
    connection.close()


def test_others_are_answered_while_large_files_come(server: RunningServer) -> None:
    uploads = [in_mid_upload(server) for _ in range(3)]
    waits = []
    for part in chunks([PART] * 30):
        for connection in uploads:
            connection.sendall(part)
        began = time.monotonic()
        assert server.request("GET", "/health", headers={}).status == 200
        waits.append(time.monotonic() - began)
    for connection in uploads:
        connection.close()
    print(f"others waited {max(waits) * 1000:.0f} ms at most")
    assert sorted(waits)[len(waits) // 2] < 0.25


@contextmanager
def files_of_at_most(server: RunningServer, size: int) -> Iterator[None]:
    """The disk has no more room than this for any file of the server."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize(("room", "size"), [(1, 100), (1, 5 << 20), (3 << 20, 5 << 20), ((5 << 20) - 1, 5 << 20)])
def test_a_full_disk_is_told_and_nothing_is_left(server: RunningServer, room: int, size: int) -> None:
    with files_of_at_most(server, room):
        answer = post(server, form(b"x" * size))
        assert (answer.status, answer.error["code"]) == (503, "service_unavailable"), answer.body
        assert "no room left" in answer.error["message"]
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["x-should-retry"] == "true"
    if room > 1:  # the log is a file of the server too
        assert "the store of files: " in server.log.read_text()
    made = upload(server, b"x" * size)
    assert server.request("DELETE", f"/v1/files/{made['id']}").status == 200


@pytest.mark.parametrize("left", [0, 3 << 20])
def test_a_body_that_is_damaged_is_no_clean_answer(server: RunningServer, left: int) -> None:
    made = upload(server, b"x" * (8 << 20))
    with (folder(server) / name_of(made["id"])).open("r+b") as body:
        body.truncate(left)
    content = server.request("GET", f"/v1/files/{made['id']}/content")
    assert content.status == 503 or content.cut
    if content.cut:
        assert set(content.body) <= {ord("x")}
    assert server.request("DELETE", f"/v1/files/{made['id']}").status == 200


def test_a_body_that_is_lost_is_told(server: RunningServer) -> None:
    made = upload(server)
    (folder(server) / name_of(made["id"])).unlink()
    content = server.request("GET", f"/v1/files/{made['id']}/content")
    assert (content.status, content.error["code"]) == (503, "service_unavailable")
    assert server.request("DELETE", f"/v1/files/{made['id']}").status == 200


def test_a_killed_server_leaves_nothing_of_an_upload(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=CONFIG) as server:
        kept = upload(server)
        connections = [in_mid_upload(server) for _ in range(3)]
        server.process.kill()
        server.process.wait()
    for connection in connections:
        connection.close()
    assert len(stored(tmp_path / "files")) == 4, "it was in the middle of them"
    with serving(tmp_path, "--model", "echo", config=CONFIG) as server:
        assert stored(folder(server)) == [name_of(kept["id"])]
        assert [file["id"] for file in listed(server)] == [kept["id"]]


def test_a_server_that_ends_leaves_nothing_of_an_upload(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=CONFIG) as server:
        connection = in_mid_upload(server)
        assert server.stop(signal.SIGTERM) == 0
        connection.close()
        assert stored(folder(server)) == []
        assert "Traceback" not in server.log.read_text()
