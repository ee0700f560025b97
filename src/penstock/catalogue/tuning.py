"""What was measured to be best for a model on this machine: DATA/tuning/<id with / as -->.json."""

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from penstock.catalogue import machine
from penstock.catalogue.models import Model, folder_name
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp import untuned
from penstock.engines.llama_cpp_trial import Figures, Load
from penstock.errors import OperatorError

log = logging.getLogger(__name__)


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a measurement holds for."""

    cpu: str
    cpus: int
    """Hardware threads that may be used."""
    engine: str
    """Package, version and build."""

    @classmethod
    def here(cls) -> "Conditions":
        """Those of this process."""
        cpu = machine.cpu_name(machine.read_cpuinfo())
        return cls(cpu=cpu, cpus=machine.usable_cpus(), engine=machine.engine_build())


class FileMark(msgspec.Struct, frozen=True, kw_only=True):
    """What tells one model file from another. The hash of a large file takes too long for every start."""

    size_bytes: int
    modified_ns: int
    sha256: str

    def is_of(self, path: Path, sha256: str) -> bool:
        """Whether a file is the same, as far as can be told at once; `sha256` is what its entry says, or empty."""
        try:
            found = path.stat()
        except OSError:
            return False
        unmoved = found.st_mtime_ns == self.modified_ns
        return found.st_size == self.size_bytes and (unmoved or sha256 == self.sha256)


class Tuning(msgspec.Struct, frozen=True, kw_only=True, tag_field="object", tag="penstock.tuning"):
    """The settings that were chosen, with what was measured and where."""

    version: int = 1
    model: str
    knobs: Knobs
    untuned: Figures
    tuned: Figures
    load: Load
    conditions: Conditions
    file: FileMark
    measured_at: int
    """Seconds since 1970."""


@dataclass(frozen=True)
class Found:
    """What there is for a model: a tuning, and why it is not used, or empty."""

    tuning: Tuning | None
    unused: str = ""


class TuningStore:
    """The tunings below one folder, which is made when something is first written."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, model: Model) -> Path:
        return self.root / f"{folder_name(model.id)}.json"

    def find(self, model: Model, model_file: Path) -> Found:
        """The tuning of a model, and whether it holds for this file on this machine."""
        try:
            tuning = msgspec.json.decode(self.path_of(model).read_bytes(), type=Tuning)
        except FileNotFoundError:
            return Found(None)
        except (OSError, msgspec.DecodeError, msgspec.ValidationError) as error:
            return Found(None, f"{self.path_of(model)} cannot be read: {error}")
        return Found(tuning, _why_unused(tuning, model, model_file))

    def knobs_for(self, model: Model, model_file: Path) -> Knobs:
        """How to start its engine: as tuned where that holds, else as on a machine that nobody measured."""
        found = self.find(model, model_file)
        if found.unused:
            log.warning("the tuning of %s is not used: %s", model.id, found.unused)
        return found.tuning.knobs if found.tuning and not found.unused else untuned()

    def write(self, tuning: Tuning, model: Model) -> Path:
        """Keep it in the place of an earlier one. Raises OperatorError where the folder cannot be written."""
        path = self.path_of(model)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            growing = path.with_suffix(".partial")
            growing.write_bytes(msgspec.json.format(msgspec.json.encode(tuning), indent=2) + b"\n")
            growing.replace(path)
        except OSError as error:
            raise OperatorError(f"{path} cannot be written: {error.strerror}. Mend its permissions.") from error
        return path


def tuning_of(model: Model, model_file: Path, load: Load, *, knobs: Knobs, untuned: Figures, tuned: Figures) -> Tuning:
    """What was just measured here, with the file's hash, which takes a moment."""
    found = model_file.stat()
    with model_file.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Tuning(
        model=model.id,
        knobs=knobs,
        untuned=untuned,
        tuned=tuned,
        load=load,
        conditions=Conditions.here(),
        file=FileMark(size_bytes=found.st_size, modified_ns=found.st_mtime_ns, sha256=sha256),
        measured_at=int(time.time()),
    )


def _why_unused(tuning: Tuning, model: Model, model_file: Path) -> str:
    here, then = Conditions.here(), tuning.conditions
    if then.cpu != here.cpu:
        return f"it was measured on {then.cpu}, and this is {here.cpu}"
    if then.cpus != here.cpus:
        return f"it was measured with {then.cpus} hardware threads, and there are {here.cpus}"
    if then.engine != here.engine:
        return f"it was measured with {then.engine}, and {here.engine or 'no engine'} is installed"
    if not tuning.file.is_of(model_file, model.sha256):
        return "the model's file is another one by now"
    return ""
