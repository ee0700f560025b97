"""Errors in Anthropic's form: types that follow the status, and words and details that clients act on."""

import json
from typing import Any

import pytest

from penstock.errors import ApiError, ContextLengthExceeded, InvalidKey, InvalidRequest, ModelNotFound
from penstock.protocol.anthropic_errors import AnthropicErrors


def told(error: ApiError) -> Any:
    return json.loads(AnthropicErrors().body(error, request_id="req_1"))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (InvalidRequest("It is too hot.", param="temperature"), "invalid_request_error"),
        (ModelNotFound("gpt-17"), "not_found_error"),
        (InvalidKey("It opens nothing."), "authentication_error"),
    ],
)
def test_the_type_follows_the_status(error: ApiError, kind: str) -> None:
    body = {"type": kind, "message": error.message, "code": error.code, "param": error.param, "details": None}
    assert told(error) == {"type": "error", "error": body, "request_id": "req_1"}


def test_an_overflow_begins_with_the_words_that_agents_look_for() -> None:
    overflow = ContextLengthExceeded(8192, prompt=9000, param="messages")
    assert told(overflow)["error"]["message"] == f"prompt is too long: {overflow.message}"


def test_a_refused_thread_tells_the_client_to_go_on_without() -> None:
    refused = InvalidRequest("Nothing is stored.", param="thread", code="unsupported_parameter")
    assert told(refused)["error"]["details"] == {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}


def test_the_event_says_the_same() -> None:
    error = InvalidRequest("It is too hot.", param="temperature")
    event = AnthropicErrors().event(error, request_id="req_1").decode()
    assert event.startswith("event: error\ndata: ")
    assert json.loads(event.partition("data: ")[2]) == told(error)
