"""LiteLLM's functions against the real server: `programs/litellm_sdk.py` is what its users write."""

from clients.client import python_client
from clients.forms import is_call, is_person, is_stream, longer_prompts
from clients.table import shows
from running_server import RunningServer

CLIENT = python_client(
    "LiteLLM",
    "litellm",
    "litellm_sdk.py",
    environment="litellm",
    environ={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},  # else it fetches prices at import
)
pytestmark = CLIENT.marks


@shows("chat")
def test_an_answer_and_a_second_turn(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["text"]
    assert got["again"]
    assert got["finish_reason"] in {"stop", "length"}
    assert longer_prompts(got["prompts"])


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])
    assert got["built"] == got["whole"]
    assert got["completion_tokens"] >= len(got["parts"])


@shows("tools")
def test_functions_are_called_as_the_request_demands(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    assert len(got["required"]) == 1
    assert is_call(got["required"][0])
    assert got["streamed"] == got["required"]
    assert set(got["named"]) == {"get_time"}
    assert got["after"]


@shows("structured output")
def test_a_pydantic_model_as_the_answers_form(real_server: RunningServer) -> None:
    assert is_person(CLIENT.run("structured_output", real_server))


@shows("errors")
def test_each_mistake_is_the_exception_that_litellm_has_for_it(real_server: RunningServer) -> None:
    assert CLIENT.run("errors", real_server) == {
        "key": ["AuthenticationError", 401],
        "model": ["NotFoundError", 404],
        "value": ["BadRequestError", 400],
        "context": ["ContextWindowExceededError", 400],
    }
