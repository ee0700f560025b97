"""CrewAI against the real server: `programs/crewai_crew.py` is what its users write."""

from clients.client import python_client
from clients.forms import is_person, is_stream
from clients.table import shows
from running_server import RunningServer

CLIENT = python_client(
    "CrewAI",
    "crewai",
    "crewai_crew.py",
    environment="crewai",
    environ={"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"},
)
pytestmark = CLIENT.marks


@shows("chat")
def test_a_crew_works_through_its_tasks(real_server: RunningServer) -> None:
    got = CLIENT.run("chat", real_server)
    assert got["call"]
    assert len(got["tasks"]) == 2
    assert all(got["tasks"])
    assert got["tokens"] > 100


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert is_stream(got["parts"], of=got["whole"])
    assert got["streamed"] == got["whole"]


@shows("tools")
def test_an_agent_uses_its_tool(real_server: RunningServer) -> None:
    got = CLIENT.run("tools", real_server)
    (city,) = got["seen"]
    assert got["answer"] == f"Sunny in {city}, 21 degrees"


@shows("structured output")
def test_objects_from_a_call_and_from_a_task(real_server: RunningServer) -> None:
    got = CLIENT.run("structured_output", real_server)
    assert is_person(got["call"])
    assert is_person(got["task"])


@shows("errors")
def test_each_mistake_is_the_exception_that_crewai_has_for_it(real_server: RunningServer) -> None:
    got = CLIENT.run("errors", real_server)
    assert {name: kind for name, (kind, _) in got.items()} == {
        "key": "AuthenticationError",
        "model": "ValueError",
        "value": "BadRequestError",
        "context": "LLMContextLengthExceededError",
    }
    assert "GET /v1/models lists those that do" in got["model"][1]
