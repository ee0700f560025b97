"""Whatever comes in, the answer is the error that the contract names, and the engine does not notice."""

import json
import socket
import time
from typing import Any

import pytest
from running_server import RunningServer, penstock, receive_until

CHAT = "/v1/chat/completions"
GOOD = {"model": "echo", "messages": [{"role": "user", "content": "canary"}]}


pytestmark = pytest.mark.usefixtures("canary")


def refusal(answer: Any) -> tuple[int, str, str, str | None]:
    assert set(answer.error) == {"message", "type", "param", "code"}
    assert answer.error["message"]
    return answer.status, answer.error["type"], answer.error["code"], answer.error["param"]


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@pytest.mark.parametrize(("method", "path"), [("POST", CHAT), ("GET", "/v1/models"), ("GET", "/v1/models/echo")])
def test_no_route_is_open(echo_server: RunningServer, method: str, path: str) -> None:
    body = json.dumps(GOOD).encode() if method == "POST" else None
    answer = echo_server.request(method, path, body, headers={})
    assert refusal(answer) == (401, "invalid_request_error", "missing_api_key", None)
    assert answer.headers["www-authenticate"] == "Bearer"
    forged = "psk_" + "A" * 49
    wrong = [bearer("psk_wrong"), bearer(forged), bearer("x" * 5000), bearer("schlüssel"), {"x-api-key": forged}]
    for headers in wrong:
        coded = {name: value.encode().decode("latin-1") for name, value in headers.items()}
        answer = echo_server.request(method, path, body, headers=coded)
        assert refusal(answer) == (401, "invalid_request_error", "invalid_api_key", None)
        assert "psk_" not in answer.error["message"]


def test_a_revoked_key_opens_nothing(echo_server: RunningServer) -> None:
    secret = echo_server.new_key("to-revoke")
    assert echo_server.request("GET", "/v1/models", headers=bearer(secret)).status == 200
    assert penstock("keys", "revoke", "to-revoke", data_dir=echo_server.data_dir).returncode == 0
    revoked = time.monotonic()
    while echo_server.request("GET", "/v1/models", headers=bearer(secret)).status == 200:
        assert time.monotonic() - revoked < 5.5
        time.sleep(0.1)
    answer = echo_server.request("GET", "/v1/models", headers=bearer(secret))
    assert refusal(answer) == (401, "invalid_request_error", "invalid_api_key", None)


@pytest.mark.parametrize("carrier", ["Bearer {}", "bearer {}", "{}"])
def test_every_way_to_carry_a_key(echo_server: RunningServer, carrier: str) -> None:
    headers = {"authorization": carrier.format(echo_server.key)}
    assert echo_server.request("GET", "/v1/models", headers=headers).status == 200
    assert echo_server.request("GET", "/v1/models", headers={"x-api-key": echo_server.key}).status == 200
    assert echo_server.request("GET", "/v1/models", headers={**headers, "x-api-key": echo_server.key}).status == 200


def test_two_different_keys_are_no_choice(echo_server: RunningServer) -> None:
    answer = echo_server.request("GET", "/v1/models", headers={**bearer(echo_server.key), "x-api-key": "psk_other"})
    assert refusal(answer)[0] == 400


def test_a_key_in_the_url_opens_nothing(echo_server: RunningServer) -> None:
    assert echo_server.request("GET", f"/v1/models?api_key={echo_server.key}", headers={}).status == 401


INVALID_JSON = {
    "empty": b"",
    "no json": b"hello",
    "half": b'{"model":"echo","messages":[',
    "duplicate": b'{"model":"echo","model":"echo","messages":[{"role":"user","content":"x"}]}',
    "NaN": b'{"model":"echo","temperature":NaN,"messages":[{"role":"user","content":"x"}]}',
    "overflow": b'{"model":"echo","temperature":1e999,"messages":[{"role":"user","content":"x"}]}',
    "deep": b'{"model":"echo","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep object": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "utf-16": json.dumps(GOOD).encode("utf-16"),
    "bad utf-8": b'{"model":"echo","messages":[{"role":"user","content":"\xff\xfe"}]}',
    "surrogate": b'{"model":"echo","messages":[{"role":"user","content":"\\ud83d"}]}',
    "two": b"{}{}",
}


