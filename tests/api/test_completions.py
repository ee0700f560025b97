"""POST /v1/completions over real sockets, against the echo engine."""

import json
import uuid
from typing import Any

import pytest
from running_server import Answer, RunningServer


def complete(server: RunningServer, prompt: Any = "one two three", **fields: Any) -> Answer:
    body = {"model": "echo", "prompt": prompt, **fields}
    return server.request("POST", "/v1/completions", json.dumps(body).encode())


def events(body: bytes) -> list[Any]:
    """The data of every event; the last must be [DONE]."""
    lines = [line[6:] for line in body.decode().split("\n\n") if line.startswith("data: ")]
    assert lines[-1] == "[DONE]"
    return [json.loads(line) for line in lines[:-1]]


def texts(answer: Answer) -> list[str]:
    return [choice["text"] for choice in answer.json["choices"]]


def test_an_answer_has_the_shape_of_the_contract(echo_server: RunningServer) -> None:
    answer = complete(echo_server).json
    assert str(uuid.UUID(answer.pop("id").removeprefix("cmpl-"), version=4))
    assert isinstance(answer.pop("created"), int)
    assert answer == {
        "object": "text_completion",
        "model": "echo",
        "choices": [
            {"index": 0, "text": "one two three", "logprobs": None, "finish_reason": "stop", "stop_reason": None}
        ],
        "system_fingerprint": None,
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": 3,
            "total_tokens": 6,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    }


def test_a_stream_has_the_shape_of_the_contract(echo_server: RunningServer) -> None:
    answer = complete(echo_server, "a b", stream=True, stream_options={"include_usage": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    chunks = events(answer.body)
    frames = [{name: value for name, value in chunk.items() if name not in ("choices", "usage")} for chunk in chunks]
    assert len({json.dumps(frame) for frame in frames}) == 1
    assert (frames[0]["object"], frames[0]["model"]) == ("text_completion", "echo")
    nothing = {"index": 0, "logprobs": None, "finish_reason": None}
    assert [chunk["choices"] for chunk in chunks] == [
        [{**nothing, "text": "a"}],
        [{**nothing, "text": " b"}],
        [{**nothing, "text": "", "finish_reason": "stop", "stop_reason": None}],
        [],
    ]
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * 3
    assert chunks[-1]["usage"]["total_tokens"] == 4


@pytest.mark.parametrize("stream", [False, True])
def test_every_prompt_has_its_own_choices(echo_server: RunningServer, stream: bool) -> None:
    """More of them than the engine has slots: four."""
    prompts = ["one", "one two", "one two three"]
    answer = complete(echo_server, prompts, n=2, stream=stream)
    said = [""] * 6
    if stream:
        for chunk in events(answer.body):
            said[chunk["choices"][0]["index"]] += chunk["choices"][0]["text"]
    else:
        assert [choice["index"] for choice in answer.json["choices"]] == [*range(6)]
        said = texts(answer)
    assert said == ["one", "one", "one two", "one two", "one two three", "one two three"]
    row = echo_server.usage_of(answer.headers["x-request-id"])
    expected = {"endpoint": "/v1/completions", "prompt_tokens": 6, "completion_tokens": 12, "streamed": int(stream)}
    assert {name: row[name] for name in expected} == expected


def test_tokens_for_a_prompt(echo_server: RunningServer) -> None:
    answer = complete(echo_server, [[7, 8], [999_999]])
    assert texts(answer) == ["7 8", "999999"]
    assert answer.json["usage"]["prompt_tokens"] == 3


def test_stop_strings_hold_in_each_choice(echo_server: RunningServer) -> None:
    answer = complete(echo_server, ["one two three", "four five"], stop=["two", "ive"])
    assert texts(answer) == ["one ", "four f"]
    assert [choice["stop_reason"] for choice in answer.json["choices"]] == ["two", "ive"]


def test_without_a_bound_sixteen_tokens_are_given(echo_server: RunningServer) -> None:
    answer = complete(echo_server, "w " * 20)
    assert answer.json["choices"][0]["finish_reason"] == "length"
    assert answer.json["usage"]["completion_tokens"] == 16
    assert complete(echo_server, "a b c d e", model="short").json["usage"]["completion_tokens"] == 3


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"prompt": ""}, "invalid_value", "prompt"),
        ({"model": "gpt-17"}, "model_not_found", "model"),
        ({"echo": True}, "unsupported_parameter", "echo"),
        ({"prompt": [1_000_000]}, "invalid_value", "prompt"),
        ({"prompt": [[1], [1_000_000]]}, "invalid_value", "prompt[1]"),
        ({"prompt": "w " * 50}, "context_length_exceeded", "prompt"),
        ({"prompt": ["a", "w " * 50]}, "context_length_exceeded", "prompt[1]"),
        ({"prompt": [1] * 49}, "context_length_exceeded", "prompt"),
        ({"prompt": "a", "max_tokens": 64}, "context_length_exceeded", "prompt"),
        ({"prompt": "a", "max_tokens": 65}, "invalid_value", "max_tokens"),
        ({"n": 5}, "invalid_value", "n"),
    ],
)
def test_refusals(echo_server: RunningServer, fields: dict[str, Any], code: str, param: str) -> None:
    for stream in (False, True):
        answer = complete(echo_server, **{"prompt": "Hi", "stream": stream, **fields})
        assert answer.status == (404 if code == "model_not_found" else 400)
        assert (answer.error["code"], answer.error["param"]) == (code, param)


def test_a_prompt_may_fill_the_context_to_the_last_token(echo_server: RunningServer) -> None:
    assert complete(echo_server, "w " * 60, max_tokens=4).status == 200
    assert complete(echo_server, [5] * 60, max_tokens=4).status == 200
    refused = complete(echo_server, "w " * 61, max_tokens=4).error
    assert "64 tokens" in refused["message"]
    assert "it has 61, and 4 tokens of answer" in refused["message"]


def test_an_error_after_the_first_byte_is_an_event_and_a_cut(echo_server: RunningServer) -> None:
    answer = complete(echo_server, "!close@3 one two three", model="slow", stream=True)
    assert answer.cut
    assert b'"code":"engine_error"' in answer.body
    assert b"[DONE]" not in answer.body


def test_a_key_is_needed_and_only_post_is_taken(echo_server: RunningServer) -> None:
    assert echo_server.request("POST", "/v1/completions", b"{}", headers={}).error["code"] == "missing_api_key"
    wrong = echo_server.request("GET", "/v1/completions")
    assert (wrong.status, wrong.headers["allow"]) == (405, "POST")
