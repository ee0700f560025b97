"""Lines that begin alike stand together when ordered by their prefix."""

from itertools import groupby
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.batches.likeness import prefix_of


def chat(*texts: Any, **more: Any) -> dict[str, Any]:
    roles = ["system", "user", "assistant", "user"]
    return {"messages": [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)], **more}


def test_equal_beginnings_have_equal_numbers() -> None:
    long = "x" * 256
    for one, other in [
        (chat("be brief", long + "a"), chat("be brief", long + "b", temperature=1, model="m")),
        ({"prompt": long + "a"}, {"prompt": long + "b"}),
        ({"input": [long + "a", "c"]}, {"input": [long + "b"]}),
        (chat("s", [{"type": "text", "text": long + "a"}]), chat("s", [{"type": "text", "text": long + "b"}])),
    ]:
        assert prefix_of(one) == prefix_of(other)


def test_other_beginnings_have_others() -> None:
    bodies = [
        *(chat("be brief", "a"), chat("be brief", "b"), chat("be long", "a"), chat("c")),
        *(chat("be brief", "a", "b", "c"), chat("be brief", "x", "b", "c"), chat("be brief", "a", tools=[1])),
        *({"prompt": "a"}, {"prompt": "b"}, {}),
    ]
    assert len({prefix_of(body) for body in bodies}) == len(bodies)


@pytest.mark.parametrize("turns", [1, 3])
def test_lines_of_one_beginning_stand_together(turns: int) -> None:
    """Also where each goes on in its own way: who sorts reads each instruction once."""
    told = [f"{'instruction ' * 50}{at}" for at in range(5)]
    bodies = [chat(told[at % 5], *[f"question {at}"] * turns) for at in range(200)]
    ordered = sorted(bodies, key=prefix_of)
    runs = [name for name, _ in groupby(body["messages"][0]["content"] for body in ordered)]
    assert sorted(runs) == sorted(told)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("messages", "prompt", "input", "tools"), json_values)))
def test_any_body_has_one_that_a_database_can_keep(body: dict[str, Any]) -> None:
    assert 0 <= prefix_of(body) < 1 << 63
    assert prefix_of(body) == prefix_of(dict(body))
