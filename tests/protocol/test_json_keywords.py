"""The keywords that hold no other schema: each is kept, rewritten, or refused with the path to it."""

import math
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol.grammar_texts import check_sound, takes, written

from penstock.errors import InvalidRequest
from penstock.protocol.json_keywords import MAX_CHARACTERS, MAX_INTEGER, MAX_ITEMS, is_exact
from penstock.protocol.json_schema import enforceable, relaxed

LEAST = {"minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}


def strict(**schema: Any) -> dict[str, Any]:
    return enforceable(schema, param="schema")


def loose(**schema: Any) -> dict[str, Any]:
    return relaxed(schema, param="schema")


def refusal(**schema: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        enforceable(schema, param="schema")
    assert refused.value.status == 400
    return refused.value


KEPT: list[dict[str, Any]] = [
    {"type": "null"},
    {"type": "boolean"},
    {"type": "number"},
    {"type": "string"},
    {"type": "array"},
    {"type": "object"},
    {"type": ["string", "null"]},
    {"type": "number", "minimum": 0.5, "maximum": 1.5},
    {"type": "integer", "minimum": 0, "maximum": 9},
    {"type": "string", "minLength": 1, "maxLength": 9},
    {"type": "array", "minItems": 1, "maxItems": 9},
    {"type": "object", "maxProperties": 3, "additionalProperties": True},
    {"type": "object", "minProperties": 1, "additionalProperties": {"type": "null"}},
    {"enum": ["a", 1, 1.5, None, True, [1], {"a": 1}]},
    {"const": "a"},
    {"const": None},
    {"type": "string", "const": "a"},
]


@pytest.mark.parametrize("schema", KEPT, ids=str)
def test_what_is_enforced_as_it_stands(schema: dict[str, Any]) -> None:
    assert strict(**schema) == schema
    assert loose(**schema) == schema


REWRITTEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    # types that are meant
    ({"type": ["string"]}, {"type": "string"}),
    ({"type": ["string", "string", "null"]}, {"type": ["string", "null"]}),
    ({"minLength": 1}, {"type": "string", "minLength": 1}),
    ({"minimum": 1}, {"type": "number", "minimum": 1}),
    ({"maxItems": 2}, {"type": "array", "maxItems": 2}),
    ({"minLength": 1, "minItems": 1}, {"type": ["string", "array"], "minLength": 1, "minItems": 1}),
    # integers that every reader keeps
    ({"type": "integer"}, {"type": "integer", **LEAST}),
    ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 1, "maximum": MAX_INTEGER}),
    ({"type": ["integer", "null"]}, {"type": ["integer", "null"], **LEAST}),
    ({"type": ["integer", "number"]}, {"type": ["integer", "number"]}),
    ({"type": "integer", "minimum": 0.5, "maximum": 3.5}, {"type": "integer", "minimum": 1, "maximum": 3}),
    (
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
        {"type": "integer", "minimum": 1, "maximum": 9},
    ),
    (
        {"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 9.5},
        {"type": "integer", "minimum": 1, "maximum": 9},
    ),
    (
        {"type": "integer", "minimum": 3, "exclusiveMinimum": 1, "maximum": 5, "exclusiveMaximum": 99},
        {"type": "integer", "minimum": 3, "maximum": 5},
    ),
    # bounds that leave out their end
    ({"type": "number", "exclusiveMinimum": 0}, {"type": "number", "minimum": 0.000001}),
    ({"type": "number", "exclusiveMaximum": 1}, {"type": "number", "maximum": 0.999999}),
    ({"type": "number", "exclusiveMinimum": 0.25, "minimum": 0.5}, {"type": "number", "minimum": 0.5}),
    ({"type": "number", "exclusiveMaximum": 0.00001}, {"type": "number", "maximum": 0.00000999}),
    ({"type": "number", "minimum": 1.0, "maximum": 2e2}, {"type": "number", "minimum": 1, "maximum": 200}),
    # multiples begin at 0
    ({"type": "number", "multipleOf": 0.5}, {"type": "number", "multipleOf": 0.5, "minimum": 0}),
    (
        {"type": "integer", "multipleOf": 5, "minimum": -9, "maximum": 9},
        {"type": "integer", "multipleOf": 5, "minimum": 0, "maximum": 9},
    ),
    # numbers of things
    ({"type": "string", "minLength": 0}, {"type": "string"}),
    ({"type": "string", "maxLength": 0}, {"type": "string", "maxLength": 0}),
    ({"type": "array", "maxItems": 2.0}, {"type": "array", "maxItems": 2}),
    # values that their type allows
    ({"type": "string", "enum": ["a", 1, None]}, {"type": "string", "enum": ["a"]}),
    (
        {"type": "integer", "enum": [1, 2.0, 2.5, "a"]},
        {"type": "integer", "enum": [1, 2.0]},
    ),
    ({"type": ["number", "null"], "enum": [1, None, "x"]}, {"type": ["number", "null"], "enum": [1, None]}),
    # names
    ({"type": "object", "required": []}, {"type": "object"}),
    ({"type": "object", "required": ["a", "a"]}, {"type": "object", "required": ["a"]}),
    # numbers of properties that say nothing
    (
        {"type": "object", "properties": {"a": True}, "required": ["a"], "minProperties": 1, "maxProperties": 1},
        {"type": "object", "properties": {"a": True}, "required": ["a"], "additionalProperties": False},
    ),
    # patterns and formats
    ({"type": "string", "pattern": "^a$"}, {"type": "string", "pattern": "^(?:[a])$"}),
    ({"type": "object", "propertyNames": {"type": "string"}}, {"type": "object"}),
    ({"type": "string", "uniqueItems": False, "patternProperties": {}, "nullable": False}, {"type": "string"}),
]


