"""Which models exist: the entries that ship with Penstock and the operator's own, under all their names."""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.catalogue.prices import PriceList
from penstock.catalogue.sources import FileSource, HfSource, parse_source
from penstock.errors import OperatorError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}")
_ALIAS = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]{0,199}")
_FILE = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._+-]*(?:/[A-Za-z0-9_][A-Za-z0-9._+-]*)*)?")
_SHA256 = re.compile(r"(?:[0-9a-f]{64})?")

Count = Annotated[int, Meta(ge=0)]
AtLeastOne = Annotated[int, Meta(ge=1)]


class EchoOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How an entry's echo engine behaves; engines/echo.py says what the faults are."""

    tokens_per_second: Annotated[float, Meta(ge=0)] = 0.0
    """Rate of one stream; 0 is as fast as it goes."""
    faults: tuple[str, ...] = ()
    directives: bool = False
    """Whether a message may ask for a fault of its own."""
    load_seconds: Annotated[float, Meta(ge=0, le=3600)] = 0.0


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One catalogue entry, in the form that catalogue.toml and `[[models]]` in penstock.toml have."""

    id: str
    engine: Literal["llama_cpp", "echo", "vllm"]
    kind: Literal["chat", "embedding"] = "chat"
    """Whether it writes text or makes embeddings."""
    pooling: Literal["mean", "cls", "last"] = "mean"
    """How the vectors of a text's tokens become its embedding."""
    source: str = ""
    """Where the file comes from, as sources.py reads it."""
    file: str = ""
    """Path inside the wheel or the repository; empty: the only .gguf in it."""
    sha256: str = ""
    """Of the file, in lower case; empty: not checked."""
    size_bytes: Count = 0
    context_length: AtLeastOne
    """Tokens of prompt and answer together."""
    max_output: AtLeastOne | None = None
    """Tokens of one answer; None: what the context leaves."""
    kv_bytes_per_token: Count = 0
    """Memory that one token of context takes, for choosing slots."""
    slots: Annotated[int, Meta(ge=0, le=1024)] = 0
    """Requests at once; 0: chosen by memory."""
    chat_template: str = ""
    """Path of a Jinja template that stands in for the model file's own."""
    owned_by: str = ""
    license: str = ""
    parameters: str = ""
    quantization: str = ""
    needs: str = ""
    """What it takes to run an entry that needs a GPU engine."""
    gpu_memory_gb: Count = 0
    price: PriceList | None = None
    """None: free."""
    echo: EchoOptions = EchoOptions()

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id) or ".." in self.id or "//" in self.id or self.id.endswith("/"):
            raise ValueError(f"{self.id!r} is no model id: letters, digits and . _ - with / between parts, 200 at most")
        if not _FILE.fullmatch(self.file):
            raise ValueError(f"file {self.file!r} is no path inside a wheel or repository")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 is 64 hexadecimal digits in lower case")
        if self.max_output is not None and self.max_output > self.context_length:
            raise ValueError("max_output is at most context_length")
        if self.source:
            parse_source(self.source)
        elif self.engine == "llama_cpp":
            raise ValueError("an entry for llama_cpp needs a source, such as file:/models/my-model.gguf")

    @property
    def file_name(self) -> str:
        """The name of the file on disk."""
        source = parse_source(self.source) if self.source else None
        if isinstance(source, FileSource):
            return source.path.name
        path = self.file or (source.file if isinstance(source, HfSource) else "")
        return path.rsplit("/", 1)[-1] or "model.gguf"


