"""What an API process tells of limits that another process counts."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from limited import caller_of

from penstock.errors import RateLimited, Unavailable
from penstock.processes import messages as say
from penstock.processes.asked_limits import AskedLimits, standing_of
from penstock.processes.frames import Frames
from penstock.processes.link import Link
from penstock.processes.refusals import refused
from penstock.tenants.caller import Caller
from penstock.tenants.limits import NO_LIMIT, Standing, Used, Worst

LEFT = [say.Left(0, 60, 59, 60.0), say.Left(2, 1000, 900, 60.0), say.Left(3, 500, 400, 60.0)]


class Owner:
    """Plays the other side, and keeps what it was told."""

    def __init__(self, answer: Callable[[Any], say.Message | None]) -> None:
        self.heard: list[Any] = []
        self._answer = answer

    def guest(self) -> Frames[say.FromProcess]:
        def took(message: Any) -> None:
            self.heard.append(message)
            if (answer := self._answer(message)) is not None:
                frames.tell(answer)

        frames = Frames[say.FromProcess](say.FromProcess, took=took, lost=lambda: None)
        return frames

    async def told(self, kind: type) -> Any:
        async with asyncio.timeout(5):
            while not (found := [each for each in self.heard if isinstance(each, kind)]):
                await asyncio.sleep(0.001)
        return found


def with_owner(folder: Path, owner: Owner, check: Callable[[AskedLimits], Any]) -> None:
    async def run() -> None:
        path = str(folder / "owner.sock")
        server = await asyncio.get_running_loop().create_unix_server(owner.guest, path)
        link = Link(Path(path), process="api 1")
        running = asyncio.create_task(link.run())
        await owner.told(say.Hello)
        await check(AskedLimits(link))
        running.cancel()
        await asyncio.wait({running})
        server.close()

    asyncio.run(run())


def admitting(message: Any) -> say.Message | None:
    if isinstance(message, say.Admit):
        return say.Admitted(message.n, [say.Left(*[getattr(each, f) for f in each.__struct_fields__]) for each in LEFT])
    return None


def test_a_grant_tells_what_it_gave_back(tmp_path: Path) -> None:
    owner = Owner(admitting)

    async def check(limits: AskedLimits) -> None:
        caller = caller_of(requests_per_minute=60)
        assert limits.standing(caller).requests.remaining == 60, "nothing was heard yet"
        grant = await limits.admit(caller, "m", Worst(100, 100))
        assert remaining(grant.standing()) == (59, 400)
        grant.settle(Used(40, 30))
        grant.settle(None)  # the first word holds
        assert remaining(grant.standing()) == (59, 470)
        assert remaining(limits.standing(caller)) == (59, 470)
        await limits.admit(caller, "m", Worst(1, 1))
        (settled,) = await owner.told(say.Settle)
        assert settled.used == Used(40, 30)
        assert len(await owner.told(say.Known)) == 1, "a caller is told once"
        await limits.admit(Caller("acct", "key", ""), "m", Worst(1, 1))
        assert [known.ref for known in await owner.told(say.Known)] == [1, 1], "and again when it has changed"

    with_owner(tmp_path, owner, check)


def test_a_refusal_tells_where_its_caller_stands(tmp_path: Path) -> None:
    error = RateLimited("Too many.", limit="requests_per_minute", retry_after=3.5)

    def refusing(message: Any) -> say.Message | None:
        return refused(message.n, error, [say.Left(0, 60, -1, 12.0)]) if isinstance(message, say.Admit) else None

    async def check(limits: AskedLimits) -> None:
        caller = caller_of(requests_per_minute=60)
        with pytest.raises(RateLimited) as raised:
            await limits.admit(caller, "m", Worst(1, 1))
        assert (raised.value.limit, raised.value.retry_after) == ("requests_per_minute", 3.5)
        assert limits.standing(caller, "m").requests.remaining == 0

    with_owner(tmp_path, Owner(refusing), check)


def test_who_leaves_while_it_asks_gives_back(tmp_path: Path) -> None:
    owner = Owner(lambda _: None)

    async def check(limits: AskedLimits) -> None:
        asking = asyncio.create_task(limits.admit(caller_of(), "m", Worst(1, 1)))
        (asked,) = await owner.told(say.Admit)
        asking.cancel()
        await asyncio.wait({asking})
        (settled,) = await owner.told(say.Settle)
        assert (settled.n, settled.used) == (asked.n, None)

    with_owner(tmp_path, owner, check)


def test_without_an_owner_nobody_is_admitted(tmp_path: Path) -> None:
    async def check() -> None:
        limits = AskedLimits(Link(tmp_path / "nobody.sock", process="api 1"))
        with pytest.raises(Unavailable):
            await limits.admit(caller_of(), "m", Worst(1, 1))

    asyncio.run(check())


def test_what_was_heard_grows_old() -> None:
    assert remaining(standing_of(LEFT, 0.0)) == (59, 400)
    assert standing_of(LEFT, 20.0).tokens.reset_seconds == 40.0
    assert remaining(standing_of(LEFT, 60.0)) == (60, 500)
    assert remaining(standing_of([], 0.0)) == (NO_LIMIT, NO_LIMIT)


def remaining(standing: Standing) -> tuple[int, int]:
    return standing.requests.remaining, standing.tokens.remaining
