"""The spool: usage on its way to the database, in files that outlive the process.

A row that was appended is with the operating system when `append` returns, so killing this process loses none. `sync`
brings rows to the disk that the database has not taken in the meantime; a power failure loses what came since.
"""

import asyncio
import logging
import os
import secrets
from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from penstock.errors import OperatorError
from penstock.tenants.segment import Segment
from penstock.tenants.usage import UsageRecord, decode_line, encode_line

log = logging.getLogger(__name__)

_SUFFIX = ".usage"


@dataclass(frozen=True)
class Batch:
    """Rows that are next for the database, and the bytes and lines that they are in the spool."""

    rows: list[UsageRecord]
    segment: Segment | None
    """None: they wait in memory."""
    lines: int
    size: int


class Spool:
    """Rows in the order in which they came, as far as one process has written them.

    Where no file can be written rows wait in memory, and go into a file as soon as there is room. The rows of the file
    that is written to are kept beside it as long as they are few: as a rule the database takes them a moment later, and
    no line is read again.
    """

    def __init__(
        self,
        folder: Path,
        *,
        most_bytes: int = 128 << 20,
        most_in_memory: int = 20_000,
        most_kept: int = 2_000,
        segment_bytes: int = 8 << 20,
    ) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._most_in_memory = most_in_memory
        self._most_kept = most_kept
        self._segment_bytes = segment_bytes
        self._segments: deque[Segment] = deque()
        self._current: Segment | None = None
        self._memory: deque[tuple[UsageRecord, bytes]] = deque()
        self._kept: deque[tuple[UsageRecord, int]] = deque()
        """All rows of `_kept_of` that wait, with the sizes of their lines."""
        self._kept_of: Segment | None = None
        self.rows = 0
        """Rows that are not in the database yet."""

    def open(self) -> None:
        """Make the folder, and take over the files of processes that are gone. Raises OperatorError."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
                self._adopt(path)
        except OSError as error:
            raise OperatorError(f"{self._folder} cannot be used: {error.strerror}.") from error
        if self.rows:
            log.warning("%d rows of usage of an earlier run are written now", self.rows)

    def _adopt(self, path: Path) -> None:
        try:
            segment = Segment.adopt(path)
        except (BlockingIOError, FileNotFoundError):  # its process lives, or another one was faster
            return
        found = _count_lines(path)
        if found:
            self._segments.append(segment)
            self.rows += found
        else:
            segment.remove()

    @property
    def full(self) -> bool:
        """Whether no further request should begin. Those that have begun are recorded all the same."""
        on_disk = 0
        for segment in self._segments:  # asked before each request: a sum of a generator takes five times as long
            on_disk += segment.size - segment.taken
        return on_disk >= self._most_bytes or len(self._memory) >= self._most_in_memory

    @property
    def _waits(self) -> bool:
        return bool(self._memory) or any(segment.waiting for segment in self._segments)

    def append(self, row: UsageRecord) -> None:
        """Keep a row. Raises ValueError for one that cannot be written down at all."""
        line = encode_line(row)
        self.rows += 1
        if not self._memory:
            try:
                self._write(row, line)
            except OSError as error:
                log.error("usage cannot be spooled and waits in memory: %s", error)  # noqa: TRY400  # the line says it
            else:
                return
        self._memory.append((row, line))

    def _write(self, row: UsageRecord, line: bytes) -> None:
        if self._current is None:
            path = self._folder / f"{os.getpid()}-{secrets.token_hex(8)}{_SUFFIX}"
            self._current = Segment.create(path)
            self._segments.append(self._current)
        try:
            self._current.append(line)
            self._keep(self._current, row, len(line))
        finally:
            if self._current.size >= self._segment_bytes or not self._current.sound:
                self._current = None

    def _keep(self, segment: Segment, row: UsageRecord, size: int) -> None:
        if segment.size == size:  # nothing is before it
            self._kept.clear()
            self._kept_of = segment
        if segment is self._kept_of:
            self._kept.append((row, size))
            if len(self._kept) > self._most_kept:
                self._kept.clear()
                self._kept_of = None

    def peek(self, limit: int) -> Batch | None:
        """The next rows for the database, `limit` at most; None when there are none. Raises OSError."""
        for segment in self._segments:
            if segment.waiting:
                return self._first_of(segment, limit)
        rows = [row for row, _ in islice(self._memory, limit)]
        return Batch(rows, None, len(rows), 0) if rows else None

    def _first_of(self, segment: Segment, limit: int) -> Batch:
        if segment is self._kept_of and self._kept:  # there are none where a line was torn as it was written
            kept = [*islice(self._kept, limit)]
            return Batch([row for row, _ in kept], segment, len(kept), sum([size for _, size in kept]))
        lines = segment.lines(limit)
        return Batch(_read(lines, segment.path.name), segment, len(lines), sum(map(len, lines)))

    def remove(self, batch: Batch) -> None:
        """These rows are in the database."""
        if batch.segment is None:
            for _ in range(batch.lines):
                self._memory.popleft()
        else:
            self._take(batch.segment, batch)
        # A damaged file may have other lines than it seemed to have.
        self.rows = max(1, self.rows - batch.lines) if self._waits else 0

    def _take(self, segment: Segment, batch: Batch) -> None:
        segment.take(batch.size)
        if segment is self._kept_of and self._kept:
            for _ in range(batch.lines):
                self._kept.popleft()
        if not segment.waiting and segment is not self._current:
            self._segments.remove(segment)
            segment.remove()

    async def sync(self) -> None:
        """Bring to the disk what was there at the last call and waits yet, and to a file what waits in memory.

        What the database has taken by the next call needs no sync, and that is nearly all.
        """
        self._empty_memory()
        for segment in list(self._segments):
            if max(segment.taken, segment.synced) < segment.seen:
                await self._to_disk(segment)
            segment.seen = segment.size

    def _empty_memory(self) -> None:
        while self._memory:
            try:
                self._write(*self._memory[0])
            except OSError:
                return
            self._memory.popleft()

    async def _to_disk(self, segment: Segment) -> None:
        size = segment.size
        descriptor = os.dup(segment.descriptor)  # the file may be closed meanwhile
        try:
            await asyncio.to_thread(_fsync, descriptor, None if segment.listed else self._folder)
        except OSError as error:
            log.warning("the spool of usage cannot be brought to the disk: %s", error)
        else:
            segment.listed = True
            segment.synced = min(size, segment.size)
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Let go of the files; those with rows are for the next process."""
        if self._memory:
            log.error("%d rows of usage are lost: there was no room to write them", len(self._memory))
        for segment in self._segments:
            if segment.waiting:
                segment.close()
            else:
                segment.remove()
        self._segments.clear()
        self._current = None


def _fsync(descriptor: int, folder: Path | None) -> None:
    os.fsync(descriptor)
    if folder is None:
        return
    inside = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(inside)  # a new file is not there after a power failure unless its folder says so
    finally:
        os.close(inside)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _read(lines: list[bytes], where: str) -> list[UsageRecord]:
    rows = []
    for line in lines:
        try:
            rows.append(decode_line(line.strip(b"\n\0")))
        except ValueError as error:
            what = "its last line was cut off" if not line.endswith(b"\n") else f"a line cannot be read: {error}"
            log.error("usage is lost from the spool's %s: %s", where, what)  # noqa: TRY400
    return rows
