"""POST /v1/messages and its count of tokens over real sockets, against the echo engine."""

import json
from typing import Any

import pytest
from running_server import Answer, RunningServer

MESSAGES = "/v1/messages"
KEYS_OF_A_MESSAGE = {"id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"}


def ask(server: RunningServer, content: Any = "one two three", *, path: str = MESSAGES, **fields: Any) -> Answer:
    """A message of the model `echo` unless another is named."""
    body = {"model": "echo", "messages": [{"role": "user", "content": content}], "max_tokens": 30, **fields}
    if path != MESSAGES:
        del body["max_tokens"]
    return server.request("POST", path, json.dumps(body).encode(), {"x-api-key": server.key})


def text(*texts: str, **fields: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": one, **fields} for one in texts]


def events(body: bytes) -> list[dict[str, Any]]:
    """Every event; the name in its own line is its type."""
    told = []
    for event in filter(None, body.decode().split("\n\n")):
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def test_a_message_has_the_keys_that_clients_read(echo_server: RunningServer) -> None:
    answer = ask(echo_server, system="Speak.")
    assert answer.status == 200, answer.body
    message = answer.json
    assert set(message) == KEYS_OF_A_MESSAGE
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert message["id"] == "msg_" + answer.headers["request-id"].removeprefix("req_")
    assert message["content"] == [{"type": "text", "text": "one two three", "citations": None}]
    assert (message["stop_reason"], message["stop_sequence"]) == ("end_turn", None)
    assert message["usage"] == {
        "input_tokens": 4,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 3,
        "output_tokens_details": {"thinking_tokens": 0},
        "service_tier": "standard",
    }


def test_a_stream_has_its_events_in_order(echo_server: RunningServer) -> None:
    answer = ask(echo_server, "one two", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.body)
    start, begin, first, second, stop, delta, end = told
    whole = ask(echo_server, "one two").json
    assert start["message"]["usage"]["input_tokens"] == 2
    own = {"id": start["message"]["id"], "usage": start["message"]["usage"]}
    assert start["message"] == {**whole, **own, "content": [], "stop_reason": None}
    assert begin == {"type": "content_block_start", "index": 0, "content_block": {**whole["content"][0], "text": ""}}
    assert [one["delta"] for one in (first, second)] == [{"type": "text_delta", "text": t} for t in ("one", " two")]
    assert stop == {"type": "content_block_stop", "index": 0}
    assert delta["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert delta["usage"] == whole["usage"]
    assert end == {"type": "message_stop"}


def test_why_it_ended_is_told(echo_server: RunningServer) -> None:
    assert ask(echo_server, max_tokens=2).json["stop_reason"] == "max_tokens"
    stopped = ask(echo_server, stop_sequences=["o th"]).json
    assert (stopped["stop_reason"], stopped["stop_sequence"]) == ("stop_sequence", "o th")
    assert stopped["content"][0]["text"] == "one tw"


@pytest.mark.parametrize(
    ("turns", "said"),
    [
        ([{"role": "user", "content": text("a", "b", cache_control={"type": "ephemeral"})}], "a\nb"),
        (
            [
                {"role": "user", "content": "q"},
                {"role": "system", "content": text("be")},
                {"role": "user", "content": "a"},
            ],
            "a",
        ),
        (
            [
                {"role": "user", "content": "q"},
                {
                    "role": "assistant",
                    "content": [
                        {"type": "thinking", "thinking": "hm", "signature": ""},
                        {"type": "redacted_thinking", "data": "x"},
                        *text("so", citations=None),
                        {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"a": 1}, "caller": None},
                    ],
                },
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "toolu_1", "content": "no", "is_error": True},
                        *text("then", "what"),
                    ],
                },
            ],
            "then\nwhat",
        ),
        (
            [
                {"role": "assistant", "content": [{"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}]},
                {
                    "role": "user",
                    "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": text("it", "is")}],
                },
            ],
            "<tool_response>\nit\nis\n</tool_response>",
        ),
    ],
    ids=["blocks", "system", "tools", "result"],
)
def test_conversations_in_their_forms(echo_server: RunningServer, turns: Any, said: str) -> None:
    answer = ask(echo_server, messages=turns)
    assert answer.status == 200, answer.body
    assert answer.json["content"][0]["text"] == said


