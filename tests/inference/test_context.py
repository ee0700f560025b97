"""Whether a request fits its model: decided without the engine where it is plain, by the engine's count elsewhere."""

from typing import Any

import msgspec
import pytest
from limited import caller_of
from scripted_engine import Connection, answering, engine, relay

from penstock.engines.echo import Echo
from penstock.engines.engine import Abilities, Endpoint
from penstock.engines.relay import Relay
from penstock.errors import ContextLengthExceeded, InvalidRequest
from penstock.inference import context
from penstock.inference.prompt import ChatPrompt, TextPrompts
from penstock.inference.room import Room, room_for
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.embeddings import EmbeddingRequest
from penstock.tenants.caller import Caller

TOOL = {"type": "function", "function": {"name": "f", "description": "d" * 600}}
CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "9" * 600}}


def request(content: str = "Hi", **fields: Any) -> ChatRequest:
    return msgspec.convert({"model": "m", "messages": [{"role": "user", "content": content}], **fields}, ChatRequest)


def counting(tokens: int) -> Connection:
    body = b'{"input_tokens":%d}' % tokens
    return answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def check(asked: ChatRequest, *, counts: int | None, context_length: int = 1000, max_output: int = 1000) -> bool:
    """Check the request on an engine that counts so many tokens; whether it was asked to. Raises what the check does.

    With None it breaks off when it is asked.
    """
    was_asked = False
    count = counting(counts) if counts is not None else answering(b"")

    async def connection(reader: Any, writer: Any) -> None:
        nonlocal was_asked
        was_asked = True
        await count(reader, writer)

    async with engine(connection, context_length=context_length, max_output=max_output) as endpoint, relay() as talks:
        await fitted(asked, endpoint, talks)
    return was_asked


def whole(endpoint: Endpoint) -> Room:
    """A room that nothing but the model bounds."""
    return room_for(Caller("acct", "key", ""), endpoint)


async def fitted(asked: ChatRequest, endpoint: Endpoint, talks: Relay, *, room: Room | None = None) -> ChatRequest:
    prompt, room = ChatPrompt(asked, endpoint, talks), room or whole(endpoint)
    context.check(asked, prompt, room)
    return await context.fitted(asked, prompt, room)


async def fitted_completion(asked: CompletionRequest, endpoint: Endpoint, talks: Relay) -> None:
    prompts, room = TextPrompts(asked.prompts, endpoint, talks), whole(endpoint)
    context.check_completion(asked, prompts, room)
    await context.fit_texts(prompts, room, output=asked.output_limit or 1, name="prompt")


@pytest.mark.parametrize(
    ("asked", "is_asked"),
    [
        (request(), False),
        (request("w" * 700), False),
        (request("w" * 800), True),
        (request("é" * 350), False),
        (request("é" * 400), True),
        (request(max_tokens=700), False),
        (request(max_completion_tokens=730), True),
        (request(tools=[TOOL]), True),
        (request(messages=[{"role": "user", "content": "Hi"}, {"role": "assistant", "tool_calls": [CALL]}]), True),
        (request(messages=[{"role": "assistant", "content": "x", "reasoning": "r" * 800}]), True),
        (request(messages=[{"role": "user", "content": "x"}] * 50), True),
    ],
)
async def test_the_engine_counts_only_where_it_is_not_plain(asked: ChatRequest, is_asked: bool) -> None:
    assert await check(asked, counts=10) is is_asked


async def test_prompt_and_answer_may_fill_the_context_to_the_last_token() -> None:
    assert await check(request("w" * 900, max_tokens=100), counts=900)
    with pytest.raises(ContextLengthExceeded, match=r"1000 tokens.*it has 901, and 100 tokens of answer") as refused:
        await check(request("w" * 900, max_tokens=100), counts=901)
    assert (refused.value.status, refused.value.code, refused.value.param) == (
        400,
        "context_length_exceeded",
        "messages",
    )


