"""Schemas as clients send them, whole; and that whatever a grammar takes is valid under what the client gave."""

import enum
from random import Random
from typing import Any, Literal

import pydantic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai import pydantic_function_tool
from openai.lib._parsing import type_to_response_format_param
from protocol.grammar_texts import check_sound, compiles, takes, written

from penstock.errors import InvalidRequest
from penstock.protocol.json_schema import MAX_BYTES, enforceable, relaxed


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Item(pydantic.BaseModel):
    """One line of an order."""

    name: str = pydantic.Field(description="What it is", min_length=1, max_length=8)
    price: float = pydantic.Field(ge=0, le=100)
    colour: Colour
    note: str | None = None


class Card(pydantic.BaseModel):
    kind: Literal["card"]
    digits: str = pydantic.Field(pattern=r"^\d{4}$")


class Cash(pydantic.BaseModel):
    kind: Literal["cash"]
    change: int | None


class Order(pydantic.BaseModel):
    items: list[Item] = pydantic.Field(max_length=2)
    best: Item
    paid: Card | Cash = pydantic.Field(discriminator="kind")
    size: tuple[int, int]
    code: int | Literal["none"]


ORDER = {
    "items": [{"name": "tea", "price": 1.5, "colour": "red", "note": None}],
    "best": {"name": "tea", "price": 1.5, "colour": "red", "note": None},
    "paid": {"kind": "card", "digits": "1234"},
    "size": [1, 2],
    "code": "none",
}

# zod-to-json-schema, as the Vercel AI SDK and openai for Node send it.
ZOD: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "description": "The name"},
        "age": {"type": "integer", "exclusiveMinimum": 0, "maximum": 9007199254740991},
        "role": {"type": "string", "enum": ["admin", "user"]},
        "email": {"anyOf": [{"type": "string", "format": "email"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "string"}, "default": []},
        "scores": {"type": "object", "propertyNames": {"type": "string"}, "additionalProperties": {"type": "number"}},
        "place": {"type": "array", "minItems": 2, "maxItems": 2, "items": [{"type": "number"}, {"type": "number"}]},
        "again": {"$ref": "#/definitions/again"},
    },
    "required": ["name", "age", "role", "email", "tags", "scores", "place", "again"],
    "additionalProperties": False,
    "definitions": {"again": {"type": "boolean"}},
}

# LangChain gives the title and the description of a model beside its schema, and `$defs` within it.
LANGCHAIN: dict[str, Any] = {
    "title": "Joke",
    "description": "A joke to tell.",
    "type": "object",
    "properties": {
        "setup": {"title": "Setup", "description": "The question", "type": "string"},
        "rating": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None, "title": "Rating"},
        "tags": {"items": {"$ref": "#/$defs/Tag"}, "type": "array"},
    },
    "required": ["setup"],
    "$defs": {"Tag": {"enum": ["short", "long"], "title": "Tag", "type": "string"}},
}

# Pydantic 1 and OpenAPI wrap a reference to keep what stands beside it.
WRAPPED: dict[str, Any] = {
    "title": "Shirt",
    "type": "object",
    "properties": {
        "colour": {"title": "Colour", "default": "red", "allOf": [{"$ref": "#/definitions/Colour"}]},
        "size": {"description": "In inches", "exclusiveMinimum": 0, "type": "integer", "example": 3},
    },
    "required": ["size"],
    "definitions": {"Colour": {"title": "Colour", "description": "One of two.", "enum": ["red", "blue"]}},
}

EMPTY: dict[str, Any] = {"type": "object", "properties": {}, "required": [], "additionalProperties": False, "$id": "x"}

FROM_CLIENTS: dict[str, dict[str, Any]] = {
    "openai-python response_format": type_to_response_format_param(Order)["json_schema"]["schema"],  # type: ignore
    "openai-python tool": pydantic_function_tool(Order)["function"]["parameters"],
    "pydantic, as Instructor sends it": Order.model_json_schema(),
    "zod": ZOD,
    "LangChain": LANGCHAIN,
    "pydantic 1": WRAPPED,
    "a function without parameters": EMPTY,
}


