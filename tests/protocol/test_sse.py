import json
from typing import Any

import msgspec
import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.protocol.answer import CompletionDetails, PromptDetails, Usage
from penstock.protocol.chat_chunk import ChatCompletionChunk
from penstock.protocol.completions import TextCompletionChunk
from penstock.protocol.sse import DONE, ChunkWriter, EventSplitter, EventTooLarge, TextChunkWriter

payloads = st.lists(
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1), max_size=6
)


@given(payloads, places, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_any_cut_gives_the_same_events(texts: list[str], at: list[int], newline: str, comments: bool) -> None:
    comment = f": ping{newline}{newline}" if comments else ""
    wire = "".join(f"{comment}data: {text}{newline}{newline}" for text in texts).encode()
    splitter = EventSplitter()
    events = [event for part in cut(wire, at) for event in splitter.feed(part)]
    assert events == [text.encode() for text in texts]


def test_an_event_of_several_data_lines_is_joined() -> None:
    assert EventSplitter().feed(b"event: x\ndata: a\ndata:b\nid: 3\n\n") == [b"a\nb"]


def test_an_event_that_is_not_ended_is_not_given() -> None:
    assert EventSplitter().feed(b"data: half") == []


@pytest.mark.parametrize("endless", [b"x" * 200, b"data: " + b"x" * 80 + b"\ndata: " + b"x" * 80 + b"\n"])
def test_an_event_without_end_is_refused(endless: bytes) -> None:
    with pytest.raises(EventTooLarge):
        EventSplitter(max_event_bytes=100).feed(endless)


def read(chunk: bytes, form: type = ChatCompletionChunk) -> Any:
    assert chunk.startswith(b"data: ")
    assert chunk.endswith(b"\n\n")
    msgspec.json.decode(chunk[6:], type=form)  # it has the form that the API's document tells
    return json.loads(chunk[6:])


@pytest.fixture
def writer() -> ChunkWriter:
    return ChunkWriter(completion_id="chatcmpl-1", created=5, model='a/"b"', include_usage=True)


def test_every_chunk_has_the_same_frame(writer: ChunkWriter) -> None:
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": 'a/"b"'}
    frame |= {"system_fingerprint": None, "usage": None}

    def choice(delta: dict[str, str], **ending: Any) -> dict[str, Any]:
        return {"index": 1, "delta": delta, "logprobs": None, "finish_reason": None, **ending}

    assert read(writer.role(1)) == {**frame, "choices": [choice({"role": "assistant", "content": ""})]}
    assert read(writer.content(1, 'x"\n🎉')) == {**frame, "choices": [choice({"content": 'x"\n🎉'})]}
    assert read(writer.reasoning(1, "hm"))["choices"] == [choice({"reasoning_content": "hm", "reasoning": "hm"})]
    assert read(writer.finish(1, "stop", "END"))["choices"] == [choice({}, finish_reason="stop", stop_reason="END")]


def test_the_usage_chunk_has_no_choices(writer: ChunkWriter) -> None:
    end = writer.end(Usage(1, 2, 3, PromptDetails(1), CompletionDetails()))
    assert end.endswith(DONE)
    chunk = read(end.removesuffix(DONE))
    assert chunk["choices"] == []
    assert chunk["usage"]["total_tokens"] == 3


def test_without_include_usage_no_chunk_speaks_of_usage() -> None:
    writer = ChunkWriter(completion_id="c", created=5, model="m", include_usage=False)
    assert "usage" not in read(writer.content(0, "x"))
    assert writer.end(Usage(1, 2, 3, PromptDetails(1), CompletionDetails())) == DONE


def test_chunks_of_a_raw_prompt_have_a_text_in_place_of_a_delta() -> None:
    writer = TextChunkWriter(completion_id="cmpl-1", created=5, model="m", include_usage=False)
    text = read(writer.text(1, 'x"\n🎉'), TextCompletionChunk)
    assert (text["id"], text["object"]) == ("cmpl-1", "text_completion")
    assert text["choices"] == [{"index": 1, "text": 'x"\n🎉', "logprobs": None, "finish_reason": None}]
    (end,) = read(writer.finish(0, "stop", "END"), TextCompletionChunk)["choices"]
    assert end == {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop", "stop_reason": "END"}