@pytest.mark.parametrize("body", INVALID_JSON.values(), ids=INVALID_JSON.keys())
def test_what_is_no_clean_json(echo_server: RunningServer, body: bytes) -> None:
    answer = echo_server.request("POST", CHAT, body)
    assert refusal(answer) == (400, "invalid_request_error", "invalid_json", None)


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"messages": []}, "invalid_value", "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "invalid_value", "messages[0].role"),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"temperature": "hot"}, "invalid_type", "temperature"),
        ({"max_tokens": 0}, "invalid_value", "max_tokens"),
        ({"stop": list("abcde")}, "invalid_value", "stop"),
        ({"colour": "red"}, "unknown_parameter", "colour"),
        ({"grammar": "root ::= x"}, "unknown_parameter", "grammar"),
        ({"chat_template": "{{x}}"}, "unknown_parameter", "chat_template"),
        ({"ignore_eos": True}, "unknown_parameter", "ignore_eos"),
        ({"audio": {"voice": "x"}}, "unsupported_parameter", "audio"),
        ({"max_tokens": 65}, "invalid_value", "max_tokens"),
        ({"n": 5}, "invalid_value", "n"),
        ({"messages": [{"role": "user", "content": "word " * 65}]}, "context_length_exceeded", "messages"),
        (
            {"messages": [{"role": "user", "content": "w " * 60}], "max_tokens": 5},
            "context_length_exceeded",
            "messages",
        ),
        ({"messages": [{"role": "user", "content": "w" * 10_000}]}, "context_length_exceeded", "messages"),
    ],
)
def test_what_is_refused_by_name(echo_server: RunningServer, change: dict[str, Any], code: str, param: str) -> None:
    for stream in (False, True):
        answer = echo_server.request("POST", CHAT, json.dumps({**GOOD, "stream": stream, **change}).encode())
        assert refusal(answer) == (400, "invalid_request_error", code, param)


def test_a_prompt_that_just_fits_is_answered(echo_server: RunningServer) -> None:
    answer = echo_server.chat("w " * 60, max_tokens=4)
    assert answer.json["usage"]["prompt_tokens"] == 60
    assert answer.json["usage"]["completion_tokens"] == 4


def test_an_array_is_no_request(echo_server: RunningServer) -> None:
    assert refusal(echo_server.request("POST", CHAT, b"[]")) == (400, "invalid_request_error", "invalid_type", None)


def test_a_model_that_does_not_exist(echo_server: RunningServer) -> None:
    answer = echo_server.chat("x", model="gpt-17")
    assert refusal(answer) == (404, "invalid_request_error", "model_not_found", "model")
    answer = echo_server.request("GET", "/v1/models/no/such")
    assert refusal(answer) == (404, "invalid_request_error", "model_not_found", "model")


@pytest.mark.parametrize(
    "path", ["/index", "/v1", "/v2/models", "/v1/chat/completions/", "//v1/models", "/v1/%2e%2e/x", "/docs"]
)
def test_an_unknown_url(echo_server: RunningServer, path: str) -> None:
    assert refusal(echo_server.request("GET", path)) == (404, "invalid_request_error", "unknown_url", None)


@pytest.mark.parametrize(
    ("method", "path", "allow"), [("GET", CHAT, "POST"), ("POST", "/v1/models", "GET"), ("PUT", "/health", "GET")]
)
def test_a_wrong_method_names_the_right_one(echo_server: RunningServer, method: str, path: str, allow: str) -> None:
    answer = echo_server.request(method, path)
    assert refusal(answer) == (405, "invalid_request_error", "method_not_allowed", None)
    assert allow in answer.headers["allow"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-encoding": "gzip"},
        {"content-encoding": "identity"},
    ],
)
def test_a_body_in_another_form(echo_server: RunningServer, headers: dict[str, str]) -> None:
    answer = echo_server.request("POST", CHAT, b"{}", {**bearer(echo_server.key), **headers})
    assert refusal(answer) == (415, "invalid_request_error", "unsupported_media_type", None)


def test_a_huge_body_is_refused_before_it_is_read(echo_server: RunningServer) -> None:
    connection = socket.create_connection(("127.0.0.1", echo_server.port), timeout=10)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ncontent-length: 104857600\r\n\r\n{" % echo_server.key.encode()
    )
    received = receive_until(connection, b"request_too_large")
    connection.close()
    assert b"413" in received.split(b"\r\n")[0]


def test_a_huge_body_is_refused_also_when_it_is_sent_to_its_end(echo_server: RunningServer) -> None:
    answer = echo_server.request("POST", CHAT, b" " * (100 << 20))
    assert refusal(answer) == (413, "invalid_request_error", "request_too_large", None)


def test_a_chunked_body_cannot_hide_its_size(echo_server: RunningServer) -> None:
    connection = socket.create_connection(("127.0.0.1", echo_server.port), timeout=10)
    connection.sendall(
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        b"authorization: Bearer %b\r\ntransfer-encoding: chunked\r\n\r\n" % echo_server.key.encode()
    )
    megabyte = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"
    for _ in range(17):
        connection.sendall(megabyte)
    received = receive_until(connection, b"request_too_large")
    connection.close()
    assert b"413" in received.split(b"\r\n")[0]


@pytest.mark.parametrize("host", ["a/?x=", "evil.example", ""])
def test_a_crafted_host_opens_nothing(echo_server: RunningServer, host: str) -> None:
    assert echo_server.request("GET", "/v1/models", headers={"host": host}).status == 401
