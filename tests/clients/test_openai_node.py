"""The official client for Node, with its own loops over streams and functions."""

from typing import Any

from clients.forms import check_batch
from clients.node import node_client
from clients.table import shows
from running_server import SMOL, RunningServer

CLIENT = node_client("openai for Node", "openai-node", "openai", "openai_node.mjs")
pytestmark = CLIENT.marks


@shows("chat")
def test_an_answer_and_the_list_of_models(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    (choice,) = got["answer"]["choices"]
    assert choice["message"]["content"]
    assert choice["finish_reason"] in {"stop", "length"}
    assert got["answer"]["usage"]["completion_tokens"] > 5
    assert SMOL in got["models"]


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["whole"]
    assert got["final"]["choices"][0]["message"]["content"] == got["whole"]
    assert got["final"]["usage"]["completion_tokens"] >= len(got["pieces"])


@shows("tools")
def test_its_own_loop_calls_the_function_and_hands_over_what_it_gave(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    assert len(got["asked"]) == 1
    assert got["asked"][0] in {"Oslo", "Lima"}
    assert got["roles"] == ["user", "assistant", "tool"]


def is_person(person: Any) -> bool:
    return len(person["name"]) <= 12 and person["mood"] in {"glad", "calm"}


@shows("structured output")
def test_its_own_parser_takes_the_object(real_server: RunningServer) -> None:
    assert is_person(CLIENT.run("structured", real_server))


@shows("chat", "stream", "structured output")
def test_responses_say_the_same_whole_streamed_and_put_together(real_server: RunningServer) -> None:
    got = CLIENT.run("responses", real_server)
    assert got["whole"]
    assert got["status"] in {"completed", "incomplete"}
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["final"] == got["whole"]
    assert is_person(got["parsed"])


@shows("chat", "stream")
def test_a_raw_prompt_is_gone_on_with(real_server: RunningServer) -> None:
    got = CLIENT.run("completions", real_server)
    assert got["whole"]
    assert "".join(got["pieces"]) == got["whole"]


def test_a_batch_goes_from_a_list_to_its_answers(real_server: RunningServer) -> None:
    check_batch(CLIENT.run("batch", real_server))


@shows("errors")
def test_errors_raise_the_classes_that_the_client_promises(real_server: RunningServer) -> None:
    raised = CLIENT.run("errors", real_server)
    assert all(error.pop("requestID").startswith("req_") for error in raised)
    assert raised == [
        {"class": "AuthenticationError", "code": "invalid_api_key", "param": None},
        {"class": "NotFoundError", "code": "model_not_found", "param": "model"},
        {"class": "BadRequestError", "code": "invalid_value", "param": "temperature"},
    ]
