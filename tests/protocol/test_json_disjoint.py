"""Alternatives that exclude each other, and those that may not: `oneOf` is taken for the former alone."""

from itertools import combinations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol.grammar_texts import check_sound

from penstock.errors import InvalidRequest
from penstock.protocol.json_disjoint import View, all_disjoint
from penstock.protocol.json_schema import enforceable, relaxed

DEFINITIONS: dict[str, Any] = {
    "text": {"type": "string"},
    "alias": {"$ref": "#/$defs/text"},
    "cat": {"type": "object", "properties": {"kind": {"const": "cat"}}, "required": ["kind"]},
    "dog": {"type": "object", "properties": {"kind": {"const": "dog"}}, "required": ["kind"]},
}


def follow(pointer: str) -> Any:
    return DEFINITIONS[pointer.rpartition("/")[2]]


def disjoint(*options: Any) -> bool:
    views = [View(option, follow) for option in options]
    return all_disjoint(views, views)


def with_property(name: str, schema: Any, *, required: bool = True, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {name: schema}, "required": [name] if required else [], **more}


DISJOINT: dict[str, list[Any]] = {
    "nothing at all": [False, True],
    "two types": [{"type": "string"}, {"type": "null"}],
    "two sets of types": [{"type": ["string", "null"]}, {"type": ["number", "array"]}],
    "two constants": [{"const": "a"}, {"const": "b"}],
    "true and 1, which are different values": [{"const": True}, {"const": 1}],
    "a constant and an enum without it": [{"const": "a"}, {"enum": ["b", "c"]}],
    "a constant of another type": [{"const": None}, {"type": "string"}],
    "an enum of another type": [{"enum": [1, 2]}, {"type": "string"}],
    "a reference": [{"$ref": "#/$defs/text"}, {"type": "null"}],
    "a reference to a reference": [{"$ref": "#/$defs/alias"}, {"type": "null"}],
    "every alternative of one": [{"anyOf": [{"type": "null"}, {"type": "array"}]}, {"type": "string"}],
    "every alternative of one, one by one": [
        {"anyOf": [{"const": "a"}, {"const": "b"}]},
        {"anyOf": [{"const": "c"}, {"const": "d"}]},
    ],
    "oneOf in one": [{"oneOf": [{"type": "null"}, {"type": "array"}]}, {"type": "string"}],
    "one of all that have to hold": [{"allOf": [{"minLength": 1}, {"type": "string"}]}, {"type": "null"}],
    "a discriminator": [with_property("kind", {"const": "a"}), with_property("kind", {"const": "b"})],
    "a discriminator behind references": [{"$ref": "#/$defs/cat"}, {"$ref": "#/$defs/dog"}],
    "a discriminator of different types": [
        with_property("value", {"type": "string"}),
        with_property("value", {"type": "integer"}),
    ],
    "a property that the other cannot have": [
        with_property("a", {"type": "string"}),
        {"type": "object", "properties": {}, "additionalProperties": False},
    ],
    "a map whose values are of another type": [
        with_property("a", {"type": "string"}),
        {"type": "object", "additionalProperties": {"type": "integer"}},
    ],
    "a property of a property": [
        with_property("a", with_property("b", {"const": 1})),
        with_property("a", with_property("b", {"const": 2})),
    ],
    "three": [{"type": "string"}, {"type": "null"}, {"type": "object"}],
}

MAY_HOLD_AT_ONCE: dict[str, list[Any]] = {
    "anything, twice": [True, {}],
    "one type": [{"type": "string"}, {"type": "string", "maxLength": 3}],
    "an integer is a number": [{"type": "integer"}, {"type": "number"}],
    "1 is 1.0": [{"const": 1}, {"const": 1.0}],
    "also within a value": [{"const": [{"a": 1}]}, {"const": [{"a": 1.0}]}],
    "enums that share a value": [{"enum": ["a", "b"]}, {"enum": ["b", "c"]}],
    "a constant of the other's type": [{"const": "a"}, {"type": "string"}],
    "one alternative of one": [{"anyOf": [{"type": "null"}, {"type": "string"}]}, {"type": "string"}],
    "an optional discriminator": [
        with_property("kind", {"const": "a"}, required=False),
        with_property("kind", {"const": "b"}, required=False),
    ],
    "objects of different properties": [with_property("a", {"type": "string"}), with_property("b", {"type": "string"})],
    "keywords that belong to no type": [{"minLength": 1}, {"minimum": 1}],
    "the last two of three": [{"type": "null"}, {"type": "string"}, {"enum": ["a", 1]}],
}


