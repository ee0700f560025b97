"""The process of the echo engine: `python -m penstock.engines.echo_process`. See echo.py for what it does."""

import asyncio
import os
import re
import socket
import time
from collections.abc import Coroutine
from typing import Any

import msgspec
import uvicorn

from penstock.engines import child
from penstock.engines.echo import FAULT

_TOKEN = re.compile(r"\s*\S+|\s+$")


class Hanging(Exception):  # control flow of a fault, not an error of anything
    """The answer stops here and never goes on."""


class EchoServer:
    """A raw ASGI application that speaks the engine side of chat completions."""

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
            await _answer(send, 200, {"input_tokens": len(_words(msgspec.json.decode(body)))})
        else:
            await _while_connected(receive, self._complete(msgspec.json.decode(body), send))

    async def _complete(self, request: dict[str, Any], send: Any) -> None:
        faults, prompt = list(self._faults), _words(request)
        words = _TOKEN.findall(request["messages"][-1]["content"])
        if self._directives and words and FAULT.fullmatch(words[0].strip().removeprefix("!")):
            faults.append(words.pop(0).strip().removeprefix("!"))
        limit = min(request.get("max_tokens") or self._context, max(0, self._context - len(prompt)))
        if "lie" in faults:
            await asyncio.Event().wait()
        if "error" in faults:
            await _answer(send, 500, {"error": {"message": "asked to fail", "type": "server_error"}})
            return
        await _start(send, 200, b"text/event-stream")
        choices = range(request.get("n") or 1)
        try:
            for number, word in enumerate(words[:limit], 1):
                if self._delay:
                    await asyncio.sleep(self._delay)
                for index in choices:
                    await self._token(send, index, number, word, len(prompt), faults)
        except Hanging:
            return
        for index in choices:
            reason = "length" if len(words) > limit else "stop"
            await _event(send, _chunk(index, {}, reason, len(prompt), min(len(words), limit)))
        await _write(send, b"data: [DONE]\n\n")
        await send({"type": "http.response.body"})

    async def _token(self, send: Any, index: int, number: int, word: str, prompt: int, faults: list[str]) -> None:
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
            await _event(send, _chunk(index, {"content": word}, None, prompt, number))


def _words(request: dict[str, Any]) -> list[str]:
    """One word of any message is one token of the prompt."""
    return [word for message in request["messages"] for word in message["content"].split()]


def _chunk(index: int, delta: dict[str, str], reason: str | None, prompt: int, completion: int) -> dict[str, Any]:
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return {"object": "chat.completion.chunk", "choices": [choice], "usage": usage}


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
    child.announce(answer, f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(EchoServer(config), log_level="warning", lifespan="off"))
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
