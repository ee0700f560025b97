"""Whether alternatives exclude each other, so that `oneOf` means what `anyOf` means. All schemas are in final form."""

from itertools import combinations
from typing import Any

import msgspec

_EVERY = frozenset({"null", "boolean", "number", "string", "array", "object"})
_MOST_LOOKS = 20_000


def all_disjoint(options: list[Any], definitions: dict[str, Any]) -> bool:
    """Whether no value can be valid under two of `options`; False also where that is not plain to see."""
    look = _Look(definitions)
    return all(look.disjoint(one, other) for one, other in combinations(options, 2))


class _Look:
    def __init__(self, definitions: dict[str, Any]) -> None:
        self._definitions = definitions
        self._looks = 0

    def disjoint(self, one: Any, other: Any) -> bool:
        one, other = self._resolved(one), self._resolved(other)
        self._looks += 1
        if one is False or other is False:
            return True
        if one is True or other is True or self._looks > _MOST_LOOKS:
            return False
        mine, theirs = _values(one), _values(other)
        if mine is not None and theirs is not None and not mine & theirs:
            return True
        if not self._types(one) & self._types(other):
            return True
        for first, second in ((one, other), (other, one)):
            if "anyOf" in first and all(self.disjoint(option, second) for option in first["anyOf"]):
                return True
        return self._types(one) & self._types(other) == {"object"} and self._told_apart(one, other)

    def _told_apart(self, one: dict[str, Any], other: dict[str, Any]) -> bool:
        """Whether a property that one of two objects must have is such that the other cannot have it."""
        names = [*one.get("required", ()), *other.get("required", ())]
        return any(self.disjoint(_property(one, name), _property(other, name)) for name in dict.fromkeys(names))

    def _types(self, schema: Any) -> frozenset[str]:
        schema = self._resolved(schema)
        self._looks += 1
        if isinstance(schema, bool) or self._looks > _MOST_LOOKS:
            return _EVERY
        found = _EVERY
        if "type" in schema:
            names = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
            found = frozenset("number" if name == "integer" else name for name in names)
        if "const" in schema or "enum" in schema:
            values = [schema["const"]] if "const" in schema else schema["enum"]
            found &= frozenset(type_of(value) for value in values)
        if "anyOf" in schema:
            found &= frozenset().union(*(self._types(option) for option in schema["anyOf"]))
        return found

    def _resolved(self, schema: Any) -> Any:
        while isinstance(schema, dict) and list(schema) == ["$ref"]:
            schema = self._definitions[schema["$ref"].rpartition("/")[2]]
        return schema


def type_of(value: Any) -> str:
    """The JSON type of a value; `number` for every number."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _property(schema: dict[str, Any], name: str) -> Any:
    return schema.get("properties", {}).get(name, schema.get("additionalProperties", True))


def _values(schema: dict[str, Any]) -> frozenset[bytes] | None:
    if "const" in schema:
        return frozenset({_text(schema["const"])})
    return frozenset(map(_text, schema["enum"])) if "enum" in schema else None


def _text(value: Any) -> bytes:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return msgspec.json.encode(value, order="deterministic")
