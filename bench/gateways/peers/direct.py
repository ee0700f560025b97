"""The bare mock: what all others are compared with."""

from collections.abc import Iterator
from contextlib import contextmanager

from gateways.peer import Running


class Direct:
    """No gateway: the mock's own port."""

    name = "direct"
    title = "no gateway"

    def install(self) -> str:
        return ""

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        yield Running(mock_port)
