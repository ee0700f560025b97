"""SillyTavern, connected as Custom (OpenAI-compatible): its server asked as its page asks it, and the page itself."""

import json
import os
import shutil
from collections.abc import Iterator

import pytest
from clients.environments import install
from clients.node import node_client
from clients.table import shows
from clients.tavern import Tavern, tavern
from running_server import SMOL, RunningServer

CLIENT = node_client("SillyTavern", "sillytavern", "sillytavern", "sillytavern_page.mjs")
pytestmark = CLIENT.marks

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo", "Lima"]}}, "required": ["city"]},
    },
}
PERSON = {"type": "object", "properties": {"mood": {"enum": ["glad", "calm"]}}, "required": ["mood"]}


@pytest.fixture(scope="module")
def silly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tavern]:
    with tavern(tmp_path_factory.mktemp("tavern")) as running:
        yield running


@pytest.fixture(scope="module")
def key(silly: Tavern, real_server: RunningServer) -> str:
    return silly.keep_key(real_server.key)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser, from Debian's packages where that is possible."""
    if shutil.which("chromium") is None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            pytest.skip("Chromium is missing; on Debian: apt-get install chromium")
        install(["apt-get", "update", "-qq"])
        install(["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"])
    found = shutil.which("chromium")
    assert found
    return found


@shows("chat")
def test_it_is_connected_by_hand_in_its_page_and_answers(
    silly: Tavern, real_server: RunningServer, chromium: str
) -> None:
    got = CLIENT.run("chat", real_server, SILLYTAVERN_URL=silly.url, CHROMIUM=chromium)
    assert got["status"] == "Valid"
    assert got["answer"].strip()
    # Before it is connected to anything it looks for the workers of its own first choice; nobody came through.
    assert silly.reached <= {"aihorde.net"}


@shows("chat")
def test_it_lists_the_models_and_answers(silly: Tavern, real_server: RunningServer, key: str) -> None:
    assert SMOL in [model["id"] for model in silly.status(real_server, key)["data"]]
    answer = json.loads(silly.generate(real_server, key))
    assert answer["choices"][0]["message"]["content"]


@shows("stream")
def test_a_stream_says_what_the_whole_answer_says(silly: Tavern, real_server: RunningServer, key: str) -> None:
    whole = json.loads(silly.generate(real_server, key))["choices"][0]["message"]["content"]
    *events, last = silly.generate(real_server, key, stream=True).decode().strip().split("\n\n")
    assert last == "data: [DONE]"
    pieces = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"].get("content", "") for event in events]
    assert "".join(pieces) == whole
    assert len(pieces) > 5


@shows("tools")
def test_a_function_is_called(silly: Tavern, real_server: RunningServer, key: str) -> None:
    chosen = {"type": "function", "function": {"name": "get_weather"}}
    answer = json.loads(silly.generate(real_server, key, tools=[WEATHER], tool_choice=chosen, max_tokens=48))
    (call,) = answer["choices"][0]["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"])["city"] in {"Oslo", "Lima"}


@shows("structured output")
def test_an_answer_follows_its_schema(silly: Tavern, real_server: RunningServer, key: str) -> None:
    answer = json.loads(silly.generate(real_server, key, json_schema={"name": "person", "value": PERSON}))
    assert json.loads(answer["choices"][0]["message"]["content"])["mood"] in {"glad", "calm"}


@shows("errors")
def test_a_wrong_key_is_no_connection_and_a_wrong_model_is_named(
    silly: Tavern, real_server: RunningServer, key: str
) -> None:
    assert silly.status(real_server, silly.keep_key("psk_wrong")) == {"error": True, "data": {"data": []}}
    # Of an answer that is not streamed it shows no more than the status.
    assert json.loads(silly.generate(real_server, key, model="gpt-17"))["error"]["message"] == "Not Found"
    streamed = json.loads(silly.generate(real_server, key, model="gpt-17", stream=True))
    assert streamed["error"]["code"] == "model_not_found"
