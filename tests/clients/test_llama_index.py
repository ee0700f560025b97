"""LlamaIndex's OpenAILike against the real server: `programs/llama_index_llm.py` is what its users write."""

from clients.client import python_client
from clients.forms import ERRORS, is_call, is_person, is_stream, longer_prompts
from clients.table import shows
from running_server import RunningServer

CLIENT = python_client(
    "LlamaIndex OpenAILike", "llama-index-llms-openai-like", "llama_index_llm.py", environment="llama-index"
)
pytestmark = CLIENT.marks


@shows("chat")
def test_a_chat_a_second_turn_and_a_completion(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["text"]
    assert got["again"]
    assert got["completed"]
    assert longer_prompts(got["prompts"])


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])


@shows("tools")
def test_a_demanded_tool_is_called_and_run(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    assert got["calls"]
    assert all(is_call(call) for call in got["calls"])
    assert got["done"].startswith("Sunny in ")


@shows("structured output")
def test_objects_by_schema_and_by_tool(real_server: RunningServer) -> None:
    got = CLIENT.run("structured_output", real_server)
    assert is_person(got["schema"])
    assert is_person(got["tool"])


@shows("errors")
def test_errors_are_the_official_ones(real_server: RunningServer) -> None:
    value = ["BadRequestError", 400, "invalid_value", "presence_penalty"]  # it checks the temperature itself
    assert CLIENT.run("errors", real_server) == {**ERRORS, "value": value}