@pytest.mark.parametrize(("schema", "final"), REWRITTEN, ids=[str(schema)[:80] for schema, _ in REWRITTEN])
def test_what_is_rewritten(schema: dict[str, Any], final: dict[str, Any]) -> None:
    assert strict(**schema) == final
    assert check_sound(schema, seed=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(
            ("title", "T"),
            ("description", "D"),
            ("default", 1),
            ("examples", [1]),
            ("example", 1),
            ("deprecated", True),
        ),
        *(("readOnly", True), ("writeOnly", True), ("$comment", "c"), ("$schema", "s"), ("$id", "i"), ("id", "i")),
        *(("$anchor", "a"), ("$defs", {}), ("definitions", {"a": 1}), ("contentEncoding", "base64")),
        *(("contentMediaType", "text/plain"), ("discriminator", {"propertyName": "a"}), ("externalDocs", {})),
        *(("xml", {}), ("x-order", 3)),
    ],
)
def test_what_only_describes_is_left_out(name: str, value: Any) -> None:
    assert strict(**{"type": "null", name: value}) == {"type": "null"}


NOT_ENFORCED: list[tuple[str, dict[str, Any]]] = [
    *(
        ("", {"type": "array", name: value})
        for name, value in [("uniqueItems", True), ("contains", {}), ("nonsense", 1)]
    ),
    ("not", {"not": {"type": "null"}}),
    ("if", {"if": {"type": "null"}, "then": False}),
    ("patternProperties", {"type": "object", "patternProperties": {"^a": True}}),
    ("propertyNames", {"type": "object", "propertyNames": {"maxLength": 3}}),
    ("dependentRequired", {"type": "object", "dependentRequired": {"a": ["b"]}}),
    ("unevaluatedProperties", {"type": "object", "unevaluatedProperties": False}),
    ("nullable", {"type": "string", "nullable": True}),
    ("multipleOf", {"type": "number", "multipleOf": 0.0001234}),
    ("multipleOf", {"type": "integer", "multipleOf": 1001}),
    ("multipleOf", {"type": "integer", "multipleOf": 2, "maximum": -2}),
    ("multipleOf", {"type": "number", "multipleOf": 1e300}),
    ("minimum", {"type": "number", "minimum": 2**53}),
    ("maximum", {"type": "number", "maximum": 1e-16}),
    ("exclusiveMinimum", {"type": "number", "exclusiveMinimum": 1e-14}),
    ("maxLength", {"type": "string", "maxLength": MAX_CHARACTERS + 1}),
    ("minLength", {"type": "string", "minLength": MAX_CHARACTERS + 1}),
    ("maxItems", {"type": "array", "maxItems": MAX_ITEMS + 1}),
    ("pattern", {"type": "string", "pattern": "(?=a)"}),
    ("format", {"type": "string", "format": "uri"}),
    ("enum", {"enum": [1, 2**53]}),
    ("const", {"const": {"deep": [1e-20]}}),
    ("minProperties", {"type": "object", "minProperties": 2}),
    ("minProperties", {"type": "object", "properties": {"a": True, "b": True}, "minProperties": 1}),
    ("maxProperties", {"type": "object", "properties": {"a": True, "b": True}, "maxProperties": 1}),
]


