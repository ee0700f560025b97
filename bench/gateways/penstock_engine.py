"""Penstock's engine in the benchmark: the mock, asked as vLLM would be asked.

    python penstock_engine.py     (as the child of a server: the pact is in penstock/engines/child.py)

The server starts an engine as a process of its own. The mock is there already, so this one says where it is and then
becomes `sleep`, which costs nothing and ends with its server.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from penstock.engines import child
from penstock.engines.engine import Launch
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.messages import Message, text_of

SLOTS = 4096


@dataclass(frozen=True)
class MockEngine:
    """An engine at a URL that speaks OpenAI, as vLLM, SGLang and llama.cpp do."""

    url: str

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        bench = str(Path(__file__).resolve().parents[1])
        path = os.pathsep.join(filter(None, [bench, os.environ.get("PYTHONPATH", "")]))
        return Launch("gateways.penstock_engine", {"url": self.url}, SLOTS, environ={"PYTHONPATH": path})

    def chat_body(self, request: ChatRequest, *, served_name: str, grammar: str | None = None) -> bytes:
        return msgspec.json.encode(
            {
                "model": served_name,
                "messages": [_message(message) for message in request.messages],
                "max_tokens": request.output_limit,
                "n": request.choices,
                "stream": True,
                # With each event, so that the counts are right when a client leaves.
                "stream_options": {"include_usage": True, "continuous_usage_stats": True},
            }
        )

    def completion_body(self, request: CompletionRequest, *, served_name: str) -> bytes:
        raise NotImplementedError("the benchmark asks for chats alone")


def _message(message: Message) -> dict[str, str]:
    return {"role": str(message.__struct_config__.tag), "content": text_of(message.content)}


def main() -> None:
    """Announce the mock, and be there for as long as the server is."""
    config = child.begin()
    child.announce(child.claim_stdout(), config["url"])
    os.execvp("sleep", ["sleep", "infinity"])  # the kernel ends it with its parent, as `begin` asked for


if __name__ == "__main__":
    main()
