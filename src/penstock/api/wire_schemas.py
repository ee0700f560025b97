"""JSON schemas of the types that parse and render what is on the wire."""

import re
from typing import Any

import msgspec
from msgspec import NODEFAULT, inspect

_REF = "#/components/schemas/{name}"


class WireSchemas:
    """The schemas of all types of one document: each struct once, under a name that no other has."""

    def __init__(self, *, requests: list[Any], answers: list[Any], untagged: list[Any]) -> None:
        """`untagged`: structs in requests whose tag may be left out also where it would tell them from others."""
        parsed, rendered = _Structs(requests), _Structs(answers)
        types = list(dict.fromkeys([*requests, *answers, *parsed.found, *rendered.found]))
        schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
        self._schemas = dict(zip(types, schemas, strict=True))
        self.components: dict[str, Any] = {}
        """Name -> schema."""
        for struct, described in rendered.found.items():
            if struct not in parsed.found:
                _always_there(components[self._name(struct)], described)
        for struct, described in parsed.found.items():
            if described.tag_field and (struct in parsed.alone or struct in untagged):
                components[self._name(struct)]["required"].remove(described.tag_field)
            if struct in untagged:
                components[self._name(struct)]["properties"][described.tag_field]["enum"].append(None)
        self.components = {name: portable(schema) for name, schema in components.items()}

    def of(self, type_: Any) -> dict[str, Any]:
        """The schema of one of the types; of a struct, a reference."""
        schema: dict[str, Any] = portable(self._schemas[type_])
        return schema

    def _name(self, struct: Any) -> str:
        return str(self._schemas[struct]["$ref"]).rpartition("/")[2]


class _Structs:
    """Every struct that some types consist of; `alone` are those that stand somewhere without others to tell from."""

    def __init__(self, types: list[Any]) -> None:
        self.found: dict[Any, inspect.StructType] = {}
        self.alone: set[Any] = set()
        for type_ in inspect.multi_type_info(types):
            self._add(type_, alone=True)

    def _add(self, type_: inspect.Type, *, alone: bool) -> None:
        if isinstance(type_, inspect.StructType):
            if alone:
                self.alone.add(type_.cls)
            if type_.cls not in self.found:
                self.found[type_.cls] = type_
                for field in type_.fields:
                    self._add(field.type, alone=True)
        elif isinstance(type_, inspect.Metadata):
            self._add(type_.type, alone=alone)
        elif isinstance(type_, inspect.CollectionType):
            self._add(type_.item_type, alone=True)
        elif isinstance(type_, inspect.DictType):
            self._add(type_.value_type, alone=True)
        elif isinstance(type_, inspect.UnionType):
            several = sum(isinstance(one, inspect.StructType) for one in type_.types) > 1
            for one in type_.types:
                self._add(one, alone=not several)


def _always_there(schema: dict[str, Any], struct: inspect.StructType) -> None:
    """In what we render a field with a default is there, too; only one that may be unset is left out."""
    schema["required"] = [
        *([struct.tag_field] if struct.tag_field else []),
        *(field.encode_name for field in struct.fields if field.required or _has_default(field)),
    ]
    for described in schema["properties"].values():
        described.pop("default", None)


def _has_default(field: inspect.Field) -> bool:
    return not (field.default is NODEFAULT and field.default_factory is NODEFAULT)


def portable(schema: Any) -> Any:
    r"""The schema with its patterns in the dialect of JSON Schema, which writes `$` for Python's `\Z`."""
    if isinstance(schema, list):
        return [portable(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: re.sub(r"\\Z$", "$", value) if key == "pattern" and isinstance(value, str) else portable(value)
        for key, value in schema.items()
    }