@pytest.mark.parametrize("schema", FROM_CLIENTS.values(), ids=FROM_CLIENTS)
def test_schemas_as_clients_send_them(schema: dict[str, Any]) -> None:
    compiles(enforceable(schema, param="schema"))
    compiles(relaxed(schema, param="schema"))
    assert check_sound(schema, seed=3, texts=6)


@pytest.mark.parametrize("name", [name for name in FROM_CLIENTS if "openai" in name or "pydantic," in name])
def test_what_the_grammar_of_a_model_takes_is_that_model(name: str) -> None:
    final = enforceable(FROM_CLIENTS[name], param="schema")
    random = Random(5)
    for _ in range(4):
        text = written(final, random)
        assert text is not None
        Order.model_validate_json(text)
    assert takes(final, pydantic.TypeAdapter(Any).dump_json(ORDER).decode().replace(":", ": ").replace(",", ", "))


class TestTheWhole:
    def test_what_allows_everything(self) -> None:
        assert enforceable(True, param="schema") == {}
        assert enforceable({}, param="schema") == {}
        assert enforceable({"description": "Anything"}, param="schema") == {}

    @pytest.mark.parametrize("schema", [False, {"allOf": [False]}])
    def test_what_allows_nothing(self, schema: Any) -> None:
        with pytest.raises(InvalidRequest, match="allows nothing") as refused:
            enforceable(schema, param="schema")
        assert refused.value.param == "schema"

    @pytest.mark.parametrize("read", [enforceable, relaxed])
    def test_its_size(self, read: Any) -> None:
        def of(size: int) -> dict[str, Any]:
            return {"description": "x" * (size - len('{"description":""}'))}

        assert read(of(MAX_BYTES), param="schema") == {}
        with pytest.raises(InvalidRequest, match="has 65537 bytes") as refused:
            read(of(MAX_BYTES + 1), param="schema")
        assert refused.value.param == "schema"

    @pytest.mark.parametrize("schema", [float("nan"), {"const": object()}, {1: 2.5j}])
    def test_what_is_not_json(self, schema: Any) -> None:
        with pytest.raises(InvalidRequest):
            enforceable(schema, param="schema")

    def test_a_schema_that_python_nests_too_deep(self) -> None:
        schema: dict[str, Any] = {}
        for _ in range(100_000):
            schema = {"not": schema}
        with pytest.raises(InvalidRequest):
            enforceable(schema, param="schema")
        while schema:  # or its end would be too deep for the interpreter as well
            schema = schema.pop("not")

    def test_what_was_given_is_left_as_it_was(self) -> None:
        before = str(ZOD)
        enforceable(ZOD, param="schema")
        relaxed(ZOD, param="schema")
        assert str(ZOD) == before

    def test_the_path_begins_with_what_the_caller_says(self) -> None:
        with pytest.raises(InvalidRequest) as refused:
            enforceable({"not": {}}, param="tools[3].function.parameters")
        assert refused.value.param == "tools[3].function.parameters.not"
        assert refused.value.code == "invalid_value"


NAMES = st.sampled_from(["a", "b", "c", "x y", "é", ""])
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-20, 20), st.sampled_from([0.5, 1.0, -2.25, 1e3, "", "a", "ab", "é\n"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2), max_leaves=4
)
NUMBER = st.integers(-30, 30) | st.sampled_from([0.5, -1.5, 2.25, 1e2])
NUMERIC = dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBER) | {
    "multipleOf": st.sampled_from([1, 2, 3, 7, 10, 0.1, 0.5])
}
STRING = {
    "minLength": st.integers(0, 3),
    "maxLength": st.integers(2, 6),
    "pattern": st.sampled_from(["^a+$", "[0-9]", "^(a|bc){1,3}$", "x$", r"^\d{2}-\w", "^[^a]*$", "."]),
    "format": st.sampled_from(["date", "ipv4", "uuid"]),
}
LEAVES = st.one_of(
    st.fixed_dictionaries({"type": st.just("integer")}, optional=NUMERIC),
    st.fixed_dictionaries({"type": st.just("number")}, optional=NUMERIC),
    st.fixed_dictionaries({"type": st.just("string")}, optional=STRING),
    st.fixed_dictionaries({}, optional={"minimum": NUMBER, "minLength": st.integers(0, 2)}),
    st.lists(VALUES, min_size=1, max_size=3).map(lambda some: {"enum": some}),
    VALUES.map(lambda value: {"const": value}),
    st.sampled_from([True, {}, {"type": "null"}, {"type": ["boolean", "null"]}]),
    st.sampled_from([{"$ref": "#/$defs/one"}, {"$ref": "#/$defs/two"}]),
)


