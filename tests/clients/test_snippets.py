"""The code that the console shows, run word for word with the clients that it is for."""

from pathlib import Path

import pytest
from clients.client import Client, python_client
from clients.node import node_client, node_environment
from running_server import RunningServer
from snippet_calls import HOSTILE, TALK, call, filled_in

from penstock.console.snippets import Call, Language

PYTHON = {
    "langchain": python_client("LangChain, as code", "langchain-openai", "snippet.py", environment="langchain"),
    "litellm": python_client(
        "LiteLLM, as code",
        "litellm",
        "snippet.py",
        environment="litellm",
        environ={"LITELLM_LOCAL_MODEL_COST_MAP": "True"},  # else it fetches prices at import
    ),
    "crewai": python_client(
        "CrewAI, as code",
        "crewai",
        "snippet.py",
        environment="crewai",
        environ={"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"},
    ),
}
JAVASCRIPT = node_client("openai for Node, as code", "openai-node", "openai", "snippet.mjs")
LANGUAGES: list[Language] = ["langchain", "litellm", "crewai", "javascript"]


def run(language: Language, asked: Call, server: RunningServer, folder: Path) -> str:
    client: Client = PYTHON.get(language, JAVASCRIPT)
    if language == "javascript":
        (folder / "node_modules").symlink_to(node_environment("openai-node") / "node_modules")
    file = folder / ("snippet.mjs" if language == "javascript" else "asked.py")
    file.write_text(filled_in(language, asked, server.key), encoding="utf-8")
    return str(client.run("printed", server, SNIPPET=str(file)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_asks_the_real_model(language: Language, real_server: RunningServer, tmp_path: Path) -> None:
    assert run(language, call(real_server), real_server, tmp_path).strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_is_said_arrives_as_it_was(language: Language, echo_server: RunningServer, tmp_path: Path) -> None:
    asked = Call(echo_server.base_url.removesuffix("/v1"), "echo", TALK)
    assert run(language, asked, echo_server, tmp_path).rstrip("\n") == HOSTILE
