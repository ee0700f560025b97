"""Files to a real server and back, and what is left behind where that does not come to its end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_server import RunningServer
from scripted_server import Reply, scripted

from penstock.cli.client import BrokenOff, Client, NoServer, ServerSaid
from penstock.cli.transfer import Draft, save, upload
from penstock.errors import OperatorError
from penstock.protocol.files import MOST_BYTES

HOUR = {"expires_after[seconds]": "3600"}


@pytest.fixture
def client(echo_server: RunningServer) -> Client:
    return Client(echo_server.base_url, echo_server.key)


@contextmanager
def answering(answer: Callable[[socket.socket], None]) -> Iterator[Client]:
    """A client of something that takes one connection and answers as `answer` does."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "key")
        thread.join()


@pytest.mark.parametrize("size", [1, (1 << 18) - 1, 1 << 18, 3_000_000])
def test_a_file_comes_back_as_it_went(client: Client, tmp_path: Path, size: int) -> None:
    body = (b"0123456789abcde\n" * (size // 16 + 1))[:size]
    there, back = tmp_path / "there.jsonl", tmp_path / "back.jsonl"
    told: list[int] = []
    there.write_bytes(body)
    file = upload(client, there, told=told.append, fields={"expires_after[anchor]": "created_at", **HOUR})
    assert (file["bytes"], file["filename"], file["purpose"]) == (size, "there.jsonl", "batch")
    assert file["expires_at"] == file["created_at"] + 3600
    assert save(client, file["id"], back, told=told.append) == size
    assert back.read_bytes() == body
    assert sum(told) == 2 * size
    assert client.delete(f"/v1/files/{file['id']}")["deleted"]


@pytest.mark.parametrize(
    ("name", "seen"),
    [("Grüße 你.jsonl", "Grüße 你.jsonl"), ('a"b.jsonl', "a%22b.jsonl"), ("a\nb.jsonl", "a%0Ab.jsonl")],
)
def test_any_name_goes_along(client: Client, tmp_path: Path, name: str, seen: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"{}\n")
    assert upload(client, path)["filename"] == seen


def test_a_file_that_is_not_there_or_is_too_large_is_not_sent(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="cannot be read: No such file"):
        upload(Client("http://127.0.0.1:9", "key"), tmp_path / "nothing")
    with pytest.raises(OperatorError, match="cannot be read: Is a directory"):
        upload(Client("http://127.0.0.1:9", "key"), tmp_path)
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(OperatorError, match=r"200,000,001 bytes; a file may have 200,000,000"):
        upload(Client("http://127.0.0.1:9", "key"), large)


def test_a_server_that_has_enough_of_a_long_file_is_heard(echo_server: RunningServer, tmp_path: Path) -> None:
    """It answers after the head and closes, while most of the body is still on its way."""
    path = tmp_path / "long"
    path.write_bytes(b"x" * 50_000_000)
    with pytest.raises(ServerSaid, match="not valid") as raised:
        upload(Client(echo_server.base_url, "psk_wrong"), path)
    assert raised.value.status == 401


def test_a_refusal_leaves_no_file_behind(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ServerSaid) as raised:
        save(client, "file-ffffffffffffffffffffffff", tmp_path / "back")
    assert raised.value.status == 404
    assert list(tmp_path.iterdir()) == []


def test_what_breaks_off_is_no_file_and_leaves_the_old_one(tmp_path: Path) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n" + b"x" * 99)

    path = tmp_path / "back"
    path.write_bytes(b"old")
    with answering(answer) as client, pytest.raises(BrokenOff):
        save(client, "file-1", path)
    assert [one.name for one in tmp_path.iterdir()] == ["back"]
    assert path.read_bytes() == b"old"


def test_a_server_that_goes_during_an_upload_is_no_server(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * 50_000_000)
    with answering(lambda connection: connection.close()) as client, pytest.raises(NoServer):
        upload(client, path)


@pytest.mark.parametrize("file_id", ["../models", "a/b", "a?b=c", "a#b", ""])
def test_an_id_is_no_path(client: Client, tmp_path: Path, file_id: str) -> None:
    with pytest.raises(ServerSaid) as raised:
        save(client, file_id, tmp_path / "x")
    assert raised.value.status == 404


@pytest.mark.parametrize("place", ["missing/file", "folder"])
def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, place: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(OperatorError, match="cannot be written"), Draft(tmp_path / place) as draft:
        draft.write(b"x")
    assert [one.name for one in tmp_path.iterdir()] == ["folder"]


def test_a_file_is_readable_by_whom_new_files_are(tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "path"
    other.touch()
    with Draft(path) as draft:
        draft.write(b"x")
    assert path.stat().st_mode == other.stat().st_mode


def test_what_is_posted_is_json() -> None:
    with scripted(Reply(body={"a": 1})) as server:
        assert Client(server.url, "key").post("/v1/x", {"b": 2}) == {"a": 1}
    assert server.asked == [{"b": 2}]
