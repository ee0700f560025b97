"""Which settings of the embedded engine are best on this machine? Tried one after the other, in interleaved rounds."""

import math
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp_trial import Figures

LONGEST_STEP_SECONDS = 0.35
"""What one step of reading a prompt may take. A stream stands still for it, and a request that takes the place of a
line of a batch may wait for two of them: 0.7 s."""
ROUNDS = 2
_LAST_ROUNDS = 3
SEARCH_SECONDS = 300.0
"""How long new questions are asked. A large model, or a busy machine, leaves some of them open."""
_WORTH = 1.03
"""How many times as fast in all a setting has to be before it takes the place of a simpler one; less is noise."""
_ENOUGH = 0.95
"""The part of the greatest throughput with which fewer slots do: each of their streams is faster."""
_BATCHES = (32, 128, 256, 512)

Measure = Callable[[Knobs], Awaitable[Figures]]
Throughput = Callable[[Knobs, int], Awaitable[float]]
Told = Callable[[str, int, int], None]
"""Hears what is being tried, how many measurements are done, and how many there will be at most."""


@dataclass(frozen=True)
class Cores:
    """What a process may run on."""

    physical: int
    logical: int


@dataclass(frozen=True)
class Choice:
    """What was found: the settings, and both speeds, measured in the same rounds at the end."""

    knobs: Knobs
    untuned: Figures
    tuned: Figures


def overall(figures: Figures, base: Figures) -> float:
    """How many times as fast as `base` in all: the geometric mean of reading, one client and several."""
    ratios = (figures.prompt / base.prompt, figures.one / base.one, figures.several / base.several)
    return math.prod(ratios) ** (1 / len(ratios))


def of_threads(start: Knobs, cores: Cores) -> list[Knobs]:
    """Fewer threads, as where others need the cores too, and all hardware threads for reading, which computes more."""
    fewer = {cores.physical - 1, cores.physical // 2}
    writing = [cores.physical, *sorted((count for count in fewer if 0 < count < cores.physical), reverse=True)]
    reading = [cores.physical, *([cores.logical] if cores.logical > cores.physical else [])]
    tried = [msgspec.structs.replace(start, threads=few, prompt_threads=many) for few in writing for many in reading]
    return [knobs for knobs in tried if (knobs.threads, knobs.prompt_threads) != (start.threads, start.threads)]


def of_batches(start: Knobs, figures: Figures) -> list[Knobs]:
    """Steps that may keep the bound: those are left out that would need half its time to be saved."""
    most = 1.5 * LONGEST_STEP_SECONDS * figures.prompt
    sizes = [size for size in _BATCHES if size <= max(most, min(_BATCHES))]
    return [msgspec.structs.replace(start, prompt_batch=size) for size in sizes if size != start.prompt_batch]


def of_waiting(start: Knobs) -> list[Knobs]:
    """The other way to wait."""
    return [msgspec.structs.replace(start, waiting="sleep" if start.waiting == "spin" else "spin")]


def better(start: Knobs, measured: dict[Knobs, Figures]) -> Knobs:
    """The fastest whose steps keep the bound, `start` unless one is worth it; the shortest step where none keeps it."""
    kept = {knobs: figures for knobs, figures in measured.items() if figures.step_seconds <= LONGEST_STEP_SECONDS}
    if not kept:
        return min(measured, key=lambda knobs: measured[knobs].step_seconds)
    base = measured[start]
    best = max(kept, key=lambda knobs: overall(kept[knobs], base))
    return start if start in kept and overall(kept[best], base) < _WORTH else best


def enough_slots(throughput: dict[int, float]) -> int:
    """The fewest slots that give nearly all of the throughput."""
    most = max(throughput.values())
    return min(slots for slots, tokens in throughput.items() if tokens >= _ENOUGH * most)


def _hopeless(knobs: Knobs, measured: dict[Knobs, Figures]) -> bool:
    """Whether another was twice as fast: a setting that a busy machine does not bear takes minutes for each trial."""
    own = measured.get(knobs)
    return own is not None and any(overall(other, own) > 2 for other in measured.values())


class Autotune:
    """One search. `measure` starts an engine with some settings and gives its speed under the same load each time."""

    def __init__(
        self, measure: Measure, throughput: Throughput, told: Told, *, seconds: float = SEARCH_SECONDS
    ) -> None:
        self._measure = measure
        self._throughput = throughput
        self._told = told
        self._until = time.monotonic() + seconds
        self._known: dict[Knobs, Figures] = {}
        self._done = 0
        self._total = 0

    async def choose(self, start: Knobs, cores: Cores, slots: Sequence[int]) -> Choice:
        """From `start`, what an unmeasured machine has. `slots`: the numbers of slots that there is memory for."""
        tried = len(of_threads(start, cores)) + len(_BATCHES) + 4
        self._total = ROUNDS * tried + len(slots) + 2 * _LAST_ROUNDS
        # First what a busy machine decides: with the other way to wait every later trial may take many times as long.
        best = await self._best_of("waiting", start, of_waiting(start))
        best = await self._best_of("threads", best, of_threads(best, cores))
        reading = self._known.get(best) or (await self._measured("batches", [best], rounds=1))[best]
        best = await self._best_of("batches", best, of_batches(best, reading))
        most_slots = await self._slots(best, slots, most=start.most_slots)
        last = await self._confirmed(start, best)
        if better(start, last) == start:
            best = start
        return Choice(msgspec.structs.replace(best, most_slots=most_slots), last[start], last[best])

    async def _confirmed(self, start: Knobs, best: Knobs) -> dict[Knobs, Figures]:
        """The winner of many is partly lucky, so both are measured anew; a start that was half as fast is left out."""
        if _hopeless(start, self._known):
            return {start: self._known[start], **await self._measured("confirming", [best], rounds=_LAST_ROUNDS)}
        return await self._measured("confirming", dict.fromkeys((start, best)), rounds=_LAST_ROUNDS)

    async def _best_of(self, what: str, start: Knobs, others: list[Knobs]) -> Knobs:
        if not others or self._late():
            return start
        return better(start, await self._measured(what, [start, *others]))

    def _late(self) -> bool:
        return time.monotonic() > self._until

    async def _measured(self, what: str, all_knobs: Iterable[Knobs], *, rounds: int = ROUNDS) -> dict[Knobs, Figures]:
        """Each setting in each round, so that what else the machine does meets all of them alike."""
        measured: dict[Knobs, Figures] = {}
        tried = list(all_knobs)
        for number in range(rounds):
            if number and self._late():
                break
            tried = [knobs for knobs in tried if not _hopeless(knobs, measured)]
            for knobs in tried:
                self._told(what, self._done, self._total)
                figures = await self._measure(knobs)
                measured[knobs] = figures.best_with(measured.get(knobs, figures))
                self._done += 1
        self._known.update(measured)
        return measured

    async def _slots(self, knobs: Knobs, slots: Sequence[int], *, most: int) -> int:
        if not slots or self._late():
            return most
        tokens: dict[int, float] = {}
        for count in slots:
            self._told("slots", self._done, self._total)
            tokens[count] = await self._throughput(knobs, count)
            self._done += 1
        found = enough_slots(tokens)
        return most if found == max(slots) else found
