"""One file of the spool: lines are added at its end and taken from its beginning."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

_MOST_READ = 1 << 20


class Segment:
    """An open file that this process holds the lock of. Offsets are bytes from its beginning.

    The lock ends with the process, however that ends: a file that can be locked is one whose process is gone.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self.taken = 0
        """Up to here everything is in the database."""
        self.synced = 0
        """Up to here everything is on the disk."""
        self.listed = False
        """Whether its folder, as it is on the disk, has it."""
        self.seen = 0
        """How large it was when somebody looked whether it needs to be synced."""
        self.sound = True
        """Whether more may be added to it."""

    @classmethod
    def create(cls, path: Path) -> "Segment":
        """A new file. Raises OSError, and BlockingIOError where another process has taken it for a dead one's."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        return cls._locked(path, descriptor)

    @classmethod
    def adopt(cls, path: Path) -> "Segment":
        """The file of a dead process. Raises BlockingIOError where that lives, FileNotFoundError where it is gone."""
        return cls._locked(path, os.open(path, os.O_RDWR | os.O_APPEND))

    @classmethod
    def _locked(cls, path: Path, descriptor: int) -> "Segment":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink == 0:
                raise BlockingIOError(f"{path} was taken away by another process")
        except OSError:
            os.close(descriptor)
            raise
        return cls(path, descriptor)

    @property
    def waiting(self) -> int:
        """Bytes that are not in the database yet."""
        return self.size - self.taken

    def append(self, line: bytes) -> None:
        """Hand a whole line to the operating system. Raises OSError where there is no room for all of it."""
        written = os.write(self.descriptor, line)
        if written < len(line):
            self._take_back()
            raise OSError("there is no room for a whole line")
        self.size += written

    def _take_back(self) -> None:
        try:
            os.ftruncate(self.descriptor, self.size)
        except OSError:
            # The part stays as a last line that is torn, which readers pass over; so nothing may come after it.
            self.size = os.fstat(self.descriptor).st_size
            self.sound = False

    def lines(self, limit: int) -> list[bytes]:
        """The next lines, `limit` at most, with their ends; the last one of the file may have none. Raises OSError."""
        data = os.pread(self.descriptor, min(self.waiting, _MOST_READ), self.taken)
        lines = data.split(b"\n", limit)
        rest = lines.pop()
        lines = [line + b"\n" for line in lines]
        if len(data) == self.waiting and rest and len(lines) < limit:
            lines.append(rest)  # torn: nothing comes after it any more
        return lines or [data]

    def take(self, size: int) -> None:
        """So many bytes more are in the database. What is all there leaves no bytes behind."""
        self.taken += size
        if self.waiting == 0:
            with suppress(OSError):
                os.ftruncate(self.descriptor, 0)
                self.size = self.taken = self.synced = self.seen = 0

    def remove(self) -> None:
        """Delete the file."""
        with suppress(OSError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let go of the file; what is in it is for the next process."""
        os.close(self.descriptor)
