"""A relay with nothing around it: the floor of what Python does for a request that is not streamed.

    python bare_loop.py ENGINE_PORT KEY

A key is found by its digest, the body decoded and encoded anew, the engine asked for a whole answer over a connection
that is used again, and its usage read. Nothing else is checked, bounded or recorded, and streams are refused. The first
line on standard output is its port.
"""

import asyncio
import hashlib
import sys

import httptools
import msgspec
import uvloop


class Message(msgspec.Struct):
    """One of a conversation."""

    role: str
    content: str


class Request(msgspec.Struct, omit_defaults=True):
    """What clients send."""

    model: str
    messages: list[Message]
    max_tokens: int | None = None
    stream: bool | None = None


class Usage(msgspec.Struct):
    """What the engine counted."""

    prompt_tokens: int
    completion_tokens: int


class Answer(msgspec.Struct):
    """All that is read of an answer."""

    usage: Usage


class Loop:
    """What its connections share."""

    def __init__(self, engine_port: int, key: str) -> None:
        self.engine_port = engine_port
        self.digests = {hashlib.sha256(key.encode()).digest()}
        self.idle: list[Upstream] = []
        self.requests = msgspec.json.Decoder(Request)
        self.answers = msgspec.json.Decoder(Answer)
        self.encoder = msgspec.json.Encoder()
        self.prompt_tokens = 0
        self.completion_tokens = 0


class Upstream(asyncio.Protocol):
    """A connection to the engine, and the client that waits for what comes on it."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser = httptools.HttpResponseParser(self)
        self._client: Client | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def ask(self, request: bytes, client: "Client") -> None:
        """Send a request for this client."""
        self._client = client
        self._transport.write(request)

    def on_message_complete(self) -> None:
        body = b"".join(self._parts)
        self._parts.clear()
        usage = self._loop.answers.decode(body).usage
        self._loop.prompt_tokens += usage.prompt_tokens
        self._loop.completion_tokens += usage.completion_tokens
        client, self._client = self._client, None
        self._loop.idle.append(self)
        assert client is not None
        client.answer(b"200 OK", body)


class Client(asyncio.Protocol):
    """A connection from a client."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._parts: list[bytes] = []
        self.on_body = self._parts.append
        self._parser = httptools.HttpRequestParser(self)
        self._key = b""
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"authorization":
            self._key = value.removeprefix(b"Bearer ")

    def on_message_complete(self) -> None:
        body = b"".join(self._parts)
        self._parts.clear()
        if hashlib.sha256(self._key).digest() not in self._loop.digests:
            self.answer(b"401 Unauthorized", b"{}")
            return
        asked = self._loop.requests.decode(body)
        if asked.stream:
            self.answer(b"501 Not Implemented", b"{}")
            return
        body = self._loop.encoder.encode(asked)
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: engine\r\ncontent-type: application/json\r\n"
        request = b"%bcontent-length: %d\r\n\r\n%b" % (head, len(body), body)
        if self._loop.idle:
            self._loop.idle.pop().ask(request, self)
        else:
            self._connecting = asyncio.ensure_future(self._connect(request))

    async def _connect(self, request: bytes) -> None:
        to = ("127.0.0.1", self._loop.engine_port)
        _, upstream = await asyncio.get_running_loop().create_connection(lambda: Upstream(self._loop), *to)
        upstream.ask(request, self)

    def answer(self, status: bytes, body: bytes) -> None:
        """Send a whole answer."""
        head = b"HTTP/1.1 %b\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, len(body))
        self._transport.write(head + body)


async def main(engine_port: int, key: str) -> None:
    """Relay until ended."""
    loop = Loop(engine_port, key)
    server = await asyncio.get_running_loop().create_server(lambda: Client(loop), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
