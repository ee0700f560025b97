"""Embeddings by the official client, on the real server with the real small model."""

import base64
import math
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
import pytest
from running_server import SMOL_EMBEDDING, RunningServer

CAT = "The cat sits on the mat."
KITTEN = "A kitten is on the rug."
STOCKS = "Stock markets fell sharply today."
SHARES = "Shares dropped on Wall Street this morning."


def vectors(server: RunningServer, given: Any, **fields: Any) -> list[list[float]]:
    """By way of base64, which the client asks for unless it is told otherwise."""
    answer = server.client().embeddings.create(model=SMOL_EMBEDDING, input=given, **fields)
    assert [item.index for item in answer.data] == [*range(len(answer.data))]
    return [item.embedding for item in answer.data]


def nearness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def test_similar_texts_are_nearer_and_every_vector_has_length_1(embedding_server: RunningServer) -> None:
    made = vectors(embedding_server, [CAT, KITTEN, STOCKS, SHARES])
    assert {len(vector) for vector in made} == {576}
    assert [math.hypot(*vector) for vector in made] == pytest.approx([1] * 4, abs=1e-5)
    cat, kitten, stocks, shares = made
    apart = max(nearness(one, other) for one in (cat, kitten) for other in (stocks, shares))
    assert nearness(cat, kitten) > apart + 0.05
    assert nearness(stocks, shares) > apart + 0.02


def test_a_vector_is_the_same_alone_and_among_others(embedding_server: RunningServer) -> None:
    texts = [CAT, "x", KITTEN, STOCKS + SHARES, "Hello"]
    together = vectors(embedding_server, texts)
    with ThreadPoolExecutor(5) as pool:  # and while others are made
        alone = [one for (one,) in pool.map(lambda text: vectors(embedding_server, text), texts)]
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, abs=1e-5)


def test_numbers_and_base64_are_equal(embedding_server: RunningServer) -> None:
    client = embedding_server.client()
    as_numbers = client.embeddings.create(model=SMOL_EMBEDDING, input=CAT, encoding_format="float").data[0].embedding
    as_text: Any = client.embeddings.create(model=SMOL_EMBEDDING, input=CAT, encoding_format="base64").data[0].embedding
    assert list(struct.unpack("<576f", base64.b64decode(as_text))) == as_numbers
    assert vectors(embedding_server, CAT) == [pytest.approx(as_numbers, abs=1e-7)]


def test_tokens_are_the_text_they_stand_for(embedding_server: RunningServer) -> None:
    as_text = vectors(embedding_server, "The capital of France is")
    as_tokens = vectors(embedding_server, [504, 3575, 282, 4649, 314])
    assert as_tokens == [pytest.approx(as_text[0], abs=1e-6)]


def test_usage_is_the_ledgers(embedding_server: RunningServer) -> None:
    raw = embedding_server.client().embeddings.with_raw_response.create(
        model=SMOL_EMBEDDING, input=["The capital of France is"] * 3, dimensions=576
    )
    usage = raw.parse().usage
    assert (usage.prompt_tokens, usage.total_tokens) == (15, 15)
    row = embedding_server.usage_of(raw.headers["x-request-id"])
    assert (row["endpoint"], row["prompt_tokens"], row["completion_tokens"]) == ("/v1/embeddings", 15, 0)


@pytest.mark.parametrize(
    ("given", "param", "numbers"),
    [
        ("hello " * 600, "input", ["512", "601"]),
        ([5] * 513, "input", ["512", "513"]),
        (["fits", "hello " * 600], "input[1]", ["512", "601"]),
    ],
    ids=["text", "tokens", "one of several"],
)
def test_an_input_over_the_context_is_refused_with_both_numbers(
    embedding_server: RunningServer, given: Any, param: str, numbers: list[str]
) -> None:
    engines = embedding_server.engine_pids()
    with pytest.raises(openai.BadRequestError) as refused:
        vectors(embedding_server, given)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", param)
    assert all(number in refused.value.message for number in numbers)
    assert embedding_server.engine_pids() == engines


def test_what_it_cannot_do(embedding_server: RunningServer) -> None:
    client = embedding_server.client()
    with pytest.raises(openai.BadRequestError) as chat:
        client.chat.completions.create(model=SMOL_EMBEDDING, messages=[{"role": "user", "content": "Hi"}])
    with pytest.raises(openai.BadRequestError) as raw:
        client.completions.create(model=SMOL_EMBEDDING, prompt="Hi")
    assert chat.value.code == raw.value.code == "unsupported_model"
    with pytest.raises(openai.BadRequestError, match="vectors of 576 numbers") as short:
        vectors(embedding_server, CAT, dimensions=256)
    assert short.value.param == "dimensions"
    with pytest.raises(openai.BadRequestError, match="49152 is no token of this model"):
        vectors(embedding_server, [49152])


def test_the_file_is_that_of_the_default_model(embedding_server: RunningServer) -> None:
    files = [*(embedding_server.data_dir / "models").resolve().glob("*/SmolLM2-135M-Instruct.Q4_1.gguf")]
    assert len({file.stat().st_ino for file in files}) == 1
