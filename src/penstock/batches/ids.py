"""The ids of files and batches, and of what belongs to them."""

import secrets


def new_file_id() -> str:
    """An id that nobody guesses."""
    return f"file-{secrets.token_hex(12)}"


def new_batch_id() -> str:
    """The same for a batch."""
    return f"batch_{secrets.token_hex(12)}"


def blob_name(file_id: str) -> str:
    """Where the store has the body of a file: in one of 256 folders, so that none is too large to list."""
    return f"{file_id.removeprefix('file-')[:2]}/{file_id}"


def line_id(batch_id: str, line: int) -> str:
    """What a line is called in the output."""
    return f"batch_req_{batch_id.removeprefix('batch_')}_{line}"


def request_id(batch_id: str, line: int) -> str:
    """The id of the one request that a line is, however often it is tried: the ledger has it once."""
    return f"req_{batch_id.removeprefix('batch_')}_{line}"
