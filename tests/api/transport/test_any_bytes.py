"""Requests put together of pieces that may not fit: whatever comes, the server answers in HTTP, ends, and lives on."""

import asyncio
import re

from api.transport.serving_app import reply, serving
from cuts import cut, places
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.errors import ApiError
from penstock.web.asgi import Receive, Scope, Send

GET = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nhost: x\r\n"
PIECES = [
    *(GET, GET, b"HEAD / HTTP/1.0\r\n\r\n", b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    *(POST + b"content-length: 5\r\n\r\n", POST + b"transfer-encoding: chunked\r\n\r\n", POST),
    *(POST + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\n", b"content-length: 5\r\n"),
    *(b"\r\n", b"\n", b"\r", b"\x00", b" ", b"hello", b"hello", b"5\r\nhello\r\n", b"5;x=y\r\n", b"0\r\n\r\n"),
]
_STATUS = re.compile(rb"HTTP/1\.1 (100|200|400|417) [A-Z]")


async def honest(_scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, and answers with its length or with what was wrong with it; nothing where the client left."""
    size = 0
    try:
        while (message := await receive())["type"] == "http.request":
            size += len(message["body"])
            if not message["more_body"]:
                await reply(send, b"%d" % size)
                return
    except ApiError as error:
        await reply(send, b"refused", error.status)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(PIECES), max_size=14), at=places, ending=st.sampled_from(["half", "close", "abort"])
)
def test_whatever_comes_the_server_answers_in_http_and_lives_on(
    pieces: list[bytes], at: list[int], ending: str
) -> None:
    failed: list[str] = []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _loop, context: failed.append(str(context)))
        async with serving(honest) as connect:
            client = await connect()
            for piece in cut(b"".join(pieces), at):
                client.writer.write(piece)
                await asyncio.sleep(0)
            if ending == "half":
                client.writer.write_eof()
                received = await client.reader.read()
                assert not received or _STATUS.match(received)
            elif ending == "close":
                client.writer.close()
            else:
                client.writer.transport.abort()
            other = await connect()
            await other.send(GET)
            assert (await other.answer()).status == 200

    asyncio.run(run())
    assert failed == []
