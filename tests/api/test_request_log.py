"""The line of a request in the log of the server."""

import json
import re
from pathlib import Path

import pytest
from raw_http import ask, connected, head, read_answer
from running_server import RunningServer, eventually, receive_until, serving

from penstock.api.request_log import cleaned

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 2000
[models.echo]
directives = true
tokens_per_second = 50
"""


def line_of(server: RunningServer, request_id: str) -> dict[str, str]:
    """The line of a request as its fields, waited for."""
    (line,) = eventually(lambda: re.findall(rf"INFO penstock\.request: (id={request_id} .*)", server.log.read_text()))
    return dict(field.split("=", 1) for field in line.split(" "))


def test_a_request_has_one_line_on_either_plane(echo_server: RunningServer) -> None:
    chat = echo_server.chat("hello")
    line = line_of(echo_server, chat.headers["x-request-id"])
    assert {name: line[name] for name in ("method", "path", "status")} == {
        "method": "POST",
        "path": "/v1/chat/completions",
        "status": "200",
    }
    assert line["key"] == echo_server.usage_of(chat.headers["x-request-id"])["key_id"]
    assert 0 < float(line["ms"]) < 60_000
    assert not {"error", "end", "client"} & line.keys()
    models = echo_server.request("GET", "/v1/models?x=secret")
    line = line_of(echo_server, models.headers["x-request-id"])
    assert (line["path"], line["status"]) == ("/v1/models", "200")
    assert line["key"].startswith("key_")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/models/nothing", 404, "model_not_found"),
        ("GET", "/nowhere", 404, "unknown_url"),
        ("PUT", "/health", 405, "method_not_allowed"),
        ("PUT", "/v1/chat/completions", 405, "method_not_allowed"),
        ("POST", "/v1/chat/completions", 415, "unsupported_media_type"),
    ],
)
def test_an_error_has_its_code_in_the_line(
    echo_server: RunningServer, method: str, path: str, status: int, code: str
) -> None:
    answer = echo_server.request(method, path)
    line = line_of(echo_server, answer.headers["x-request-id"])
    assert (int(line["status"]), line["error"]) == (answer.status, code) == (status, code)


def test_without_a_key_there_is_none_in_the_line(echo_server: RunningServer) -> None:
    answer = echo_server.request("GET", "/v1/models", headers={})
    line = line_of(echo_server, answer.headers["x-request-id"])
    assert (line["status"], line["error"]) == ("401", "missing_api_key")
    assert "key" not in line


@pytest.mark.parametrize("name", ["x-request-id", "X-Client-Request-Id"])
def test_the_clients_own_id_is_logged_and_never_taken_over(echo_server: RunningServer, name: str) -> None:
    answer = ask(echo_server, "GET", "/v1/models", f"{name}: mine\t id=forged ü", f"x-api-key: {echo_server.key}")
    assert answer.headers["x-request-id"].startswith("req_")
    assert line_of(echo_server, answer.headers["x-request-id"])["client"] == "mine??id=forged??"


def test_how_an_answer_came_to_its_end(tmp_path: Path) -> None:
    with serving(tmp_path, "--model", "echo", config=CONFIG) as server:
        cut = server.chat("!close@3 one two three four", stream=True)
        line = line_of(server, cut.headers["x-request-id"])
        assert (line["status"], line["error"], line["end"]) == ("200", "engine_error", "cut")
        body = json.dumps({"model": "echo", "stream": True, "messages": [{"role": "user", "content": "w " * 900}]})
        with connected(server) as connection:
            lines = (f"x-api-key: {server.key}", "content-type: application/json", f"content-length: {len(body)}")
            connection.sendall(head("POST", "/v1/chat/completions", *lines) + body.encode())
            received = receive_until(connection, b"data: ")
        request_id = received.split(b"x-request-id: ")[1].split(b"\r\n")[0].decode()
        line = line_of(server, request_id)
        assert (line["status"], line["end"]) == ("200", "left")
        assert "error" not in line


@pytest.mark.parametrize("by", ["variable", "flag"])
def test_it_can_be_turned_off(tmp_path: Path, by: str) -> None:
    flags = ["--no-access-log"] if by == "flag" else []
    environ = {"PENSTOCK_ACCESS_LOG": "false"} if by == "variable" else {}
    with serving(tmp_path, "--model", "echo", *flags, config=CONFIG, environ=environ) as server:
        server.chat("hello")
        server.stop()
        assert "penstock.request" not in server.log.read_text()


def test_no_secret_and_no_query_is_in_a_line(echo_server: RunningServer) -> None:
    key = echo_server.key
    with connected(echo_server) as connection:
        connection.sendall(head("GET", f"/v1/models/{key}?api_key={key}", f"x-request-id: {key}", f"x-api-key: {key}"))
        answer = read_answer(connection)
    line = line_of(echo_server, answer.headers["x-request-id"])
    assert (line["path"], line["client"]) == ("/v1/models/psk_...", "psk_...")
    assert key not in echo_server.log.read_text()


@pytest.mark.parametrize(
    ("received", "said"),
    [
        (b"plain-1.2_3", "plain-1.2_3"),
        (b"a b\r\nc\x00\x1b[31m", "a?b??c??[31m"),
        ("schlüssel".encode(), "schl??ssel"),
        (b"x" * 100, "x" * 64),
        (b"psk_" + b"A" * 49, "psk_..."),
        (b"x" * 60 + b"psk_" + b"A" * 49, "x" * 60 + "psk_"),
        (b"", ""),
    ],
)
def test_what_a_client_sent_is_cleaned(received: bytes, said: str) -> None:
    assert cleaned(received, longest=64) == said
