"""One line of a batch's input, found again after the batch."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

from penstock.batches.batches import Batches
from penstock.batches.files import Files
from penstock.batches.lines import LineSplitter, Span
from penstock.errors import NotFound


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
        splitter = LineSplitter()
        async with self._turn, aclosing(self._files.read(file)) as parts:
            async for part in parts:
                found = await asyncio.to_thread(_find, splitter.feed(part), number)
                if found is not None:
                    break
            else:
                found = _find(splitter.finish(), number)
        if found is None or found.number != number or found.text is None:
            raise NotFound("The input of this batch has no such line.")
        return found.text


def _find(spans: Iterator[Span], number: int) -> Span | None:
    """The line with this number, or the first one behind it."""
    return next((span for span in spans if span.number >= number), None)
