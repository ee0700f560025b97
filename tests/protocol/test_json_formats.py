"""Formats: each pattern is within what the standard library takes for it."""

import datetime
import ipaddress
import re
import uuid
from collections.abc import Callable
from email.headerregistry import Address
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol.grammar_texts import compiles, takes, written

from penstock.engines.grammar_process import Refused
from penstock.protocol.json_formats import FORMATS
from penstock.protocol.json_schema import enforceable

EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "date": (
        ["2024-02-29", "2000-02-29", "1999-12-31", "0001-01-01", "2023-04-30"],
        [
            "2023-02-29",
            "1900-02-29",
            "2023-04-31",
            "2023-13-01",
            "2023-00-10",
            "0000-01-01",
            "2023-1-1",
            "20230101",
            "",
        ],
    ),
    "time": (
        ["12:30:00Z", "23:59:59.123456+05:30", "00:00:00-00:00"],
        ["24:00:00Z", "12:60:00Z", "12:00:60Z", "12:00:00", "12:00Z", "12:00:00+24:00", "12:00:00.Z", "12:00:00z"],
    ),
    "date-time": (
        ["2024-02-29T12:30:00Z", "1999-12-31T23:59:59.5-08:00"],
        ["2023-02-29T12:30:00Z", "2024-02-29 12:30:00Z", "2024-02-29T12:30:00", "2024-02-29", "2024-02-29t12:30:00z"],
    ),
    "duration": (
        ["P1W", "P3D", "PT5H30M", "P1DT12H", "P1Y2M3D", "PT20S", "P2M"],
        ["P", "PT", "1D", "P1S", "P1Y2D", "PT1H1S", "P1W2D", "P-1D", "P1.5D"],
    ),
    "email": (
        ["a@b", "first.last+tag@mail.example.com", "A_1-2@x-y.org"],
        ["@b", "a@", "a.@b", ".a@b", "a..b@c", "a@-b", "a@b-", "a b@c", "a@b..c", "a@b.", "é@b"],
    ),
    "hostname": (["localhost", "a.b.c", "x-1.example.org"], ["", ".a", "a.", "-a", "a-", "a_b", "a..b", "A.b", "é"]),
    "ipv4": (
        ["0.0.0.0", "255.255.255.255", "192.168.1.10"],
        ["256.1.1.1", "1.1.1", "1.1.1.1.1", "01.1.1.1", "1.1.1.1 "],
    ),
    "ipv6": (
        ["::", "::1", "fe80::1", "1:2:3:4:5:6:7:8", "1::", "1:2::7:8"],
        [":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "::1.2.3.4", "g::"],
    ),
    "uuid": (
        ["123e4567-e89b-12d3-a456-426614174000"],
        [
            "123e4567e89b12d3a456426614174000",
            "123e4567-e89b-12d3-a456-42661417400",
            "{123e4567-e89b-12d3-a456-426614174000}",
        ],
    ),
}


def test_there_are_examples_of_every_format() -> None:
    assert EXAMPLES.keys() == FORMATS.keys()


@pytest.mark.parametrize("name", FORMATS)
def test_what_a_format_takes(name: str) -> None:
    good, bad = EXAMPLES[name]
    final = enforceable({"type": "string", "format": name}, param="schema")
    assert [text for text in good if not takes(final, f'"{text}"')] == []
    assert [text for text in bad if takes(final, f'"{text}"')] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_that_no_length_fits_is_found_out_when_it_is_compiled(name: str) -> None:
    compiles({"type": "string", "pattern": FORMATS[name], "maxLength": 36})
    with pytest.raises(Refused, match=r"Unsatisfiable|Unable to determine"):
        compiles({"type": "string", "pattern": FORMATS[name], "minLength": 200})


def is_a_duration(text: str) -> None:
    assert re.fullmatch(r"P(?=.)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?)", text)


READERS: dict[str, Callable[[str], Any]] = {
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "date-time": datetime.datetime.fromisoformat,
    "duration": is_a_duration,
    "email": lambda text: Address(addr_spec=text),
    "hostname": lambda text: text.encode("idna"),
    "ipv4": ipaddress.IPv4Address,
    "ipv6": ipaddress.IPv6Address,
    "uuid": uuid.UUID,
}


@pytest.mark.parametrize("name", FORMATS)
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_whatever_the_grammar_writes_is_read_by_others(name: str, seed: int) -> None:
    text = written(enforceable({"type": "string", "format": name}, param="schema"), Random(seed))
    assert text is not None
    READERS[name](text[1:-1])


@given(st.dates())
def test_every_date_there_is(date: datetime.date) -> None:
    assert re.search(FORMATS["date"], date.isoformat())


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_every_moment_as_python_writes_it(moment: datetime.datetime) -> None:
    assert re.search(FORMATS["date-time"], moment.isoformat())


@given(st.uuids())
def test_every_uuid(value: uuid.UUID) -> None:
    assert re.search(FORMATS["uuid"], str(value))


@given(st.ip_addresses(v=6))
def test_every_address_as_python_writes_it(address: ipaddress.IPv6Address) -> None:
    """Those that end like an IPv4 address are written so by newer Pythons, and left out here."""
    if address.ipv4_mapped is None:
        assert re.search(FORMATS["ipv6"], str(address))