class Catalogue:
    """All entries, found by id or alias. An alias wins over an entry of the same name."""

    def __init__(self, models: Iterable[Model], aliases: Mapping[str, str]) -> None:
        """Raises OperatorError where an alias leads nowhere or in a circle, or two ids need one folder."""
        self._models = {model.id: model for model in models}
        self._aliases = dict(aliases)
        folders: dict[str, str] = {}
        for model_id in self._models:
            other = folders.setdefault(folder_name(model_id).casefold(), model_id)
            if other != model_id:
                raise OperatorError(f"The ids {other} and {model_id} would share a folder; rename one of them.")
        for name in self._aliases:
            if not _ALIAS.fullmatch(name):
                raise OperatorError(f"{name!r} is no name for an alias: letters, digits and . _ - / : @ +.")
            self.get(name)

    def __iter__(self) -> Iterator[Model]:
        return iter(self._models.values())

    def __len__(self) -> int:
        return len(self._models)

    def get(self, name: str) -> Model:
        """The model behind an id or an alias. Raises OperatorError that names what comes near."""
        target, seen = name, [name]
        while target in self._aliases:
            target = self._aliases[target]
            if target in seen:
                raise OperatorError(
                    f"The aliases {' -> '.join([*seen, target])} go in a circle; let one of them end at a model's id."
                )
            seen.append(target)
        if target not in self._models:
            raise OperatorError(self._unknown(target, seen[-2] if len(seen) > 1 else None))
        return self._models[target]

    def names_of(self, model_id: str) -> tuple[str, ...]:
        """Every name that leads to a model: its id, unless an alias took that over, then its aliases in order."""
        names = [model_id] if model_id in self._models and model_id not in self._aliases else []
        return (*names, *sorted(name for name in self._aliases if self.get(name).id == model_id))

    def _unknown(self, target: str, alias: str | None) -> str:
        said = f"The alias {alias} is for {target}, which is" if alias else f"{target} is"
        near = difflib.get_close_matches(target, [*self._models, *self._aliases], n=3, cutoff=0.5)
        folded = [name for name in self._models if target.casefold() in name.casefold()]
        found = list(dict.fromkeys([*folded, *near]))[:3]
        guess = f" Did you mean {' or '.join(found)}?" if found else ""
        return f"{said} not in the catalogue.{guess} `penstock models list` shows every model."


def folder_name(model_id: str) -> str:
    """The model's folder below the store."""
    return model_id.replace("/", "--")


def load_catalogue(user_entries: list[dict[str, Any]], aliases: Mapping[str, str]) -> Catalogue:
    """The shipped entries with the operator's.

    An operator's entry under a shipped id changes the keys that it names (`slots`, say); one that names a source or an
    engine stands for itself. Raises OperatorError naming the entry at fault.
    """
    entries = {entry["id"]: entry for entry in _shipped()}
    named: set[str] = set()
    for number, entry in enumerate(user_entries, 1):
        model_id = entry.get("id")
        if not isinstance(model_id, str):
            raise OperatorError(f"[[models]] number {number} in penstock.toml has no id; give it one.")
        if model_id in named:
            raise OperatorError(f"penstock.toml has more than one [[models]] with the id {model_id}; keep one of them.")
        named.add(model_id)
        alone = "source" in entry or "engine" in entry
        entries[model_id] = entry if alone else {**entries.get(model_id, {}), **entry}
    return Catalogue([_read(entry) for entry in entries.values()], aliases)


def _shipped() -> list[dict[str, Any]]:
    text = resources.files("penstock.catalogue").joinpath("catalogue.toml").read_text(encoding="utf-8")
    entries: list[dict[str, Any]] = tomllib.loads(text)["models"]
    return entries


def _read(entry: dict[str, Any]) -> Model:
    try:
        return msgspec.convert(entry, Model)
    except msgspec.ValidationError as error:
        raise OperatorError(f"The catalogue entry {entry['id']} is wrong: {error}.") from error


def why_not_here(model: Model) -> str | None:
    """Why this version cannot serve a model on this machine, with the next step; None where it can."""
    if model.engine != "vllm":
        return None
    needs = model.needs or (
        f"a GPU engine with about {model.gpu_memory_gb} GB" if model.gpu_memory_gb else "a GPU engine"
    )
    return (
        f"{model.id} cannot be served here: it needs {needs}, and this version of Penstock starts llama_cpp and echo "
        "engines only. To answer to its name with a model that runs: "
        f"penstock serve --alias {model.id}=HuggingFaceTB/SmolLM2-135M-Instruct"
    )
