"""The search, on machines that are made up: a setting is chosen for what it gains, and within the bound of a step."""

import asyncio
import math
from collections.abc import Callable

import msgspec
import pytest

from penstock.catalogue.autotune import (
    LONGEST_STEP_SECONDS,
    ROUNDS,
    Autotune,
    Choice,
    Cores,
    enough_slots,
    of_batches,
    of_threads,
    overall,
)
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp_trial import Figures

START = Knobs(threads=4)
BASE = Figures(prompt=200, one=50, several=100, step_seconds=64 / 200)
FOUR = Cores(physical=4, logical=8)


def found(
    speed_of: Callable[[Knobs], float],
    *,
    prompt: float = 200,
    throughput: dict[int, float] | None = None,
    seconds: float = 60,
) -> Choice:
    """What is chosen on a machine that has `speed_of` a setting times the speed of another."""
    asked: list[tuple[str, int, int]] = []

    async def measure(knobs: Knobs) -> Figures:
        times = speed_of(knobs)
        read = prompt * times
        return Figures(prompt=read, one=50 * times, several=100 * times, step_seconds=knobs.prompt_batch / read)

    async def tokens(_: Knobs, clients: int) -> float:
        return (throughput or {})[clients]

    def told(*progress: str | int) -> None:
        asked.append(progress)  # type: ignore[arg-type]

    chosen = asyncio.run(Autotune(measure, tokens, told, seconds=seconds).choose(START, FOUR, list(throughput or {})))
    assert [done for _, done, _ in asked] == list(range(len(asked)))
    assert all(done < total for _, done, total in asked)
    return chosen


def test_a_machine_on_which_nothing_matters_keeps_what_it_has() -> None:
    chosen = found(lambda _: 1.0)
    assert chosen.knobs == START
    assert overall(chosen.tuned, chosen.untuned) == 1


def test_what_is_faster_in_each_question_comes_together() -> None:
    def speed(knobs: Knobs) -> float:
        times = 1.2 if knobs.threads == 3 else 1.0
        times *= 1.1 if knobs.prompt_threads == 8 else 1.0
        times *= 1.3 if knobs.prompt_batch == 128 else 1.0
        return times * (1.5 if knobs.waiting == "sleep" else 1.0)

    chosen = found(speed, prompt=1000)
    assert chosen.knobs == Knobs(threads=3, prompt_threads=8, prompt_batch=128, waiting="sleep")
    assert overall(chosen.tuned, chosen.untuned) == pytest.approx(1.2 * 1.1 * 1.3 * 1.5)


def test_less_than_the_noise_is_no_reason_to_change() -> None:
    assert found(lambda knobs: 1.02 if knobs.waiting == "sleep" else 1.0).knobs == START


@pytest.mark.parametrize(
    ("prompt", "batch"),
    [(200, 64), (1000, 256), (3000, 512), (100, 32), (10, 32)],
)
def test_a_step_keeps_its_bound_however_much_a_longer_one_would_gain(prompt: float, batch: int) -> None:
    chosen = found(lambda knobs: 1 + math.log2(knobs.prompt_batch) / 50, prompt=prompt)
    assert chosen.knobs.prompt_batch == batch
    assert chosen.tuned.step_seconds <= LONGEST_STEP_SECONDS or batch == 32


def test_steps_far_over_the_bound_are_not_even_tried() -> None:
    for prompt, sizes in ((10, {32}), (200, {32}), (400, {32, 128}), (5000, {32, 128, 256, 512})):
        figures = msgspec.structs.replace(BASE, prompt=prompt)
        assert {knobs.prompt_batch for knobs in of_batches(START, figures)} == sizes


def test_a_lucky_winner_is_measured_again() -> None:
    """Fast for as long as the search looks at it, and not a bit when the gain is measured."""
    seen = 0

    def speed(knobs: Knobs) -> float:
        nonlocal seen
        seen += knobs.waiting == "sleep"
        return 2.0 if knobs.waiting == "sleep" and seen <= ROUNDS else 1.0

    assert found(speed).knobs == START


def test_slots_that_gain_nothing_are_left_out() -> None:
    assert found(lambda _: 1.0, throughput={4: 97, 8: 100, 16: 101}).knobs.most_slots == 4
    assert found(lambda _: 1.0, throughput={4: 60, 8: 97, 16: 101}).knobs.most_slots == 8
    more = found(lambda _: 1.0, throughput={4: 60, 8: 80, 16: 101})
    assert more.knobs.most_slots == 16
    assert enough_slots({2: 1}) == 2


def test_slots_that_memory_bounds_today_may_be_more_tomorrow() -> None:
    assert found(lambda _: 1.0, throughput={4: 60, 8: 80}).knobs.most_slots == 16


@pytest.mark.parametrize(
    ("cores", "tried"),
    [
        (Cores(1, 1), set()),
        (Cores(1, 2), {(1, 2)}),
        (Cores(2, 2), {(1, 2)}),
        (FOUR, {(4, 8), (3, 4), (3, 8), (2, 4), (2, 8)}),
    ],
)
def test_threads_that_are_tried(cores: Cores, tried: set[tuple[int, int]]) -> None:
    start = Knobs(threads=cores.physical)
    assert {(knobs.threads, knobs.prompt_threads) for knobs in of_threads(start, cores)} == tried


def test_what_a_busy_machine_does_not_bear_is_tried_once() -> None:
    spinning = 0

    def speed(knobs: Knobs) -> float:
        nonlocal spinning
        spinning += knobs.waiting == "spin"
        return 10.0 if knobs.waiting == "sleep" else 1.0

    chosen = found(speed)
    assert (chosen.knobs.waiting, spinning) == ("sleep", 1)
    assert overall(chosen.tuned, chosen.untuned) == pytest.approx(10)


def test_when_time_is_up_no_new_question_is_asked() -> None:
    chosen = found(lambda knobs: 2.0 if knobs.waiting == "sleep" else 1.0, throughput={4: 1, 8: 1}, seconds=0)
    assert chosen.knobs == START
    assert chosen.untuned == chosen.tuned


def test_the_best_of_each_figure_is_kept() -> None:
    slower = Figures(prompt=100, one=60, several=90, step_seconds=0.5)
    best = Figures(prompt=200, one=60, several=100, step_seconds=0.32)
    assert BASE.best_with(slower) == slower.best_with(BASE) == best
