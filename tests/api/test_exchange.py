"""The ends that an exchange can come to, with an ASGI server played by hand."""

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest
from played_line import PlayedLine

from penstock.api.drain import Drain
from penstock.api.exchange import Exchange
from penstock.errors import ModelUnavailable, UnsupportedMediaType
from penstock.web.asgi import LINE, ClientGone

JSON = [(b"content-type", b"application/json")]


def scope(headers: list[tuple[bytes, bytes]] = JSON) -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": "/", "headers": headers, LINE: PlayedLine()}


async def never_receive() -> MutableMapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


async def never_send(_message: MutableMapping[str, Any]) -> None:
    await asyncio.Event().wait()


async def send(_message: MutableMapping[str, Any]) -> None:
    return


async def test_a_ping_that_waits_for_a_slow_reader_does_not_hold_up_a_client_that_leaves() -> None:
    line = PlayedLine()
    exchange = Exchange({**scope(), LINE: line}, never_receive, never_send)
    ping = asyncio.create_task(exchange.write(b": ping"))
    asyncio.get_running_loop().call_later(0.01, line.leave)
    with pytest.raises(ClientGone), exchange.interruptible(), exchange.while_connected():
        await exchange.write(b"x")
    assert exchange.broken_off is None, "for the ledger the client left; nothing broke it off"
    ping.cancel()


async def test_a_last_write_that_stalls_can_be_broken_off() -> None:
    drain = Drain()
    exchange = Exchange(scope(), never_receive, never_send)
    drain.enter(exchange)
    draining = asyncio.create_task(drain.finish(seconds=0.05))
    with pytest.raises(ModelUnavailable), exchange.interruptible():
        await exchange.finish(b"x")
    drain.leave(exchange)
    async with asyncio.timeout(5):
        await draining


async def test_a_drain_ends_also_with_a_client_that_cannot_be_told() -> None:
    drain = Drain()
    exchange = Exchange(scope(), never_receive, send)
    drain.enter(exchange)
    with pytest.raises(ModelUnavailable), exchange.interruptible():
        async with asyncio.timeout(10):
            await drain.finish(seconds=0.05)  # its own task is the one that is interrupted, and never leaves
    assert drain.under_way == 1
    with pytest.raises(ModelUnavailable):
        drain.enter(Exchange(scope(), never_receive, send))


async def test_what_is_finished_is_not_interrupted_any_more() -> None:
    exchange = Exchange(scope(), never_receive, send)
    with exchange.interruptible():
        await exchange.answer(200, b"{}")
        exchange.interrupt(ClientGone())
        await asyncio.sleep(0)
    assert exchange.begun


async def test_the_first_reason_to_break_off_holds() -> None:
    exchange = Exchange(scope(), never_receive, send)
    with pytest.raises(ClientGone), exchange.interruptible():  # noqa: PT012 -- the second call must change nothing
        exchange.interrupt(ClientGone())
        exchange.interrupt(ModelUnavailable("later", retry_after=1))
        await asyncio.sleep(0)


async def test_a_cancellation_from_elsewhere_is_not_taken_for_ours() -> None:
    exchange = Exchange(scope(), never_receive, send)
    with pytest.raises(asyncio.CancelledError), exchange.interruptible():
        raise asyncio.CancelledError


@pytest.mark.parametrize(
    "kind", [b"application/json", b"Application/JSON; charset=UTF-8", b"application/json;charset=utf-8;x=y"]
)
async def test_content_types_that_are_json(kind: bytes) -> None:
    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"{}", "more_body": False}

    exchange = Exchange(scope([(b"content-type", kind)]), receive, send)
    assert await exchange.json_body(cap=10) == b"{}"


@pytest.mark.parametrize(
    "headers", [[], [(b"content-type", b"application/json")] * 2, [(b"content-type", b"text/json")]]
)
async def test_content_types_that_are_not(headers: list[tuple[bytes, bytes]]) -> None:
    exchange = Exchange(scope(headers), never_receive, send)
    with pytest.raises(UnsupportedMediaType):
        await exchange.json_body(cap=10)
