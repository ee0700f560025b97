"""When the time of an answer tells how fast it was written."""

import pytest

from penstock.tenants.speed import TELLING_MS, TELLING_STEPS, tokens_per_second


@pytest.mark.parametrize(
    ("tokens", "decode_ms", "rate"),
    [
        (11, 1000.0, 10.0),
        (2001, 4000.0, 500.0),
        (TELLING_STEPS + 1, TELLING_MS, 160.0),
        (TELLING_STEPS, 1000.0, None),
        (3, 0.4, None),
        (500, TELLING_MS - 1, None),
        (1, 0.0, None),
        (0, None, None),
        (40, None, None),
    ],
)
def test_a_short_answer_has_no_rate(tokens: int, decode_ms: float | None, rate: float | None) -> None:
    assert tokens_per_second(tokens, decode_ms) == rate
