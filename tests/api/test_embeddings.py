"""POST /v1/embeddings over real sockets, against the echo engine, whose vectors are made from words."""

import base64
import json
import socket
import struct
import threading
import time
from typing import Any

import pytest
from running_server import Answer, RunningServer

from penstock.engines.echo_vectors import DIMENSIONS, vector_of


def embed(server: RunningServer, given: Any = "one two three", **fields: Any) -> Answer:
    body = {"model": "org/vectors", "input": given, **fields}
    return server.request("POST", "/v1/embeddings", json.dumps(body).encode())


def vectors(answer: Answer) -> list[list[float]]:
    assert [item["index"] for item in answer.json["data"]] == [*range(len(answer.json["data"]))]
    return [item["embedding"] for item in answer.json["data"]]


def test_an_answer_has_the_shape_of_the_contract(echo_server: RunningServer) -> None:
    answer = embed(echo_server)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    (vector,) = vectors(answer)
    assert vector == pytest.approx(vector_of("one two three"), abs=1e-6)
    assert answer.json == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
        "model": "org/vectors",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


def test_base64_holds_the_same_numbers(echo_server: RunningServer) -> None:
    (vector,) = vectors(embed(echo_server))
    (encoded,) = embed(echo_server, encoding_format="base64").json["data"]
    assert list(struct.unpack(f"<{DIMENSIONS}f", base64.b64decode(encoded["embedding"]))) == vector
    assert vectors(embed(echo_server, encoding_format="float")) == [vector]


def test_every_input_has_its_vector_in_its_place(echo_server: RunningServer) -> None:
    """More inputs than one portion has, longer together than the context."""
    texts = [f"text number {number}" for number in range(150)]
    answer = embed(echo_server, texts)
    assert vectors(answer) == [pytest.approx(vector_of(text), abs=1e-6) for text in texts]
    assert answer.json["usage"] == {"prompt_tokens": 450, "total_tokens": 450}


def test_tokens_for_an_input(echo_server: RunningServer) -> None:
    answer = embed(echo_server, [[7, 8], [999_999]])
    assert vectors(answer) == [pytest.approx(vector_of(text), abs=1e-6) for text in ("7 8", "999999")]
    assert vectors(embed(echo_server, [7, 8])) == vectors(answer)[:1]


def test_a_request_is_one_row_of_the_ledger(echo_server: RunningServer) -> None:
    answer = embed(echo_server, ["a b"] * 100)
    row = echo_server.usage_of(answer.headers["x-request-id"])
    expected = {"model": "org/vectors", "endpoint": "/v1/embeddings", "status": 200, "outcome": "completed"}
    expected |= {"prompt_tokens": 200, "completion_tokens": 0, "cached_tokens": 0, "finish_reason": None, "streamed": 0}
    assert {name: row[name] for name in expected} == expected
    assert row["total_ms"] >= row["ttft_ms"] >= row["queue_ms"] > 0


def test_another_name_of_the_model(echo_server: RunningServer) -> None:
    answer = embed(echo_server, model="text-embedding-3-small", dimensions=DIMENSIONS)
    assert answer.json["model"] == "text-embedding-3-small"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"input": ""}, "invalid_value", "input"),
        ({"input": []}, "invalid_value", "input"),
        ({"model": "gpt-17"}, "model_not_found", "model"),
        ({"model": "echo"}, "unsupported_model", "model"),
        ({"dimensions": 8}, "invalid_value", "dimensions"),
        ({"stream": True}, "unknown_parameter", "stream"),
        ({"input": [1_000_000]}, "invalid_value", "input"),
        ({"input": ["a", "w " * 65]}, "context_length_exceeded", "input[1]"),
        ({"input": [1] * 65}, "context_length_exceeded", "input"),
    ],
)
def test_refusals(echo_server: RunningServer, fields: dict[str, Any], code: str, param: str) -> None:
    body = {"model": "org/vectors", "input": "Hi", **fields}
    answer = echo_server.request("POST", "/v1/embeddings", json.dumps(body).encode())
    assert answer.status == (404 if code == "model_not_found" else 400)
    assert (answer.error["code"], answer.error["param"]) == (code, param)


def test_an_input_may_fill_the_context_and_is_never_cut(echo_server: RunningServer) -> None:
    assert embed(echo_server, "w " * 64).json["usage"]["prompt_tokens"] == 64
    message = embed(echo_server, "w " * 65).error["message"]
    assert "64 tokens" in message
    assert "65" in message


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}]}),
        ("/v1/completions", {"prompt": "Hi"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hi"}], "stream": True}),
    ],
)
def test_a_model_for_embeddings_writes_nothing(echo_server: RunningServer, path: str, body: dict[str, Any]) -> None:
    answer = echo_server.request("POST", path, json.dumps({"model": "org/vectors", **body}).encode())
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "unsupported_model", "model")
    assert "/v1/embeddings" in answer.error["message"]


def test_an_engine_that_fails_is_502_and_billed_to_nobody(echo_server: RunningServer) -> None:
    answer = embed(echo_server, "!error one")
    assert (answer.status, answer.error["code"]) == (502, "engine_error")
    row = echo_server.usage_of(answer.headers["x-request-id"])
    assert (row["outcome"], row["status"], row["prompt_tokens"]) == ("failed", 502, 0)


def test_a_client_that_leaves_frees_the_slot_and_is_in_the_ledger(echo_server: RunningServer) -> None:
    """Four slots: four clients whose engine never answers would block a fifth for ever if their slots were kept."""
    before = len(echo_server.ledger())
    body = json.dumps({"model": "org/vectors", "input": "!hang@1 one"}).encode()
    head = b"POST /v1/embeddings HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nauthorization: Bearer %b\r\n"
    whole = head % echo_server.key.encode() + b"content-length: %d\r\n\r\n%b" % (len(body), body)
    connections = [socket.create_connection(("127.0.0.1", echo_server.port)) for _ in range(4)]
    for connection in connections:
        connection.sendall(whole)
    time.sleep(0.3)  # not a condition: leaving at any moment must do
    for connection in connections:
        connection.close()
    left = time.monotonic()
    answer = embed(echo_server)
    assert time.monotonic() - left < 2
    echo_server.usage_of(answer.headers["x-request-id"])
    *aborted, completed = sorted(echo_server.ledger()[before:], key=lambda row: str(row["outcome"]))
    assert completed["outcome"] == "completed"
    assert {(row["outcome"], row["status"], row["prompt_tokens"]) for row in aborted} == {("aborted", 499, 0)}


def test_many_clients_at_once_all_get_their_own(echo_server: RunningServer) -> None:
    answers: dict[int, list[list[float]]] = {}

    def ask(number: int) -> None:
        answers[number] = vectors(embed(echo_server, [f"client {number}"] * 70))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, got in answers.items():
        assert got == [pytest.approx(vector_of(f"client {number}"), abs=1e-6)] * 70


def test_a_key_is_needed_and_only_post_is_taken(echo_server: RunningServer) -> None:
    assert echo_server.request("POST", "/v1/embeddings", b"{}", headers={}).error["code"] == "missing_api_key"
    wrong = echo_server.request("GET", "/v1/embeddings")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
