"""The line to a client, played by hand, where no server stands in front of an exchange."""

from collections.abc import Callable


class PlayedLine:
    """Everything has to be sent as ASGI has it; `leave` is the client's."""

    def write(self, _data: bytes) -> bool:
        return False

    def when_left(self, then: Callable[[], None] | None) -> None:
        self._then = then

    def leave(self) -> None:
        assert self._then is not None
        self._then()
