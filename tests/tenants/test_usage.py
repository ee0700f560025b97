import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledgers import ROW
from msgspec.structs import replace

from penstock.tenants.usage import UsageRecord, decode_line, encode_line

SMALL = st.integers(0, 2**63 - 1)
SPANS = st.floats(0, 1e12)
ROWS = st.builds(
    UsageRecord,
    request_id=st.text(),
    model=st.text(),
    created_at=st.floats(0, 1e12),
    status=st.integers(100, 599),
    prompt_tokens=SMALL,
    cached_tokens=SMALL,
    completion_tokens=SMALL,
    reasoning_tokens=SMALL,
    queue_ms=SPANS,
    ttft_ms=st.none() | SPANS,
    total_ms=SPANS,
    load_ms=st.none() | SPANS,
    prefill_ms=st.none() | SPANS,
    decode_ms=st.none() | SPANS,
    cost=SMALL,
    input_price=SMALL,
    cached_input_price=SMALL,
    output_price=SMALL,
)


@given(ROWS)
def test_a_line_is_one_line_and_comes_back_as_it_was(row: UsageRecord) -> None:
    line = encode_line(row)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode_line(line[:-1]) == row


@given(st.data())
def test_no_part_of_a_line_and_no_changed_line_is_taken_for_a_row(data: st.DataObject) -> None:
    line = encode_line(ROW)[:-1]
    cut = data.draw(st.integers(0, len(line) - 1))
    changed = bytearray(line)
    changed[cut] ^= 1 << data.draw(st.integers(0, 7))
    for wrong in (line[:cut], line[cut + 1 :], bytes(changed)):
        with pytest.raises(ValueError):
            decode_line(wrong)


def test_what_cannot_be_written_down_is_refused() -> None:
    with pytest.raises(ValueError):
        encode_line(replace(ROW, model="\ud800"))


def test_the_line_of_another_version_is_read_as_far_as_it_is_known() -> None:
    data = encode_line(ROW)[9:-1].replace(b'"tier":"default",', b'"later":[1],')
    assert b"later" in data
    assert decode_line(b"%08x %b" % (zlib.crc32(data), data)) == ROW


def test_a_row_was_recorded_when_its_request_ended() -> None:
    assert ROW.recorded_at == 1.0025
