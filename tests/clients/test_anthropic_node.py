"""Anthropic's official client for Node, over /v1/messages, with its own loops over streams and functions."""

from clients.node import node_client
from clients.table import shows
from running_server import RunningServer

CLIENT = node_client("Anthropic for Node", "anthropic-node", "@anthropic-ai/sdk", "anthropic_node.mjs")
pytestmark = CLIENT.marks


@shows("chat")
def test_an_answer_and_the_count_of_its_prompt(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    (block,) = got["answer"]["content"]
    assert block["text"]
    assert got["answer"]["stop_reason"] in {"end_turn", "max_tokens"}
    usage = got["answer"]["usage"]
    assert usage["input_tokens"] + usage["cache_read_input_tokens"] == got["counted"]


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["whole"]["content"][0]["text"]
    assert got["final"]["content"] == got["whole"]["content"]
    assert got["final"]["stop_reason"] == got["whole"]["stop_reason"]


@shows("tools")
def test_its_own_loop_goes_on_without_a_thread_on_the_server(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    assert len(got["asked"]) == 2
    assert set(got["asked"]) <= {"Oslo", "Lima"}
    assert got["turns"] == [["tool_use"], ["tool_use"]]
    assert got["roles"] == ["user", "assistant", "user", "assistant", "user"]


@shows("structured output")
def test_its_own_parser_takes_the_object(real_server: RunningServer) -> None:
    person = CLIENT.run("structured", real_server)
    assert person["name"]
    assert person["mood"] in {"glad", "calm"}


@shows("errors")
def test_errors_raise_the_classes_that_the_client_promises(real_server: RunningServer) -> None:
    raised = CLIENT.run("errors", real_server)
    assert all(error.pop("requestID").startswith("req_") for error in raised)
    assert raised == [
        {"class": "AuthenticationError", "status": 401, "type": "authentication_error"},
        {"class": "NotFoundError", "status": 404, "type": "not_found_error"},
        {"class": "BadRequestError", "status": 400, "type": "invalid_request_error"},
    ]
