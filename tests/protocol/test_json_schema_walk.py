"""The walk through a schema: references, unions, objects and arrays, and every bound at its edge and one over."""

from typing import Any

import pytest
from protocol.grammar_texts import check_sound, compiles, takes

from penstock.errors import InvalidRequest
from penstock.protocol.json_schema import enforceable, relaxed
from penstock.protocol.json_schema_walk import (
    MAX_ALTERNATIVES,
    MAX_DEPTH,
    MAX_ENUM_VALUES,
    MAX_EXPANDED,
    MAX_PROPERTIES,
)

NULL: dict[str, Any] = {"type": "null"}
TEXT: dict[str, Any] = {"type": "string"}


def final(schema: Any) -> dict[str, Any]:
    return enforceable(schema, param="schema")


def refusal(schema: Any) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as refused:
        final(schema)
    assert refused.value.param is not None
    assert refused.value.param.startswith("schema")
    return refused.value


def nested(levels: int, keyword: str = "items") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "array"}
    for _ in range(levels - 1):
        schema = {"type": "array", keyword: schema}
    return schema


def names(count: int) -> dict[str, Any]:
    return {f"p{at}": NULL for at in range(count)}


class TestObjects:
    def test_listed_properties_close_an_object(self) -> None:
        assert final({"type": "object", "properties": {"a": NULL}}) == {
            "type": "object",
            "properties": {"a": NULL},
            "additionalProperties": False,
        }

    @pytest.mark.parametrize("rest", [True, False, TEXT])
    def test_additional_properties_are_as_they_are_given(self, rest: Any) -> None:
        schema = {"type": "object", "properties": {"a": NULL}, "additionalProperties": rest}
        assert final(schema) == schema

    def test_a_required_name_that_is_not_listed_may_be_anything(self) -> None:
        made = final({"type": "object", "properties": {"a": NULL}, "required": ["b"]})
        assert made["properties"] == {"a": NULL, "b": True}
        assert takes(made, '{"a": null, "b": [1]}')
        assert not takes(made, '{"a": null}')

    def test_without_listed_properties_an_object_is_open(self) -> None:
        assert final({"type": "object"}) == {"type": "object"}
        assert takes({"type": "object"}, '{"a": {"b": [1, {}]}}')

    def test_properties_come_in_the_order_in_which_they_are_listed(self) -> None:
        made = final({"type": "object", "properties": {"b": NULL, "a": NULL}, "required": ["b", "a"]})
        assert takes(made, '{"b": null, "a": null}')
        assert not takes(made, '{"a": null, "b": null}')

    def test_an_optional_property_may_be_left_out(self) -> None:
        made = final({"type": "object", "properties": {"a": NULL, "b": NULL}, "required": ["b"]})
        assert takes(made, '{"b": null}')
        assert takes(made, '{"a": null, "b": null}')

    def test_a_property_that_nothing_is_allowed_for(self) -> None:
        made = final({"type": "object", "properties": {"a": False, "b": NULL}})
        assert takes(made, '{"b": null}')
        assert not takes(made, '{"a": null}')

    @pytest.mark.parametrize("beside", [{"anyOf": [{"required": ["b"]}]}, {"allOf": [{"required": ["b"]}, True]}])
    def test_another_schema_for_the_same_value_keeps_an_object_open(self, beside: dict[str, Any]) -> None:
        """The other one may ask for names that this one does not list."""
        made = final({"type": "object", "properties": {"a": NULL}, **beside})
        assert "additionalProperties" not in made
        assert takes(made, '{"b": 1}')

    def test_alternatives_alone_are_closed_each(self) -> None:
        made = final({"anyOf": [{"type": "object", "properties": {"a": NULL}}, NULL]})
        assert made["anyOf"][0]["additionalProperties"] is False

    @pytest.mark.parametrize("value", [1, [], "a"])
    def test_properties_that_are_none(self, value: Any) -> None:
        assert refusal({"properties": value}).param == "schema.properties"


class TestArrays:
    def test_items(self) -> None:
        made = final({"type": "array", "items": NULL})
        assert takes(made, "[null, null]")
        assert not takes(made, "[1]")

    def test_first_items_and_the_rest(self) -> None:
        made = final({"type": "array", "prefixItems": [NULL, TEXT], "items": False, "minItems": 2})
        assert takes(made, '[null, "a"]')
        assert not takes(made, '[null, "a", 1]')

    def test_the_older_form_of_first_items(self) -> None:
        made = final({"type": "array", "items": [NULL, TEXT], "additionalItems": False})
        assert made == {"type": "array", "prefixItems": [NULL, TEXT], "items": False}

    def test_paths_name_the_form_that_was_used(self) -> None:
        assert refusal({"items": [NULL, {"not": {}}]}).param == "schema.items[1].not"
        assert refusal({"items": [NULL], "additionalItems": {"not": {}}}).param == "schema.additionalItems.not"
        assert refusal({"prefixItems": [{"not": {}}]}).param == "schema.prefixItems[0].not"
        assert refusal({"items": {"not": {}}}).param == "schema.items.not"

    @pytest.mark.parametrize("value", [{}, "a", []])
    def test_first_items_that_are_none(self, value: Any) -> None:
        assert refusal({"type": "array", "prefixItems": value}).param == "schema.prefixItems"


