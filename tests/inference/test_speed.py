import pytest

from penstock.inference.speed import Speed
from penstock.inference.ticket import Ticket, Tier


def test_a_request_is_expected_to_come_to_what_is_usual_not_to_its_worst_case() -> None:
    speed = Speed()
    for _ in range(200):
        speed.count(Ticket(tokens=8192), 100, seconds=2.0)
    assert speed.expected(Ticket(tokens=8192)) == pytest.approx(100, abs=2)
    assert speed.expected(Ticket(tokens=10)) == 10
    assert speed.seconds(1000, slots=4) == pytest.approx(5.0, rel=0.05), "20 requests of 2 s, four at a time"


def test_each_class_has_its_own_measure() -> None:
    speed = Speed()
    for _ in range(200):
        speed.count(Ticket(tokens=8192, tier=Tier.BATCH), 4000, seconds=40.0)
    assert speed.expected(Ticket(tokens=8192)) == 256
    assert speed.expected(Ticket(tokens=8192, tier=Tier.BATCH)) == pytest.approx(4000, rel=0.05)


def test_choices_hold_a_slot_each() -> None:
    speed = Speed()
    for _ in range(200):
        speed.count(Ticket(tokens=400, places=4), 400, seconds=1.0)
    assert speed.seconds(400, slots=4) == pytest.approx(1.0, rel=0.05)