async def test_without_a_bound_there_is_room_for_one_token_at_least() -> None:
    assert await check(request("w" * 900), counts=999)
    with pytest.raises(ContextLengthExceeded, match=r"it has 1000\."):
        await check(request("w" * 900), counts=1000)


@pytest.mark.parametrize(
    "asked", [request("w" * 100_000), request(messages=[{"role": "user", "content": ""}] * 1001)], ids=["long", "many"]
)
async def test_what_is_too_long_beyond_doubt_is_never_counted(asked: ChatRequest) -> None:
    with pytest.raises(ContextLengthExceeded, match="at least"):
        await check(asked, counts=None)


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_more_output_than_the_model_gives_is_refused_by_the_name_that_was_used(name: str) -> None:
    with pytest.raises(InvalidRequest, match="51; this model gives 50") as refused:
        await check(msgspec.structs.replace(request(), **{name: 51}), counts=None, max_output=50)
    assert (refused.value.code, refused.value.param) == ("invalid_value", name)


@pytest.mark.parametrize(
    ("max_output", "fields", "limit"),
    [(50, {}, 50), (50, {"max_tokens": 7}, 7), (50, {"max_completion_tokens": 7}, 7), (1000, {}, None)],
)
async def test_the_models_own_bound_holds_where_the_request_names_none(
    max_output: int, fields: dict[str, Any], limit: int | None
) -> None:
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=1000), 4, 1000, max_output)
    async with relay() as talks:
        assert (await fitted(request(**fields), endpoint, talks)).output_limit == limit


def tokenizing(tokens: int) -> Connection:
    body = msgspec.json.encode({"tokens": [1] * tokens})
    return answering(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body))


async def check_prompt(prompt: Any, *, counts: int | None = None, max_tokens: int | None = 100) -> None:
    asked = CompletionRequest(model="m", prompt=prompt, max_tokens=max_tokens)
    count = answering(b"") if counts is None else tokenizing(counts)
    knows = Abilities(vocabulary=50)
    async with (
        engine(count, context_length=1000, max_output=500, abilities=knows) as endpoint,
        relay() as talks,
    ):
        await fitted_completion(asked, endpoint, talks)


async def test_a_raw_prompt_may_fill_the_context_to_the_last_token() -> None:
    await check_prompt("w" * 896)  # nobody is asked
    await check_prompt("w" * 5000, counts=900)
    await check_prompt([1] * 900)
    for prompt, counts in (("w" * 5000, 901), ([1] * 901, None)):
        with pytest.raises(ContextLengthExceeded, match=r"1000 tokens.*it has 901, and 100 tokens of answer") as bad:
            await check_prompt(prompt, counts=counts)
        assert bad.value.param == "prompt"


KNOWING = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=2000), 4, 2000, 64, Abilities(vocabulary=50))


@pytest.mark.parametrize("token", ["50", "9999999"])
async def test_a_bias_is_for_tokens_that_the_model_has(token: str) -> None:
    async with relay() as talks:
        await fitted(request(logit_bias={"0": 1, "49": -1}), KNOWING, talks)
        with pytest.raises(InvalidRequest, match=rf"^{token} is no token of this model.* 0 to 49") as refused:
            await fitted(request(logit_bias={"0": 1, token: -1}), KNOWING, talks)
    assert refused.value.param == "logit_bias"


async def test_the_same_holds_for_raw_prompts() -> None:
    fields = {"model": "m", "prompt": "Hi", "max_tokens": 1, "logit_bias": {"50": 1}}
    async with relay() as talks:
        with pytest.raises(InvalidRequest, match="50 is no token") as refused:
            await fitted_completion(msgspec.convert(fields, CompletionRequest), KNOWING, talks)
    assert refused.value.param == "logit_bias"


async def test_a_bias_is_taken_by_a_model_of_unknown_vocabulary() -> None:
    assert not await check(request(logit_bias={"9999999": 1}), counts=None)


