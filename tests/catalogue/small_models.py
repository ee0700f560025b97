"""Small files, wheels and entries for the tests of the catalogue."""

import base64
import hashlib
import random
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from running_server import command_line

from penstock.catalogue.models import Model, load_catalogue
from penstock.catalogue.pull import Progress, pull
from penstock.catalogue.store import ModelStore
from penstock.errors import OperatorError

GGUF = b"GGUF" + random.Random(7).randbytes(800_000)
"""It begins as a GGUF file does, does not compress, and is large enough for pip to tell its progress."""

_PULL = """
import sys, threading
from pathlib import Path
from penstock.catalogue.models import load_catalogue
from penstock.catalogue.pull import pull
from penstock.catalogue.store import ModelStore

entry = {"id": "test/tiny", "engine": "llama_cpp", "source": sys.argv[1], "context_length": 512}
model = load_catalogue([entry], {}).get("test/tiny")
pull(model, ModelStore(Path(sys.argv[2])), progress=lambda progress: None, stop=threading.Event())
"""


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def entry(source: str, **changes: Any) -> Model:
    """The entry `test/tiny` with this source."""
    given = {"id": "test/tiny", "engine": "llama_cpp", "source": source, "context_length": 512, **changes}
    return load_catalogue([given], {}).get(given["id"])


def tiny(**changes: Any) -> Model:
    """The entry of the model in the wheel that `write_wheel` makes."""
    return entry("pypi:tiny-model==1.0", **{"file": "tiny_model/tiny.gguf", "sha256": sha256(GGUF), **changes})


def write_wheel(
    folder: Path, members: dict[str, bytes] | None = None, *, name: str = "tiny_model", version: str = "1.0"
) -> Path:
    """A wheel that pip takes: version 1.0 of tiny-model. Others are not compressed, for they may be large."""
    packed = zipfile.ZIP_DEFLATED if name == "tiny_model" else zipfile.ZIP_STORED
    members = {"tiny_model/__init__.py": b"", "tiny_model/tiny.gguf": GGUF} if members is None else members
    about = f"{name}-{version}.dist-info"
    told = f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: {version}\nRequires-Dist: no-such-thing\n"
    members = {
        **members,
        f"{about}/METADATA": told.encode(),
        f"{about}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{member},sha256={_record_hash(body)},{len(body)}\n" for member, body in members.items())
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", packed) as archive:
        for member, body in members.items():
            archive.writestr(member, body)
        archive.writestr(f"{about}/RECORD", record + f"{about}/RECORD,,\n")
    return wheel


def _record_hash(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()


def files_below(folder: Path) -> list[str]:
    """Every file, by its path from the folder; locks are not counted."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(path for path in found if not path.startswith(".locks/"))


def downloaders() -> list[psutil.Process]:
    """The processes below this one that fetch something."""
    return [child for child in psutil.Process().children(recursive=True) if _fetches(child)]


def _fetches(process: psutil.Process) -> bool:
    command = command_line(process)
    return "download" in command or "penstock.catalogue.hf_download" in command


@contextmanager
def pulling_process(source: str, store: ModelStore) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that pulls `test/tiny`; killed with the block."""
    process = subprocess.Popen([sys.executable, "-c", _PULL, source, str(store.root)])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class Pulling:
    """A pull in a thread of its own: what came of it, and what it told."""

    def __init__(self, model: Model, store: ModelStore) -> None:
        self.heard: list[Progress] = []
        self.stop = threading.Event()
        self.path: Path | None = None
        self.error: OperatorError | None = None
        self._thread = threading.Thread(target=self._run, args=(model, store))
        self._thread.start()

    def _run(self, model: Model, store: ModelStore) -> None:
        try:
            self.path = pull(model, store, progress=self.heard.append, stop=self.stop)
        except OperatorError as error:
            self.error = error

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def end(self) -> Path | None:
        """Wait for the end; what it raised is raised here."""
        self._thread.join(60)
        assert not self.running
        if self.error is not None:
            raise self.error
        return self.path
