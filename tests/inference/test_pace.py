"""The pace on engines whose behaviour is a formula."""

import random
from collections.abc import Callable

import pytest

from penstock.inference.pace import Alone, Beside


def run_requests(pace: Beside, slower: Callable[[int], float], requests: int, *, noise: float = 0.0) -> list[float]:
    """How many times longer each request took from token to token than without lines, one after the other."""
    chance, seen = random.Random(1), []
    for _ in range(requests):
        pace.begin(0)
        factor = slower(pace.lines)
        seen.append(factor)
        pace.answered(0.02 * factor * chance.uniform(1 - noise, 1 + noise), others=1, lines=pace.lines)
    return seen


def share_noticed(seen: list[float]) -> float:
    return sum(factor > 1.15 for factor in seen) / len(seen)


def test_an_engine_on_a_small_cpu_takes_no_line_beside_others() -> None:
    pace = Beside(14)
    seen = run_requests(pace, lambda lines: 1.0 + lines, 20_000, noise=0.1)
    assert pace.lines == 0
    assert share_noticed(seen) < 0.005, "probing itself stays out of sight of the slowest hundredth"


def test_an_engine_that_has_room_takes_many_and_not_too_many() -> None:
    pace = Beside(62)
    seen = run_requests(pace, lambda lines: 1.0 if lines <= 8 else 1.0 + 0.1 * (lines - 8), 60_000)
    assert 4 <= pace.lines <= 9
    assert share_noticed(seen) < 0.005


def test_lines_go_at_once_when_the_engine_gets_slower_with_them() -> None:
    pace = Beside(14)
    run_requests(pace, lambda _: 1.0, 20_000)
    assert pace.lines >= 13
    for _ in range(20):
        pace.answered(0.04, others=1, lines=max(1, pace.lines))
    assert pace.lines <= 1


def test_requests_are_compared_with_those_that_had_as_many_others_beside_them() -> None:
    pace = Beside(4)
    for _ in range(1000):
        pace.answered(0.02, others=1, lines=0)
        pace.answered(0.08, others=4, lines=0)
    run_requests(pace, lambda _: 1.0, 2000)
    many = pace.lines
    for _ in range(50):
        pace.answered(0.08, others=4, lines=many)
    assert pace.lines == many > 0


@pytest.mark.parametrize(
    ("speed", "least", "most"),
    [
        (lambda lines: 60.0, 1, 1),
        (lambda lines: 60.0 * min(lines, 8), 8, 8),
        (lambda lines: 60.0 * lines, 62, 62),
        (lambda lines: 60.0 * lines / (1 + lines / 4), 8, 32),
    ],
    ids=["one line fills it", "eight fill it", "never full", "less and less"],
)
def test_as_many_lines_alone_as_add_something(speed: Callable[[int], float], least: int, most: int) -> None:
    pace, at = Alone(62), list[int]()
    for _ in range(4000):
        pace.done(100, 100 * pace.lines / speed(pace.lines), lines=pace.lines)
        at.append(pace.lines)
    at = at[1000:]
    usual = max(set(at), key=at.count)
    assert least <= usual <= most
    assert at.count(usual) > len(at) / 3


def test_a_line_that_ran_among_another_number_of_lines_says_nothing() -> None:
    pace = Alone(16)
    before = pace.lines
    for _ in range(100):
        pace.done(100, 1.0, lines=before / 2)
    assert pace.lines == before


def test_one_slot_is_one_line() -> None:
    pace = Alone(1)
    for _ in range(50):
        pace.done(100, 1.0, lines=1)
    assert pace.lines == 1
