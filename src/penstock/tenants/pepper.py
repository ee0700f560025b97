"""The pepper: a secret beside the database, without which a copy of the database opens nothing."""

import os
import secrets
from pathlib import Path

from penstock.errors import OperatorError

_BYTES = 32


def load_pepper(data_dir: Path) -> bytes:
    """The pepper of a data folder, made at the first call (mode 0600). Raises OperatorError where it is unreadable.

    Written whole under another name and then linked: of two processes that make one at once, both get the same.
    """
    path = data_dir / "pepper"
    try:
        if not path.exists():
            _make(path)
        pepper = path.read_bytes()
    except OSError as error:
        raise OperatorError(
            f"{path} cannot be used: {error.strerror}. Choose another folder with --data-dir."
        ) from error
    if len(pepper) != _BYTES:
        raise OperatorError(f"{path} is damaged. Bring it back from a backup; without it no API key is valid.")
    return pepper


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"pepper.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(_BYTES))
        os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        pass  # another process was first; its pepper is the one
    finally:
        os.close(descriptor)
        draft.unlink()