@pytest.mark.parametrize(("name", "schema"), NOT_ENFORCED, ids=[str(schema) for _, schema in NOT_ENFORCED])
def test_what_cannot_be_enforced_is_refused_or_left_out(name: str, schema: dict[str, Any]) -> None:
    name = name or list(schema)[-1]
    error = refusal(**schema)
    assert error.param == f"schema.{name}"
    assert error.message.startswith(f"schema.{name} ")
    assert name not in loose(**schema)


def each(name: str, *values: Any, **beside: Any) -> list[tuple[str, dict[str, Any]]]:
    return [(name, {**beside, name: value}) for value in values]


WRONG: list[tuple[str, dict[str, Any]]] = [
    *each("type", "text", ["string", "text"], [], 1, {}, [None], "String"),
    *each("minimum", "1", True, [1], {}),
    *each("multipleOf", 0, -1, "2", True, 0.0),
    *each("minLength", -1, 1.5, "1", True, []),
    *each("maxItems", -1, 0.5, "1", False),
    *each("minLength", 3, maxLength=2),
    *each("minItems", 3, maxItems=2),
    *each("minProperties", 3, type="object", maxProperties=2),
    *each("pattern", 1, None, ["a"]),
    *each("format", 1, ["date"]),
    *each("enum", [], "a", {"a": 1}, None),
    *each("type", "string", enum=[1, 2]),
    *each("type", "integer", const=1.5),
    *each("type", "number", const=True),
    *each("required", "a", [1], {"a": True}, [["a"]], [f"p{at}" for at in range(501)], type="object"),
]


@pytest.mark.parametrize(("name", "schema"), WRONG, ids=[str(schema)[:60] for _, schema in WRONG])
def test_what_is_no_schema_is_refused_also_without_strict(name: str, schema: dict[str, Any]) -> None:
    assert refusal(**schema).param == f"schema.{name}"
    with pytest.raises(InvalidRequest) as refused:
        loose(**schema)
    assert refused.value.param == f"schema.{name}"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "minimum": 2, "maximum": 1},
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
        {"type": "number", "exclusiveMinimum": 1, "exclusiveMaximum": 1},
    ],
    ids=str,
)
def test_bounds_that_no_number_is_within(schema: dict[str, Any]) -> None:
    assert refusal(**schema).param == "schema"


def test_bounds_at_their_edge() -> None:
    assert strict(type="string", maxLength=MAX_CHARACTERS)["maxLength"] == MAX_CHARACTERS
    assert strict(type="array", maxItems=MAX_ITEMS)["maxItems"] == MAX_ITEMS
    assert strict(type="integer", multipleOf=1000)["multipleOf"] == 1000
    assert strict(type="number", multipleOf=0.01)["multipleOf"] == 0.01
    assert strict(type="integer", minimum=-MAX_INTEGER)["minimum"] == -MAX_INTEGER
    assert len(strict(type="object", required=[f"p{at}" for at in range(500)])["required"]) == 500


def test_a_property_name_in_a_path_is_cut() -> None:
    error = refusal(type="object", properties={"p" * 100: {"not": {}}})
    assert error.param == f"schema.properties.{'p' * 64}.not"


