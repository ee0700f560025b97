"""A query is read as strictly as a body."""

from typing import Annotated

import pytest
from msgspec import Meta, Struct

from penstock.errors import InvalidRequest
from penstock.web.query import read_query


class Page(Struct, forbid_unknown_fields=True, kw_only=True):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    after: str | None = None
    revoked: bool | None = None
    group_by: list[str] | None = None


def read(query: str) -> Page:
    return read_query({"query_string": query.encode("latin-1")}, Page)


def refused(query: str) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as error:
        read(query)
    return error.value


def test_what_is_not_given_has_its_default() -> None:
    assert read("") == Page()


def test_numbers_booleans_and_text_are_read_by_the_type_of_their_field() -> None:
    assert read("limit=5&after=12&revoked=true") == Page(limit=5, after="12", revoked=True)


@pytest.mark.parametrize("number", ["1.0", "1e1", "", "+5", "five", "0x5", "9" * 19])
def test_a_whole_number_is_written_as_one(number: str) -> None:
    assert (refused(f"limit={number}").code, refused(f"limit={number}").param) == ("invalid_type", "limit")


def test_text_may_be_empty_and_anything_in_utf_8() -> None:
    assert read("after=").after == ""
    assert read("after=%C3%A9%26+%3D").after == "é& ="


@pytest.mark.parametrize("query", ["group_by=a&group_by=b", "group_by[]=a&group_by[]=b", "group_by%5B%5D=a&group_by=b"])
def test_a_list_takes_its_name_again(query: str) -> None:
    assert read(query).group_by == ["a", "b"]


@pytest.mark.parametrize("query", ["limit=1&limit=1", "after=a&after=b", "limit=1&%6cimit=2"])
def test_anything_else_stands_once(query: str) -> None:
    assert "twice" in refused(query).message


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=1.5", "limit=", "limit=NaN", "revoked=maybe"])
def test_a_wrong_value_names_its_field(query: str) -> None:
    assert refused(query).param == query.partition("=")[0]


@pytest.mark.parametrize("query", ["key=psk_secret", "limit[]=psk_secret", "limit=psk_secret", "=psk_secret"])
def test_no_refusal_quotes_a_value(query: str) -> None:
    assert "psk_secret" not in refused(query).message


@pytest.mark.parametrize("query", ["after=%ff", "\xff=1", "&".join(f"after{n}=" for n in range(200))])
def test_what_is_no_query_is_refused(query: str) -> None:
    refused(query)
