import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import InvalidJson
from penstock.protocol.strict_json import MAX_COLONS, MAX_DEPTH, MAX_OPENINGS, decode

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_what_json_writes_is_read_back(value: Any) -> None:
    assert decode(json.dumps(value).encode()) == value


@given(values, st.sampled_from([" ", "\n", "\t ", ""]))
def test_white_space_before_a_colon_changes_nothing(value: Any, space: str) -> None:
    assert decode(json.dumps(value, separators=(",", f"{space}:{space}")).encode()) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"{",
        b'{"a":1} x',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\\udc00 "}',
        b'\xef\xbb\xbf{"a":1}',
        '{"a":1}'.encode("utf-16"),
        b'{"a":1,"a":1}',
        b'{"a":{"b":1,"c":2,"b":3}}',
        b'[{"a":1 , "a" : 2}]',
        b'{"a":1,"\\u0061":2}',
        b'{"x":"\\":","a":1,"a":2}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"[" * 100_000 + b"]" * 100_000,
    ],
)
def test_what_is_not_one_clean_value_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidJson) as caught:
        decode(body)
    assert caught.value.status == 400
    assert caught.value.code == "invalid_json"


def test_a_string_that_looks_like_a_key_is_no_duplicate() -> None:
    body = rb'{"a": "\":\":", "b": "\" : \"", "\"": "\\\":"}'
    assert decode(body) == {"a": '":":', "b": '" : "', '"': '\\":'}


pieces = st.lists(st.sampled_from(["\\", '"', ":", " ", "a"]), max_size=6).map("".join)


@given(
    st.lists(st.tuples(pieces, pieces), max_size=4),
    st.sampled_from([":", " : ", 15 * " " + ":", 16 * "\n" + ":", 40 * "\t" + ":"]),
    st.sampled_from([0, 1, 15, 16, 17, 31, 32, 33, 40]),
    st.sampled_from([0, 20_000]),
    st.booleans(),
)
def test_no_quote_or_backslash_hides_a_duplicate_or_feigns_one(
    pairs: list[tuple[str, str]], colon: str, more: int, longer: int, first: bool
) -> None:
    many = [(f"key {at}", "text" + longer * "x") for at in range(more)]
    pairs = [*pairs, *many] if first else [*many, *pairs]
    body = "{" + ",".join(json.dumps(key) + colon + json.dumps(text) for key, text in pairs) + "}"
    if len(dict(pairs)) == len(pairs):
        assert decode(body.encode()) == dict(pairs)
    else:
        with pytest.raises(InvalidJson, match="stands twice"):
            decode(body.encode())


@pytest.mark.parametrize(
    "body", [b"[" + b"[]," * 200_000 + b"[]]", b"[" + b"1," * 1_000_001 + b"1]", b'"' + b":" * 400_001 + b'"']
)
def test_a_body_that_would_hold_the_event_loop_for_long(body: bytes) -> None:
    with pytest.raises(InvalidJson, match="too many"):
        decode(body)


@pytest.mark.parametrize(("mark", "most"), [(b"{", MAX_OPENINGS), (b"[", MAX_OPENINGS), (b":", MAX_COLONS)])
@pytest.mark.parametrize(
    "text", [b"%b%b", b"%b%b" + b"a" * 9999, b"a" * 9999 + b"%b%b", b"%b" + b"a" * 999_999 + b"%b"]
)
def test_the_bounds_hold_wherever_the_marks_stand(mark: bytes, most: int, text: bytes) -> None:
    def body(count: int) -> bytes:
        return b'"' + text % (mark * (count // 2), mark * (count - count // 2)) + b'"'

    decode(body(most))
    with pytest.raises(InvalidJson, match="too many"):
        decode(body(most + 1))


def test_a_long_text_is_no_such_body() -> None:
    text = "It was the best of times, it was the worst of times, {so they say}. " * 10_000
    assert decode(json.dumps({"text": text}).encode()) == {"text": text}


def test_the_deepest_value_allowed() -> None:
    def nest(levels: int) -> bytes:
        return b"[" * levels + b"]" * levels

    decode(nest(MAX_DEPTH))
    with pytest.raises(InvalidJson, match="64 levels"):
        decode(nest(MAX_DEPTH + 1))


@pytest.mark.parametrize("inner", [b"[%b]", b'{"a":%b}', b'[%b,"a",1]'])
def test_depth_is_counted_wherever_it_is(inner: bytes) -> None:
    body = b"1"
    for _ in range(MAX_DEPTH):
        body = inner % body
    assert decode(body) == json.loads(body)
    with pytest.raises(InvalidJson, match="64 levels"):
        decode(inner % body)


def test_the_message_never_quotes_a_value() -> None:
    with pytest.raises(InvalidJson) as caught:
        decode(b'{"password":"s3cret"')
    assert "s3cret" not in caught.value.message
