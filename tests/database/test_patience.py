"""Nobody waits longer than asked, not even for the end of what was given up."""

import asyncio

import pytest

from penstock.database.patience import answered


class Stubborn:
    """Ends when it is let go, whatever is cancelled; as a thread does that hangs in a driver's call."""

    def __init__(self) -> None:
        self.let_go = asyncio.Event()
        self.begun = asyncio.Event()
        self.ended = asyncio.Event()

    async def ask(self) -> int:
        self.begun.set()
        try:
            await self.let_go.wait()
        except asyncio.CancelledError:
            await self.let_go.wait()
            raise ValueError("that is told to nobody") from None
        finally:
            self.ended.set()
        return 7


async def test_an_answer_is_given() -> None:
    stubborn = Stubborn()
    stubborn.let_go.set()
    assert await answered(stubborn.ask(), seconds=10) == 7


async def test_its_error_is_ours() -> None:
    async def fails() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await answered(fails(), seconds=10)


async def test_what_gives_no_answer_is_left_behind() -> None:
    stubborn = Stubborn()
    with pytest.raises(TimeoutError):
        await answered(stubborn.ask(), seconds=0.01)
    assert not stubborn.ended.is_set()
    stubborn.let_go.set()
    await stubborn.ended.wait()


async def test_whoever_leaves_takes_the_question_along() -> None:
    stubborn = Stubborn()
    waiting = asyncio.create_task(answered(stubborn.ask(), seconds=10))
    await stubborn.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    stubborn.let_go.set()
    await stubborn.ended.wait()