class TestUnions:
    def test_any_of(self) -> None:
        assert final({"anyOf": [NULL, TEXT]}) == {"anyOf": [NULL, TEXT]}

    def test_one_of_alternatives_that_exclude_each_other(self) -> None:
        assert final({"oneOf": [NULL, TEXT]}) == {"anyOf": [NULL, TEXT]}

    def test_one_of_alternatives_that_may_hold_at_once(self) -> None:
        schema = {"type": "object", "properties": {"a": {"oneOf": [TEXT, {"type": ["string", "null"]}]}}}
        assert refusal(schema).param == "schema.properties.a.oneOf"
        assert relaxed(schema, param="schema")["properties"]["a"]["anyOf"]

    def test_two_unions_of_one_value_have_to_hold_both(self) -> None:
        made = final({"anyOf": [{"const": 1}, {"const": 2}], "oneOf": [{"const": 2}, {"const": 3}]})
        assert takes(made, "2")
        assert not takes(made, "1")
        assert not takes(made, "3")

    def test_all_of_one_is_that_one(self) -> None:
        made = final({"allOf": [{"type": "object", "properties": {"a": NULL}}]})
        assert made == {"type": "object", "properties": {"a": NULL}, "additionalProperties": False}

    def test_all_of_several(self) -> None:
        made = final({"allOf": [{"type": "string", "minLength": 2}, {"maxLength": 2}]})
        assert takes(made, '"ab"')
        assert not takes(made, '"abc"')
        assert not takes(made, '"a"')

    def test_all_of_objects(self) -> None:
        parts = [{"type": "object", "properties": {name: NULL}, "required": [name]} for name in "ab"]
        made = final({"allOf": parts})
        assert takes(made, '{"a": null, "b": null}')
        assert not takes(made, '{"a": null}')

    @pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
    @pytest.mark.parametrize("value", [[], {}, "a", None])
    def test_a_union_of_nothing(self, keyword: str, value: Any) -> None:
        assert refusal({keyword: value}).param == f"schema.{keyword}"

    @pytest.mark.parametrize("keyword", ["anyOf", "oneOf", "allOf"])
    def test_paths_name_the_alternative(self, keyword: str) -> None:
        assert refusal({keyword: [NULL, {"not": {}}]}).param == f"schema.{keyword}[1].not"


