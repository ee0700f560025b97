"""LangChain's ChatOpenAI against the real server: `programs/langchain_chat.py` is what its users write."""

from clients.client import python_client
from clients.forms import ERRORS, is_call, is_person, is_stream, longer_prompts
from clients.table import shows
from running_server import SMOL, RunningServer

CLIENT = python_client("LangChain ChatOpenAI", "langchain-openai", "langchain_chat.py", environment="langchain")
pytestmark = CLIENT.marks


@shows("chat")
def test_one_question_and_a_batch(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["text"]
    assert got["model"] == SMOL
    assert got["finish_reason"] in {"stop", "length"}
    assert got["usage"]["total_tokens"] == got["usage"]["input_tokens"] + got["usage"]["output_tokens"]
    assert len(got["batch"]) == 3
    assert all(got["batch"])


@shows("chat")
def test_an_agent_remembers_over_turns(real_server: RunningServer) -> None:
    got = CLIENT.run("memory", real_server)
    assert got["kinds"] == ["human", "ai", "human", "ai"]
    assert longer_prompts(got["prompts"])


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])
    assert got["usage"]["output_tokens"] >= len(got["parts"])


@shows("tools")
def test_bound_tools_are_called_and_their_results_taken(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    assert len(got["any"]) == 1
    assert is_call(got["any"][0])
    assert got["streamed"] == got["any"]
    assert set(got["named"]) == {"get_time"}
    assert got["after"]


@shows("structured output")
def test_structured_output_by_schema_and_by_function(real_server: RunningServer) -> None:
    got = CLIENT.run("structured_output", real_server)
    assert is_person(got["json_schema"])
    assert is_person(got["function_calling"])


@shows("errors")
def test_errors_are_the_official_ones_and_an_overflow_is_known_as_one(real_server: RunningServer) -> None:
    got = CLIENT.run("errors", real_server)
    assert {name: told[:-1] for name, told in got.items()} == {name: told[1:] for name, told in ERRORS.items()}
    assert {name for name, told in got.items() if told[-1]} == {"context"}
