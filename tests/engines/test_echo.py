"""The echo engine as a real process: what it says, and every fault that it can be asked for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest

from penstock.engines import process
from penstock.engines.echo import Echo
from penstock.engines.echo_vectors import float32, vector_of
from penstock.engines.engine import Counts, Endpoint
from penstock.engines.process import EngineProcess
from penstock.engines.relay import Relay
from penstock.errors import EngineError, OperatorError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.messages import UserMessage


@asynccontextmanager
async def echo(folder: Path, **options: Any) -> AsyncIterator[tuple[EngineProcess, Endpoint, Relay]]:
    """A running echo engine, how to reach it, and somebody to reach it with."""
    engine = Echo(context_length=32, **options)
    launch = engine.launch(served_name="echo", api_key="secret", model_file=None)
    running = await process.start(launch, log_path=folder / "echo.log")
    relay = Relay(stall_seconds=options.pop("stall", 0.5))
    try:
        yield running, Endpoint("echo", running.url, "echo", "secret", engine, launch.slots, 32, 32), relay
    finally:
        await relay.close()
        await running.kill()


async def say(relay: Relay, endpoint: Endpoint, text: str, **fields: Any) -> tuple[list[str], list[str | None], Counts]:
    """The text and finish reason of each choice, and the counts."""
    request = ChatRequest(model="echo", messages=[UserMessage(content=text)], **fields)
    texts = [""] * (request.n or 1)
    reasons: list[str | None] = [None] * len(texts)
    with closing(await relay.chat(request, endpoint)) as stream:
        while (pieces := await stream.read()) is not None:
            for piece in pieces:
                texts[piece.index] += piece.content
                reasons[piece.index] = piece.finish_reason or reasons[piece.index]
        return texts, reasons, stream.counts


async def test_it_answers_with_the_last_message_and_counts_words(tmp_path: Path) -> None:
    async with echo(tmp_path) as (_, endpoint, relay):
        texts, reasons, counts = await say(relay, endpoint, "one  two\nthree 🎉")
        assert (texts, reasons) == (["one  two\nthree 🎉"], ["stop"])
        assert (counts.prompt, counts.completion) == ({0: 4}, {0: 4})


async def test_max_tokens_choices_and_the_end_of_the_context(tmp_path: Path) -> None:
    async with echo(tmp_path) as (_, endpoint, relay):
        texts, reasons, counts = await say(relay, endpoint, "a b c", max_tokens=2, n=2)
        assert (texts, reasons, counts.completion) == (["a b"] * 2, ["length"] * 2, {0: 2, 1: 2})
        texts, reasons, _ = await say(relay, endpoint, "w " * 20)
        assert (len(texts[0].split()), reasons) == (12, ["length"])


async def test_raw_prompts_are_answered_with_their_own_words(tmp_path: Path) -> None:
    async with echo(tmp_path) as (_, endpoint, relay):
        request = CompletionRequest(model="echo", prompt=["a b c", "d"], n=2, max_tokens=2)
        texts = [""] * 4
        with closing(await relay.complete(request, endpoint)) as stream:
            while (pieces := await stream.read()) is not None:
                for piece in pieces:
                    texts[piece.index] += piece.content
        assert texts == ["a b", "a b", "d", "d"]
        assert (stream.counts.prompt, stream.counts.completion) == ({0: 3, 1: 1}, {0: 2, 1: 2, 2: 1, 3: 1})
        assert await relay.count_text("a  b\nc", endpoint) == 3


@pytest.mark.parametrize("fault", ["crash@3", "close@3", "garbage@3", "hang@3"])
async def test_a_broken_stream_gives_what_came_before_and_then_an_error(tmp_path: Path, fault: str) -> None:
    async with echo(tmp_path, faults=(fault,)) as (_, endpoint, relay):
        request = ChatRequest(model="echo", messages=[UserMessage(content="a b c d")])
        text = ""
        with closing(await relay.chat(request, endpoint)) as stream:
            with pytest.raises(EngineError):  # noqa: PT012 -- which read fails depends on how the bytes are cut
                while (pieces := await stream.read()) is not None:
                    text += "".join(piece.content for piece in pieces)
            assert "a b".startswith(text)  # what came together with the garbage is not trusted
            assert stream.counts.completion.get(0, 0) <= 3


async def test_a_crash_ends_the_process(tmp_path: Path) -> None:
    async with echo(tmp_path, faults=("crash@1",)) as (running, endpoint, relay):
        with pytest.raises(EngineError):
            await say(relay, endpoint, "a")
        assert await asyncio.wait_for(running.wait(), 5) == 70


async def test_a_repeated_chunk_is_not_counted_twice(tmp_path: Path) -> None:
    async with echo(tmp_path, faults=("repeat@2",)) as (_, endpoint, relay):
        texts, _, counts = await say(relay, endpoint, "a b c")
        assert (texts, counts.completion) == (["a b b c"], {0: 3})


async def test_a_status_500(tmp_path: Path) -> None:
    async with echo(tmp_path, faults=("error",)) as (_, endpoint, relay):
        with pytest.raises(EngineError, match="500"):
            await say(relay, endpoint, "a")


async def test_a_message_asks_for_a_fault_only_where_that_is_allowed(tmp_path: Path) -> None:
    async with echo(tmp_path, directives=True) as (_, endpoint, relay):
        with pytest.raises(EngineError):
            await say(relay, endpoint, "!error a")
    async with echo(tmp_path) as (_, endpoint, relay):
        assert (await say(relay, endpoint, "!error a"))[0] == ["!error a"]


async def test_the_rate_is_kept(tmp_path: Path) -> None:
    async with echo(tmp_path, tokens_per_second=50.0) as (_, endpoint, relay):
        started = asyncio.get_running_loop().time()
        await say(relay, endpoint, "a b c d e f g h i j")
        assert asyncio.get_running_loop().time() - started >= 0.19  # never faster; slower only on a busy machine


async def test_a_wrong_key_opens_nothing(tmp_path: Path) -> None:
    async with echo(tmp_path) as (_, endpoint, relay):
        stranger = Endpoint("echo", endpoint.url, "echo", "guess", endpoint.engine, 4, 32, 32)
        with pytest.raises(EngineError, match="401"):
            await say(relay, stranger, "a")


def test_a_fault_that_does_not_exist_is_named() -> None:
    with pytest.raises(OperatorError, match="explode@3"):
        Echo(context_length=8, faults=("explode@3",)).launch(served_name="echo", api_key="k", model_file=None)


async def test_embeddings_and_what_can_befall_them(tmp_path: Path) -> None:
    async with echo(tmp_path, embeds=True, directives=True) as (running, endpoint, relay):
        assert (running.abilities.chat, running.abilities.embeddings, running.abilities.dimensions) == (False, True, 64)
        vectors, tokens = await relay.embed(["a b", [7, 8, 9]], endpoint)
        assert vectors == [float32(vector_of("a b")), float32(vector_of("7 8 9"))]
        assert tokens == 5
        with pytest.raises(EngineError, match="500"):
            await relay.embed(["!error"], endpoint)
        with pytest.raises(EngineError):
            await relay.embed(["!crash@1"], endpoint)
        assert await asyncio.wait_for(running.wait(), 5) == 70
