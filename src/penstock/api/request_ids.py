"""The ids of requests: `req_` and 32 hexadecimal digits."""

import os
import time
from collections.abc import Iterator

_BYTES = 10
_AT_ONCE = 64


def request_ids() -> Iterator[str]:
    """Id after id, without an end. To be made in the process that uses it: two that share one have the same ids.

    Nobody can guess an id. It begins with the time in milliseconds: it is the key of the ledger's rows, and what a
    group of rows has side by side in an index costs half of what lies all over it.
    """
    while True:
        # The system is asked for many at once: it is the asking that costs.
        drawn = os.urandom(_BYTES * _AT_ONCE).hex()
        for at in range(0, len(drawn), 2 * _BYTES):
            yield f"req_{time.time_ns() // 1_000_000:012x}{drawn[at : at + 2 * _BYTES]}"
