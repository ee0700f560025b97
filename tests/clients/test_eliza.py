"""eliza 0.25, which speaks chat completions: an agent of its runtime, configured as its documentation says."""

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
