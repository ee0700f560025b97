"""LiteLLM's proxy, a process of its own on loopback with Penstock behind it, and the official client in front of it."""

import json
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError

import pytest
from clients.client import PROGRAMS, Client, python_command, surroundings
from clients.environments import locked_version
from clients.forms import is_call, is_person, is_stream
from clients.table import shows
from running_server import SMOL, RunningServer, eventually, free_port

CLIENT = Client(
    "LiteLLM proxy",
    f"litellm {locked_version('litellm-proxy', 'litellm')}",
    lambda: [sys.executable, "-W", "ignore", str(PROGRAMS / "openai_python.py")],
)
pytestmark = CLIENT.marks

CONFIG = f"""
model_list:
  - model_name: small
    litellm_params:
      model: openai/{SMOL}
      api_base: os.environ/OPENAI_BASE_URL
      api_key: os.environ/OPENAI_API_KEY
general_settings:
  master_key: os.environ/LITELLM_MASTER_KEY
"""
KEY = "sk-proxy"


@pytest.fixture(scope="module")
def proxy(real_server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What a program needs to go through the proxy. At its end, the proxy must have reached nothing outside."""
    folder = tmp_path_factory.mktemp("litellm")
    config, log = folder / "config.yaml", folder / "proxy.log"
    config.write_text(CONFIG)
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *python_command("litellm-proxy", "litellm_proxy.py"),
                *("--config", str(config), "--host", "127.0.0.1", "--port", str(port)),
            ],
            env={
                **surroundings(real_server, folder),
                "LITELLM_MASTER_KEY": KEY,
                "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            },
            cwd=folder,
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: _alive(process, port, log), seconds=120)
        yield {"OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1", "OPENAI_API_KEY": KEY, "MODEL": "small"}
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        assert json.loads(log.read_text().rstrip().rpartition("\n")[2]) == {"got": None, "reached": []}
    finally:
        process.kill()
        process.wait()


def _alive(process: subprocess.Popen[bytes], port: int, log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=5) as answer:
            return bool(answer.status == 200)
    except URLError:
        return False


@shows("chat")
def test_an_answer_with_two_choices(real_server: RunningServer, proxy: dict[str, str]) -> None:
    got = CLIENT.run("chat", real_server, **proxy)
    assert len(got["texts"]) == 2
    assert all(got["texts"])
    assert got["usage"]["completion_tokens"] >= sum(got["tokens"]) > 0


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer, proxy: dict[str, str]) -> None:
    got = CLIENT.run("stream", real_server, **proxy)
    assert is_stream(got["parts"], of=got["whole"])
    assert got["completion_tokens"] >= len(got["parts"])


@shows("tools")
def test_functions_are_called_as_the_request_demands(real_server: RunningServer, proxy: dict[str, str]) -> None:
    got = CLIENT.run("tools", real_server, **proxy)
    (call,) = got["required"]
    assert is_call([call["name"], json.loads(call["arguments"])])
    assert {call["name"] for call in got["named"]} == {"get_time"}
    assert got["after"]


@shows("structured output")
def test_objects_of_the_clients_model(real_server: RunningServer, proxy: dict[str, str]) -> None:
    got = CLIENT.run("structured_output", real_server, **proxy)
    assert is_person(got["parsed"])
    assert is_person(got["tool"])


@shows("errors")
def test_a_mistake_comes_through_with_its_status(real_server: RunningServer, proxy: dict[str, str]) -> None:
    """The proxy puts the status where the code was. A wrong key and model are its own to refuse."""
    got = CLIENT.run("errors", real_server, **proxy)
    assert got["value"] == ["BadRequestError", 400, "400", "temperature"]
    assert got["tool"] == ["BadRequestError", 400, "400", "tool_choice.function.name"]
    assert got["context"][:2] == ["BadRequestError", 400]
