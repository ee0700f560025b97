"""The ids of batches, and of what belongs to them."""

import secrets


def new_batch_id() -> str:
    """An id that nobody guesses."""
    return f"batch_{secrets.token_hex(12)}"


def line_id(batch_id: str, line: int) -> str:
    """What a line is called in the output."""
    return f"batch_req_{batch_id.removeprefix('batch_')}_{line}"


def request_id(batch_id: str, line: int) -> str:
    """The id of the one request that a line is, however often it is tried: the ledger has it once."""
    return f"req_{batch_id.removeprefix('batch_')}_{line}"


def line_of(request_id: str) -> int:
    """The number of the line that the request with this id is."""
    return int(request_id.rpartition("_")[2])
