"""Vercel's AI SDK, by its provider for compatible servers."""

from clients.node import node_client
from clients.table import shows
from running_server import RunningServer

CLIENT = node_client("Vercel AI SDK", "ai-sdk", "ai", "ai_sdk.mjs")
pytestmark = CLIENT.marks


@shows("chat")
def test_an_answer(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["text"]
    assert got["finishReason"] in {"stop", "length"}
    assert got["usage"]["inputTokens"] + got["usage"]["outputTokens"] == got["usage"]["totalTokens"]


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["whole"]["text"]
    assert got["finishReason"] == got["whole"]["finishReason"]
    assert got["usage"]["outputTokens"] == got["whole"]["usage"]["outputTokens"]


@shows("tools")
def test_the_function_is_called_and_the_next_step_answers(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    (city,) = got["asked"]
    assert city in {"Oslo", "Lima"}
    assert got["gave"] == [f"It is sunny in {city}."]
    assert got["text"]


@shows("structured output")
def test_its_own_parser_takes_the_object_streamed_or_not(real_server: RunningServer) -> None:
    got = CLIENT.run("structured", real_server)
    assert len(got["whole"]["name"]) <= 12
    assert got["whole"]["mood"] in {"glad", "calm"}
    assert got["streamed"] == got["whole"]


@shows("errors")
def test_errors_are_call_errors_that_are_not_tried_again(real_server: RunningServer) -> None:
    assert CLIENT.run("errors", real_server) == [
        {"isCallError": True, "status": 401, "code": "invalid_api_key", "isRetryable": False},
        {"isCallError": True, "status": 404, "code": "model_not_found", "isRetryable": False},
        {"isCallError": True, "status": 400, "code": "invalid_value", "isRetryable": False},
    ]
