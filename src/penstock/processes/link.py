"""An API process's connection to the owner, made again whenever it is lost; until then whoever asks is refused."""

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from penstock.processes import messages as say
from penstock.processes.frames import Frames
from penstock.processes.refusals import error_of, owner_away

log = logging.getLogger(__name__)

_AGAIN_SECONDS = 0.1


class Link:
    """Asks, and hears what the owner says by itself."""

    def __init__(self, path: Path, *, process: str) -> None:
        """`process` is what this one is called in the owner's log."""
        self._path = path
        self._process = process
        self._frames: Frames[say.FromOwner] | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self._heard: dict[type, Callable[[Any], object]] = {}
        self._ended = asyncio.Event()
        self._ending = False
        self._on_lost: list[Callable[[], None]] = []

    def hear(self, kind: type, then: Callable[[Any], object]) -> None:
        """Call `then` with every message of this kind that answers nothing."""
        self._heard[kind] = then

    def when_lost(self, then: Callable[[], None]) -> None:
        """Call `then` whenever the owner is gone."""
        self._on_lost.append(then)

    def number(self) -> int:
        """The number of something new."""
        self._number += 1
        return self._number

    def tell(self, message: say.Message) -> None:
        """Where nobody hears it, nothing holds any more what it would be about."""
        if self._frames is not None:
            self._frames.tell(message)

    def ask(self, n: int, message: say.Message) -> asyncio.Future[Any]:
        """The answer to thing `n`, to be awaited. Raises Unavailable, and what the owner refuses it with."""
        if self._frames is None:
            raise owner_away()
        answer = self._asked[n] = asyncio.get_running_loop().create_future()
        self._frames.tell(message)
        return answer

    async def run(self) -> None:
        """Keep the connection until cancelled."""
        try:
            while True:
                with suppress(OSError):
                    await self._once()
                await asyncio.sleep(_AGAIN_SECONDS)
        finally:
            self._ending = True
            if self._frames is not None:
                self._frames.close()

    async def _once(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended.clear()
        kind = Frames[say.FromOwner]
        _, frames = await loop.create_unix_connection(
            lambda: kind(say.FromOwner, took=self._take, lost=self._lost), str(self._path)
        )
        self._frames = frames
        frames.tell(say.Hello(self._process, os.getpid()))
        await self._ended.wait()

    def _take(self, message: say.FromOwner) -> None:
        if isinstance(message, say.Admitted | say.Entered | say.Taken | say.Refused):
            answer = self._asked.pop(message.n, None)
            if answer is None or answer.done():  # who asked has left
                return
            if isinstance(message, say.Refused):
                answer.set_exception(Refusal(message))
            else:
                answer.set_result(message)
        else:
            self._heard[type(message)](message)

    def _lost(self) -> None:
        if not self._ending:
            log.warning("the owner is gone")
        self._frames = None
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            if not answer.done():
                answer.set_exception(owner_away())
        for then in self._on_lost:
            then()
        self._ended.set()


class Refusal(Exception):
    """The owner refused; `told` is how."""

    def __init__(self, told: say.Refused) -> None:
        super().__init__(told.message)
        self.told = told
        self.error = error_of(told)
