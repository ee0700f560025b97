"""The ids of completions: what kind they are of, and a random UUID (RFC 9562, version 4)."""

import os
from collections.abc import Iterator

_AT_ONCE = 64


def completion_ids(kind: str) -> Iterator[str]:
    """Id after id, without an end. To be made in the process that uses it: two that share one have the same ids."""
    while True:
        # The system is asked for many at once: it is the asking that costs.
        drawn = os.urandom(16 * _AT_ONCE).hex()
        for at in range(0, len(drawn), 32):
            one = drawn[at : at + 32]
            variant = "89ab"[int(one[16], 16) & 3]
            yield f"{kind}-{one[:8]}-{one[8:12]}-4{one[13:16]}-{variant}{one[17:20]}-{one[20:]}"
