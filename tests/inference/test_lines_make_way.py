"""Lines of batches at the door: where they enter, and how they go."""

import asyncio

import pytest
from admitted import endpoint, hold, turn

from penstock.errors import PutBack
from penstock.inference import admission
from penstock.inference.admission import Admission
from penstock.inference.ticket import Ticket, Tier

LINE = Ticket("batch", tier=Tier.BATCH)
FLEX = Ticket("flex", tier=Tier.FLEX)
REAL_TIME = Ticket("somebody")


@pytest.mark.parametrize("slots", [2, 4, 16])
async def test_lines_leave_a_reserve_free(slots: int) -> None:
    door, at, end = Admission(), endpoint(slots), asyncio.Event()
    lines = [asyncio.create_task(hold(door, at, LINE, [], "line", end)) for _ in range(20)]
    await turn()
    alone = door.load(at).alone
    assert alone < slots
    assert (door.load(at).lines, door.load(at).waiting) == (alone, (0, 0, 20 - alone))
    end.set()
    await asyncio.gather(*lines)
    assert door.load(at).busy == 0


async def test_one_line_always_runs_on_an_engine_with_nothing_else_to_do() -> None:
    door = Admission()
    for at, places in ((endpoint(1), 1), (endpoint(4), 4)):
        end = asyncio.Event()
        line = asyncio.create_task(hold(door, at, Ticket(places=places, tier=Tier.BATCH), [], "line", end))
        await turn()
        assert door.load(at).lines == places
        end.set()
        await line


@pytest.mark.parametrize("who", [REAL_TIME, FLEX])
async def test_running_lines_are_put_back_when_somebody_comes(who: Ticket) -> None:
    door, at, end = Admission(), endpoint(4), asyncio.Event()
    log: list[str] = []
    lines = [asyncio.create_task(hold(door, at, LINE, log, "line", end)) for _ in range(4)]
    await turn()
    assert log == ["line"] * 3
    somebody = asyncio.create_task(hold(door, at, who, log, "somebody", end))
    await turn()
    assert log == ["line"] * 3 + ["somebody"]
    for line in lines[:3]:
        with pytest.raises(PutBack):
            await line
        assert not line.cancelling()
    assert not lines[3].done(), "a line that waits goes on waiting"
    assert door.load(at).lines == 0
    end.set()
    await asyncio.gather(somebody, lines[3])
    assert log[-1] == "line"


async def test_who_needs_every_slot_gets_them_from_lines() -> None:
    door, at, end = Admission(), endpoint(4), asyncio.Event()
    log: list[str] = []
    lines = [asyncio.create_task(hold(door, at, LINE, log, "line", end)) for _ in range(3)]
    await turn()
    wide = asyncio.create_task(hold(door, at, Ticket(places=4), log, "wide", end))
    await turn()
    assert log == ["line"] * 3 + ["wide"]
    end.set()
    results = await asyncio.gather(*lines, wide, return_exceptions=True)
    assert [type(result) for result in results] == [PutBack] * 3 + [type(None)]


async def test_no_line_enters_while_others_wait_or_run() -> None:
    door, at, end = Admission(), endpoint(4), asyncio.Event()
    log: list[str] = []
    running = asyncio.create_task(hold(door, at, REAL_TIME, log, "real time", end))
    await turn()
    line = asyncio.create_task(hold(door, at, LINE, log, "line", end))
    await turn()
    assert log == ["real time"]
    end.set()
    await asyncio.gather(running, line)
    assert log == ["real time", "line"]


async def test_the_classes_go_in_strict_order() -> None:
    door, at, ends = Admission(), endpoint(1), {name: asyncio.Event() for name in "abcdef"}
    log: list[str] = []
    tasks = [asyncio.create_task(hold(door, at, REAL_TIME, log, "a", ends["a"]))]
    await turn()
    for name, ticket in (("b", LINE), ("c", FLEX), ("d", FLEX), ("e", REAL_TIME)):
        tasks.append(asyncio.create_task(hold(door, at, ticket, log, name, ends[name])))
        await turn()
    for end in ends.values():
        end.set()
    await asyncio.gather(*tasks)
    assert log == ["a", "e", "c", "d", "b"]


async def test_a_line_whose_turn_comes_together_with_somebody_else_makes_way_before_it_began() -> None:
    door, at, end, first = Admission(), endpoint(1), asyncio.Event(), asyncio.Event()
    log: list[str] = []
    running = asyncio.create_task(hold(door, at, REAL_TIME, log, "first", first))
    await turn()
    line = asyncio.create_task(hold(door, at, LINE, log, "line", end))
    await turn()
    place = door.enter(at, REAL_TIME)
    first.set()
    while door.load(at).lines == 0:  # the turn has been given, and its task has not run since
        await asyncio.sleep(0)
    await place.__aenter__()
    with pytest.raises(PutBack):
        await line
    assert "line" not in log
    await place.__aexit__(None, None, None)
    await running
    assert door.load(at).busy == 0


async def test_a_line_that_is_cancelled_while_it_makes_way_is_cancelled() -> None:
    door, at, end = Admission(), endpoint(2), asyncio.Event()
    line = asyncio.create_task(hold(door, at, LINE, [], "line", end))
    await turn()
    place = door.enter(at, REAL_TIME)
    await place.__aenter__()
    line.cancel()
    with pytest.raises(asyncio.CancelledError):
        await line
    await place.__aexit__(None, None, None)
    assert door.load(at).busy == 0


async def test_a_line_that_is_done_in_the_very_moment_stays_done() -> None:
    door, at = Admission(), endpoint(2)
    done = asyncio.Event()

    async def line() -> str:
        async with door.enter(at, LINE):
            try:
                await done.wait()
            except asyncio.CancelledError:
                return "done all the same"
        return "done"

    running = asyncio.create_task(line())
    await turn()
    async with door.enter(at, REAL_TIME):
        assert await running == "done all the same"
        assert not running.cancelling()


async def test_an_engine_that_cannot_stop_finishes_its_lines() -> None:
    door, at, end = Admission(), endpoint(2, stops=False), asyncio.Event()
    line = asyncio.create_task(hold(door, at, LINE, [], "line", end))
    await turn()
    async with door.enter(at, REAL_TIME):
        await turn()
        assert not line.done()
    end.set()
    await line


async def test_a_line_that_made_way_often_enough_stays_until_it_is_done() -> None:
    door, at, end = Admission(), endpoint(4), asyncio.Event()
    stubborn = Ticket("batch", tier=Tier.BATCH, put_backs=admission.MOST_PUT_BACKS)
    lines = [asyncio.create_task(hold(door, at, stubborn, [], "line", end)) for _ in range(2)]
    await turn()
    async with door.enter(at, REAL_TIME):
        await turn()
        assert [line.done() for line in lines] == [False, True], "one at a time"
    end.set()
    results = await asyncio.gather(*lines, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), PutBack]


@pytest.mark.parametrize("stage", ["waiting", "running"])
async def test_a_line_that_is_cancelled_leaves_nothing_behind(stage: str) -> None:
    door, at, end = Admission(), endpoint(1), asyncio.Event()
    held = REAL_TIME if stage == "waiting" else LINE
    first = asyncio.create_task(hold(door, at, held, [], "first", end))
    await turn()
    line = asyncio.create_task(hold(door, at, LINE, [], "line", end))
    await turn()
    gone = line if stage == "waiting" else first
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    end.set()
    await asyncio.gather(first, line, return_exceptions=True)
    assert (door.load(at).busy, door.load(at).waiting) == (0, (0, 0, 0))
