"""Whether alternatives exclude each other, so that `oneOf` means what `anyOf` means.

An answer is written under the final form of one alternative, which may be narrower than what the client gave; it has
to be invalid under the others as the client gave them. So final forms are held against originals, not against each
other.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import msgspec

_EVERY = frozenset({"null", "boolean", "number", "string", "array", "object"})
_MOST_LOOKS = 20_000


@dataclass(frozen=True)
class View:
    """A schema, and what its references stand for."""

    schema: Any
    follow: Callable[[str], Any]

    def resolved(self) -> "View":
        """The schema behind a reference. What stands beside the reference is left out, so this may say less."""
        view = self
        while isinstance(view.schema, dict) and "$ref" in view.schema:
            view = view.to(view.follow(view.schema["$ref"]))
        return view

    def to(self, schema: Any) -> "View":
        """A schema that stands in this one."""
        return replace(self, schema=schema)

    def listed(self, *keywords: str) -> "list[list[View]]":
        """The schemas in those of `keywords` that are there."""
        return [[self.to(one) for one in self.schema[key]] for key in keywords if key in self.schema]

    def property(self, name: str) -> "View":
        """What the property `name` has to be."""
        return self.to(self.schema.get("properties", {}).get(name, self.schema.get("additionalProperties", True)))

    def values(self) -> frozenset[bytes] | None:
        """The only values there are; None where they are not listed."""
        if "const" in self.schema:
            return frozenset({_text(self.schema["const"])})
        return frozenset(map(_text, self.schema["enum"])) if "enum" in self.schema else None


def all_disjoint(finals: list[View], originals: list[View]) -> bool:
    """Whether no value that fits one of `finals` is valid under another one's original.

    False also where that is not plain to see.
    """
    look = _Look()
    return all(look.disjoint(finals[one], originals[other]) for one, other in permutations(range(len(finals)), 2))


class _Look:
    def __init__(self) -> None:
        self._looks = 0

    def disjoint(self, one: View, other: View) -> bool:
        one, other = one.resolved(), other.resolved()
        self._looks += 1
        if one.schema is False or other.schema is False:
            return True
        if one.schema is True or other.schema is True or self._looks > _MOST_LOOKS:
            return False
        mine, theirs = one.values(), other.values()
        if mine is not None and theirs is not None and not mine & theirs:
            return True
        if not self._types(one) & self._types(other):
            return True
        for first, second in ((one, other), (other, one)):
            if any(all(self.disjoint(each, second) for each in union) for union in first.listed("anyOf", "oneOf")):
                return True
            if any(self.disjoint(each, second) for every in first.listed("allOf") for each in every):
                return True
        return self._types(one) & self._types(other) == {"object"} and self._told_apart(one, other)

    def _told_apart(self, one: View, other: View) -> bool:
        """Whether a property that one of two objects must have is such that the other cannot have it."""
        names = [*one.schema.get("required", ()), *other.schema.get("required", ())]
        return any(self.disjoint(one.property(name), other.property(name)) for name in dict.fromkeys(names))

    def _types(self, view: View) -> frozenset[str]:
        view = view.resolved()
        self._looks += 1
        if isinstance(view.schema, bool):
            return _EVERY if view.schema else frozenset()
        if self._looks > _MOST_LOOKS:
            return _EVERY
        found = _EVERY
        if (given := view.schema.get("type")) is not None:
            names = [given] if isinstance(given, str) else given
            found = frozenset("number" if name == "integer" else name for name in names)
        if "const" in view.schema or "enum" in view.schema:
            values = [view.schema["const"]] if "const" in view.schema else view.schema["enum"]
            found &= frozenset(type_of(value) for value in values)
        for union in view.listed("anyOf", "oneOf"):
            found &= frozenset().union(*(self._types(option) for option in union))
        for every in view.listed("allOf"):
            found &= _EVERY.intersection(*(self._types(each) for each in every))
        return found


def type_of(value: Any) -> str:
    """The JSON type of a value; `number` for every number."""
    if value is None:
        return "null"
    names = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}
    return names[type(value)]


def _text(value: Any) -> bytes:
    return msgspec.json.encode(_plain(value), order="deterministic")


def _plain(value: Any) -> Any:
    """`value` with every number that is whole as an integer, which is the same number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, dict) else value
