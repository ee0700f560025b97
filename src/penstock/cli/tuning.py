"""`penstock doctor --tune`: measure what is best for a model on this machine, and keep it for the next start."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from penstock.catalogue.autotune import Autotune, Choice, Cores, Told, overall
from penstock.catalogue.engine import llama_cpp_of
from penstock.catalogue.machine import Check, usable_cpus
from penstock.catalogue.models import Model, load_catalogue
from penstock.catalogue.store import ModelStore
from penstock.catalogue.tuning import Tuning, TuningStore, tuning_of
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp import LlamaCpp, available_memory, choose_slots, physical_cores, untuned
from penstock.engines.llama_cpp_trial import TRIAL_CONTEXT, Figures, Load, Trial, trial
from penstock.errors import OperatorError
from penstock.settings import Settings

_MOST_CLIENTS = 8
_FEWEST_SLOTS = 4
_READ_SECONDS, _WRITE_SECONDS = 1.0, 0.4
"""How long a trial reads, and writes, at the speed of the first one: long enough to tell, short enough for rounds."""
_STAGES = {
    "threads": "threads",
    "batches": "tokens a step",
    "waiting": "how threads wait",
    "slots": "requests at once",
    "confirming": "what was gained",
}


def tune(settings: Settings, name: str, *, as_json: bool) -> None:
    """Measure for a model, by default the first that is served, and print what was chosen and why.

    Raises OperatorError where there is nothing to measure.
    """
    model, file = _tunable(settings, name)
    store = TuningStore(settings.data_path / "tuning")
    log_path = settings.data_path / "logs" / "tuning.log"
    with _progress(model.id) as told:
        load, choice = asyncio.run(_Trials(llama_cpp_of(model), file, log_path).run(told))
    tuning = tuning_of(model, file, load, knobs=choice.knobs, untuned=choice.untuned, tuned=choice.tuned)
    path = store.write(tuning, model)
    if as_json:
        click.echo(json.dumps(msgspec.to_builtins(tuning), indent=2))
    else:
        _print(tuning, path)


def check_tuning(model: Model, model_file: Path | None, store: TuningStore) -> Check | None:
    """Which settings the model's engine has and what was gained by them; None where there is nothing to tune."""
    if model.engine != "llama_cpp" or model.kind != "chat" or model_file is None or not model_file.is_file():
        return None
    again = f"penstock doctor --tune {model.id}"
    found = store.find(model, model_file)
    if found.unused:
        return Check("Tuning", "warn", f"that of {model.id} is not used: {found.unused}", f"Measure anew: {again}")
    if found.tuning is None:
        settings = in_words(untuned())
        return Check("Tuning", "ok", f"{model.id} is not measured here: {settings}; a few minutes: {again}")
    return Check("Tuning", "ok", f"{model.id}: {in_words(found.tuning.knobs)}; {gained(found.tuning)}")


def in_words(knobs: Knobs) -> str:
    """The settings, for people."""
    threads = f"{knobs.threads} thread{'s' if knobs.threads != 1 else ''}"
    if knobs.prompt_threads not in (0, knobs.threads):
        threads = f"{threads} to write and {knobs.prompt_threads} to read"
    sleeping = " that sleep when they wait" if knobs.waiting == "sleep" else ""
    return (
        f"{threads}{sleeping}, {knobs.prompt_batch} prompt tokens a step, {knobs.most_slots} requests at once at most"
    )


def gained(tuning: Tuning) -> str:
    """What the settings changed, in plain words."""
    if overall(tuning.tuned, tuning.untuned) == 1:
        return "nothing that was tried is faster than what an unmeasured machine has"
    names = (("prompt", "prompts"), ("one", "one answer"), ("several", f"{tuning.load.clients} answers at once"))
    changes = []
    for field, what in names:
        before, after = getattr(tuning.untuned, field), getattr(tuning.tuned, field)
        changes.append(f"{what} {after / before - 1:+.0%} ({before:.0f} to {after:.0f} tokens/s)")
    return ", ".join(changes)


def _tunable(settings: Settings, name: str) -> tuple[Model, Path]:
    model = load_catalogue(settings.models, settings.aliases).get(name or next(iter(settings.serve)))
    if model.engine != "llama_cpp" or model.kind != "chat":
        raise OperatorError(f"{model.id} has nothing to tune: only chat models on the embedded engine do.")
    store = ModelStore(settings.data_path / "models")
    path = store.path_of(model)
    if path is None or not store.is_present(model):
        raise OperatorError(f"{model.id} is not here yet. Bring it first: penstock models pull {model.id}")
    return model, path


@dataclass(frozen=True)
class _Trials:
    """All trials of one model."""

    engine: LlamaCpp
    model_file: Path
    log_path: Path

    async def run(self, told: Told) -> tuple[Load, Choice]:
        start, slots = untuned(), self._slots()
        load = await self._load(start, clients=min(_MOST_CLIENTS, max(slots)))

        async def measure(knobs: Knobs) -> Figures:
            async with self._trial(knobs, load.clients) as running:
                return await running.figures(load)

        async def throughput(knobs: Knobs, clients: int) -> float:
            async with self._trial(knobs, clients) as running:
                await running.several(clients, 1)
                return max([await running.several(clients, load.answer_tokens) for _ in range(2)])

        cores = Cores(physical_cores(), usable_cpus())
        return load, await Autotune(measure, throughput, told).choose(start, cores, slots)

    def _trial(self, knobs: Knobs, clients: int) -> AbstractAsyncContextManager[Trial]:
        return trial(self.engine, self.model_file, knobs, clients=clients, log_path=self.log_path)

    def _slots(self) -> list[int]:
        """The numbers of slots to choose from; one where the catalogue entry names it."""
        if self.engine.slots:
            return [self.engine.slots]
        most = choose_slots(self.engine.context_length * self.engine.kv_bytes_per_token, available_memory())
        return [count for count in (_FEWEST_SLOTS, 2 * _FEWEST_SLOTS, 4 * _FEWEST_SLOTS) if count <= most] or [most]

    async def _load(self, knobs: Knobs, *, clients: int) -> Load:
        """As much as takes a moment at the speed of this machine."""
        longest = min(self.engine.context_length, TRIAL_CONTEXT) // 2
        careful = msgspec.structs.replace(knobs, waiting="sleep")  # on a busy machine the other way takes a minute
        async with self._trial(careful, clients) as running:
            figures = await running.figures(Load(prompt_tokens=min(128, longest), answer_tokens=8, clients=1))
        return Load(
            prompt_tokens=min(longest, max(128, int(figures.prompt * _READ_SECONDS))),
            answer_tokens=min(32, max(8, int(figures.one * _WRITE_SECONDS))),
            clients=clients,
        )


@contextmanager
def _progress(model_id: str) -> Iterator[Told]:
    """A bar on a terminal; nothing anywhere else."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(f"{model_id}: a first look", total=None)

        def told(stage: str, done: int, total: int) -> None:
            bar.update(task, description=f"{model_id}: {_STAGES[stage]}", completed=done, total=total)

        yield told


def _print(tuning: Tuning, path: Path) -> None:
    click.echo(f"{tuning.model} on {tuning.conditions.cpu}, {tuning.conditions.cpus} hardware threads")
    click.echo(f"chosen   {in_words(tuning.knobs)}")
    click.echo(f"gained   {gained(tuning)}")
    click.echo(f"a step   {tuning.tuned.step_seconds:.2f} s of reading, for which a stream stands still")
    click.echo(f"kept in  {path}; penstock serve uses it from its next start on")
