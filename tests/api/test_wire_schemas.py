"""Schemas of what is on the wire: what a parser takes and what a renderer gives are told apart."""

from typing import Annotated, Any

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.api.wire_schemas import WireSchemas


class Red(Struct, tag_field="type", tag="red"):
    depth: int = 1


class Blue(Struct, tag_field="type", tag="blue"):
    name: Annotated[str, Meta(pattern=r"^[a-z]\Z")]


class Alone(Struct, tag_field="type", tag="alone"):
    text: str


class Asked(Struct):
    colour: Red | Blue
    list_of: list[Alone] = []
    more: dict[str, Alone] | None = None


class Given(Struct):
    id: str
    count: int = 0
    parts: list[str] = []
    note: str | UnsetType = UNSET


def schemas(untagged: list[Any] | None = None) -> dict[str, Any]:
    return WireSchemas(requests=[Asked], answers=[Given], untagged=untagged or []).components


def test_a_request_needs_what_has_no_default_and_an_answer_has_all_but_what_may_be_unset() -> None:
    made = schemas()
    assert made["Asked"]["required"] == ["colour"]
    assert made["Given"]["required"] == ["id", "count", "parts"]
    assert "default" not in made["Given"]["properties"]["count"]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"colour": {"depth": 2}}, False),
        ({"colour": {"type": "red"}}, True),
        ({"colour": {"type": "red"}, "list_of": [{"text": "x"}], "more": {"a": {"text": "x"}}}, True),
    ],
)
def test_a_tag_is_needed_where_it_tells_things_apart(given: Any, taken: bool) -> None:
    """As the parser sees it, so the schema."""
    made = schemas()
    assert "type" in made["Red"]["required"]
    assert "type" in made["Blue"]["required"]
    assert made["Alone"]["required"] == ["text"]
    if taken:
        msgspec.convert(given, Asked)
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(given, Asked)


def test_a_tag_that_is_filled_in_before_parsing_may_be_left_out_or_null() -> None:
    made = schemas([Red])
    assert made["Red"]["required"] == []
    assert made["Red"]["properties"]["type"]["enum"] == ["red", None]


def test_a_pattern_ends_as_json_schema_ends_it() -> None:
    assert schemas()["Blue"]["properties"]["name"]["pattern"] == "^[a-z]$"


def test_a_struct_is_told_by_reference() -> None:
    made = WireSchemas(requests=[Asked], answers=[Given, dict[str, Any]], untagged=[])
    assert made.of(Given) == {"$ref": "#/components/schemas/Given"}
    assert made.of(dict[str, Any]) == {"type": "object"}


def test_two_structs_of_one_name_have_two_schemas() -> None:
    other = msgspec.defstruct("Given", [("other", int)], module="elsewhere")
    made = WireSchemas(requests=[], answers=[Given, other], untagged=[])
    assert made.of(Given) != made.of(other)
    assert len(made.components) == 2
