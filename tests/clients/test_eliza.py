"""eliza: 0.25, which speaks chat completions, and 1.x, whose plugin for OpenAI speaks the Responses API."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from clients.node import node_client
from clients.table import shows
from running_server import SMOL, RunningServer, serving

from penstock.catalogue.models import folder_name

FIRST = node_client(
    "eliza 0.25",
    "eliza-0",
    "@elizaos/core",
    "eliza_0.mjs",
    {"stream": "it waits for whole answers"},
)
CURRENT = node_client(
    "eliza 1.x",
    "eliza-1",
    "@elizaos/core",
    "eliza_1.mjs",
    {"tools": "its actions are text in its prompts"},
)

ROOMY = "tests/roomy"
CONFIG = """
[[models]]
id = "{model}"
engine = "llama_cpp"
source = "file:{file}"
context_length = 16384
slots = 1
"""


@pytest.fixture(scope="module")
def roomy_server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The default model with room for the 8192 tokens of an answer that eliza 0.25 asks for: twice what it learnt.

    It is fit for short answers only, of which the grammar sees to here; a model for eliza has more room by itself.
    """
    (file,) = (models_dir / folder_name(SMOL)).glob("*.gguf")
    config = CONFIG.format(model=ROOMY, file=file)
    with serving(tmp_path_factory.mktemp("roomy"), "--model", ROOMY, config=config) as server:
        yield server


@FIRST.marks
@shows("chat")
def test_an_agent_answers(real_server: RunningServer) -> None:
    assert FIRST.run("chat", real_server).strip()


@FIRST.marks
@shows("tools", "structured output")
def test_an_object_comes_by_a_function_that_has_to_be_called(roomy_server: RunningServer) -> None:
    person = FIRST.run("structured", roomy_server, MODEL=ROOMY)
    assert len(person["name"]) <= 12
    assert person["mood"] in {"glad", "calm"}


@FIRST.marks
@shows("errors")
def test_errors_are_call_errors_and_too_long_an_answer_is_one(real_server: RunningServer) -> None:
    assert FIRST.run("errors", real_server) == [
        {"name": "AI_APICallError", "statusCode": 401, "code": "invalid_api_key", "isRetryable": False},
        {"name": "AI_APICallError", "statusCode": 400, "code": "invalid_value", "isRetryable": False},
        {"name": "AI_APICallError", "statusCode": 400, "code": "invalid_value", "isRetryable": False},
    ]


@CURRENT.marks
@shows("chat")
def test_an_agent_with_a_database_of_its_own_starts_and_answers(real_server: RunningServer) -> None:
    assert CURRENT.run("chat", real_server).strip()


@CURRENT.marks
@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CURRENT.run("stream", real_server)
    assert len(got["pieces"]) > 5
    assert "".join(got["pieces"]) == got["whole"]


@CURRENT.marks
@shows("structured output")
def test_an_object_is_one(real_server: RunningServer) -> None:
    assert CURRENT.run("structured", real_server) == {"mood": "glad"}  # as its prompt says; eliza sends no schema


@CURRENT.marks
@shows("errors")
def test_errors_are_call_errors_that_are_not_tried_again(real_server: RunningServer) -> None:
    assert CURRENT.run("errors", real_server) == [
        {"name": "AI_APICallError", "statusCode": 400, "code": "invalid_value", "isRetryable": False},
        {"name": "AI_APICallError", "statusCode": 404, "code": "model_not_found", "isRetryable": False},
        {"name": "AI_APICallError", "statusCode": 401, "code": "invalid_api_key", "isRetryable": False},
    ]
