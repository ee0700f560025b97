"""Heads that were read a moment ago: a client sends the same one again and again, but for the length of its body."""

from penstock.api.transport.bounds import Bounds
from penstock.api.transport.head import Head, parse_head

_LENGTHS = (b"\r\nContent-Length: ", b"\r\ncontent-length: ")
"""As clients write it; what is written in another way is read each time anew."""
_LONGEST_LENGTH = 15
_MOST = 256
_LARGEST_BYTES = 2 << 10


Key = bytes | tuple[bytes, bytes, bytes]


class Heads:
    """Reads heads, and keeps what it read until `forget`. They have secrets in them, so that should be soon.

    A head is looked up by the hash of all its bytes but the digits of a Content-Length. Hence no time that it takes
    tells how much of it is like another one.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._known: dict[Key, Head] = {}

    def forget(self) -> None:
        """Keep nothing of what was read so far."""
        self._known.clear()

    def read(self, raw: bytes) -> Head:
        """As parse_head, and with the same errors."""
        key, digits = _without_length(raw)
        known = self._known.get(key)
        if known is None:
            return self._read_anew(raw, key)
        return known if digits is None else known.with_length(digits)

    def _read_anew(self, raw: bytes, key: Key) -> Head:
        head = parse_head(raw, self._bounds)
        if len(raw) <= _LARGEST_BYTES:
            if len(self._known) >= _MOST:
                self.forget()
            self._known[key] = head
        return head


def _without_length(raw: bytes) -> tuple[Key, bytes | None]:
    """What is before and after the digits of a Content-Length, and these; without plain digits the head, and None.

    A head in three parts is never taken for a whole one, whatever either has in it.
    """
    for name in _LENGTHS:
        before, found, rest = raw.partition(name)
        if found:
            digits, _, after = rest.partition(b"\r\n")
            if digits.isdigit() and len(digits) <= _LONGEST_LENGTH:
                return (before, found, after), digits
    return raw, None
