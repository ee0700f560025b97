"""Vercel's AI SDK, by its provider for compatible servers and by that for OpenAI, which speaks the Responses API."""

import pytest
from clients.client import Client
from clients.node import node_client
from clients.table import shows
from running_server import RunningServer

COMPATIBLE = node_client("AI SDK, compatible", "ai-sdk", "@ai-sdk/openai-compatible", "ai_sdk_compatible.mjs")
OPENAI = node_client("AI SDK, OpenAI", "ai-sdk", "@ai-sdk/openai", "ai_sdk_openai.mjs")

both = pytest.mark.parametrize(
    "client", [pytest.param(client, marks=client.marks, id=client.version) for client in (COMPATIBLE, OPENAI)]
)


@shows("chat")
@both
def test_an_answer(client: Client, real_server: RunningServer) -> None:
    got = client.run("chat", real_server)
    assert got["text"]
    assert got["finishReason"] in {"stop", "length"}
    assert got["usage"]["inputTokens"] + got["usage"]["outputTokens"] == got["usage"]["totalTokens"]


@shows("stream")
@both
def test_a_stream_says_what_the_whole_answer_says(client: Client, real_server: RunningServer) -> None:
    got = client.run("stream", real_server)
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["whole"]["text"]
    assert got["finishReason"] == got["whole"]["finishReason"]
    assert got["usage"]["outputTokens"] == got["whole"]["usage"]["outputTokens"]


@shows("tools")
@both
def test_the_function_is_called_and_the_next_step_answers(client: Client, real_server: RunningServer) -> None:
    got = client.run("tools", real_server)
    (city,) = got["asked"]
    assert city in {"Oslo", "Lima"}
    assert got["gave"] == [f"It is sunny in {city}."]
    assert got["text"]


@shows("structured output")
@both
def test_its_own_parser_takes_the_object_streamed_or_not(client: Client, real_server: RunningServer) -> None:
    got = client.run("structured", real_server)
    assert len(got["whole"]["name"]) <= 12
    assert got["whole"]["mood"] in {"glad", "calm"}
    assert got["streamed"] == got["whole"]


@shows("errors")
@both
def test_errors_are_call_errors_that_are_not_tried_again(client: Client, real_server: RunningServer) -> None:
    assert client.run("errors", real_server) == [
        {"isCallError": True, "status": 401, "code": "invalid_api_key", "isRetryable": False},
        {"isCallError": True, "status": 404, "code": "model_not_found", "isRetryable": False},
        {"isCallError": True, "status": 400, "code": "invalid_value", "isRetryable": False},
    ]
