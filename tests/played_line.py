"""The line to a client, played by hand, where no server stands in front of an exchange."""

import asyncio
from collections.abc import Callable


class PlayedLine:
    """Everything has to be sent as ASGI has it; `leave` is the client's. Made in the task that answers."""

    def __init__(self) -> None:
        self.task: asyncio.Task[None] | None = asyncio.current_task()

    def whole_body(self) -> bytes | None:
        return None

    def add(self, _lines: bytes) -> None:
        """Nobody looks at headers here."""

    def begin(self, _status: int, _lines: bytes, *, length: int | None = None) -> None:
        """Nobody looks at the head here."""

    def write(self, _data: bytes) -> bool:
        return False

    def end(self, _data: bytes) -> bool:
        return False

    def answer(self, _status: int, _lines: bytes, _body: bytes) -> bool:
        return False

    def when_left(self, then: Callable[[], None] | None) -> None:
        self._then = then

    def leave(self) -> None:
        assert self._then is not None
        self._then()
