"""Messages over a stream of bytes, however the stream cuts them."""

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.processes import messages as say
from penstock.processes.frames import Frames
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.limits import Used
from penstock.tenants.plans import Limits, ModelLimits

CALLER = Caller("a", "k", "n", models=frozenset({"m"}), subjects=(Subject("a", Limits(concurrency=3), 2**62),))
SAID: list[say.FromProcess] = [
    say.Hello("api 1", 42),
    say.Known(1, CALLER),
    say.Admit(2, 1, "m", 3, 4, 5),
    say.Settle(2, Used(1, 2, 3)),
    say.Settle(3, None),
    say.Leave(4, 5, 0.5),
    say.Flights([say.Flight("r", "a", "n", "m", 1.5, None, None, None, 7)]),
    say.Now(1, 2, 3, 0.5, [say.Pulse(1, waiting=True, quiet_seconds=0.25, hung=False)]),
]


class Written:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closed = True


async def bytes_of(*messages: Any) -> bytes:
    frames, transport = frames_of([]), Written()
    frames.connection_made(transport)  # type: ignore[arg-type]
    for message in messages:
        frames.tell(message)
    await asyncio.sleep(0)
    assert len(transport.writes) == 1, "what is said at once goes out at once"
    return transport.writes[0]


def frames_of(came: list[Any], lost: Any = lambda: None) -> Frames[say.FromProcess]:
    return Frames(say.FromProcess, took=came.append, lost=lost)


@given(st.lists(st.integers(1, 300), max_size=12))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    async def check() -> None:
        data, came = await bytes_of(*SAID), list[Any]()
        frames = frames_of(came)
        at = 0
        for size in [*cuts, len(data)]:
            frames.data_received(data[at : at + size])
            at += size
        assert came == SAID

    asyncio.run(check())


def test_limits_of_a_model_arrive() -> None:
    async def check() -> None:
        limits = Limits(requests_per_minute=60, models={"m": ModelLimits(concurrency=1)})
        known, came = say.Known(1, Caller("a", "k", "n", subjects=(Subject("a", limits),))), list[Any]()
        frames_of(came).data_received(await bytes_of(known))
        assert came[0].caller.subjects[0].limits == limits

    asyncio.run(check())


def test_a_frame_without_end_is_refused() -> None:
    async def check() -> None:
        with pytest.raises(ValueError, match="too long"):
            frames_of([]).data_received(b"\xff\xff\xff\xff")

    asyncio.run(check())


def test_what_is_said_to_nobody_is_forgotten() -> None:
    async def check() -> None:
        loop, gone = asyncio.get_running_loop(), asyncio.Event()
        ours, theirs = socket.socketpair()
        frames = frames_of([], gone.set)
        await loop.create_connection(lambda: frames, sock=ours)
        theirs.close()
        async with asyncio.timeout(5):
            await gone.wait()
        frames.tell(say.Ready())
        frames.close()

    asyncio.run(check())
