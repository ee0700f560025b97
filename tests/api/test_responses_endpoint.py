"""POST /v1/responses over real sockets, against the echo engine."""

import json
from typing import Any

import openai
import pytest
from running_server import Answer, RunningServer

KEYS_OF_A_RESPONSE = {
    "id", "object", "created_at", "completed_at", "status", "error", "incomplete_details", "model", "output", "usage",
    "instructions", "max_output_tokens", "temperature", "top_p", "top_logprobs", "text", "reasoning", "tools",
    "tool_choice", "parallel_tool_calls", "metadata", "user", "safety_identifier", "prompt_cache_key", "service_tier",
    "truncation", "background", "store", "previous_response_id",
}  # fmt: skip


UNENFORCEABLE = {"type": "function", "name": "f", "strict": True, "parameters": {"type": "object", "not": {}}}


def ask(server: RunningServer, given: Any = "one two three", **fields: Any) -> Answer:
    """A response of the model `echo` unless another is named."""
    body = json.dumps({"model": "echo", "input": given, **fields}).encode()
    return server.request("POST", "/v1/responses", body)


def text_part(text: str) -> dict[str, str]:
    return {"type": "input_text", "text": text}


def events(body: bytes) -> list[dict[str, Any]]:
    """Every event; the name in its own line is its type."""
    told = []
    for event in body.decode().split("\n\n"):
        if not event or event.startswith(":"):
            continue
        name, data = event.split("\n")
        told.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {told[-1]['type']}"
    return told


def test_a_response_has_every_key_that_clients_read(echo_server: RunningServer) -> None:
    answer = ask(echo_server, store=None, instructions="Speak.", client_metadata={"session_id": "s"})
    assert answer.status == 200, answer.body
    response = answer.json
    assert set(response) == KEYS_OF_A_RESPONSE
    assert response["id"] == "resp_" + answer.headers["x-request-id"].removeprefix("req_")
    assert (response["status"], response["store"], response["error"]) == ("completed", False, None)
    (item,) = response["output"]
    assert item.pop("id").startswith("msg_")
    part = {"type": "output_text", "text": "one two three", "annotations": [], "logprobs": []}
    assert item == {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert response["text"] == {"format": {"type": "text"}}
    assert response["usage"] == {
        "input_tokens": 4,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 7,
    }


def test_what_was_asked_is_repeated(echo_server: RunningServer) -> None:
    asked = {
        "temperature": 0,
        "top_p": 0.5,
        "max_output_tokens": 9,
        "metadata": {"a": "b"},
        "user": "me",
        "safety_identifier": "you",
        "prompt_cache_key": "key",
        "tool_choice": "none",
        "tools": [{"type": "function", "name": "f", "description": "d", "parameters": {}, "strict": False}],
        "parallel_tool_calls": False,
        "reasoning": {"effort": None, "summary": "auto"},
    }
    response = ask(echo_server, **asked).json
    assert {name: response[name] for name in asked} == asked


def test_a_stream_has_its_events_in_order(echo_server: RunningServer) -> None:
    answer = ask(echo_server, "one two", stream=True)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = events(answer.body)
    assert [event["type"].removeprefix("response.") for event in told] == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [event["sequence_number"] for event in told] == list(range(10))
    assert [event["delta"] for event in told[4:6]] == ["one", " two"]
    assert told[2]["item"] == {**told[8]["item"], "status": "in_progress", "content": []}
    whole = ask(echo_server, "one two").json
    own = {"id", "created_at", "completed_at", "output"}
    assert {k: v for k, v in told[-1]["response"].items() if k not in own} == {
        k: v for k, v in whole.items() if k not in own
    }
    assert told[-1]["response"]["output"] == [told[8]["item"]]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([{"role": "system", "content": "Be."}, {"role": "user", "content": [text_part("a")]}], "a"),
        ([{"type": "message", "role": "developer", "content": "a"}], "a"),
        ([{"role": "user", "content": [text_part("a "), text_part("b")]}], "a b"),
        (
            [
                {"role": "user", "content": "q"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": None},
                {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c1", "output": "it is so"},
            ],
            "<tool_response>\nit is so\n</tool_response>",
        ),
    ],
    ids=["eliza", "developer", "parts", "call"],
)
def test_input_in_its_forms(echo_server: RunningServer, items: Any, said: str) -> None:
    assert ask(echo_server, items).json["output"][0]["content"][0]["text"] == said


def test_an_answer_that_is_cut_off_is_incomplete(echo_server: RunningServer) -> None:
    response = ask(echo_server, max_output_tokens=2).json
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert response["output"][0]["status"] == "incomplete"
    told = events(ask(echo_server, max_output_tokens=2, stream=True).body)
    assert told[-1]["type"] == "response.incomplete"
    assert told[-2]["item"]["status"] == "incomplete"


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"store": True}, "unsupported_parameter", "store"),
        ({"previous_response_id": "resp_1"}, "unsupported_parameter", "previous_response_id"),
        ({"conversation": "conv_1"}, "unsupported_parameter", "conversation"),
        ({"background": True}, "unsupported_parameter", "background"),
        ({"prompt": {"id": "p"}}, "unsupported_parameter", "prompt"),
        ({"truncation": "auto"}, "unsupported_parameter", "truncation"),
        ({"max_tool_calls": 3}, "unsupported_parameter", "max_tool_calls"),
        ({"max_tool_calls": 0}, "unsupported_parameter", "max_tool_calls"),  # which is not false
        ({"text": {"verbosity": "low"}}, "unsupported_parameter", "text.verbosity"),
        ({"reasoning": {"summary": "detailed"}}, "unsupported_parameter", "reasoning.summary"),
        ({"reasoning": {"effort": "high"}}, "unsupported_parameter", "reasoning.effort"),
        ({"response_format": {"type": "json_object"}}, "unsupported_parameter", "response_format"),
        ({"text": {"format": {"type": "json_object"}}}, "unsupported_parameter", "text.format"),
        ({"tools": [{"type": "web_search"}]}, "unsupported_parameter", "tools[0].type"),
        ({"tools": [{"type": "function", "name": "f"}]}, "unsupported_parameter", "tools"),
        ({"tools": [UNENFORCEABLE]}, "invalid_value", "tools[0].parameters.not"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "unsupported_parameter", "input[0].type"),
        ({"input": [{"id": "msg_1"}]}, "missing_required_parameter", "input[0].type"),
        ({"input": []}, "invalid_value", "input"),
        ({"input": None}, "invalid_type", "input"),
        ({"chat_template": "x"}, "unknown_parameter", "chat_template"),
        ({"text": {"grammar": "x"}}, "unknown_parameter", "text.grammar"),
        ({"temperature": 3}, "invalid_value", "temperature"),
        ({"max_output_tokens": "9"}, "invalid_type", "max_output_tokens"),
        ({"top_logprobs": 2}, "invalid_value", "top_logprobs"),
        ({"tool_choice": "required"}, "invalid_value", "tool_choice"),
        ({"tool_choice": {"type": "function", "name": "g"}}, "invalid_value", "tool_choice"),
        ({"max_output_tokens": 65}, "invalid_value", "max_output_tokens"),
        ({"instructions": "word " * 70}, "context_length_exceeded", "input"),
        ({"include": ["message.output_text.logprobs"]}, "unsupported_parameter", "include"),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else None,
)
def test_what_is_refused_is_named(echo_server: RunningServer, fields: dict[str, Any], code: str, param: str) -> None:
    for stream in (False, True):
        answer = ask(echo_server, **{"stream": stream, **fields})
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
        assert (answer.error["code"], answer.error["param"]) == (code, param), answer.error["message"]


