"""The process of the echo engine: `python -m penstock.engines.echo_process`. See echo.py for what it does."""

import asyncio
import os
import re
import socket
import time
import zlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import msgspec
import uvicorn

from penstock.engines import child
from penstock.engines.echo import FAULT
from penstock.engines.echo_vectors import DIMENSIONS, float32, vector_of

VOCABULARY = 1_000_000
"""Token ids below this are taken; each stands for its number as a word."""

_TOKEN = re.compile(r"\s*\S+|\s+$")


class Hanging(Exception):  # control flow of a fault, not an error of anything
    """The answer stops here and never goes on."""


class EchoServer:
    """A raw ASGI application that speaks the engine side of chat completions and of raw ones."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._key = f"Bearer {config['api_key']}".encode()
        self._context: int = config["context_length"]
        self._delay = 1 / config["tokens_per_second"] if config["tokens_per_second"] else 0.0
        self._faults: list[str] = config["faults"]
        self._directives: bool = config["directives"]

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        body = await _read(receive)
        if scope["path"] == "/health":
            await _answer(send, 200, {"status": "ok"})
        elif dict(scope["headers"]).get(b"authorization") != self._key:
            await _answer(send, 401, {"error": {"message": "wrong key", "type": "authentication_error"}})
        elif scope["path"] == "/v1/chat/completions/input_tokens":
            (told,) = _prompts(msgspec.json.decode(body))
            await _answer(send, 200, {"input_tokens": told.tokens})
        elif scope["path"] == "/tokenize":
            words = msgspec.json.decode(body)["content"].split()
            await _answer(send, 200, {"tokens": [zlib.crc32(word.encode()) % VOCABULARY for word in words]})
        elif scope["path"] == "/v1/embeddings":
            await _while_connected(receive, self._embed(msgspec.json.decode(body), send))
        else:
            await _while_connected(receive, self._complete(msgspec.json.decode(body), send))

    async def _embed(self, request: dict[str, Any], send: Any) -> None:
        """Of the faults, those that can befall an answer without a stream."""
        texts = [_text(given) for given in request["input"]]
        asked = [word.removeprefix("!") for word in texts[0].split()[:1]] if self._directives else []
        faults = {*self._faults, *asked}
        if "crash@1" in faults:
            os._exit(70)
        if faults & {"lie", "hang@1"}:
            await asyncio.Event().wait()
        if "error" in faults:
            await _answer(send, 500, {"error": {"message": "asked to fail", "type": "server_error"}})
            return
        tokens = sum(len(text.split()) for text in texts)
        await asyncio.sleep(tokens * self._delay)
        data = [{"index": index, "embedding": float32(vector_of(text))} for index, text in enumerate(texts)]
        await _answer(send, 200, {"data": data, "usage": {"prompt_tokens": tokens}})

    async def _complete(self, request: dict[str, Any], send: Any) -> None:
        faults, prompts = list(self._faults), _prompts(request)
        words = prompts[0].words
        if self._directives and words and FAULT.fullmatch(words[0].strip().removeprefix("!")):
            faults.append(words.pop(0).strip().removeprefix("!"))
        if "lie" in faults:
            await asyncio.Event().wait()
        if "error" in faults:
            await _answer(send, 500, {"error": {"message": "asked to fail", "type": "server_error"}})
            return
        await _start(send, 200, b"text/event-stream")
        choices = [_Choice(prompt, self._limit(request, prompt)) for prompt in prompts for _ in range(request["n"])]
        try:
            await self._stream(send, choices, faults)
        except Hanging:
            return
        for index, choice in enumerate(choices):
            await _event(send, choice.chunk(index, "", len(choice.said), choice.reason))
        await _write(send, b"data: [DONE]\n\n")
        await send({"type": "http.response.body"})

    def _limit(self, request: dict[str, Any], prompt: "_Prompt") -> int:
        return min(request.get("max_tokens") or self._context, max(0, self._context - prompt.tokens))

    async def _stream(self, send: Any, choices: list["_Choice"], faults: list[str]) -> None:
        for number in range(1, max(len(choice.said) for choice in choices) + 1):
            if self._delay:
                await asyncio.sleep(self._delay)
            for index, choice in enumerate(choices):
                if number <= len(choice.said):
                    await self._token(send, choice.chunk(index, choice.said[number - 1], number), number, faults)

    async def _token(self, send: Any, chunk: dict[str, Any], number: int, faults: list[str]) -> None:
        active = {fault.split("@")[0] for fault in faults if fault.endswith(f"@{number}")}
        if "crash" in active:
            os._exit(70)
        if "hang" in active:
            await asyncio.Event().wait()
        if "close" in active:
            await send({"type": "http.response.body"})
            raise Hanging
        if "garbage" in active:
            await _write(send, b'data: {"choices":[{"index":0,"delta":{"content":"\xff\xfe"}}]}\n\n')
        for _ in range(2 if "repeat" in active else 1):
            await _event(send, chunk)


@dataclass
class _Prompt:
    """One word is one token: `tokens` of them were asked with, and `words` are what is said to that."""

    tokens: int
    words: list[str]
    in_chat: bool


def _prompts(request: dict[str, Any]) -> list[_Prompt]:
    if "messages" in request:
        texts = [message["content"] for message in request["messages"]]
        return [_Prompt(sum(len(text.split()) for text in texts), _TOKEN.findall(texts[-1]), in_chat=True)]
    asked = [_text(prompt) for prompt in request["prompt"]]
    return [_Prompt(len(text.split()), _TOKEN.findall(text), in_chat=False) for text in asked]


def _text(prompt: str | list[int]) -> str:
    return prompt if isinstance(prompt, str) else " ".join(map(str, prompt))


class _Choice:
    """One answer to a prompt, of `limit` words at most."""

    def __init__(self, prompt: _Prompt, limit: int) -> None:
        self._prompt = prompt
        self.said = prompt.words[:limit]
        self.reason = "length" if len(prompt.words) > limit else "stop"

    def chunk(self, index: int, text: str, completion: int, reason: str | None = None) -> dict[str, Any]:
        prompt = self._prompt.tokens
        usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
        said = {"delta": {"content": text} if text else {}} if self._prompt.in_chat else {"text": text}
        return {"choices": [{"index": index, **said, "finish_reason": reason}], "usage": usage}


async def _while_connected(receive: Any, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or nobody listens any more."""
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(receive())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


async def _read(receive: Any) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)


async def _start(send: Any, status: int, content_type: bytes) -> None:
    headers = [(b"content-type", content_type)]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _write(send: Any, data: bytes) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": True})


async def _event(send: Any, chunk: dict[str, Any]) -> None:
    await _write(send, b"data: %b\n\n" % msgspec.json.encode(chunk))


async def _answer(send: Any, status: int, body: dict[str, Any]) -> None:
    await _start(send, status, b"application/json")
    await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


def main() -> None:
    """Serve until the server that started this process is gone."""
    config = child.begin()
    answer = child.claim_stdout()
    time.sleep(config["load_seconds"])
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    abilities = {"vocabulary": VOCABULARY}
    if config["embeds"]:
        abilities |= {"chat": False, "embeddings": True, "dimensions": DIMENSIONS}
    child.announce(answer, f"http://127.0.0.1:{listener.getsockname()[1]}", abilities)
    server = uvicorn.Server(uvicorn.Config(EchoServer(config), log_level="warning", lifespan="off"))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
