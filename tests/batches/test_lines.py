"""Lines are found wherever a file is cut, and whatever is wrong with one is told with its number."""

import json
from typing import Any

import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.batches.lines import LONGEST_CUSTOM_ID, MOST_LINE_BYTES, Line, LineReader
from penstock.protocol.batches import MOST_ERRORS, BatchEndpoint, BatchFault

CHAT: BatchEndpoint = "/v1/chat/completions"


def line(custom_id: Any = "a", body: Any = None, **fields: Any) -> bytes:
    """One line without its end; a field that is `...` is left out."""
    given: dict[str, Any] = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body or {}, **fields}
    return json.dumps({name: value for name, value in given.items() if value is not ...}, ensure_ascii=False).encode()


def read(*parts: bytes, **bounds: Any) -> tuple[list[Line], list[BatchFault]]:
    """The lines and what is wrong, as a caller has them that stops where the reader does."""
    reader = LineReader(CHAT, **bounds)
    lines: list[Line] = []
    for part in parts:
        lines += reader.feed(part)
        if reader.stopped:
            break
    return lines + reader.finish(), reader.faults


def fault(*parts: bytes, **bounds: Any) -> BatchFault:
    """The one thing that is wrong."""
    (found,) = read(*parts, **bounds)[1]
    return found


def naive(whole: bytes) -> tuple[list[tuple[int, bytes]], int]:
    """Number and text of every line that is not blank, as one would find them with all in memory."""
    texts = whole.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    found = [(at, text.removesuffix(b"\r")) for at, text in enumerate(texts, 1)]
    return [(at, text) for at, text in found if text.strip(b" \t\r")], len(texts)


good = st.builds(
    line,
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=5),
    st.fixed_dictionaries({"model": st.sampled_from(["m", "n", ""]), "messages": st.lists(st.text(max_size=5))}),
)
ends = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t\r\n", b"\n\r\n\r\n"])
files = st.builds(
    lambda bom, lines, last: bom + b"".join(text + end for text, end in lines) + last,
    st.sampled_from([b"", b"\xef\xbb\xbf", b"\n", b" \n"]),
    st.lists(st.tuples(good | st.sampled_from([b"[]", b"x", b"\xff", b"\r"]), ends), max_size=8),
    good | st.sampled_from([b"", b" ", b"\r", b"{"]),
)


@given(files, places)
def test_any_cut_gives_the_same_lines(whole: bytes, at: list[int]) -> None:
    lines, faults = read(*cut(whole, at))
    assert (lines, faults) == read(whole) == read(*(bytes([byte]) for byte in whole))
    expected, _ = naive(whole)
    assert sorted([one.number for one in lines] + [one.line or 0 for one in faults]) == (
        [number for number, _ in expected] or [0]
    )
    texts = dict(expected)
    for one in lines:
        text = whole[one.position : one.position + one.size]
        assert text == texts[one.number]
        assert json.loads(text)["custom_id"] == one.custom_id


@given(st.binary(max_size=300), places)
def test_no_bytes_at_all_raise(whole: bytes, at: list[int]) -> None:
    lines, faults = read(*cut(whole, at))
    assert not lines
    assert faults


@pytest.mark.parametrize("inside", ["\u2028", "\u2029", "\x85", "\x0b\x0c\x1c\x1d\x1e"])
def test_other_ends_of_lines_are_none(inside: str) -> None:
    whole = json.dumps(json.loads(line(body={"prompt": f"a{inside}b"})), ensure_ascii=False).encode()
    (found,), faults = read(whole + b"\n")
    assert (found.number, found.position, found.size, faults) == (1, 0, len(whole), [])


def test_bom_crlf_blank_lines_and_a_missing_end() -> None:
    one, two = line("one"), line("two")
    (first, second), faults = read(b"\xef\xbb\xbf" + one + b"\r\n \t\r\n\n" + two)
    assert faults == []
    assert (first.number, first.position, first.size) == (1, 3, len(one))
    assert (second.number, second.position, second.size) == (4, 3 + len(one) + 2 + 4 + 1, len(two))


@pytest.mark.parametrize("nothing", [b"", b"\n", b"\r\n", b"\xef\xbb\xbf", b" \n\t\n", b"\n" * 100_000])
def test_a_file_without_a_line(nothing: bytes) -> None:
    assert fault(nothing) == BatchFault(code="empty_file", message="The file has no line in it.")


