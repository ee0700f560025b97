"""One line of a file, looked for from its beginning: files are larger than memory, and there is no index of lines."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import aclosing

from penstock.batches.file import File
from penstock.batches.files import Files
from penstock.batches.lines import LineSplitter, Span


async def find_line(files: Files, file: File, wanted: Callable[[Span], bool]) -> Span | None:
    """The first line that `wanted` says yes to, asked in a thread; None where there is none. Raises StorageAway."""
    splitter = LineSplitter()
    async with aclosing(files.read(file)) as parts:
        async for part in parts:
            found = await asyncio.to_thread(_first, splitter.feed(part), wanted)
            if found is not None:
                return found
    return _first(splitter.finish(), wanted)


def _first(spans: Iterator[Span], wanted: Callable[[Span], bool]) -> Span | None:
    return next((span for span in spans if wanted(span)), None)
