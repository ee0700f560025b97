"""Texts and bytes cut anywhere: what comes in pieces must mean the same wherever the cuts are."""

import itertools
from collections.abc import Sequence
from typing import TypeVar

from hypothesis import strategies as st

Whole = TypeVar("Whole", str, bytes, list[str])

places = st.lists(st.integers(0, 10_000), max_size=12)
"""Where to cut."""


def cut(whole: Whole, at: Sequence[int]) -> list[Whole]:
    """The pieces of `whole`, in their order; some may be empty. Any number is a place in it."""
    edges = [0, *sorted(place % (len(whole) + 1) for place in at), len(whole)]
    return [whole[start:end] for start, end in itertools.pairwise(edges)]
