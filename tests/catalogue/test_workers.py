import asyncio
from pathlib import Path

from penstock.catalogue.models import Model
from penstock.catalogue.workers import State, Worker
from penstock.engines.echo import Echo
from penstock.engines.relay import Relay


async def no_file(_progressed: object) -> Path | None:
    return None


async def test_a_start_that_the_system_refuses_is_tried_again(tmp_path: Path) -> None:
    """No room, no memory, no descriptor: that may pass, so it counts as a crash and not as the end."""
    in_the_way = tmp_path / "logs"
    in_the_way.write_text("a file where the log folder should be")
    states: asyncio.Queue[State] = asyncio.Queue()
    relay = Relay(stall_seconds=5)
    worker = Worker(
        Model(id="echo", engine="echo", context_length=64),
        ("echo",),
        Echo(context_length=64),
        relay,
        pull=no_file,
        log_path=in_the_way / "echo.log",
        stall_seconds=5,
        changed=lambda changed: states.put_nowait(changed.state),
    )
    worker.start()
    try:
        async with asyncio.timeout(20):
            while not worker.reason:
                await states.get()
            assert worker.state is State.LOADING
            in_the_way.unlink()
            while await states.get() is not State.READY:
                pass
        assert worker.endpoint is not None
    finally:
        await worker.stop()
        await relay.close()
    ended: list[object] = [worker.state, worker.endpoint]
    assert ended == [State.STOPPED, None]


async def test_a_maker_of_embeddings_is_ready_after_one(tmp_path: Path) -> None:
    changes: asyncio.Queue[tuple[State, str]] = asyncio.Queue()
    relay = Relay(stall_seconds=5)
    worker = Worker(
        Model(id="vectors", engine="echo", kind="embedding", context_length=64),
        ("vectors",),
        Echo(context_length=64, embeds=True),
        relay,
        pull=no_file,
        log_path=tmp_path / "echo.log",
        stall_seconds=5,
        changed=lambda changed: changes.put_nowait((changed.state, changed.reason)),
    )
    worker.start()
    try:
        async with asyncio.timeout(20):
            assert [await changes.get() for _ in range(2)] == [(State.LOADING, ""), (State.READY, "")]
        assert worker.endpoint is not None
        assert worker.endpoint.abilities.embeddings
    finally:
        await worker.stop()
        await relay.close()