WRONG: dict[str, tuple[bytes, str, str | None]] = {
    "no JSON": (b"hello", "invalid_json_line", None),
    "half of it": (line()[:-1], "invalid_json_line", None),
    "two values": (line() + line(), "invalid_json_line", None),
    "no UTF-8": (line(body={"prompt": "x"}).replace(b'"x"', b'"\xff"'), "invalid_json_line", None),
    "a lone surrogate": (line().replace(b'"a"', b'"\\ud800"'), "invalid_json_line", None),
    "a key twice": (b'{"custom_id": "b", ' + line()[1:], "invalid_json_line", None),
    "a key twice in the body": (line().replace(b"{}", b'{"n": 1, "n": 2}'), "invalid_json_line", None),
    "not a number": (line().replace(b"{}", b'{"n": NaN}'), "invalid_json_line", None),
    "too deep": (line().replace(b"{}", b'{"n": ' + b"[" * 70 + b"]" * 70 + b"}"), "invalid_json_line", None),
    "binary": (b"\x7fELF\x02\x01\x01\0\0\0", "invalid_json_line", None),
    "a second BOM": (b"\xef\xbb\xbf\xef\xbb\xbf" + line(), "invalid_json_line", None),
    "a gzip": (b"\x1f\x8b\x08\0", "invalid_json_line", None),
    "an array": (b"[" + line() + b"]", "invalid_type", None),
    "null": (b"null", "invalid_type", None),
    "no custom_id": (line(custom_id=...), "missing_required_parameter", "custom_id"),
    "no method": (line(method=...), "missing_required_parameter", "method"),
    "no url": (line(url=...), "missing_required_parameter", "url"),
    "no body": (line().replace(b', "body": {}', b""), "missing_required_parameter", "body"),
    "an unknown field": (line(priority=1), "unknown_parameter", "priority"),
    "a number for an id": (line(custom_id=1), "invalid_type", "custom_id"),
    "an empty id": (line(custom_id=""), "invalid_value", "custom_id"),
    "a long id": (line(custom_id="x" * (LONGEST_CUSTOM_ID + 1)), "invalid_value", "custom_id"),
    "NUL in an id": (line(custom_id="a\0"), "invalid_value", "custom_id"),
    "another method": (line(method="post"), "invalid_method", "method"),
    "another endpoint": (line(url="/v1/embeddings"), "invalid_url", "url"),
    "a whole URL": (line(url=f"http://127.0.0.1{CHAT}"), "invalid_url", "url"),
    "an object for a URL": (line(url={}), "invalid_url", "url"),
    "a body that is text": (line(body="{}"), "invalid_type", "body"),
    "a body that is an array": (line(body=[1]), "invalid_type", "body"),
    "a stream": (line(body={"stream": True}), "invalid_value", "body.stream"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_with_a_line_is_told(case: str) -> None:
    text, code, param = WRONG[case]
    found = fault(b"\n" + line("first") + b"\n" + text + b"\n" if not text.startswith(b"\xef\xbb\xbf") else text)
    assert (found.code, found.param) == (code, param)
    assert found.line == (3 if not text.startswith(b"\xef\xbb\xbf") else 1)
    assert found.message.isprintable()
    assert len(found.message) < 200


def test_a_body_is_wrong_alone_and_later() -> None:
    bodies: list[Any] = [{"model": 1}, {"stream": False}, {"messages": "x", "n": 10**40}, {"model": "a\0"}]
    lines, faults = read(*(line(str(at), body) + b"\n" for at, body in enumerate(bodies)))
    assert ([one.model for one in lines], faults) == (["", "", "", ""], [])


def test_a_custom_id_is_there_once() -> None:
    lines, faults = read(b"\n".join([line("a"), line("b"), b"", line("a"), line("A")]))
    assert [one.custom_id for one in lines] == ["a", "b", "A"]
    assert [(one.code, one.line, one.message) for one in faults] == [
        ("duplicate_custom_id", 4, "Line 1 has the same custom_id.")
    ]


def test_a_name_that_no_database_keeps_is_told_without_it() -> None:
    found = fault(line(**{"a\0b": 1}))
    assert (found.param, found.message) == ("a\ufffdb", "a\ufffdb is not a field of a line.")


def test_a_file_in_utf_16_is_told_once() -> None:
    found = fault((line("a") + b"\n" + line("b")).decode().encode("utf-16"))
    assert (found.message, found.line) == ("The file is in UTF-16; it must be in UTF-8.", 1)


def test_a_hundred_errors_are_enough() -> None:
    reader = LineReader(CHAT)
    reader.feed(b"x\n" * 1000)
    assert reader.stopped
    assert [one.line for one in reader.faults] == list(range(1, MOST_ERRORS + 1))
    assert reader.finish() == []
    assert len(reader.faults) == MOST_ERRORS


def test_a_line_has_its_bound_and_is_not_kept_beyond_it() -> None:
    padding = MOST_LINE_BYTES - len(line(body={"prompt": ""}))
    full = line(body={"prompt": "x" * padding})
    (found,), faults = read(full + b"\n")
    assert (found.size, faults) == (MOST_LINE_BYTES, [])
    reader = LineReader(CHAT)
    reader.feed(line("first") + b"\n")
    for _ in range(40):
        reader.feed(b"y" * (1 << 20))
        assert sum(map(len, reader._splitter._kept)) <= MOST_LINE_BYTES
    lines = reader.feed(b"\n" + line("last") + b"\n")
    assert [(one.custom_id, one.number) for one in lines] == [("last", 3)]
    assert [(one.code, one.line) for one in reader.faults] == [("line_too_long", 2)]


@pytest.mark.parametrize("blank", [0, 7])
def test_too_many_lines_are_told_with_both_numbers(blank: int) -> None:
    whole = b"\n".join([line(str(at)) for at in range(1500)] + [b""] * blank)
    found = fault(whole, most_lines=1000, whose="the plan free")
    assert found.code == "too_many_lines"
    assert found.message == "The file has 1,500 lines, and a batch may have 1,000 with the plan free."
    assert read(whole, most_lines=1500)[1] == []
    many = b"".join(b"%b\n" % line(str(at)) for at in range(50_000))
    assert read(many)[1] == []
    assert fault(many + b"x").message == "The file has 50,001 lines, and a batch may have 50,000."


def test_counting_ends_too() -> None:
    reader = LineReader(CHAT, most_lines=1)
    reader.feed(line() + b"\n" + b"x\n" * 1_000_001)
    assert reader.stopped
    reader.finish()
    assert reader.faults[0].message == "The file has more than 1,000,000 lines, and a batch may have 1."


def test_the_first_line_can_say_the_endpoint() -> None:
    reader = LineReader(None)
    reader.feed(b"x\n" + line(url="/v1/models") + b"\n" + line("a", url="/v1/embeddings") + b"\n" + line("b") + b"\n")
    assert reader.endpoint == "/v1/embeddings"
    assert [(one.code, one.line) for one in reader.faults] == [
        *(("invalid_json_line", 1), ("invalid_url", 2), ("invalid_url", 4)),
    ]
    assert reader.count == 1