def wider(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    array = {
        "items": inner,
        "prefixItems": st.lists(inner, min_size=1, max_size=2),
        "minItems": st.integers(0, 1),
        "maxItems": st.integers(1, 3),
    }
    entries = {
        "properties": st.dictionaries(NAMES, inner, max_size=3),
        "required": st.lists(NAMES, max_size=2),
        "additionalProperties": inner | st.booleans(),
        "minProperties": st.integers(0, 1),
    }
    objects = st.fixed_dictionaries({"type": st.just("object")}, optional=entries)
    unions = st.one_of(*(st.fixed_dictionaries({key: some}) for key in ("anyOf", "oneOf", "allOf")))
    beside = st.tuples(unions, objects | LEAVES | unions).map(
        lambda pair: pair[0] | pair[1] if isinstance(pair[1], dict) else pair[0]
    )
    return st.one_of(
        st.fixed_dictionaries({"type": st.just("array")}, optional=array), objects, objects, unions, beside
    )


SCHEMAS = st.recursive(LEAVES, wider, max_leaves=8)


@settings(deadline=None, max_examples=250)
@given(SCHEMAS, LEAVES, LEAVES, st.integers(0, 2**32))
def test_whatever_a_grammar_takes_is_valid_under_what_was_given(schema: Any, one: Any, two: Any, seed: int) -> None:
    """The promise of it all, held against the jsonschema package, which never sees the final form."""
    if isinstance(schema, dict):
        schema = {**schema, "$defs": {"one": one, "two": two}}
    check_sound(schema, seed, texts=2)


KEYWORDS = st.sampled_from(
    [
        *("type", "enum", "const", "properties", "required", "additionalProperties", "minProperties", "maxProperties"),
        *("items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains"),
        *("minLength", "maxLength", "pattern", "format", "nullable"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("anyOf", "oneOf", "allOf", "$ref", "$defs", "definitions", "not", "if", "then", "patternProperties"),
        *("title", "propertyNames", "$schema", "discriminator", "nonsense"),
    ]
)
NONSENSE = st.recursive(
    VALUES
    | st.sampled_from(["string", "object", "array", "integer", "#/$defs/a", "#/$defs/", "date", "^a", 1e300, -0.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.just("a"), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(KEYWORDS, NONSENSE, max_size=5))
@pytest.mark.parametrize("read", [enforceable, relaxed])
def test_nonsense_is_taken_or_refused_but_never_a_fault_of_ours(read: Any, schema: dict[str, Any]) -> None:
    try:
        read(schema, param="schema")
    except InvalidRequest as refused:
        param = refused.param or ""
    else:
        return
    assert param.startswith("schema")


@settings(deadline=None, max_examples=100)
@given(SCHEMAS, LEAVES)
def test_relaxed_takes_what_is_enforceable(schema: Any, one: Any) -> None:
    if isinstance(schema, dict):
        schema = {**schema, "$defs": {"one": one, "two": True}}
    try:
        enforceable(schema, param="schema")
    except InvalidRequest:
        return
    relaxed(schema, param="schema")


def test_a_schema_that_comes_again_is_the_same_and_its_own() -> None:
    schema = {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}}, "required": ["size"]}
    first = enforceable(schema, param="tools[0]")
    kept = dict(first)
    first["type"] = "changed by whoever got it"
    assert enforceable(schema, param="tools[0]") == kept


@pytest.mark.parametrize("param", ["tools[0]", "tools[1]"])
def test_a_refusal_names_its_own_place_each_time(param: str) -> None:
    for _ in range(2):
        with pytest.raises(InvalidRequest) as caught:
            enforceable({"not": {"type": "string"}}, param=param)
        assert caught.value.param
        assert caught.value.param.startswith(param)


def test_what_strict_refuses_is_relaxed_all_the_same() -> None:
    schema = {"type": "string", "not": {"const": "x"}}
    assert relaxed(schema, param="p")
    with pytest.raises(InvalidRequest):
        enforceable(schema, param="p")
