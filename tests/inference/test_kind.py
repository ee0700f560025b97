from typing import Any

import pytest

from penstock.engines.echo import Echo
from penstock.engines.engine import PREFILL_ALLOWANCE, Abilities, Endpoint
from penstock.errors import InvalidRequest
from penstock.inference.kind import check_embeds, check_writes


def endpoint(**abilities: Any) -> Endpoint:
    echo = Echo(context_length=64)
    return Endpoint("m", "http://nowhere", "m", "k", echo, 4, 64, 64, abilities=Abilities(**abilities))


WRITER = endpoint()
EMBEDDER = endpoint(chat=False, embeddings=True, dimensions=8)


def test_a_model_is_asked_for_what_it_does() -> None:
    check_writes("m", WRITER)
    for dimensions in (None, 8):
        check_embeds("m", EMBEDDER, dimensions=dimensions)


def test_a_model_for_something_else_says_where_it_is_asked() -> None:
    with pytest.raises(InvalidRequest, match=r"my/name writes no text.*/v1/embeddings") as no_writer:
        check_writes("my/name", EMBEDDER)
    with pytest.raises(InvalidRequest, match=r"my/name makes no embeddings.*/v1/chat/completions") as no_embedder:
        check_embeds("my/name", WRITER, dimensions=None)
    for refused in (no_writer, no_embedder):
        assert (refused.value.code, refused.value.param) == ("unsupported_model", "model")


@pytest.mark.parametrize("dimensions", [1, 7, 9])
def test_vectors_are_not_shortened(dimensions: int) -> None:
    with pytest.raises(InvalidRequest, match="vectors of 8 numbers") as refused:
        check_embeds("m", EMBEDDER, dimensions=dimensions)
    assert (refused.value.code, refused.value.param) == ("invalid_value", "dimensions")


def test_who_makes_embeddings_gives_no_sign_of_life_meanwhile() -> None:
    assert (WRITER.patience, EMBEDDER.patience) == (1, PREFILL_ALLOWANCE)
