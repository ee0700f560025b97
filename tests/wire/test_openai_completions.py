"""Raw prompts by the official client, on the real server with the real small model."""

from typing import Any

import openai
import pytest
from openai.types import Completion
from running_server import SMOL, RunningServer


def texts(completion: Completion) -> list[str]:
    return [choice.text for choice in completion.choices]


@pytest.mark.parametrize(
    "extra",
    [{}, {"n": 3}, {"prompt": ["Once upon a time", "def main():", "The capital of France is"]}, {"stop": ["the", "."]}],
    ids=["plain", "n", "prompts", "stop"],
)
def test_a_stream_says_what_the_whole_answer_says(real_server: RunningServer, extra: dict[str, Any]) -> None:
    request = {"model": SMOL, "prompt": "Once upon a time", "max_tokens": 16, "seed": 7, **extra}
    client = real_server.client()
    whole: Completion = client.completions.create(**request)
    said, reasons = [""] * len(whole.choices), [""] * len(whole.choices)
    for chunk in client.completions.create(**request, stream=True):
        for choice in chunk.choices:
            said[choice.index] += choice.text
            reasons[choice.index] = choice.finish_reason or reasons[choice.index]
    assert said == texts(whole)
    assert all(said)
    assert reasons == [choice.finish_reason for choice in whole.choices]
    assert not any(stop in text for text in said for stop in extra.get("stop", []))


def test_a_prompt_is_continued_as_it_stands(real_server: RunningServer) -> None:
    """No template is laid around it, and its tokens are the same prompt."""
    client = real_server.client()
    request: dict[str, Any] = {"model": SMOL, "temperature": 0, "max_tokens": 6, "seed": 1}
    as_text = client.completions.create(prompt="The capital of France is", **request)
    assert "Paris" in as_text.choices[0].text
    assert as_text.usage is not None
    assert as_text.usage.prompt_tokens == 5
    as_tokens = client.completions.create(prompt=[504, 3575, 282, 4649, 314], **request)
    assert texts(as_tokens) == texts(as_text)


def test_usage_is_that_of_all_prompts_and_the_ledgers(real_server: RunningServer) -> None:
    client = real_server.client()
    raw = client.completions.with_raw_response.create(
        model=SMOL, prompt=["The capital of France is", "Hello"], n=2, max_tokens=5, extra_body={"min_p": 0}
    )
    usage = raw.parse().usage
    assert usage is not None
    assert usage.prompt_tokens == 5 + 1
    assert usage.completion_tokens <= 20
    row = real_server.usage_of(raw.headers["x-request-id"])
    assert (row["prompt_tokens"], row["completion_tokens"]) == (usage.prompt_tokens, usage.completion_tokens)


def test_more_prompts_than_the_engine_has_slots(real_server: RunningServer) -> None:
    """LangChain, say, sends twenty at once."""
    prompts = [f"{number} and" for number in range(20)]
    answer = real_server.client().completions.create(model=SMOL, prompt=prompts, max_tokens=2, temperature=0)
    assert len(answer.choices) == 20
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 40


@pytest.mark.parametrize(
    ("prompt", "numbers"), [("hello " * 9000, ["8192", "9001", "16"]), ([5] * 8180, ["8192", "8180", "16"])]
)
def test_a_prompt_over_the_context_is_refused_with_both_numbers(
    real_server: RunningServer, prompt: str | list[int], numbers: list[str]
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        real_server.client().completions.create(model=SMOL, prompt=prompt)
    assert (refused.value.code, refused.value.param) == ("context_length_exceeded", "prompt")
    assert all(number in refused.value.message for number in numbers)


def test_a_token_that_the_model_has_not(real_server: RunningServer) -> None:
    with pytest.raises(openai.BadRequestError, match="49152 is no token of this model") as refused:
        real_server.client().completions.create(model=SMOL, prompt=[1, 49152])
    assert refused.value.param == "prompt"