def test_options_of_a_stream_go_with_a_stream(echo_server: RunningServer) -> None:
    options = {"include_obfuscation": False}
    assert ask(echo_server, stream_options=options).error["param"] == "stream_options"
    assert ask(echo_server, stream_options=options, stream=True).status == 200


@pytest.mark.parametrize(
    ("item", "code", "param"),
    [
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA"}]},
            "unsupported_content",
            "input[1].content[0]",
        ),
        (
            {"role": "user", "content": [{"type": "input_file", "file_id": "f"}]},
            "unsupported_content",
            "input[1].content[0]",
        ),
        ({"role": "user", "content": [{"type": "text", "text": "a"}]}, "invalid_value", "input[1].content[0].type"),
        ({"role": "tool", "content": "a"}, "invalid_value", "input[1].role"),
        ({"type": "function_call_output", "call_id": "c9", "output": "a"}, "invalid_value", "input[1].call_id"),
    ],
)
def test_an_item_at_fault_is_named(echo_server: RunningServer, item: Any, code: str, param: str) -> None:
    answer = ask(echo_server, [{"role": "user", "content": "q"}, item], instructions="Be.")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, code, param), answer.error


def test_an_unknown_model_and_a_wrong_key(echo_server: RunningServer) -> None:
    assert ask(echo_server, model="none").error["code"] == "model_not_found"
    answer = echo_server.request("POST", "/v1/responses", b"{}", headers={"authorization": "Bearer psk_no"})
    assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
    answer = echo_server.request("GET", "/v1/responses")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


def test_an_error_after_the_first_byte_is_told_in_every_form_that_clients_read(echo_server: RunningServer) -> None:
    answer = ask(echo_server, "!close@3 one two three four", model="slow", stream=True)
    assert (answer.status, answer.cut) == (200, True)
    *_, error, failed = events(answer.body)
    assert (error["type"], error["code"], error["error"]["code"]) == ("error", "engine_error", "engine_error")
    assert failed["type"] == "response.failed"
    assert failed["sequence_number"] == error["sequence_number"] + 1
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"] == {"code": "server_error", "message": error["message"]}
    assert failed["response"]["output"][0]["content"][0]["text"] == " one two"
    row = echo_server.usage_of(answer.headers["x-request-id"])
    assert (row["endpoint"], row["outcome"], row["completion_tokens"]) == ("/v1/responses", "failed", 2)


def test_the_official_client_takes_a_broken_stream_for_an_error(echo_server: RunningServer) -> None:
    stream = echo_server.client().responses.create(model="slow", input="!close@3 one two three", stream=True)
    with pytest.raises(openai.APIError, match="engine"):
        list(stream)


def test_an_early_fault_has_its_status(echo_server: RunningServer) -> None:
    for stream in (False, True):
        answer = ask(echo_server, "!error one", stream=stream)
        assert (answer.status, answer.error["code"]) == (502, "engine_error")


def test_usage_is_recorded_under_its_own_path(echo_server: RunningServer) -> None:
    answer = ask(echo_server, "a b c", stream=True)
    row = echo_server.usage_of(answer.headers["x-request-id"])
    expected = {"endpoint": "/v1/responses", "status": 200, "outcome": "completed", "streamed": 1}
    assert {name: row[name] for name in expected} == expected
    assert (row["prompt_tokens"], row["completion_tokens"]) == (3, 3)
