"""What a server that was killed leaves of bodies that it was writing into a folder: a file `NAME#1` for each."""

import fcntl
import logging
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import IO

from penstock.errors import OperatorError

log = logging.getLogger(__name__)

LOCK_NAME = ".in-use"
ABANDONED_SECONDS = 86_400.0
"""A body that is on its way grows more often than this."""

_PART = re.compile(r"file-[0-9a-f]{24}#[0-9]+")


class Staging:
    """The parts of bodies in one folder, which several servers may have."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None

    def take(self) -> None:
        """Remove what is left over, and say to others that the folder is in use. May block. Raises OperatorError."""
        try:
            self._lock = (self._folder / LOCK_NAME).open("wb")
            self.clear(older_than=None if self._alone() else time.time() - ABANDONED_SECONDS)
            with suppress(OSError):
                fcntl.flock(self._lock, fcntl.LOCK_SH)
        except OSError as error:
            raise OperatorError(f"{self._folder} cannot be used: {error.strerror}.") from error

    def _alone(self) -> bool:
        """Whether no other server has the folder; on a file system without locks that is not known."""
        assert self._lock is not None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def clear(self, *, older_than: float | None = None) -> None:
        """Remove the parts that nobody wrote to since `older_than`, in seconds since 1970; None: all. May block."""
        removed = 0
        for path in self._folder.glob("??/file-*#*"):
            with suppress(FileNotFoundError):
                if _PART.fullmatch(path.name) and (older_than is None or path.stat().st_mtime < older_than):
                    path.unlink()
                    removed += 1
        if removed:
            log.warning("%d files that were not uploaded to their end have been removed", removed)

    def release(self) -> None:
        """The folder is not in use by this server any more."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
