from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.inference.embedding import MAX_PORTION_INPUTS, most_tokens, portions


@pytest.mark.parametrize(("prompt", "tokens"), [("abc", 3), ("€", 3), ([7, 8], 2)])
def test_how_many_tokens_there_may_be(prompt: Any, tokens: int) -> None:
    assert most_tokens(prompt) == tokens


@given(st.lists(st.integers(1, 120), min_size=1, max_size=200), st.integers(1, 100))
def test_every_input_is_in_one_portion_in_its_place_and_no_portion_is_too_much(sizes: list[int], context: int) -> None:
    inputs: list[Any] = [[at] * size for at, size in enumerate(sizes)]
    divided = [*portions(inputs, context_length=context)]
    assert [each for portion in divided for each in portion] == inputs
    for portion in divided:
        assert 1 <= len(portion) <= MAX_PORTION_INPUTS
        assert len(portion) == 1 or sum(map(len, portion)) <= context


def test_no_portion_is_smaller_than_it_has_to_be() -> None:
    assert [*portions(["aaaa", "bb", "cc", "d"], context_length=6)] == [["aaaa", "bb"], ["cc", "d"]]
    assert [len(portion) for portion in portions(["a"] * 100, context_length=10_000)] == [64, 36]
