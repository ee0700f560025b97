"""One line of a batch's input, found again after the batch."""

import asyncio

import msgspec

from penstock.batches.batches import Batches
from penstock.batches.files import Files
from penstock.batches.find_line import find_line
from penstock.batches.lines import Span
from penstock.errors import NotFound


class _Named(msgspec.Struct):
    custom_id: str


class InputLines:
    """Finds lines, one at a time: a file is read up to the line."""

    def __init__(self, batches: Batches, files: Files) -> None:
        self._batches = batches
        self._files = files
        self._turn = asyncio.Semaphore(1)

    async def get(self, account_id: str, batch_id: str, number: int) -> bytes:
        """The text of a line; they count from 1, blank ones too. Raises NotFound or StorageAway."""
        batch = await self._batches.get(account_id, batch_id)
        file = await self._files.get(account_id, batch.input_file_id)
        async with self._turn:
            found = await find_line(self._files, file, lambda span: span.number >= number)
        if found is None or found.number != number or found.text is None:
            raise NotFound("The input of this batch has no such line.")
        return found.text

    async def number_of(self, account_id: str, batch_id: str, custom_id: str) -> int:
        """The number of the first line with this custom_id. Raises NotFound or StorageAway."""
        batch = await self._batches.get(account_id, batch_id)
        file = await self._files.get(account_id, batch.input_file_id)
        async with self._turn:
            found = await find_line(self._files, file, lambda span: _custom_id(span) == custom_id)
        if found is None:
            raise NotFound("No line of this batch's input has this custom_id.")
        return found.number


def _custom_id(span: Span) -> str | None:
    if span.text is None:
        return None
    try:
        return msgspec.json.decode(span.text, type=_Named).custom_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # such lines are told of by the batch's errors
        return None