@pytest.mark.parametrize("options", DISJOINT.values(), ids=DISJOINT)
def test_alternatives_that_exclude_each_other(options: list[Any]) -> None:
    assert disjoint(*options)
    assert disjoint(*reversed(options))


@pytest.mark.parametrize("options", MAY_HOLD_AT_ONCE.values(), ids=MAY_HOLD_AT_ONCE)
def test_alternatives_that_may_hold_at_once(options: list[Any]) -> None:
    assert not disjoint(*options)
    assert not disjoint(*reversed(options))


def test_one_final_form_is_held_against_the_other_original() -> None:
    """A closed object excludes what the open one that the client gave would take."""
    given = [with_property("a", {"type": "string"}), with_property("b", {"type": "string"})]
    closed = [{**option, "additionalProperties": False} for option in given]
    assert all_disjoint([View(one, follow) for one in closed], [View(one, follow) for one in given])


@pytest.mark.parametrize(
    "options",
    [
        [{"type": "number"}, {"minLength": 2}],
        [{"type": "string"}, {"properties": {"a": {"type": "integer"}}}],
        [{"type": "array"}, {"required": ["a"]}],
    ],
)
def test_a_type_that_was_read_into_an_alternative_excludes_nothing(options: list[Any]) -> None:
    """`{"minLength": 2}` is taken to mean strings, but 4 is valid under it; so under both, and not under oneOf."""
    with pytest.raises(InvalidRequest) as refused:
        enforceable({"oneOf": options}, param="schema")
    assert refused.value.param == "schema.oneOf"
    assert relaxed({"oneOf": options}, param="schema")["anyOf"]


def test_the_search_has_an_end() -> None:
    """Every look at unions of unions multiplies; beyond a bound the answer is the safe one, in little time."""
    union: dict[str, Any] = {"type": ["string", "number"]}
    for _ in range(12):
        union = {"anyOf": [union, union, union]}
    assert not disjoint(union, {**union, "title": "the same again"})


KINDS = st.sampled_from(
    [
        *({"type": name} for name in ("null", "string", "integer", "number", "boolean", "array")),
        *({"const": value} for value in (None, "a", 1, 1.0, True, [1], {"k": "a"})),
        {"enum": ["a", "b", 2]},
        {"$ref": "#/$defs/cat"},
        {"$ref": "#/$defs/dog"},
    ]
)
OBJECTS = st.fixed_dictionaries(
    {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("abk"), KINDS, max_size=2)},
    optional={
        "required": st.lists(st.sampled_from("abk"), max_size=2),
        "additionalProperties": st.booleans() | KINDS,
    },
)
ALTERNATIVES = st.lists(
    KINDS | OBJECTS | st.lists(KINDS | OBJECTS, min_size=1, max_size=2).map(lambda some: {"anyOf": some}),
    min_size=2,
    max_size=3,
)


@settings(deadline=None, max_examples=150)
@given(ALTERNATIVES, st.integers(0, 2**32))
def test_no_text_of_a_oneof_is_valid_under_two_alternatives(options: list[Any], seed: int) -> None:
    check_sound({"oneOf": options, "$defs": DEFINITIONS}, seed)


@given(st.lists(st.sampled_from([*"abcdef"]), min_size=2, max_size=4))
def test_constants_are_told_apart_by_their_values(values: list[str]) -> None:
    different = all(one != other for one, other in combinations(values, 2))
    assert disjoint(*({"const": value} for value in values)) is different
