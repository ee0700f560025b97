"""The keywords of a schema that hold no other schema, and how much of each a grammar enforces."""

import math
from decimal import Decimal
from typing import Any, NoReturn, Protocol

from penstock.protocol.json_disjoint import type_of
from penstock.protocol.json_formats import FORMATS
from penstock.protocol.json_pattern import PatternRefused
from penstock.protocol.json_pattern import enforceable as enforceable_pattern

MAX_ITEMS = 1_000
MAX_CHARACTERS = 10_000
MAX_INTEGER = 2**53 - 1
"""The largest integer that every reader of JSON keeps exactly (RFC 8259, section 6)."""
_MAX_DIGITS = 15
_MAX_MULTIPLE = 1_000
"""The engine takes one state for each remainder."""

APPLICATORS = ("$ref", "allOf", "anyOf", "oneOf", "const", "enum")
_TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
_OF_TYPE = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "array": ("items", "prefixItems", "additionalItems", "minItems", "maxItems"),
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
}
_ENFORCED = {"type", *APPLICATORS, *(name for names in _OF_TYPE.values() for name in names)}
_ANNOTATIONS = {
    *("title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "$comment"),
    *("$schema", "$id", "id", "$anchor", "$defs", "definitions", "contentEncoding", "contentMediaType"),
    *("discriminator", "externalDocs", "xml"),
}
_OPENING = ("patternProperties", "unevaluatedProperties", "dependentSchemas", "if")
"""Keywords that may allow properties which `properties` does not list."""


class Findings(Protocol):
    """Who is told of a keyword that is wrong or cannot be enforced."""

    @property
    def strict(self) -> bool: ...

    def refuse(self, path: str, why: str) -> NoReturn: ...

    def drop(self, path: str, why: str) -> None: ...


def known(schema: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    """The keywords that say something and are enforced."""
    found = {}
    for key, value in schema.items():
        if key in _ENFORCED:
            found[key] = value
        elif key not in _ANNOTATIONS and not key.startswith("x-") and not _says_nothing(key, value):
            findings.drop(f"{path}.{key[:64]}", "is a keyword that a grammar cannot enforce, or not one of JSON Schema")
    if not findings.strict and schema.keys() & set(_OPENING):
        found.pop("additionalProperties", None)
        found["additionalProperties"] = True
    if not findings.strict and schema.get("nullable") is True and isinstance(found.get("type"), str):
        found["type"] = [found["type"], "null"]
    return found


def _says_nothing(key: str, value: Any) -> bool:
    if key == "propertyNames":  # zod writes that names are strings
        return value in (True, {}, {"type": "string"})
    return (key in ("uniqueItems", "nullable") and value is False) or (key == "patternProperties" and value == {})


def types(known: dict[str, Any], path: str, findings: Findings) -> list[str] | None:
    """The types that a value may have, or None for all. A schema without `type` that speaks of one type means it."""
    given = known.get("type")
    if given is None:
        spoken = [name for name, names in _OF_TYPE.items() if any(one in known for one in names)]
        plain = not any(key in known for key in APPLICATORS)
        return spoken if spoken and plain and findings.strict else None
    listed = given if isinstance(given, list) else [given]
    if not listed or not all(isinstance(one, str) and one in _TYPES for one in listed):
        findings.refuse(f"{path}.type", f"must be one of {', '.join(_TYPES)}, or an array of them")
    return list(dict.fromkeys(listed))


def numbers(known: dict[str, Any], types: list[str] | None, path: str, findings: Findings) -> dict[str, Any]:
    """Bounds and multiples of numbers."""
    made: dict[str, Any] = {}
    for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"):
        if key in known and (value := _bound(known[key], f"{path}.{key}", findings)) is not None:
            made[key] = value
    if types is not None and "integer" in types and "number" not in types:
        made = _integer_bounds(made)
        if findings.strict and not any(key in known for key in APPLICATORS):
            made = {"minimum": -MAX_INTEGER, "maximum": MAX_INTEGER} | made
    else:
        made = _inclusive(made, path, findings)
    if made.get("minimum", -math.inf) > made.get("maximum", math.inf):
        findings.refuse(path, "has bounds that no number is within")
    if "multipleOf" in known and _multiple(known["multipleOf"], made, f"{path}.multipleOf", findings):
        # The engine's multiples begin at 0; below, it would come to a place from where nothing goes on.
        made |= {"minimum": max(made.get("minimum", 0), 0), "multipleOf": known["multipleOf"]}
    return made


def _bound(value: Any, path: str, findings: Findings) -> int | float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        findings.refuse(path, "must be a number")
    if not is_exact(value):
        findings.drop(path, "has more digits than can be enforced")
        return None
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_exact(value: int | float) -> bool:
    """Whether the engine, which reads numbers as doubles, keeps this one as it is written."""
    if isinstance(value, int):
        return abs(value) <= MAX_INTEGER
    if not math.isfinite(value) or abs(value) > MAX_INTEGER:
        return False
    exponent = Decimal(repr(value)).as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_MAX_DIGITS


def _integer_bounds(made: dict[str, Any]) -> dict[str, Any]:
    low = [math.ceil(made["minimum"])] if "minimum" in made else []
    low += [math.floor(made["exclusiveMinimum"]) + 1] if "exclusiveMinimum" in made else []
    high = [math.floor(made["maximum"])] if "maximum" in made else []
    high += [math.ceil(made["exclusiveMaximum"]) - 1] if "exclusiveMaximum" in made else []
    return ({"minimum": max(low)} if low else {}) | ({"maximum": min(high)} if high else {})


def _inclusive(made: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    """Bounds that leave out their end, as bounds a small step further in: the engine takes the end itself for some."""
    low = [made["minimum"]] if "minimum" in made else []
    high = [made["maximum"]] if "maximum" in made else []
    for key, found, step in (("exclusiveMinimum", low, 1), ("exclusiveMaximum", high, -1)):
        if key in made:
            value = Decimal(repr(made[key]))
            places = max(6, -int(value.as_tuple().exponent) + 3)
            inner = float(value + step * Decimal(1).scaleb(-places))
            if inner != made[key] and is_exact(inner):
                found.append(inner)
            else:
                findings.drop(f"{path}.{key}", "has more digits than can be enforced")
    return ({"minimum": max(low)} if low else {}) | ({"maximum": min(high)} if high else {})


def _multiple(value: Any, bounds: dict[str, Any], path: str, findings: Findings) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        findings.refuse(path, "must be a number above 0")
    whole = Decimal(repr(value)).scaleb(6) if is_exact(value) else Decimal(0)
    while whole and whole % 10 == 0 and whole > _MAX_MULTIPLE:
        whole /= 10
    if not whole or whole % 1 or whole > _MAX_MULTIPLE:
        findings.drop(path, f"must have a value of at most {_MAX_MULTIPLE} without its decimal point")
        return False
    if bounds.get("maximum", 0) < 0:
        findings.drop(path, "can be enforced for numbers from 0 on")
        return False
    return True


def strings(known: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    """Length, pattern and format of strings; both of the latter, as a schema of their own beside."""
    made = counts(known, ("minLength", "maxLength"), MAX_CHARACTERS, path, findings)
    patterns = []
    if "pattern" in known:
        if not isinstance(known["pattern"], str):
            findings.refuse(f"{path}.pattern", "must be a string")
        try:
            patterns.append(enforceable_pattern(known["pattern"]))
        except PatternRefused as error:
            findings.drop(f"{path}.pattern", f"cannot be enforced: {error}")
    if "format" in known:
        if not isinstance(known["format"], str):
            findings.refuse(f"{path}.format", "must be a string")
        if known["format"] in FORMATS:
            patterns.append(FORMATS[known["format"]])
        else:
            findings.drop(f"{path}.format", f"is none of those that can be enforced: {', '.join(FORMATS)}")
    if patterns:
        made["pattern"] = patterns[0]
    if len(patterns) > 1:
        made["allOf"] = [{"pattern": patterns[1]}]
    return made


def counts(known: dict[str, Any], names: tuple[str, str], most: int, path: str, findings: Findings) -> dict[str, Any]:
    """A pair of bounds that are numbers of things."""
    made = {}
    for name in names:
        value = known.get(name)
        if value is None:
            continue
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            findings.refuse(f"{path}.{name}", "must be a whole number, 0 or more")
        if value > most:
            findings.drop(f"{path}.{name}", f"can be enforced up to {most}")
        elif value or name == names[1]:
            made[name] = value
    if made.get(names[0], 0) > made.get(names[1], math.inf):
        findings.refuse(f"{path}.{names[0]}", f"is above {names[1]}")
    return made


def values(known: dict[str, Any], types: list[str] | None, path: str, findings: Findings) -> dict[str, Any]:
    """`const` and `enum`, as far as `type` allows their values."""
    made: dict[str, Any] = {}
    if "enum" in known:
        listed = known["enum"]
        if not isinstance(listed, list) or not listed:
            findings.refuse(f"{path}.enum", "must be an array of values")
        made["enum"] = [value for value in listed if _is_of(value, types)]
    if "const" in known and _is_of(known["const"], types):
        made["const"] = known["const"]
    if ("enum" in known and not made["enum"]) or ("const" in known and "const" not in made):
        findings.refuse(f"{path}.type", "allows none of the values that are listed beside it")
    for key, value in made.items():
        if not _all_exact(value):
            findings.drop(f"{path}.{key}", "has a number with more digits than can be enforced")
            return {}
    return made


def _is_of(value: Any, types: list[str] | None) -> bool:
    name = type_of(value)
    if types is None or name in types:
        return True
    # One that is not exact is refused for that later, with words of its own.
    return name == "number" and "integer" in types and (not is_exact(value) or float(value).is_integer())


def _all_exact(value: Any) -> bool:
    if isinstance(value, list | dict):
        return all(_all_exact(one) for one in (value if isinstance(value, list) else value.values()))
    return isinstance(value, bool) or not isinstance(value, int | float) or is_exact(value)


def required(known: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    """The names of the properties that must be there."""
    names = known.get("required")
    if names is None:
        return {}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        findings.refuse(f"{path}.required", "must be an array of names")
    if len(names) > 500:
        findings.refuse(f"{path}.required", "has more than 500 names")
    return {"required": list(dict.fromkeys(names))} if names else {}


def close(made: dict[str, Any], known: dict[str, Any], *, closed: bool) -> None:
    """An object whose properties are listed has no others, unless it is open or another schema has a say in it."""
    if "properties" in made and "additionalProperties" not in known and closed:
        made["properties"] |= {name: True for name in made.get("required", ()) if name not in made["properties"]}
        made["additionalProperties"] = False


def property_counts(known: dict[str, Any], made: dict[str, Any], path: str, findings: Findings) -> dict[str, Any]:
    """Bounds of the number of properties, where a grammar can count them: in a map of any names."""
    found = counts(known, ("minProperties", "maxProperties"), MAX_ITEMS, path, findings)
    names, sure = made.get("properties", {}), len(made.get("required", ()))
    if found.get("minProperties", 0) <= sure:
        found.pop("minProperties", None)
    if made.get("additionalProperties") is False and found.get("maxProperties", 0) >= len(names):
        found.pop("maxProperties", None)
    # Names may stand twice in a map, and would be counted twice; one is one in any case.
    for key, enforced in (
        ("minProperties", not names and not sure and found.get("minProperties") == 1),
        ("maxProperties", not names and not sure),
    ):
        if key in found and not enforced:
            findings.drop(f"{path}.{key}", "can be enforced only without listed properties, and minProperties up to 1")
            del found[key]
    return found


def width(made: dict[str, Any]) -> int:
    """What the engine's parser holds at the beginning of such an object: measured, three or four for each name."""
    optional = len(made.get("properties", {}).keys() - set(made.get("required", ())))
    return 2 + optional * (3 if made.get("additionalProperties") is False else 4)
