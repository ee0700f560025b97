import asyncio
from contextlib import AsyncExitStack

import pytest
from admitted import Done, endpoint, hold, turn

from penstock.errors import InvalidRequest, ServerOverloaded
from penstock.inference import admission
from penstock.inference.admission import Admission, Load
from penstock.inference.ticket import Ticket, Tier


async def test_no_more_at_once_than_slots_and_in_order() -> None:
    gate, at = Admission(), endpoint(2)
    log: list[str] = []
    ends = {name: asyncio.Event() for name in "abcd"}
    async with asyncio.TaskGroup() as group:
        for name in "abcd":
            group.create_task(hold(gate, at, Ticket(), log, name, ends[name]))
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
    assert gate.load(at) == Load(slots=3, alone=2)
    tasks = [asyncio.create_task(hold(gate, at, Ticket(places=2), [], name, end)) for name in "abc"]
    await turn()
    assert gate.load(at) == Load(slots=3, busy=2, waiting=(2, 0, 0), alone=2)
    tasks[1].cancel()
    await turn()
    assert gate.load(at) == Load(slots=3, busy=2, waiting=(1, 0, 0), alone=2)
    assert gate.load(endpoint(5)) == Load(slots=5, alone=4)
    end.set()
    await asyncio.wait(tasks)
    assert gate.load(at) == Load(slots=3, alone=2)


async def test_a_request_of_many_choices_is_not_overtaken_for_ever() -> None:
    gate, at = Admission(), endpoint(2)
    log: list[str] = []
    ends = {name: asyncio.Event() for name in ("one", "two", "three")}
    async with asyncio.TaskGroup() as group:
        group.create_task(hold(gate, at, Ticket(), log, "one", ends["one"]))
        group.create_task(hold(gate, at, Ticket(places=2), log, "two", ends["two"]))
        group.create_task(hold(gate, at, Ticket(), log, "three", ends["three"]))
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
        group.create_task(hold(gate, at, Ticket(), log, "first", end))
        large = group.create_task(hold(gate, at, Ticket(places=2), log, "large", end))
        group.create_task(hold(gate, at, Ticket(), log, "small", end))
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
    holding = asyncio.create_task(hold(gate, at, Ticket(), log, "first", first))
    await turn()
    waiting = asyncio.create_task(hold(gate, at, Ticket(), log, "left", never))
    await turn()
    first.set()
    await asyncio.sleep(0)  # the slot is handed over in this step
    waiting.cancel()
    await asyncio.wait({holding, waiting})
    async with asyncio.timeout(5), gate.enter(at, Ticket()):
        pass


async def test_leaving_the_queue_in_the_very_step_in_which_a_slot_gets_free_loses_no_slot() -> None:
    gate, at = Admission(), endpoint(1)
    log: list[str] = []
    first = asyncio.Event()
    holding = asyncio.create_task(hold(gate, at, Ticket(), log, "first", first))
    await turn()
    waiting = [asyncio.create_task(hold(gate, at, Ticket(), log, "left", first)) for _ in range(3)]
    await turn()
    for task in waiting:
        task.cancel()  # they know of it only when they run next, after the slot has been given back
    holding.cancel()
    await asyncio.wait({holding, *waiting})
    assert all(task.cancelled() for task in (holding, *waiting))
    async with asyncio.timeout(5), gate.enter(at, Ticket()):
        pass


async def test_the_queue_is_bounded_and_says_when_to_come_back() -> None:
    gate, at = Admission(), endpoint(1)
    end = asyncio.Event()
    async with AsyncExitStack() as stack:
        tasks = [asyncio.create_task(hold(gate, at, Ticket(), [], "x", end)) for _ in range(admission.MAX_WAITING + 1)]
        stack.callback(end.set)
        await turn()
        with pytest.raises(ServerOverloaded) as caught:
            await gate.enter(at, Ticket()).__aenter__()
        assert caught.value.status == 503
        assert 1 <= (caught.value.retry_after or 0) <= 120
        end.set()
        await asyncio.gather(*tasks)


