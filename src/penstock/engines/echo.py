"""The echo engine: answers with the words of the last message, at a set rate, with the faults one asks for.

A raw prompt is answered with its own words; where it is given as tokens, the word of a token is its number.

It is a real engine process that costs nothing, for dry runs of clients and for trying what happens when engines fail.
Faults, each `NAME@K` where K counts tokens from 1 (`crash@3` dies in place of the third token):

    crash@K     the process ends at once            close@K     the stream ends cleanly, without [DONE]
    hang@K      the stream goes silent for ever     garbage@K   bytes that are not UTF-8
    repeat@K    the K-th chunk is sent twice        error       status 500 instead of an answer
    lie         /health says 200 while no request is ever answered

A fault holds for every request of the process; with `directives` a message can ask for its own: `!crash@3 hello`.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from penstock.engines.engine import Launch
from penstock.errors import OperatorError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.messages import ROLES, Message, text_of

FAULT = re.compile(r"(?:(?:crash|close|hang|garbage|repeat)@[1-9][0-9]{0,6}|error|lie)")


@dataclass(frozen=True)
class Echo:
    """An echo engine's settings."""

    context_length: int
    slots: int = 0
    tokens_per_second: float = 0.0
    """Rate of one stream; 0 is as fast as it goes."""
    faults: tuple[str, ...] = ()
    directives: bool = False
    load_seconds: float = 0.0
    embeds: bool = False
    """It makes embeddings, as echo_vectors.py says, and answers nothing else."""

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        for fault in self.faults:
            if not FAULT.fullmatch(fault):
                raise OperatorError(f"{fault!r} is no fault of the echo engine; crash@3 or error would be.")
        slots = self.slots or 64
        config = {
            "api_key": api_key,
            "context_length": self.context_length,
            "tokens_per_second": self.tokens_per_second,
            "faults": list(self.faults),
            "directives": self.directives,
            "load_seconds": self.load_seconds,
            "embeds": self.embeds,
        }
        return Launch(module="penstock.engines.echo_process", config=config, slots=slots)

    def chat_body(self, request: ChatRequest, *, served_name: str, grammar: str | None = None) -> bytes:
        return msgspec.json.encode(
            {
                "model": served_name,
                "messages": [_message(message) for message in request.messages],
                "max_tokens": request.output_limit,
                "n": request.choices,
                "stream": True,
            }
        )

    def completion_body(self, request: CompletionRequest, *, served_name: str) -> bytes:
        return msgspec.json.encode(
            {
                "model": served_name,
                "prompt": request.prompts,
                "max_tokens": request.output_limit,
                "n": request.n or 1,
                "stream": True,
            }
        )


def _message(message: Message) -> dict[str, str]:
    return {"role": ROLES[type(message)], "content": text_of(message.content)}
