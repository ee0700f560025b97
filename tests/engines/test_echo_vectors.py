import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.engines.echo_vectors import DIMENSIONS, float32, vector_of


@given(st.text(min_size=1))
def test_every_text_has_a_vector_of_length_1(text: str) -> None:
    vector = vector_of(text)
    assert len(vector) == DIMENSIONS
    assert math.isclose(math.hypot(*vector), 1)


def test_a_vector_is_the_same_everywhere_and_knows_no_case_or_order() -> None:
    assert vector_of("One two") == pytest.approx(vector_of("two  one"))
    assert vector_of("hello")[:3] == pytest.approx([0.1795, 0.1420, 0.0634], abs=0.001)


def test_texts_that_share_words_are_nearer() -> None:
    def nearness(one: str, other: str) -> float:
        return sum(a * b for a, b in zip(vector_of(one), vector_of(other), strict=True))

    assert nearness("a cat on a mat", "a cat on a rug") > nearness("a cat on a mat", "shares fell today") + 0.3


def test_the_bytes_are_little_endian_floats() -> None:
    assert float32([0.5, -1.0]) == struct.pack("<2f", 0.5, -1.0)