def test_relaxed_reads_what_openapi_writes() -> None:
    assert loose(type="string", nullable=True) == {"type": ["string", "null"]}
    opened = loose(type="object", properties={"a": {"type": "null"}}, patternProperties={"^b": True})
    assert opened["additionalProperties"] is True


def test_relaxed_reads_no_type_into_a_schema() -> None:
    assert loose(minLength=1) == {"minLength": 1}
    assert loose(type="integer") == {"type": "integer"}


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "integer"}, ["0", "-7", str(MAX_INTEGER)], ["1.0", "1e2", "01", "+1", str(MAX_INTEGER + 1)]),
        ({"type": "number", "exclusiveMinimum": 0}, ["0.1", "1"], ["0", "-1", "0.0"]),
        ({"type": "number", "multipleOf": 0.25}, ["0.25", "1.50", "3"], ["0.1", "0.3"]),
        ({"type": "integer", "multipleOf": 3, "maximum": 9}, ["0", "3", "9"], ["1", "12", "-3"]),
        ({"type": "string", "minLength": 2, "maxLength": 2}, ['"ab"', '"é😀"', r'"\n\""'], ['"a"', '"abc"']),
        ({"type": "string", "format": "date"}, ['"2024-02-29"'], ['"2023-02-29"', '"today"']),
        (
            {"type": "string", "format": "date", "pattern": "^2"},
            ['"2024-02-29"'],
            ['"1999-12-31"', '"2024-02-30"', '"2"'],
        ),
        ({"enum": ["a", 1, None]}, ['"a"', "1", "null"], ['"b"', "2", "1.0"]),
        ({"const": {"a": [1]}}, ['{"a": [1]}'], ['{"a": [2]}', "{}"]),
        ({"type": ["string", "null"]}, ['"a"', "null"], ["1", "true"]),
        ({"type": "array", "minItems": 1, "maxItems": 2}, ["[1]", '[1, "a"]'], ["[]", "[1, 2, 3]"]),
        ({"type": "object", "minProperties": 1}, ['{"a": 1}'], ["{}"]),
        ({"type": "object", "maxProperties": 1}, ["{}", '{"a": 1}'], ['{"a": 1, "b": 2}']),
        ({"type": "object", "required": ["a"]}, ['{"a": 1}', '{"a": 1, "b": 2}'], ["{}", '{"b": 1}']),
    ],
    ids=str,
)
def test_what_the_grammar_then_takes(schema: dict[str, Any], good: list[str], bad: list[str]) -> None:
    final = enforceable(schema, param="schema")
    assert [text for text in good if not takes(final, text)] == []
    assert [text for text in bad if takes(final, text)] == []


BOUND = st.integers(-1000, 1000) | st.floats(-1000, 1000).map(lambda value: round(value, 3))
BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(["integer", "number"]),
    st.dictionaries(st.sampled_from(BOUNDS), BOUND, max_size=3),
    st.none() | st.sampled_from([1, 2, 3, 7, 10, 100, 0.1, 0.25, 0.5, 2.5]),
    st.integers(0, 2**32),
)
def test_every_number_that_is_written_is_within_its_bounds(
    kind: str, bounds: dict[str, Any], multiple: float | None, seed: int
) -> None:
    check_sound({"type": kind, **bounds, **({} if multiple is None else {"multipleOf": multiple})}, seed, texts=4)


@given(st.integers() | st.floats())
def test_a_number_that_is_exact_is_written_with_few_digits(value: float) -> None:
    if is_exact(value):
        assert math.isfinite(value)
        assert abs(value) <= MAX_INTEGER
        assert float(f"{value:.15f}") == value


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**32))
def test_a_string_has_as_many_characters_as_it_may(least: int, more: int, seed: int) -> None:
    schema = {"type": "string", "minLength": least, "maxLength": least + more}
    check_sound(schema, seed)
    text = written(enforceable(schema, param="schema"), Random(seed))
    assert text is not None
    assert text.startswith('"')
