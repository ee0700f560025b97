"""The official Python client against the real server with the real small model."""

from concurrent.futures import ThreadPoolExecutor

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from running_server import LLAMA, SMOL, RunningServer

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the most famous street in Paris?"}]


def test_an_answer(real_server: RunningServer) -> None:
    completion = real_server.client().chat.completions.create(model=SMOL, messages=QUESTION, max_tokens=24)
    assert completion.choices[0].message.content
    assert completion.choices[0].finish_reason in {"stop", "length"}
    assert completion.model == SMOL
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == 39  # as llama.cpp's own template and tokenizer make of the question
    assert 1 <= completion.usage.completion_tokens <= 24
    assert completion.usage.total_tokens == 39 + completion.usage.completion_tokens


def test_a_stream_comes_token_by_token_with_usage_at_its_end(real_server: RunningServer) -> None:
    stream = real_server.client().chat.completions.create(
        model=LLAMA, messages=QUESTION, max_tokens=24, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    *parts, last = chunks
    texts = [chunk.choices[0].delta.content for chunk in parts if chunk.choices[0].delta.content]
    assert len(texts) > 5
    assert last.choices == []
    assert last.usage is not None
    assert last.usage.completion_tokens >= len(texts)
    assert {chunk.model for chunk in chunks} == {LLAMA}


@pytest.mark.parametrize("extra", [{}, {"stop": ["the"]}, {"n": 3}])
def test_the_same_seed_gives_the_same_text_streamed_or_not(
    real_server: RunningServer, extra: dict[str, object]
) -> None:
    client = real_server.client()
    fields = {"model": SMOL, "messages": QUESTION, "max_tokens": 32, "seed": 42, **extra}
    whole = client.chat.completions.create(**fields)  # type: ignore[call-overload]
    texts = [""] * len(whole.choices)
    for chunk in client.chat.completions.create(**fields, stream=True):  # type: ignore[call-overload]
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert texts == [choice.message.content for choice in whole.choices]
    assert not any("the" in text for text in texts if "stop" in extra)


def test_text_is_never_cut_inside_a_character(real_server: RunningServer) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "Repeat: 日本語 🎉 żółć 👩‍👩‍👧 日本語 🎉"}
    ]
    client = real_server.client()
    for seed in range(4):
        stream = client.chat.completions.create(model=SMOL, messages=messages, max_tokens=40, seed=seed, stream=True)
        streamed = "".join(chunk.choices[0].delta.content or "" for chunk in stream)
        whole = client.chat.completions.create(model=SMOL, messages=messages, max_tokens=40, seed=seed)
        assert streamed == whole.choices[0].message.content


def test_a_conversation_goes_on_and_what_was_said_is_read_from_the_cache(real_server: RunningServer) -> None:
    client = real_server.client()
    messages = list(QUESTION)
    read: list[int] = []
    cached: list[int] = []
    for question in ("Why?", "Since when?", "Who says so?", "Go on."):
        answer = client.chat.completions.create(model=SMOL, messages=messages, max_tokens=16, temperature=0)
        assert answer.usage is not None
        assert answer.usage.prompt_tokens_details is not None
        read.append(answer.usage.prompt_tokens)
        cached.append(answer.usage.prompt_tokens_details.cached_tokens or 0)
        messages += [answer.choices[0].message.to_dict(), {"role": "user", "content": question}]  # type: ignore[list-item]
    for turn in range(1, len(read)):
        assert cached[turn] >= read[turn - 1], "all of the turn before"
        assert read[turn] - cached[turn] < 32, "what is new"


def test_sixteen_clients_at_once_all_stream(real_server: RunningServer) -> None:
    client = real_server.client()

    def tokens(number: int) -> int:
        stream = client.chat.completions.create(
            model=SMOL, messages=[{"role": "user", "content": f"Count from {number}."}], max_tokens=16, stream=True
        )
        return sum(1 for chunk in stream if chunk.choices[0].delta.content)

    with ThreadPoolExecutor(16) as pool:
        assert all(count > 0 for count in pool.map(tokens, range(16)))


def test_models(real_server: RunningServer) -> None:
    client = real_server.client()
    assert {model.id for model in client.models.list()} == {SMOL, LLAMA}
    model = client.models.retrieve(LLAMA)
    assert (model.id, model.object) == (LLAMA, "model")
    assert model.to_dict()["penstock"]["alias_of"] == SMOL  # type: ignore[index]


def test_errors_raise_what_the_client_promises(real_server: RunningServer) -> None:
    client = real_server.client()
    with pytest.raises(openai.AuthenticationError):
        real_server.client("psk_wrong").models.list()
    with pytest.raises(openai.NotFoundError) as unknown:
        client.chat.completions.create(model="gpt-17", messages=QUESTION)
    assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as hot:
        client.chat.completions.create(model=SMOL, messages=QUESTION, temperature=3)
    assert (hot.value.code, hot.value.param) == ("invalid_value", "temperature")


def test_a_prompt_over_the_context_is_refused_with_both_numbers(real_server: RunningServer) -> None:
    engines = real_server.engine_pids()
    with pytest.raises(openai.BadRequestError) as caught:
        real_server.client().chat.completions.create(
            model=SMOL, messages=[{"role": "user", "content": "hello " * 9000}]
        )
    assert caught.value.code == "context_length_exceeded"
    assert "maximum context length is 8192 tokens" in caught.value.message
    assert "9031" in caught.value.message
    assert real_server.engine_pids() == engines


def test_a_client_that_closes_its_stream_stops_the_engine(real_server: RunningServer) -> None:
    client = real_server.client()
    stream = client.chat.completions.create(
        model=SMOL, messages=[{"role": "user", "content": "Tell me a very long story."}], stream=True, temperature=0
    )
    got = [next(iter(stream)) for _ in range(5)]
    request_id = stream.response.headers["x-request-id"]
    stream.close()
    row = real_server.usage_of(request_id)
    assert row["outcome"] == "aborted"
    assert len(got) - 2 <= row["completion_tokens"] < 400
    assert row["prompt_tokens"] > 20
