"""Instructor against the real server: `programs/instructor_models.py` is what its users write."""

from clients.client import python_client
from clients.forms import ERRORS, is_person
from clients.table import shows
from running_server import RunningServer

CLIENT = python_client(
    "Instructor",
    "instructor",
    "instructor_models.py",
    environment="instructor",
    lacks={"chat": "every answer is an object"},
)
pytestmark = CLIENT.marks


@shows("stream")
def test_a_partial_object_grows(real_server: RunningServer) -> None:
    got = CLIENT.run("stream", real_server)
    assert got["seen"] > 2
    assert is_person(got["last"])


@shows("tools")
def test_an_object_by_tool(real_server: RunningServer) -> None:
    assert is_person(CLIENT.run("tools", real_server))


@shows("structured output")
def test_an_object_by_schema(real_server: RunningServer) -> None:
    assert is_person(CLIENT.run("structured_output", real_server))


@shows("errors")
def test_the_cause_of_its_exception_is_the_official_one(real_server: RunningServer) -> None:
    assert CLIENT.run("errors", real_server) == ERRORS
