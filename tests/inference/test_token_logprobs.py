"""Probabilities go out with their text: never before it, and never those of text that is dropped."""

import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.inference.token_logprobs import LogprobQueue
from penstock.protocol.answer import TokenLogprob, TopLogprob


def tokens(*texts: str | bytes) -> list[TokenLogprob]:
    """Tokens of these texts; of those given as bytes, which may be parts of characters, the bytes are known."""
    return [
        TokenLogprob(text, -1.0)
        if isinstance(text, str)
        else TokenLogprob(text.decode(errors="replace"), -1.0, [*text])
        for text in texts
    ]


def names(given: list[TokenLogprob]) -> list[str]:
    return [token.token for token in given]


def test_a_token_goes_out_with_the_last_of_its_text() -> None:
    queue = LogprobQueue(top=0)
    queue.add(tokens("He", "llo", " you"))
    assert names(queue.release("Hel")) == ["He"]
    assert names(queue.release("")) == []
    assert names(queue.release("lo yo")) == ["llo"]
    assert names(queue.rest()) == [" you"]
    assert queue.rest() == []


def test_tokens_that_are_parts_of_a_character_go_out_with_it() -> None:
    queue = LogprobQueue(top=0)
    first, second = b"\xe2\x80", b"\xa6"
    queue.add(tokens(first))
    assert queue.release("") == []
    queue.add(tokens(second))
    assert [token.bytes for token in queue.release("…")] == [[0xE2, 0x80], [0xA6]]


@pytest.mark.parametrize("top", [0, 1, 2, 5])
def test_as_many_alternatives_as_were_asked_for(top: int) -> None:
    queue = LogprobQueue(top=top)
    queue.add([TokenLogprob("a", -0.1, None, [TopLogprob("a", -0.1), TopLogprob("b", -2.0), TopLogprob("c", -3.0)])])
    (token,) = queue.release("a")
    assert [one.token for one in token.top_logprobs] == ["a", "b", "c"][:top]


@given(st.lists(st.text(min_size=1, max_size=3), max_size=8), places)
def test_where_the_text_is_cut_changes_nothing(texts: list[str], at: list[int]) -> None:
    queue, out = LogprobQueue(top=0), []
    queue.add(tokens(*texts))
    gone = ""
    for piece in cut("".join(texts), at):
        gone += piece
        out += names(queue.release(piece))
        assert gone.startswith("".join(out))
    assert out == texts