async def test_more_choices_than_slots_can_never_run() -> None:
    with pytest.raises(InvalidRequest) as caught:
        await Admission().enter(endpoint(2), Ticket(places=3)).__aenter__()
    assert caught.value.param == "n"


async def test_a_slot_is_free_again_after_an_error() -> None:
    gate, at = Admission(), endpoint(1)
    with pytest.raises(RuntimeError):
        async with gate.enter(at, Ticket()):
            raise RuntimeError
    async with asyncio.timeout(5), gate.enter(at, Ticket()):
        pass


async def test_one_account_does_not_delay_another() -> None:
    door, at, end = Admission(), endpoint(1), asyncio.Event()
    log: list[str] = []
    tasks = [asyncio.create_task(hold(door, at, Ticket("a", tokens=500), log, "a", end)) for _ in range(20)]
    await turn()
    tasks.append(asyncio.create_task(hold(door, at, Ticket("b", tokens=500), log, "b", end)))
    await turn()
    end.set()
    await asyncio.gather(*tasks)
    assert log.index("b") <= 2


async def test_flex_cannot_take_the_queue_from_real_time() -> None:
    door, at, end = Admission(), endpoint(1), asyncio.Event()
    flex = Ticket("f", tier=Tier.FLEX)
    tasks = [asyncio.create_task(hold(door, at, flex, [], "f", end)) for _ in range(admission.MAX_WAITING + 1)]
    await turn()
    with pytest.raises(ServerOverloaded):
        await door.enter(at, flex).__aenter__()
    tasks.append(asyncio.create_task(hold(door, at, Ticket("r"), [], "r", end)))
    await turn()
    assert door.load(at).waiting == (1, admission.MAX_WAITING, 0)
    end.set()
    await asyncio.gather(*tasks)


async def test_the_queue_is_bounded_by_what_the_engine_does_in_time() -> None:
    door, at = Admission(), endpoint(1)
    for _ in range(100):  # a tenth of a second for ten tokens: a hundred tokens a second
        place = door.enter(at, Ticket(tokens=1000))
        await place.__aenter__()
        place.entered -= 1.0
        work = Done()
        place.holds(work)
        work.tokens = 100
        await place.__aexit__(None, None, None)
    end = asyncio.Event()
    long = int(admission.LONGEST_WAIT_SECONDS[Tier.REAL_TIME])
    tasks = [asyncio.create_task(hold(door, at, Ticket(tokens=1000), [], "x", end)) for _ in range(long + 10)]
    await turn()
    refused = [task for task in tasks if task.done()]
    assert len(refused) == pytest.approx(8, abs=3)
    error = refused[0].exception()
    assert isinstance(error, ServerOverloaded)
    assert error.retry_after == 60, "clients obey no longer one"
    end.set()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_class_is_told_of_what_is_before_it() -> None:
    door, at, end = Admission(), endpoint(1), asyncio.Event()
    tasks = [asyncio.create_task(hold(door, at, Ticket(), [], "x", end))]
    await turn()
    flex = Ticket(tokens=256 * 500, tier=Tier.FLEX)
    tasks += [asyncio.create_task(hold(door, at, flex, [], "f", end)) for _ in range(admission.MAX_WAITING)]
    real_time = Ticket(tokens=256)
    tasks += [asyncio.create_task(hold(door, at, real_time, [], "r", end)) for _ in range(30)]
    await turn()
    with pytest.raises(ServerOverloaded) as caught:
        await door.enter(at, flex).__aenter__()
    assert caught.value.retry_after == 60
    async with asyncio.timeout(5):
        waiting = asyncio.create_task(hold(door, at, real_time, [], "r", end))
        await turn()
        end.set()
        await asyncio.gather(*tasks, waiting)
