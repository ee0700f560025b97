"""Server-sent events: split out of an engine's bytes, and written for a client.

Format: the HTML standard, section 9.2.6. Only `data` fields and comments matter to this API.
"""

from typing import Any, ClassVar

from msgspec import json

from penstock.protocol.answer import ChoiceLogprobs, TokenLogprob, Usage
from penstock.protocol.chat_chunk import Timings

PING = b": ping\n\n"
DONE = b"data: [DONE]\n\n"


class EventTooLarge(ValueError):
    """The engine sent an event without end."""


class EventSplitter:
    """Takes bytes as they come off the wire, cut anywhere, and gives the data of each whole event."""

    __slots__ = ("_data", "_max", "_rest")

    def __init__(self, *, max_event_bytes: int = 1 << 20) -> None:
        self._max = max_event_bytes
        self._rest = b""
        self._data: list[bytes] = []

    def joined(self, received: bytes) -> bytes | None:
        """The data of these events with commas between, where they are whole ones of one line each, as engines send
        them by far the most; else None, and they have to be fed."""
        if self._rest or self._data or len(received) > self._max:
            return None
        if received[:6] != b"data: " or received[-2:] != b"\n\n":
            return None
        data = received[6:-2].replace(b"\n\ndata: ", b",")
        return None if b"\n" in data else data

    def feed(self, received: bytes) -> list[bytes]:
        """The data of every event that `received` completes. Raises EventTooLarge past the bound."""
        *lines, self._rest = (self._rest + received).split(b"\n")
        if len(self._rest) > self._max:
            raise EventTooLarge
        events = []
        for raw in lines:
            line = raw.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[5:].removeprefix(b" "))
                if sum(map(len, self._data)) > self._max:
                    raise EventTooLarge
            elif not line and self._data:
                events.append(b"\n".join(self._data))
                self._data = []
        return events


class ChunkFrame:
    """What is around every chunk of one stream.

    What never changes within a stream (id, time, model) is encoded once; a token then costs one string encoding and
    one join.
    """

    object: ClassVar[str]

    def __init__(
        self, *, completion_id: str, created: int, model: str, include_usage: bool, service_tier: str | None = None
    ) -> None:
        head = {"id": completion_id, "object": self.object, "created": created, "model": model}
        if service_tier is not None:
            head["service_tier"] = service_tier
        self._head = b"data: " + json.encode(head)[:-1] + b',"system_fingerprint":null,"choices":['
        self._tail = b'],"usage":null}\n\n' if include_usage else b"]}\n\n"
        self._include_usage = include_usage

    def end(self, usage: Usage, timings: Timings | None = None) -> bytes:
        """The chunk that `include_usage` asks for, without choices and with the whole usage; then `[DONE]`."""
        if not self._include_usage:
            return DONE
        timed = b"" if timings is None else b',"penstock":%b' % json.encode(timings)
        return b'%b],"usage":%b%b}\n\n%b' % (self._head, json.encode(usage), timed, DONE)


class TextChunkWriter(ChunkFrame):
    """Writes the chunks of one streamed completion of raw prompts."""

    object = "text_completion"

    def text(self, index: int, text: str) -> bytes:
        return self._chunk(index, text, b"null")

    def finish(self, index: int, finish_reason: str, stop_reason: str | None) -> bytes:
        """The last chunk of a choice."""
        return self._chunk(index, "", b'%b,"stop_reason":%b' % (json.encode(finish_reason), json.encode(stop_reason)))

    def _chunk(self, index: int, text: str, ending: bytes) -> bytes:
        return b'%b{"index":%d,"text":%b,"logprobs":null,"finish_reason":%b}%b' % (
            self._head,
            index,
            json.encode(text),
            ending,
            self._tail,
        )


class ChunkWriter(ChunkFrame):
    """Writes the chunks of one streamed chat completion."""

    object = "chat.completion.chunk"
    _around: tuple[int, bytes, bytes] = (-1, b"", b"")
    """A choice, and what is before and behind each text of it."""

    def texts(self, index: int, texts: list[str]) -> bytes:
        """A chunk for each text, all of one choice."""
        of, head, tail = self._around
        if of != index:
            head = b'%b{"index":%d,"delta":{"content":' % (self._head, index)
            tail = b'},"logprobs":null,"finish_reason":null}%b' % self._tail
            self._around = index, head, tail
        if len(texts) == 1:
            return b"%b%b%b" % (head, json.encode(texts[0]), tail)
        return b"%b%b%b" % (head, (tail + head).join(map(json.encode, texts)), tail)

    def _chunk(self, index: int, delta: bytes, ending: bytes = b"null", logprobs: bytes = b"null") -> bytes:
        return b'%b{"index":%d,"delta":%b,"logprobs":%b,"finish_reason":%b}%b' % (
            self._head,
            index,
            delta,
            logprobs,
            ending,
            self._tail,
        )

    def role(self, index: int) -> bytes:
        """The first chunk of a choice."""
        return self._chunk(index, b'{"role":"assistant","content":""}')

    def content(self, index: int, text: str, logprobs: list[TokenLogprob] | None = None) -> bytes:
        delta = b'{"content":%b}' % json.encode(text)
        if logprobs is None:
            return self._chunk(index, delta)
        return self._chunk(index, delta, logprobs=json.encode(ChoiceLogprobs(logprobs)))

    def call_begins(self, index: int, call: int, *, call_id: str, name: str) -> bytes:
        """The first chunk of the choice's `call`-th call of a function."""
        head = b'{"index":%d,"id":%b,"type":"function","function":{"name":%b,"arguments":""}}' % (
            call,
            json.encode(call_id),
            json.encode(name),
        )
        return self._chunk(index, b'{"tool_calls":[%b]}' % head)

    def call_goes_on(self, index: int, call: int, arguments: str) -> bytes:
        """One more piece of the arguments of a call."""
        piece = b'{"index":%d,"function":{"arguments":%b}}' % (call, json.encode(arguments))
        return self._chunk(index, b'{"tool_calls":[%b]}' % piece)

    def reasoning(self, index: int, text: str) -> bytes:
        """Reasoning under both names in use."""
        encoded = json.encode(text)
        return self._chunk(index, b'{"reasoning_content":%b,"reasoning":%b}' % (encoded, encoded))

    def finish(self, index: int, finish_reason: str, stop_reason: str | None) -> bytes:
        """The last chunk of a choice."""
        ending = b'%b,"stop_reason":%b' % (json.encode(finish_reason), json.encode(stop_reason))
        return self._chunk(index, b"{}", ending)


def error_event(envelope: bytes) -> bytes:
    """An error after the first byte."""
    return b"data: %b\n\n" % envelope


def named_event(name: str, data: Any) -> bytes:
    """An event of the APIs whose events have names; `data` is encoded as JSON."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), json.encode(data))