async def test_the_prompt_at_fault_is_named() -> None:
    with pytest.raises(ContextLengthExceeded, match="at least") as refused:
        await check_prompt(["fits", "w" * 100_000])
    assert refused.value.param == "prompt[1]"
    with pytest.raises(InvalidRequest, match="50 is no token of this model, whose tokens are 0 to 49") as unknown:
        await check_prompt([[49], [50]])
    assert unknown.value.param == "prompt[1]"


async def test_tokens_for_a_model_that_takes_text_alone() -> None:
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=64), 4, 64, 64)
    async with relay() as talks:
        with pytest.raises(InvalidRequest, match="m takes text, not tokens") as refused:
            await fitted_completion(CompletionRequest(model="m", prompt=[1]), endpoint, talks)
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "prompt")


async def test_more_output_than_the_model_gives_for_a_raw_prompt() -> None:
    with pytest.raises(InvalidRequest, match="max_tokens is 501; this model gives 500"):
        await check_prompt("Hi", max_tokens=501)


@pytest.mark.parametrize(("given", "max_output", "limit"), [(None, 500, 16), (None, 7, 7), (300, 500, 300)])
def test_the_bound_of_a_completion_that_names_none(given: int | None, max_output: int, limit: int) -> None:
    endpoint = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=1000), 4, 1000, max_output)
    asked = CompletionRequest(model="m", prompt="Hi", max_tokens=given)
    assert context.bounded_completion(asked, whole(endpoint)).output_limit == limit


async def check_inputs(inputs: Any, *, counts: int | None = None) -> None:
    count = answering(b"") if counts is None else tokenizing(counts)
    knows = Abilities(chat=False, embeddings=True, vocabulary=50)
    async with engine(count, context_length=1000, abilities=knows) as endpoint, relay() as talks:
        given = TextPrompts(EmbeddingRequest(model="m", input=inputs).inputs, endpoint, talks)
        context.check_texts(given, whole(endpoint), output=0, name="input")
        await context.fit_texts(given, whole(endpoint), output=0, name="input")


async def test_an_input_may_fill_the_whole_context() -> None:
    await check_inputs(["w" * 996, "w" * 996])  # nobody is asked
    await check_inputs("w" * 5000, counts=1000)
    await check_inputs([1] * 1000)
    for inputs, counts, param in (("w" * 5000, 1001, "input"), ([[1], [1] * 1001], None, "input[1]")):
        with pytest.raises(ContextLengthExceeded, match=r"1000 tokens.*it has 1001\.") as refused:
            await check_inputs(inputs, counts=counts)
        assert refused.value.param == param


class TestPlans:
    """Where a plan gives less than the model has."""

    @staticmethod
    def room(endpoint: Endpoint, **figures: int) -> Room:
        return room_for(caller_of(**figures), endpoint)

    @pytest.mark.parametrize(
        ("figures", "limit"),
        [({"max_output": 30}, 30), ({"context": 500}, 497), ({"context": 500, "max_output": 9}, 9)],
    )
    async def test_an_answer_without_a_bound_gets_what_is_left(self, figures: dict[str, int], limit: int) -> None:
        async with engine(counting(3), context_length=1000, max_output=1000) as endpoint, relay() as talks:
            # Counted where the bound by bytes would cut the answer shorter than the plan does.
            fits = await fitted(request("abc"), endpoint, talks, room=self.room(endpoint, **figures))
        assert fits.output_limit == limit

    async def test_more_than_the_plan_has_is_refused_in_its_name(self) -> None:
        async with engine(counting(90), context_length=1000, max_output=1000) as endpoint, relay() as talks:
            room = self.room(endpoint, context=100, max_output=20)
            with pytest.raises(InvalidRequest, match="max_tokens is 21; the plan test gives 20 tokens at most"):
                await fitted(request(max_tokens=21), endpoint, talks, room=room)
            with pytest.raises(ContextLengthExceeded, match=r"100 tokens with the plan test\. .* it has 90, and 11 "):
                await fitted(request(max_tokens=11), endpoint, talks, room=room)
