"""Forms, however their bytes are cut, and whatever else comes in their place."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uploads import BOUNDARY, END, field, file_head, form

from penstock.api.multipart import Form, boundary_of, check_announced, read_form
from penstock.errors import InvalidRequest, RequestTooLarge, UnsupportedMediaType
from penstock.web.asgi import ClientGone

FIELDS: dict[str, Any] = {"purpose": "batch", "other": ""}


class Sink:
    """What is in the file, and the largest part that came of it."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    async def write(self, part: bytes) -> None:
        self.parts.append(part)

    @property
    def body(self) -> bytes:
        return b"".join(self.parts)


async def read(parts: Iterable[bytes]) -> tuple[Form, Sink]:
    sink = Sink()
    parsed = Form(BOUNDARY.encode(), sink.write)
    for part in parts:
        await parsed.feed(part)
    return parsed, sink


def cut(whole: bytes, places: Iterable[int]) -> list[bytes]:
    marks = sorted({0, len(whole), *(place % (len(whole) + 1) for place in places)})
    return [whole[start:stop] for start, stop in pairwise(marks)]


PIECES = st.sampled_from(
    [b"\r", b"\n", b"\r\n", b"-", b"--", BOUNDARY.encode(), f"\r\n--{BOUNDARY[:-1]}".encode(), b"\0", b"x", b"{}\n"]
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(body=st.lists(PIECES, max_size=30).map(b"".join), places=st.lists(st.integers(0, 2000), max_size=40))
def test_every_cut_gives_the_same(body: bytes, places: list[int]) -> None:
    body = body.replace(f"\r\n--{BOUNDARY}".encode(), b"")
    parsed, sink = asyncio.run(read(cut(form(body, **FIELDS), places)))
    assert parsed.complete
    assert (sink.body, parsed.fields, parsed.filename) == (body, FIELDS, "input.jsonl")


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(junk=st.binary(max_size=400), at=st.integers(0, 400))
def test_junk_is_refused_and_no_more_than_that(junk: bytes, at: int) -> None:
    whole = form(b"x")
    with suppress(InvalidRequest):
        asyncio.run(read([whole[: at % len(whole)], junk, whole[at % len(whole) :]]))


async def test_what_is_written_at_once_has_a_bound() -> None:
    """However much came at once: each part is written before the next is looked for."""
    body = b"x" * 1_000_000
    _, sink = await read([form(body)])
    assert sink.body == body
    assert max(map(len, sink.parts)) <= 64 << 10


@pytest.mark.parametrize("character", [b"\r", b"\n", b"-", b"\0"])
async def test_a_file_of_one_character_is_no_work(character: bytes) -> None:
    """Not one call for each byte: that would hold everybody up."""
    _, sink = await read(cut(form(character * 2_000_000), range(0, 2_000_000, 262_144)))
    assert sink.body == character * 2_000_000
    assert len(sink.parts) < 200


async def test_a_field_ends_at_its_bound_and_not_with_the_body() -> None:
    with pytest.raises(InvalidRequest) as refused:
        await read([field("purpose", "")[:-2], *[b"x" * 1000] * 3])
    assert refused.value.param == "purpose"


async def test_headers_end_at_their_bound() -> None:
    with pytest.raises(InvalidRequest):
        await read([file_head()[:-4], *[b"x" * 1000] * 5])


async def test_what_write_raises_comes_through() -> None:
    async def full(part: bytes) -> None:
        raise RequestTooLarge("no room")

    with pytest.raises(RequestTooLarge):
        await Form(BOUNDARY.encode(), full).feed(form())


async def test_a_body_that_breaks_off_is_no_form() -> None:
    async def gone() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        await read_form(BOUNDARY.encode(), gone, Sink().write, most_bytes=10)


async def test_what_follows_the_form_counts() -> None:
    async def endless() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 10_000, "more_body": True}

    whole = iter([form(), END])

    async def receive() -> dict[str, object]:
        part = next(whole, None)
        return await endless() if part is None else {"type": "http.request", "body": part, "more_body": True}

    with pytest.raises(RequestTooLarge):
        await read_form(BOUNDARY.encode(), receive, Sink().write, most_bytes=1000)


def test_the_type_says_where_parts_end() -> None:
    assert boundary_of([(b"content-type", b'Multipart/Form-Data; boundary="a b"; x=y')]) == b"a b"
    for wrong in (b"multipart/form-data; boundary=", b"multipart/form-data; boundary*=utf-8''x"):
        with pytest.raises(InvalidRequest):
            boundary_of([(b"content-type", wrong)])
    for headers in ([], [(b"content-type", b"a/b")], [(b"content-type", b"multipart/form-data; boundary=x")] * 2):
        with pytest.raises(UnsupportedMediaType):
            boundary_of(headers)


def test_a_length_is_held_to_the_cap_and_some_room_for_the_form() -> None:
    check_announced([(b"content-length", b"65636")], most_bytes=100)
    with pytest.raises(RequestTooLarge):
        check_announced([(b"content-length", b"65637")], most_bytes=100)
