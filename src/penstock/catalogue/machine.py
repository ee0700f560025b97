"""What this machine is, and whether an engine can run on it: facts for `penstock doctor`, each with its remedy.

Nothing here imports an engine: a wheel that does not fit the CPU would end the process that asks.
"""

import importlib.metadata
import os
import platform
import re
import sqlite3
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from penstock.catalogue.models import Model
from penstock.catalogue.store import megabytes

Mark = Literal["ok", "warn", "fail"]

_ENGINE = "xllamacpp"
GUIDE = "docs/operate/engine.md"
_WORKING_BYTES = 300_000_000
"""An allowance for what an engine process takes beside weights and caches."""


@dataclass(frozen=True)
class Check:
    """One thing looked at: what was found and, where it is wrong, what to do."""

    name: str
    mark: Mark
    fact: str
    fix: str = ""


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Check:
    """Python 3.11 is the first that Penstock runs on."""
    text = ".".join(map(str, version))
    if version >= (3, 11):
        return Check("Python", "ok", text)
    return Check("Python", "fail", f"{text} is too old", "Install Python 3.11 or later and set up Penstock with it.")


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Check:
    """SQLite 3.7.0 to 3.51.2 can damage a WAL database that several connections write (sqlite.org/wal.html)."""
    text = ".".join(map(str, version))
    if version < (3, 35):
        return Check("SQLite", "fail", f"{text} is too old", "Use a Python that is linked to SQLite 3.35 or later.")
    if version <= (3, 51, 2):
        return Check(
            "SQLite",
            "warn",
            f"{text} has a rare bug with several writers at once; Penstock writes through one connection",
            "Nothing to do, as long as no other program writes to penstock.db. 3.51.3 and later are free of it.",
        )
    return Check("SQLite", "ok", text)


def read_cpuinfo() -> str | None:
    """What Linux says of its processors; None elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def cpu_name(cpuinfo: str | None) -> str:
    """The maker's name of the processor, and what else tells one from another of that name."""
    told = dict(re.findall(r"^(model name|cpu family|model|stepping)\s*:\s*(.*)$", cpuinfo or "", re.MULTILINE))
    if not told:
        return platform.processor() or platform.machine()
    numbers = " ".join(told[key] for key in ("cpu family", "model", "stepping") if key in told)
    return f"{told.get('model name', platform.machine())} ({numbers})"


def usable_cpus() -> int:
    """Hardware threads that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def engine_build(distribution: str = _ENGINE) -> str:
    """Version and build of the embedded engine, for one from source has the wheel's version; "" where there is none."""
    try:
        found = importlib.metadata.distribution(distribution)
    except importlib.metadata.PackageNotFoundError:
        return ""
    libraries = [file for file in found.files or () if file.suffix in {".so", ".pyd", ".dylib"} and file.hash]
    marks = [file.hash.value[:12] for file in libraries if file.hash]
    return " ".join([f"{distribution} {found.version}", *sorted(marks)])


def built_from_source(distribution: str = _ENGINE) -> bool:
    """Whether the engine was compiled here: wheels of the package index name the oldest Linux that they run on."""
    try:
        about = importlib.metadata.distribution(distribution).read_text("WHEEL") or ""
    except importlib.metadata.PackageNotFoundError:
        return False
    return re.search(r"^Tag: .*-linux_", about, re.MULTILINE) is not None


def check_cpu(cpuinfo: str | None, *, from_source: bool = False, architecture: str = platform.machine()) -> Check:
    """Whether the CPU has what the engine's wheel was built for, and what it has beyond that.

    `from_source`: the engine is no wheel of the package index, but was built for this CPU.
    """
    if architecture.lower() not in {"x86_64", "amd64"}:
        return Check("CPU", "ok", f"{architecture}; the engine has a build of its own for it")
    line = re.search(r"^flags\s*:(.*)$", cpuinfo or "", re.MULTILINE)
    if line is None:
        return Check("CPU", "warn", "unknown here", "Make sure that the CPU has AVX2; the engine is built for it.")
    flags = set(line[1].split())
    if "avx2" not in flags:
        return Check(
            "CPU",
            "fail",
            "no AVX2, which the engine is built for: it would end with an illegal instruction",
            f"Use another machine, or build the engine on this one: pip install --no-binary {_ENGINE} {_ENGINE}",
        )
    more = [name for name, flag in (("AVX-512", "avx512f"), ("AMX", "amx_int8")) if flag in flags]
    if not more:
        return Check("CPU", "ok", "AVX2, which the engine is built for")
    if from_source:
        return Check("CPU", "ok", f"AVX2 and {' and '.join(more)}; the engine was built from source")
    return Check(
        "CPU",
        "ok",
        f"AVX2, which the engine is built for, and {' and '.join(more)}, which a build from source would use",
        f"To read prompts faster, see {GUIDE}, Build it for your processor.",
    )


def check_engine(distribution: str = _ENGINE) -> Check:
    """Whether the embedded engine is installed."""
    try:
        return Check("Engine", "ok", f"{distribution} {importlib.metadata.version(distribution)}")
    except importlib.metadata.PackageNotFoundError:
        return Check(
            "Engine",
            "fail",
            f"{distribution} is not installed, so no llama_cpp model can run",
            f"Install it where Penstock is: {sys.executable} -m pip install {distribution}",
        )


def check_memory(models: Iterable[Model], available: int) -> Check:
    """Whether the weights, one request's cache and the working memory of every model fit `available` bytes."""
    need = sum(
        model.size_bytes + model.kv_bytes_per_token * model.context_length + _WORKING_BYTES
        for model in models
        if model.engine == "llama_cpp"
    )
    fact = f"{megabytes(available)} available, {megabytes(need)} needed at least"
    if available >= need:
        return Check("Memory", "ok", fact)
    return Check(
        "Memory", "fail", fact, "End other programs, serve fewer models, or give an entry less context_length."
    )
