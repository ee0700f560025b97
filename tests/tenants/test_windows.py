"""Sliding windows against all that ever came, remembered."""

from hypothesis import given
from hypothesis import strategies as st

from penstock.tenants.windows import RESOLUTION, Window

SECONDS = 512.0
PART = SECONDS / RESOLUTION
"""One second, so that every time here is exact in binary."""
GAPS = st.integers(0, 400 * 1024).map(lambda parts: parts / 1024)
EVENTS = st.lists(st.tuples(GAPS, st.integers(1, 1000)), max_size=60)


def filled(events: list[tuple[float, int]]) -> tuple[Window, float, list[tuple[float, int]]]:
    """A window with these events, the time after them, and the events with their times."""
    window, now, came = Window(SECONDS), 1000.0, []
    for gap, amount in events:
        now += gap
        window.add(now, amount)
        came.append((now, amount))
    return window, now, came


@given(EVENTS, GAPS)
def test_the_sum_is_never_less_than_what_came_and_forgets_within_its_resolution(
    events: list[tuple[float, int]], gap: float
) -> None:
    window, now, came = filled(events)
    now += gap
    total = window.total(now)
    assert total >= sum(amount for at, amount in came if at > now - SECONDS)
    assert total <= sum(amount for at, amount in came if at > now - SECONDS - PART)


@given(EVENTS, st.integers(0, 60_000))
def test_it_says_when_so_much_is_out_and_not_before(events: list[tuple[float, int]], by: int) -> None:
    window, now, _ = filled(events)
    before = window.total(now)
    wait = window.seconds_until_less(now, by)
    assert 0 <= wait <= SECONDS
    if by and before:
        early = now + wait - 1 / 1024
        assert early < now or before - window.total(early) < min(by, before)
    assert before - window.total(now + wait) >= min(by, before)


@given(EVENTS)
def test_what_is_given_back_does_not_count(events: list[tuple[float, int]]) -> None:
    window, now, came = Window(SECONDS), 1000.0, []
    for gap, amount in events:
        now += gap
        entry = window.add(now, amount)
        if amount % 2:
            window.give_back(entry, amount)
        else:
            came.append((now, amount))
    assert window.total(now) >= sum(amount for at, amount in came if at > now - SECONDS)
    assert window.total(now) <= sum(amount for at, amount in came if at > now - SECONDS - PART)
    assert window.total(now + window.seconds_until_empty(now)) == 0


def test_what_is_out_of_the_window_is_given_back_without_trace() -> None:
    window = Window(SECONDS)
    old = window.add(0.0, 5)
    window.add(SECONDS, 7)
    window.give_back(old, 5)
    assert window.total(SECONDS) == 7


def test_its_memory_is_bounded_however_much_comes() -> None:
    window = Window(SECONDS)
    for at in range(20_000):
        window.add(at / 16, 1)
    assert len(window) <= RESOLUTION + 2
    assert window.total(20_000 / 16) >= 16 * SECONDS


def test_what_came_exactly_its_length_ago_is_out() -> None:
    window = Window(60.0)
    window.add(1.0, 60)
    assert window.total(60.999) == 60
    assert window.total(61.0) == 0
