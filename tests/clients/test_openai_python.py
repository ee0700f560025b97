"""The official Python client: the last of 1.x, which much is still pinned to, and the current one."""

import json
import sys
from importlib.metadata import version

import pytest
from clients.client import PROGRAMS, Client, python_client
from clients.forms import check_batch, is_person, is_stream
from clients.table import shows
from running_server import RunningServer

CURRENT = Client(
    "openai-python, current",
    f"openai {version('openai')}",
    lambda: [sys.executable, "-W", "ignore", str(PROGRAMS / "openai_python.py")],
)
FIRST = python_client("openai-python 1.x", "openai", "openai_python.py", environment="openai-1")

both = pytest.mark.parametrize(
    "client", [pytest.param(client, marks=client.marks, id=client.version) for client in (CURRENT, FIRST)]
)


@shows("chat")
@both
def test_an_answer_with_two_choices_and_their_probabilities(client: Client, real_server: RunningServer) -> None:
    got = client.run("chat", real_server)
    assert len(got["texts"]) == 2
    assert all(got["texts"])
    assert got["usage"]["completion_tokens"] >= sum(got["tokens"]) > 0
    assert got["alternatives"] == 2


@shows("stream")
@both
def test_a_stream_says_what_the_whole_answer_says(client: Client, real_server: RunningServer) -> None:
    got = client.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])
    assert got["completion_tokens"] >= len(got["parts"])


@shows("tools")
@both
def test_functions_are_called_as_the_request_demands(client: Client, real_server: RunningServer) -> None:
    got = client.run("tools", real_server)
    (required,) = got["required"]
    assert required["name"] in {"get_weather", "get_time"}
    assert required["id"].startswith("call_")
    assert len(json.loads(required["arguments"])) == 1
    assert got["finish_reason"] == "tool_calls"
    assert {call["name"] for call in got["named"]} == {"get_time"}
    assert got["auto"]["calls"] or got["auto"]["text"]
    assert got["parallel"]["calls"]
    assert all(json.loads(call["arguments"]) for call in got["parallel"]["calls"])
    assert got["after"]


@shows("tools")
@both
def test_the_pieces_of_a_streamed_call_join_to_json(client: Client, real_server: RunningServer) -> None:
    got = client.run("streamed_tools", real_server)
    assert got["names"] == ["get_weather"]
    assert len(got["ids"]) == 1
    assert json.loads("".join(got["pieces"]))["city"] in {"Paris", "Oslo"}


@shows("structured output")
@both
def test_the_clients_own_parsing_gives_the_model_that_it_was_given(client: Client, real_server: RunningServer) -> None:
    got = client.run("structured_output", real_server)
    assert is_person(got["parsed"])
    assert is_person(got["tool"])


@both
def test_a_batch_goes_from_a_list_to_its_answers(client: Client, real_server: RunningServer) -> None:
    check_batch(client.run("batch", real_server))


@shows("errors")
@both
def test_errors_raise_the_classes_that_the_client_promises(client: Client, real_server: RunningServer) -> None:
    assert client.run("errors", real_server) == {
        "key": ["AuthenticationError", 401, "invalid_api_key", None],
        "model": ["NotFoundError", 404, "model_not_found", "model"],
        "value": ["BadRequestError", 400, "invalid_value", "temperature"],
        "context": ["BadRequestError", 400, "context_length_exceeded", "messages"],
        "tool": ["BadRequestError", 400, "invalid_value", "tool_choice.function.name"],
    }