class TestReferences:
    @pytest.mark.parametrize("folder", ["$defs", "definitions"])
    def test_a_definition(self, folder: str) -> None:
        made = final({"type": "array", "items": {"$ref": f"#/{folder}/a"}, folder: {"a": NULL}})
        assert made == {"type": "array", "items": {"$ref": "#/$defs/d0"}, "$defs": {"d0": NULL}}
        assert takes(made, "[null]")

    def test_a_definition_of_a_definition(self) -> None:
        made = final({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/b"}}, "b": NULL}})
        assert takes(made, "[null, null]")
        assert not takes(made, "[1]")

    def test_a_definition_within_one(self) -> None:
        made = final({"$ref": "#/$defs/a/properties/b", "$defs": {"a": {"properties": {"b": NULL}}}})
        assert takes(made, "null")

    @pytest.mark.parametrize(
        ("name", "pointer"),
        [("a b", "a%20b"), ("a/b", "a~1b"), ("a~b", "a~0b"), ("é", "é"), ("List[int]", "List[int]")],
    )
    def test_names_are_written_in_pointers_as_they_have_to_be(self, name: str, pointer: str) -> None:
        assert takes(final({"$ref": f"#/$defs/{pointer}", "$defs": {name: NULL}}), "null")

    def test_one_definition_however_often_it_is_referred_to(self) -> None:
        made = final({"prefixItems": [{"$ref": "#/$defs/a"}] * 3, "$defs": {"a": NULL}})
        assert list(made["$defs"]) == ["d0"]

    def test_what_stands_beside_a_reference_holds_as_well(self) -> None:
        made = final({"$ref": "#/$defs/a", "maxLength": 1, "$defs": {"a": {"type": "string", "minLength": 1}}})
        assert takes(made, '"a"')
        assert not takes(made, '"ab"')
        assert not takes(made, '""')

    def test_a_description_beside_a_reference_says_nothing(self) -> None:
        made = final({"items": {"$ref": "#/$defs/a", "description": "D"}, "$defs": {"a": NULL}})
        assert made["items"] == {"$ref": "#/$defs/d0"}

    def test_an_object_that_is_referred_to_is_closed_where_it_stands_alone(self) -> None:
        pair = {"type": "object", "properties": {"a": NULL}}
        made = final(
            {
                "prefixItems": [{"$ref": "#/$defs/pair"}, {"$ref": "#/$defs/pair", "required": ["b"]}],
                "$defs": {"pair": pair},
                "minItems": 2,
            }
        )
        assert takes(made, '[{"a": null}, {"a": null, "b": 1}]')
        assert not takes(made, '[{"a": null, "b": 1}, {"a": null, "b": 1}]')

    def test_a_definition_that_is_not_referred_to_is_not_looked_at(self) -> None:
        assert final({**NULL, "$defs": {"a": {"not": {}}, "b": 7}}) == NULL

    def test_a_fault_in_a_definition_is_named_where_it_stands(self) -> None:
        schema = {"items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"items": {"not": {}}}}}
        assert refusal(schema).param == "schema.$defs.a.items.not"

    @pytest.mark.parametrize(
        "pointer",
        [
            *(
                "https://example.com/schema",
                "http://127.0.0.1/",
                "file:///etc/passwd",
                "other.json",
                "other.json#/$defs/a",
            ),
            *("#", "#a", "#/properties/a", "/$defs/a", "", "$defs/a", "//example.com", "#/$DEFS/a", 1, None, {"a": 1}),
        ],
    )
    def test_only_local_definitions_can_be_referred_to(self, pointer: Any) -> None:
        error = refusal({"items": {"$ref": pointer}, "$defs": {"a": NULL}})
        assert error.param == "schema.items.$ref"
        assert "must be local" in error.message

    @pytest.mark.parametrize("pointer", ["#/$defs/b", "#/$defs/a/items", "#/$defs/", "#/definitions/a", "#/$defs/c"])
    def test_a_reference_to_nothing(self, pointer: str) -> None:
        error = refusal({"items": {"$ref": pointer}, "$defs": {"a": NULL, "c": "text"}})
        assert error.param == "schema.items.$ref"
        assert "points to no schema" in error.message

    @pytest.mark.parametrize(
        "definitions",
        [
            {"a": {"$ref": "#/$defs/a"}},
            {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
            {"a": {"type": "array", "items": {"$ref": "#/$defs/a"}}},
            {"a": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/a"}, NULL]}}}},
            {"a": {"additionalProperties": {"$ref": "#/$defs/b"}}, "b": {"prefixItems": [{"$ref": "#/$defs/a"}]}},
            {"a": {"$ref": "#/$defs/a", "maxItems": 1}},
            {"a": {"oneOf": [{"$ref": "#/$defs/a"}, NULL]}},
        ],
    )
    @pytest.mark.parametrize("read", [enforceable, relaxed])
    def test_a_definition_that_refers_to_itself_is_refused(self, definitions: dict[str, Any], read: Any) -> None:
        with pytest.raises(InvalidRequest, match="goes round in a circle") as refused:
            read({"items": {"$ref": "#/$defs/a"}, "$defs": definitions}, param="schema")
        assert refused.value.param is not None
        assert refused.value.param.endswith("$ref")


class TestBounds:
    @pytest.mark.parametrize("keyword", ["items", "additionalProperties"])
    def test_depth(self, keyword: str) -> None:
        edge = nested(MAX_DEPTH)
        compiles(final(edge))
        error = refusal(nested(MAX_DEPTH + 1))
        assert error.param == "schema"
        assert "deeper than 16" in error.message

    @pytest.mark.parametrize("keyword", ["anyOf", "allOf", "oneOf", "prefixItems"])
    def test_depth_of_unions(self, keyword: str) -> None:
        schema: dict[str, Any] = NULL
        for _ in range(MAX_DEPTH):
            schema = {keyword: [schema, TEXT]}
        assert "deeper than 16" in refusal(schema).message

    def test_depth_counts_through_references_also_seen_ones(self) -> None:
        schema = nested(MAX_DEPTH - 8)
        schema["prefixItems"] = [{"$ref": "#/$defs/a"}, {"items": {"$ref": "#/$defs/a"}}]
        assert final({**schema, "$defs": {"a": nested(MAX_DEPTH - 2)}})
        assert "deeper than 16" in refusal({**schema, "$defs": {"a": nested(MAX_DEPTH - 1)}}).message

    def test_references_in_a_row(self) -> None:
        def row(length: int) -> dict[str, Any]:
            chain = {f"a{at}": {"$ref": f"#/$defs/a{at + 1}"} for at in range(length)}
            return {"$ref": "#/$defs/a0", "$defs": {**chain, f"a{length}": NULL}}

        compiles(final(row(39)))
        error = refusal(row(40))
        assert error.param == "schema.$defs.a39.$ref"
        assert "more than 40 references" in error.message

    def test_properties_of_the_whole_schema(self) -> None:
        def of(count: int) -> dict[str, Any]:
            half = names(count // 2)
            inner = {"type": "object", "properties": half, "required": list(half)}
            rest = {f"q{at}": NULL for at in range(count - count // 2 - 1)}
            return {"type": "object", "properties": {"inner": inner, **rest}, "required": ["inner", *rest]}

        compiles(final(of(MAX_PROPERTIES)))
        error = refusal(of(MAX_PROPERTIES + 1))
        assert error.param == "schema"
        assert "more than 500 properties" in error.message

    def test_enum_values_of_the_whole_schema(self) -> None:
        def of(count: int) -> dict[str, Any]:
            half = count // 2
            return {"prefixItems": [{"enum": list(range(half))}, {"enum": list(range(count - half))}]}

        compiles(final(of(MAX_ENUM_VALUES)))
        error = refusal(of(MAX_ENUM_VALUES + 1))
        assert error.param == "schema"
        assert "more than 500 enum values" in error.message

    @pytest.mark.parametrize("keyword", ["anyOf", "allOf", "prefixItems"])
    def test_alternatives(self, keyword: str) -> None:
        final({keyword: [NULL] * MAX_ALTERNATIVES})
        error = refusal({keyword: [NULL] * (MAX_ALTERNATIVES + 1)})
        assert error.param == f"schema.{keyword}"
        assert "more than 100 schemas" in error.message

    def test_references_that_multiply(self) -> None:
        """Ten definitions, each of which refers to the next one ten times, are ten thousand million schemas."""
        chain = {f"a{at}": {"prefixItems": [{"$ref": f"#/$defs/a{at + 1}"}] * 10} for at in range(10)}
        error = refusal({"$ref": "#/$defs/a0", "$defs": {**chain, "a10": NULL}})
        assert f"more than {MAX_EXPANDED} schemas" in error.message

    def test_optional_properties_at_one_place(self) -> None:
        compiles(final({"type": "object", "properties": names(MAX_PROPERTIES)}))
        compiles(final({"type": "object", "properties": names(423), "additionalProperties": True}))
        error = refusal({"type": "object", "properties": names(425), "additionalProperties": True})
        assert error.param == "schema"
        assert "too many optional properties" in error.message

    def test_a_reference_is_as_wide_as_what_it_stands_for(self) -> None:
        wide = {"type": "object", "properties": names(100)}
        schema = {"anyOf": [{"$ref": "#/$defs/a"}] * 6, "$defs": {"a": wide}}
        assert "too many optional properties" in refusal(schema).message
        compiles(final({"anyOf": [{"$ref": "#/$defs/a"}] * 5, "$defs": {"a": wide}}))

    def test_a_path_in_an_error_is_never_long(self) -> None:
        schema: dict[str, Any] = {"not": {}}
        for _ in range(12):
            schema = {"type": "object", "properties": {"p" * 1000: schema}}
        error = refusal(schema)
        assert error.param is not None
        assert len(error.param) < 400
        assert len(error.message) < 600


@pytest.mark.parametrize("value", [1, 1.5, "schema", None, []])
def test_what_is_no_schema(value: Any) -> None:
    error = refusal({"anyOf": [NULL, value]})
    assert error.param == "schema.anyOf[1]"
    assert "must be a schema" in error.message


@pytest.mark.parametrize(
    "schema",
    [
        {"anyOf": [{"type": "object", "properties": {"a": {"$ref": "#/$defs/t"}}}, {"$ref": "#/$defs/t"}]},
        {"type": "object", "properties": {"a": {"oneOf": [NULL, {"$ref": "#/$defs/t"}]}}, "additionalProperties": NULL},
        {"allOf": [{"$ref": "#/$defs/o"}, {"properties": {"b": NULL}, "required": ["b"]}]},
        {"$ref": "#/$defs/o", "required": ["a"], "additionalProperties": {"enum": [1, 3]}},
        {"prefixItems": [{"$ref": "#/$defs/o"}], "items": {"$ref": "#/$defs/t"}, "maxItems": 3},
        {"type": ["object", "array", "null"], "properties": {"a": True}, "items": {"type": "integer"}},
    ],
    ids=str,
)
def test_what_is_written_is_valid_under_what_was_given(schema: dict[str, Any]) -> None:
    definitions = {
        "t": {"type": "string", "maxLength": 4},
        "o": {"type": "object", "properties": {"a": {"enum": [1, 2]}}},
    }
    assert check_sound({**schema, "$defs": definitions}, seed=7, texts=20)
