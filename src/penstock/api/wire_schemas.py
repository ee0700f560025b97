"""JSON schemas of the types that parse and render what is on the wire."""

import re
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

_REF = "#/components/schemas/{name}"


class WireSchemas:
    """The schemas of all types of one document: each struct once, under a name that no other has."""

    def __init__(self, *, requests: list[Any], answers: list[Any], untagged: list[Any]) -> None:
        """`untagged`: structs in requests whose tag may be left out."""
        parsed, rendered = _structs(requests), _structs(answers)
        types = list(dict.fromkeys([*requests, *answers, *parsed, *rendered]))
        schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
        self._schemas = dict(zip(types, schemas, strict=True))
        self.components: dict[str, Any] = {}
        """Name -> schema."""
        for struct, described in rendered.items():
            if struct not in parsed:
                _always_there(components[self._name(struct)], described)
        for struct in untagged:
            _tag_optional(components[self._name(struct)], str(parsed[struct].tag_field))
        self.components = {name: _portable(schema) for name, schema in components.items()}

    def of(self, type_: Any) -> dict[str, Any]:
        """The schema of one of the types; of a struct, a reference."""
        schema: dict[str, Any] = _portable(self._schemas[type_])
        return schema

    def _name(self, struct: Any) -> str:
        return str(self._schemas[struct]["$ref"]).rpartition("/")[2]


def _structs(types: list[Any]) -> dict[Any, inspect.StructType]:
    """Every struct that these types consist of."""
    found: dict[Any, inspect.StructType] = {}
    waiting: list[Any] = list(inspect.multi_type_info(types))
    while waiting:
        one = waiting.pop()
        if isinstance(one, inspect.StructType):
            if one.cls not in found:
                found[one.cls] = one
                waiting += [field.type for field in one.fields]
        elif isinstance(one, inspect.Metadata):
            waiting.append(one.type)
        elif isinstance(one, inspect.CollectionType):
            waiting.append(one.item_type)
        elif isinstance(one, inspect.UnionType):
            waiting += one.types
        elif isinstance(one, inspect.DictType):
            waiting.append(one.value_type)
    return found


def _always_there(schema: dict[str, Any], struct: inspect.StructType) -> None:
    """In what we render a field with a default is there, too; only one that may be unset is left out."""
    schema["required"] = [
        *([struct.tag_field] if struct.tag_field else []),
        *(field.encode_name for field in struct.fields if field.required or _has_default(field)),
    ]
    for described in schema["properties"].values():
        described.pop("default", None)


def _tag_optional(schema: dict[str, Any], tag: str) -> None:
    schema["required"].remove(tag)
    schema["properties"][tag]["enum"].append(None)


def _has_default(field: inspect.Field) -> bool:
    return not (field.default is NODEFAULT and field.default_factory is NODEFAULT)


def _portable(schema: Any) -> Any:
    r"""The schema with its patterns in the dialect of JSON Schema, which writes `$` for Python's `\Z`."""
    if isinstance(schema, list):
        return [_portable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: re.sub(r"\\Z$", "$", value) if key == "pattern" and isinstance(value, str) else _portable(value)
        for key, value in schema.items()
    }
