"""Guesses get slower and slower; the owner of an account is never kept out by them."""

import pytest

from penstock.errors import RateLimited
from penstock.tenants.tries import (
    FORGIVEN_AFTER,
    FREE_OF_ADDRESS,
    FREE_OF_EMAIL,
    FREE_OF_PAIR,
    LONGEST_PAUSE,
    LONGEST_PAUSE_OF_EMAIL,
    Tries,
)

ANN, HOME, CAFE = "ann@example.org", "192.0.2.1", "198.51.100.7"


class Clock:
    """A monotonic clock that stands until a test moves it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tries(clock: Clock) -> Tries:
    return Tries(monotonic=clock)


def refused(tries: Tries, email: str, address: str) -> float:
    with pytest.raises(RateLimited) as error:
        tries.begin(email, address)
    assert email not in error.value.message
    assert error.value.retry_after is not None
    return error.value.retry_after


def test_some_mistakes_cost_nothing(tries: Tries) -> None:
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)
    refused(tries, ANN, HOME)


def test_pauses_double_up_to_a_bound(tries: Tries, clock: Clock) -> None:
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)
    pauses = []
    for _ in range(12):
        pauses.append(refused(tries, ANN, HOME))
        clock.now += pauses[-1]
        tries.begin(ANN, HOME)
    assert pauses[:4] == [1.0, 2.0, 4.0, 8.0]
    assert pauses[-1] == LONGEST_PAUSE


def test_who_is_refused_waits_no_longer_for_it(tries: Tries, clock: Clock) -> None:
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)
    assert {refused(tries, ANN, HOME) for _ in range(50)} == {1.0}


@pytest.mark.parametrize("spelling", ["ANN@example.org", " ann@example.org ", "Ann@Example.Org"])
def test_another_spelling_is_the_same_email(tries: Tries, spelling: str) -> None:
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)
    refused(tries, spelling, HOME)


def test_an_address_is_slowed_whatever_it_tries(tries: Tries) -> None:
    for number in range(FREE_OF_ADDRESS):
        tries.begin(f"user{number}@example.org", CAFE)
    refused(tries, "another@example.org", CAFE)
    tries.begin("another@example.org", HOME)


def test_of_ipv6_a_whole_network_counts_as_one(tries: Tries) -> None:
    for number in range(FREE_OF_ADDRESS):
        tries.begin(f"user{number}@example.org", f"2001:db8::{number:x}")
    refused(tries, "another@example.org", "2001:db8::ffff")
    tries.begin("another@example.org", "2001:db8:0:1::1")


def test_many_addresses_slow_an_email_down_and_its_owner_gets_through(tries: Tries, clock: Clock) -> None:
    tries.begin(ANN, HOME)
    tries.succeeded(ANN, HOME)
    for number in range(FREE_OF_EMAIL):
        tries.begin(ANN, f"203.0.113.{number}")
    clock.now += 100
    for number in range(200):
        if number:
            clock.now += refused(tries, ANN, "203.0.113.250")
        tries.begin(ANN, f"203.0.{number}.1")
        assert refused(tries, ANN, "203.0.113.250") <= LONGEST_PAUSE_OF_EMAIL
        tries.begin(ANN, HOME)
        tries.succeeded(ANN, HOME)


def test_a_success_takes_its_own_try_back(tries: Tries) -> None:
    for number in range(10 * FREE_OF_ADDRESS):
        tries.begin(f"user{number}@example.org", CAFE)
        tries.succeeded(f"user{number}@example.org", CAFE)


def test_a_success_forgives_the_owners_own_mistakes(tries: Tries) -> None:
    for _ in range(3):
        for _ in range(FREE_OF_PAIR - 1):
            tries.begin(ANN, HOME)
        tries.begin(ANN, HOME)
        tries.succeeded(ANN, HOME)


def test_all_is_forgotten_in_time(tries: Tries, clock: Clock) -> None:
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)
    refused(tries, ANN, HOME)
    clock.now += FORGIVEN_AFTER
    for _ in range(FREE_OF_PAIR):
        tries.begin(ANN, HOME)


def test_memory_is_bounded(clock: Clock) -> None:
    tries = Tries(monotonic=clock, entries=50)
    for number in range(500):
        tries.begin(f"{number}@example.org" * 50, f"10.0.{number % 256}.{number // 256}")
        tries.succeeded(f"{number}@example.org" * 50, f"10.0.{number % 256}.{number // 256}")
        tries.begin("\ud800", f"10.1.{number % 256}.{number // 256}")
        clock.now += LONGEST_PAUSE
    assert len(tries._failures) <= 50
    assert len(tries._owners) <= 50
