import asyncio
from contextlib import AsyncExitStack

import pytest

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.errors import InvalidRequest, ServerOverloaded
from penstock.inference import admission
from penstock.inference.admission import Admission, Load


def endpoint(slots: int) -> Endpoint:
    return Endpoint("m", "http://127.0.0.1:1", "m", "k", Echo(context_length=64), slots, 64, 64)


async def hold(gate: Admission, at: Endpoint, places: int, log: list[str], name: str, until: asyncio.Event) -> None:
    async with gate.enter(at, places=places):
        log.append(name)
        await until.wait()


async def turn() -> None:
    """Let every task that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_at_once_than_slots_and_in_order() -> None:
    gate, at = Admission(), endpoint(2)
    log: list[str] = []
    ends = {name: asyncio.Event() for name in "abcd"}
    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(hold(gate, at, 1, log, name, ends[name]))
        await turn()
        assert log == ["a", "b"]
        ends["b"].set()
        await turn()
        assert log == ["a", "b", "c"]
        for end in ends.values():
            end.set()
    assert log == ["a", "b", "c", "d"]


async def test_the_load_tells_what_runs_and_what_waits() -> None:
    gate, at, end = Admission(), endpoint(3), asyncio.Event()
    assert gate.load(at) == Load(slots=3, busy=0, waiting=0)
    tasks = [asyncio.create_task(hold(gate, at, 2, [], name, end)) for name in "abc"]
    await turn()
    assert gate.load(at) == Load(slots=3, busy=2, waiting=2)
    tasks[1].cancel()
    await turn()
    assert gate.load(at) == Load(slots=3, busy=2, waiting=1)
    assert gate.load(endpoint(5)) == Load(slots=5)
    end.set()
    await asyncio.wait(tasks)
    assert gate.load(at) == Load(slots=3)


async def test_a_request_of_many_choices_is_not_overtaken_for_ever() -> None:
    gate, at = Admission(), endpoint(2)
    log: list[str] = []
    ends = {name: asyncio.Event() for name in ("one", "two", "three")}
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(gate, at, 1, log, "one", ends["one"]))
        group.create_task(hold(gate, at, 2, log, "two", ends["two"]))
        group.create_task(hold(gate, at, 1, log, "three", ends["three"]))
        await turn()
        assert log == ["one"]
        for end in ends.values():
            end.set()
    assert log == ["one", "two", "three"]


async def test_a_client_that_leaves_the_queue_makes_room() -> None:
    gate, at = Admission(), endpoint(2)
    log: list[str] = []
    end = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(gate, at, 1, log, "first", end))
        large = group.create_task(hold(gate, at, 2, log, "large", end))
        group.create_task(hold(gate, at, 1, log, "small", end))
        await turn()
        assert log == ["first"]
        large.cancel()
        await turn()
        assert log == ["first", "small"]
        end.set()


async def test_leaving_at_the_moment_of_the_turn_loses_no_slot() -> None:
    gate, at = Admission(), endpoint(1)
    log: list[str] = []
    first, never = asyncio.Event(), asyncio.Event()
    holding = asyncio.create_task(hold(gate, at, 1, log, "first", first))
    await turn()
    waiting = asyncio.create_task(hold(gate, at, 1, log, "left", never))
    await turn()
    first.set()
    await asyncio.sleep(0)  # the slot is handed over in this step
    waiting.cancel()
    await asyncio.wait({holding, waiting})
    async with asyncio.timeout(5), gate.enter(at, places=1):
        pass


async def test_leaving_the_queue_in_the_very_step_in_which_a_slot_gets_free_loses_no_slot() -> None:
    gate, at = Admission(), endpoint(1)
    log: list[str] = []
    first = asyncio.Event()
    holding = asyncio.create_task(hold(gate, at, 1, log, "first", first))
    await turn()
    waiting = [asyncio.create_task(hold(gate, at, 1, log, "left", first)) for _ in range(3)]
    await turn()
    for task in waiting:
        task.cancel()  # they know of it only when they run next, after the slot has been given back
    holding.cancel()
    await asyncio.wait({holding, *waiting})
    assert all(task.cancelled() for task in (holding, *waiting))
    async with asyncio.timeout(5), gate.enter(at, places=1):
        pass


async def test_the_queue_is_bounded_and_says_when_to_come_back() -> None:
    gate, at = Admission(), endpoint(1)
    end = asyncio.Event()
    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(hold(gate, at, 1, [], "x", end)) for _ in range(admission.MAX_WAITING + 1)]
        stack.callback(end.set)
        await turn()
        with pytest.raises(ServerOverloaded) as caught:
            await gate.enter(at, places=1).__aenter__()
        assert caught.value.status == 503
        assert 1 <= (caught.value.retry_after or 0) <= 120
        end.set()
        await asyncio.gather(*tasks)


async def test_more_choices_than_slots_can_never_run() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await Admission().enter(endpoint(2), places=3).__aenter__()
    assert caught.value.param == "n"


async def test_a_slot_is_free_again_after_an_error() -> None:
    gate, at = Admission(), endpoint(1)
    with pytest.raises(RuntimeError):
        async with gate.enter(at, places=1):
            raise RuntimeError
    async with asyncio.timeout(5), gate.enter(at, places=1):
        pass
