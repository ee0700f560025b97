"""A client's program sees the server and nothing of this machine's user, and is found out if it reaches further."""

import sys

import pytest
from clients.client import PROGRAMS, Client
from running_server import SMOL, RunningServer

PROGRAM = f"""
import contextlib, os, socket, sys
import urllib.request
sys.path.insert(0, {str(PROGRAMS)!r})
from telling import API_KEY, BASE_URL, MODEL, tell

def inside():
    asked = urllib.request.Request(BASE_URL + "/models", headers={{"authorization": "Bearer " + API_KEY}})
    with urllib.request.urlopen(asked) as answer:
        return [answer.status, MODEL, sorted(os.environ)]

def by_name():
    with contextlib.suppress(OSError):
        socket.getaddrinfo("telemetry.example", 443)

def by_address():
    with contextlib.suppress(OSError), socket.socket() as one:
        one.connect(("192.0.2.1", 443))

def broken():
    print("some words")
    raise SystemExit(3)

print('chatter on standard output, as many clients have it')
tell(inside, by_name, by_address, broken)
"""
CLIENT = Client("it", "0", lambda: [sys.executable, "-c", PROGRAM], environ={"OWN": "1"})


def test_a_program_gets_the_server_and_an_environment_of_its_own(echo_server: RunningServer) -> None:
    status, model, names = CLIENT.run("inside", echo_server, MORE="1")
    assert (status, model) == (200, SMOL)
    assert set(names) - {"LC_CTYPE"} == {"PATH", "HOME", "OPENAI_BASE_URL", "OPENAI_API_KEY", "MODEL", "OWN", "MORE"}


@pytest.mark.parametrize(("task", "host"), [("by_name", "telemetry.example"), ("by_address", "192.0.2.1")])
def test_a_program_that_reaches_outside_is_found_out(echo_server: RunningServer, task: str, host: str) -> None:
    with pytest.raises(AssertionError, match=rf"it reached outside the machine: \['{host}'\]"):
        CLIENT.run(task, echo_server)


def test_a_program_that_fails_shows_what_it_said(echo_server: RunningServer) -> None:
    with pytest.raises(AssertionError, match=r"it, broken:\n(?s:.*)some words"):
        CLIENT.run("broken", echo_server)
