"""POST /v1/chat/completions over real sockets, against the echo engine."""

import json
import socket
import threading
import time
import uuid
from typing import Any

import openai
import pytest
from running_server import RunningServer, eventually, receive_until

KEYS_OF_AN_ANSWER = {
    "id", "object", "created", "model", "choices", "service_tier", "system_fingerprint", "prompt_logprobs", "usage"
}  # fmt: skip


def events(body: bytes) -> list[Any]:
    """The data of every event; the last must be [DONE]."""
    lines = [line[6:] for line in body.decode().split("\n\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def open_stream(server: RunningServer, content: str, model: str = "slow") -> socket.socket:
    """A raw connection that has asked for a stream."""
    body = json.dumps({"model": model, "stream": True, "messages": [{"role": "user", "content": content}]}).encode()
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (server.key.encode(), len(body), body)
    )
    return connection


def read_to_the_end(connection: socket.socket) -> bytes:
    received = b""
    with connection:
        while part := connection.recv(65536):
            received += part
    return received


def request_id_of(head: bytes) -> str:
    return head.lower().split(b"x-request-id: ")[1].split(b"\r\n")[0].decode()


def test_an_answer_has_the_shape_of_the_contract(echo_server: RunningServer) -> None:
    answer = echo_server.chat("one two three")
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert set(answer.json) == KEYS_OF_AN_ANSWER
    assert answer.json["model"] == "echo"
    assert str(uuid.UUID(answer.json["id"].removeprefix("chatcmpl-"), version=4)) in answer.json["id"]
    (choice,) = answer.json["choices"]
    assert set(choice) == {"index", "finish_reason", "stop_reason", "logprobs", "message"}
    assert choice["message"]["content"] == "one two three"
    assert answer.json["usage"] == {
        "prompt_tokens": 3,
        "completion_tokens": 3,
        "total_tokens": 6,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def test_a_stream_has_the_shape_of_the_contract(echo_server: RunningServer) -> None:
    answer = echo_server.chat("one two", stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert (answer.headers["cache-control"], answer.headers["x-accel-buffering"]) == ("no-cache", "no")
    chunks = events(answer.body)
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    *parts, usage = chunks
    deltas = [chunk["choices"][0]["delta"] for chunk in parts]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[-1] == {}
    assert "".join(delta.get("content", "") for delta in deltas) == "one two"
    assert [chunk["choices"][0]["finish_reason"] for chunk in parts][-2:] == [None, "stop"]
    assert all(chunk["usage"] is None for chunk in parts)
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 4)


@pytest.mark.parametrize("stream", [False, True])
def test_stop_strings_hold_on_any_engine_and_are_told(echo_server: RunningServer, stream: bool) -> None:
    answer = echo_server.chat("one two three four", stop=["o th", "four"], stream=stream)
    if stream:
        choices = [chunk["choices"][0] for chunk in events(answer.body)]
        text = "".join(choice["delta"].get("content", "") for choice in choices)
        ending = choices[-1]
    else:
        (ending,) = answer.json["choices"]
        text = ending["message"]["content"]
    assert text == "one tw"
    assert (ending["finish_reason"], ending["stop_reason"]) == ("stop", "o th")


@pytest.mark.parametrize("stream", [False, True])
def test_every_choice_is_whole(echo_server: RunningServer, stream: bool) -> None:
    answer = echo_server.chat("a b c", n=3, stream=stream)
    texts = ["", "", ""]
    if stream:
        for chunk in events(answer.body):
            texts[chunk["choices"][0]["index"]] += chunk["choices"][0]["delta"].get("content", "")
    else:
        texts = [choice["message"]["content"] for choice in answer.json["choices"]]
        assert answer.json["usage"]["completion_tokens"] == 9
    assert texts == ["a b c"] * 3


def test_every_answer_names_its_request(echo_server: RunningServer) -> None:
    answers = [
        echo_server.chat("hi"),
        echo_server.chat("hi", stream=True),
        echo_server.chat("hi", temperature=3),
        echo_server.request("GET", "/v1/models"),
        echo_server.request("GET", "/nowhere"),
        echo_server.request("GET", "/health", headers={}),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    assert all(answer.headers["openai-processing-ms"].isdigit() for answer in answers)
    assert all("server" not in answer.headers for answer in answers)


def test_an_error_after_the_first_byte_is_an_event_and_a_cut(echo_server: RunningServer) -> None:
    connection = open_stream(echo_server, "!close@3 one two three four", model="slow")
    received = read_to_the_end(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"200 OK" in head
    assert b" two" in body
    assert b'data: {"error":{"message":' in body
    assert b'"type":"server_error","param":null,"code":"engine_error"}}' in body
    assert b"[DONE]" not in body
    assert not body.endswith(b"0\r\n\r\n"), "a failed stream never ends cleanly"
    row = echo_server.usage_of(request_id_of(head))
    assert (row["outcome"], row["status"], row["completion_tokens"]) == ("failed", 200, 2)


def test_the_official_client_takes_a_broken_stream_for_an_error(echo_server: RunningServer) -> None:
    client = echo_server.client()
    stream = client.chat.completions.create(
        model="slow", messages=[{"role": "user", "content": "!close@3 one two three"}], stream=True
    )
    with pytest.raises(openai.APIError):
        list(stream)


@pytest.mark.parametrize("fault", ["!error", "!close@1"])
def test_an_early_fault_has_its_status(echo_server: RunningServer, fault: str) -> None:
    for stream in (False, True):
        answer = echo_server.chat(f"{fault} one", stream=stream)
        assert (answer.status, answer.error["type"], answer.error["code"]) == (502, "server_error", "engine_error")
        assert answer.headers["x-should-retry"] == "true"
        row = echo_server.usage_of(answer.headers["x-request-id"])
        assert (row["status"], row["outcome"], row["prompt_tokens"] + row["completion_tokens"]) == (502, "failed", 0)


def test_a_client_that_leaves_frees_the_slot_and_is_in_the_ledger(echo_server: RunningServer) -> None:
    """Four slots: four clients that leave would block a fifth for 50 s each if their slots were kept."""
    connections = [open_stream(echo_server, "word " * 900) for _ in range(4)]
    heads = [receive_until(connection, b" word") for connection in connections]
    for connection in connections:
        connection.close()
    left = time.monotonic()
    assert echo_server.chat("quick", model="slow").status == 200
    assert time.monotonic() - left < 2
    for head in heads:
        row = echo_server.usage_of(request_id_of(head))
        assert (row["outcome"], row["prompt_tokens"]) == ("aborted", 900)
        assert 1 <= row["completion_tokens"] < 100


def test_a_client_that_leaves_before_the_first_token_is_in_the_ledger(echo_server: RunningServer) -> None:
    body = json.dumps({"model": "slow", "messages": [{"role": "user", "content": "w " * 417}]}).encode()
    connection = socket.create_connection(("127.0.0.1", echo_server.port))
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (echo_server.key.encode(), len(body), body)
    )
    time.sleep(0.3)  # not a condition: leaving at any moment must do
    connection.close()

    def row() -> list[dict[str, Any]]:
        return [row for row in echo_server.ledger() if row["prompt_tokens"] == 417]

    (aborted,) = eventually(row, seconds=2)
    assert (aborted["outcome"], aborted["status"], aborted["streamed"]) == ("aborted", 499, 0)


def test_usage_is_recorded_once_per_request(echo_server: RunningServer) -> None:
    answer = echo_server.chat("a b c d", max_tokens=2)
    row = echo_server.usage_of(answer.headers["x-request-id"])
    expected = {"model": "echo", "endpoint": "/v1/chat/completions", "status": 200, "outcome": "completed"}
    expected |= {"finish_reason": "length", "prompt_tokens": 4, "completion_tokens": 2, "streamed": 0}
    assert {name: row[name] for name in expected} == expected
    assert row["total_ms"] >= row["ttft_ms"] > 0


def test_a_models_own_bound_holds_where_a_request_names_none(echo_server: RunningServer) -> None:
    answer = echo_server.chat("one two three four five", model="short")
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert answer.json["usage"]["completion_tokens"] == 3
    assert echo_server.chat("one two", model="short").json["choices"][0]["finish_reason"] == "stop"
    assert echo_server.chat("one", model="short", max_tokens=4).error["param"] == "max_tokens"


def test_more_clients_than_slots_all_get_their_answer(echo_server: RunningServer) -> None:
    answers: list[str] = []

    def ask(number: int) -> None:
        answers.append(
            echo_server.chat(f"client {number} speaks", model="slow").json["choices"][0]["message"]["content"]
        )

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted(f"client {number} speaks" for number in range(16))


def test_a_slow_reader_gets_every_token(echo_server: RunningServer) -> None:
    connection = open_stream(echo_server, "word " * 30, model="echo")
    time.sleep(0.5)  # not a condition: the answer waits in buffers meanwhile
    received = b""
    while b"[DONE]" not in received:
        received += connection.recv(50)
    connection.close()
    assert received.count(b" word") + received.count(b'"word') == 30