def test_tokens_are_counted_by_the_engine(echo_server: RunningServer) -> None:
    path = f"{MESSAGES}/count_tokens"
    assert ask(echo_server, "a b c", path=path, system=text("d e")).json == {"input_tokens": 5}
    assert ask(echo_server, "word " * 5000, path=path).error["code"] == "context_length_exceeded"
    refused = ask(echo_server, path=path, stream=True)
    assert (refused.error["code"], refused.error["param"]) == ("unknown_parameter", "stream")
    assert echo_server.request("POST", path, b"{}", {}).status == 401


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"max_tokens": None}, "invalid_type", "max_tokens"),
        ({"max_tokens": 65}, "invalid_value", "max_tokens"),
        ({"temperature": 1.5}, "invalid_value", "temperature"),
        ({"grammar": "x"}, "unknown_parameter", "grammar"),
        ({"container": "c"}, "unsupported_parameter", "container"),
        ({"mcp_servers": [{"type": "url"}]}, "unsupported_parameter", "mcp_servers"),
        (
            {"context_management": {"edits": [{"type": "compact_20260112"}]}},
            "unsupported_parameter",
            "context_management",
        ),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "unsupported_parameter", "tools[0].type"),
        ({"tools": [{"name": "f", "input_schema": {"type": "object"}}]}, "unsupported_parameter", "tools"),
        ({"tools": [{"name": "f", "input_schema": {"type": "array"}}]}, "invalid_value", "tools[0].input_schema.type"),
        (
            {"tools": [{"name": "f", "input_schema": {}, "defer_loading": True}]},
            "invalid_value",
            "tools[0].defer_loading",
        ),
        ({"tool_choice": {"type": "any"}}, "invalid_value", "tool_choice"),
        (
            {"output_config": {"format": {"type": "json_schema", "schema": {}}}},
            "unsupported_parameter",
            "output_config.format",
        ),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, "unsupported_parameter", "thinking"),
        ({"thinking": {"type": "enabled", "budget_tokens": 30}}, "invalid_value", "thinking.budget_tokens"),
        ({"metadata": {"name": "x"}}, "unknown_parameter", "metadata.name"),
        ({"speed": "fast"}, "invalid_value", "speed"),
        ({"system": "word " * 70}, "context_length_exceeded", "messages"),
        ({"messages": []}, "invalid_value", "messages"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_what_is_refused_is_named(echo_server: RunningServer, fields: dict[str, Any], code: str, param: str) -> None:
    for stream in (False, True):
        answer = ask(echo_server, **{"stream": stream, **fields})
        assert (answer.status, answer.json["type"], answer.error["type"]) == (400, "error", "invalid_request_error")
        assert (answer.error["code"], answer.error["param"]) == (code, param), answer.error["message"]
        assert answer.json["request_id"] == answer.headers["request-id"]


@pytest.mark.parametrize(
    ("block", "code", "param"),
    [
        (
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA"}},
            "unsupported_content",
            "messages[0].content[1]",
        ),
        (
            {"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}},
            "unsupported_content",
            "messages[0].content[1].source",
        ),
        ({"type": "document", "source": {}}, "unsupported_content", "messages[0].content[1]"),
        ({"type": "tool_use", "id": "a", "name": "f", "input": {}}, "unsupported_content", "messages[0].content[1]"),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": "x"},
            "invalid_value",
            "messages[0].content[1].tool_use_id",
        ),
        (
            {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "document", "source": {}}]},
            "unsupported_content",
            "messages[0].content[1].content[0]",
        ),
        ({"type": "server_tool_use"}, "unsupported_parameter", "messages[0].content[1].type"),
        ({"type": "text", "text": 1}, "invalid_type", "messages[0].content[1].text"),
    ],
)
def test_a_block_at_fault_is_named(echo_server: RunningServer, block: Any, code: str, param: str) -> None:
    answer = ask(echo_server, [*text("a"), block], system="Be.")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, param), answer.error


def test_every_error_of_the_route_has_its_form(echo_server: RunningServer) -> None:
    for answer, status, kind in (
        (echo_server.request("POST", MESSAGES, b"{}", {}), 401, "authentication_error"),
        (echo_server.request("POST", MESSAGES, b"{}", {"x-api-key": "psk_no"}), 401, "authentication_error"),
        (echo_server.request("GET", MESSAGES), 405, "invalid_request_error"),
        (echo_server.request("POST", MESSAGES, b"{"), 400, "invalid_request_error"),
        (echo_server.request("POST", f"{MESSAGES}?beta=true", b" " * (17 << 20)), 413, "request_too_large"),
        (ask(echo_server, model="none"), 404, "not_found_error"),
        (ask(echo_server, "!error x"), 502, "api_error"),
    ):
        assert (answer.status, answer.json["type"], answer.error["type"]) == (status, "error", kind)
        assert answer.json["request_id"] == answer.headers["request-id"]


def test_an_error_after_the_first_byte_is_an_event_and_a_cut(echo_server: RunningServer) -> None:
    answer = ask(echo_server, "!close@3 one two three", model="slow", stream=True)
    assert (answer.status, answer.cut) == (200, True)
    told = events(answer.body)
    assert (told[0]["type"], told[-1]["type"]) == ("message_start", "error")
    assert told[-1]["error"]["type"] == "api_error"
    assert told[-1]["request_id"] == answer.headers["request-id"]
    row = echo_server.usage_of(answer.headers["x-request-id"])
    assert (row["endpoint"], row["outcome"], row["completion_tokens"]) == (MESSAGES, "failed", 2)
