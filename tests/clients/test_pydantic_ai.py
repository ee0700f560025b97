"""PydanticAI against the real server: `programs/pydantic_ai_agent.py` is what its users write."""

from clients.client import python_client
from clients.forms import ERRORS, is_person, is_stream, longer_prompts
from clients.table import shows
from running_server import RunningServer

CLIENT = python_client("PydanticAI", "pydantic-ai-slim", "pydantic_ai_agent.py", environment="pydantic-ai")
pytestmark = CLIENT.marks


@shows("chat")
def test_a_run_and_a_second_turn(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["text"]
    assert got["again"]
    assert longer_prompts(got["prompts"])


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])


@shows("tools")
def test_a_function_as_the_output_is_called(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    (city,) = got["seen"]
    assert city in {"Paris", "Oslo"}
    assert got["output"] == f"Sunny in {city}, 21 degrees"


@shows("structured output")
def test_objects_by_tool_and_by_schema(real_server: RunningServer) -> None:
    got = CLIENT.run("structured_output", real_server)
    assert is_person(got["tool"])
    assert is_person(got["native"])


@shows("errors")
def test_errors_keep_their_status_and_body(real_server: RunningServer) -> None:
    assert CLIENT.run("errors", real_server) == {name: told[1:] for name, told in ERRORS.items()}
