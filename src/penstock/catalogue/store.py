"""Where model files lie: DATA/models/<id with / as -->/<file name>, with what is on its way in .partial beside it."""

import errno
import fcntl
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from penstock.catalogue.models import Model, folder_name
from penstock.catalogue.sources import FileSource, parse_source
from penstock.errors import OperatorError

_LOCK_POLL_SECONDS = 0.1


class PullStopped(OperatorError):
    """Somebody asked for the pull to end."""

    def __init__(self, model_id: str) -> None:
        super().__init__(f"The pull of {model_id} was stopped. `penstock models pull {model_id}` goes on with it.")


class ModelStore:
    """The model files below one folder, which is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder_of(self, model: Model) -> Path:
        return self.root / folder_name(model.id)

    def partial_of(self, model: Model) -> Path:
        """Where a download grows; on the same file system as its end, so that it lands by rename."""
        return self.folder_of(model) / ".partial"

    def path_of(self, model: Model) -> Path | None:
        """Where the file is, or will be; None for a model whose engine reads no file."""
        if not model.source:
            return None
        source = parse_source(model.source)
        return source.path if isinstance(source, FileSource) else self.folder_of(model) / model.file_name

    def others_of(self, model: Model) -> list[Path]:
        """Files of other models that may be the same as this model's, by their name and size."""
        own = self.path_of(model)
        found = self.root.glob(f"*/{model.file_name}")
        return [path for path in found if path != own and (not model.size_bytes or _size(path) == model.size_bytes)]

    def is_present(self, model: Model) -> bool:
        """Whether the whole file is there, by its size where the entry names one. True for a model without a file."""
        path = self.path_of(model)
        if path is None:
            return True
        size = _size(path)
        return size is not None and (not model.size_bytes or size == model.size_bytes)

    def bytes_on_disk(self, model: Model) -> int:
        """Bytes below the model's folder, unfinished downloads included; 0 for a file of the operator's own."""
        return sum(_size(path) or 0 for path in self.folder_of(model).rglob("*"))

    def remove(self, model: Model) -> int:
        """Delete the model's folder and give its bytes. A file of the operator's own (`file:`) is left alone.

        Raises OperatorError while somebody pulls the model.
        """
        if not self.folder_of(model).exists():
            return 0
        lock = self._open_lock(model)
        try:
            if not _try_lock(lock):
                raise OperatorError(f"{model.id} is being pulled. Stop that first, or wait for its end.")
            freed = self.bytes_on_disk(model)
            shutil.rmtree(self.folder_of(model))
            return freed
        finally:
            os.close(lock)

    @contextmanager
    def locked(self, model: Model, stop: threading.Event) -> Iterator[int]:
        """Be the only one, among all processes, who pulls this model; gives the lock's descriptor.

        Waits for whoever pulls it now. Raises PullStopped where `stop` is set while waiting.
        """
        lock = self._open_lock(model)
        try:
            while not _try_lock(lock):
                if stop.wait(_LOCK_POLL_SECONDS):
                    raise PullStopped(model.id)
            yield lock
        finally:
            os.close(lock)

    def _open_lock(self, model: Model) -> int:
        # The lock outlives the model's folder: deleting a locked file would let two pulls hold "the" lock.
        # It belongs to the content, where that is known: two entries of one file are not both to fetch it.
        folder = self.root / ".locks"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            return os.open(
                folder / (model.sha256 or folder_name(model.id)), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise OperatorError(
                f"{folder} cannot be written: {error.strerror}. Mend its permissions, or choose another --data-dir."
            ) from error


def require_space(folder: Path, needed: int, what: str) -> None:
    """Raise OperatorError where the file system of an existing folder has fewer than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OperatorError(
            f"{what} needs {megabytes(needed)} of disk below {folder}, which has {megabytes(free)} free: "
            f"{megabytes(needed - free)} are missing. Free them, or choose another --data-dir."
        )


def megabytes(count: int) -> str:
    """Bytes in words, in units of 1000."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _try_lock(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True


def _size(path: Path) -> int | None:
    """The size of a regular file; None for anything else."""
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None
