"""The walk through a client's schema: bounds, references, and the keywords that hold other schemas."""

from dataclasses import dataclass, field, replace
from typing import Any, NoReturn
from urllib.parse import unquote

from penstock.errors import InvalidRequest
from penstock.protocol import json_keywords as keywords
from penstock.protocol.json_disjoint import View, all_disjoint

MAX_DEPTH = 16
MAX_PROPERTIES = 500
MAX_ENUM_VALUES = 500
MAX_ALTERNATIVES = 100
MAX_EXPANDED = 10_000
"""Schemas, once every `$ref` is replaced by what it stands for."""
MAX_WIDTH = 1_700
"""What the engine's parser may have to hold at one place. Beyond 2,000 it would go on without the grammar."""
_MAX_REFERENCES = 40
"""`$ref`s on the way from the root to any schema."""


@dataclass(frozen=True)
class Findings:
    """What becomes of a keyword that cannot be enforced: an error, or nothing."""

    param: str
    strict: bool

    def refuse(self, path: str, why: str) -> NoReturn:
        """Raise the error that names `path`."""
        path = path if len(path) <= 400 else f"{path[:200]}...{path[-190:]}"
        raise InvalidRequest(f"{path} {why}.", param=path)

    def drop(self, path: str, why: str) -> None:
        """Go on without the keyword at `path`, or refuse it."""
        if self.strict:
            self.refuse(path, why)


@dataclass(frozen=True)
class Place:
    """Where the walk stands."""

    path: str
    depth: int = 1
    references: int = 0
    closed: bool = True
    """Objects whose properties are listed are closed: no other schema has a say in the same value."""

    def inside(self, *keys: str, closed: bool = True) -> "Place":
        return Place(".".join([self.path, *(key[:64] for key in keys)]), self.depth + 1, self.references, closed)


@dataclass(frozen=True)
class Part:
    """A schema in its final form, and what it adds to the bounds."""

    schema: Any
    height: int = 1
    size: int = 1
    width: int = 1


@dataclass
class Walk:
    root: Any
    findings: Findings
    definitions: dict[str, Any] = field(default_factory=dict)
    """The schemas that are referred to, in their final form."""
    _found: dict[tuple[str, bool], Part | None] = field(default_factory=dict)
    """What a reference stands for; None while it is being looked at."""
    _properties: int = 0
    _values: int = 0

    def schema(self, schema: Any, place: Place) -> Part:
        """One schema and all within it. Raises InvalidRequest."""
        if place.depth > MAX_DEPTH:
            self.findings.refuse(self.findings.param, f"is nested deeper than {MAX_DEPTH} schemas")
        if isinstance(schema, bool):
            return Part(schema)
        if not isinstance(schema, dict):
            self.findings.refuse(place.path, "must be a schema: an object, true or false")
        known = keywords.known(schema, place.path, self.findings)
        if not known:
            return Part(True)
        if "$ref" in known:
            return self._reference(known, place)
        if list(known) == ["allOf"] and isinstance(known["allOf"], list) and len(known["allOf"]) == 1:
            return self.schema(known["allOf"][0], place.inside("allOf[0]", closed=place.closed))
        return self._bounded(self._keywords(known, place))

    def _bounded(self, part: Part) -> Part:
        if part.size > MAX_EXPANDED:
            self.findings.refuse(self.findings.param, f"has more than {MAX_EXPANDED} schemas, references written out")
        if part.width > MAX_WIDTH:
            self.findings.refuse(
                self.findings.param, "has too many optional properties or alternatives that begin at one place"
            )
        return part

    def _keywords(self, known: dict[str, Any], place: Place) -> Part:
        findings = self.findings
        closed = place.closed and not any(key in known for key in keywords.APPLICATORS)
        types = keywords.types(known, place.path, findings)
        made: dict[str, Any] = {} if types is None else {"type": types[0] if len(types) == 1 else types}
        made |= keywords.numbers(known, types, place.path, findings)
        made |= keywords.strings(known, place.path, findings)
        self._values += len(known["enum"]) if isinstance(known.get("enum"), list) else 0
        if self._values > MAX_ENUM_VALUES:
            findings.refuse(findings.param, f"has more than {MAX_ENUM_VALUES} enum values")
        made |= keywords.values(known, types, place.path, findings)
        array, items = self._array(known, place)
        names, properties = self._object(known, replace(place, closed=closed))
        own = Part(None, width=keywords.width(names))
        conjuncts = [self._all(known, place), self._union(known, "anyOf", place), self._union(known, "oneOf", place)]
        made |= array | names
        unions = [made_union for made_union, _ in conjuncts[1:] if made_union]
        every = [*made.get("allOf", ()), *conjuncts[0][0], *unions[1:]]
        if unions:
            made.update(unions[0])
        if every:
            made["allOf"] = every
        inner = items + properties + [part for _, parts in conjuncts for part in parts]
        return Part(
            made,
            height=1 + max((part.height for part in inner), default=0),
            size=1 + sum(part.size for part in inner),
            width=own.width
            + max((part.width for part in items + properties), default=0)
            + sum(part.width + (own.width if at else 0) for at, (_, parts) in enumerate(conjuncts) for part in parts),
        )

    def _array(self, known: dict[str, Any], place: Place) -> tuple[dict[str, Any], list[Part]]:
        made = keywords.counts(known, ("minItems", "maxItems"), keywords.MAX_ITEMS, place.path, self.findings)
        prefix, rest = known.get("prefixItems"), known.get("items")
        prefix_name, rest_name = "prefixItems", "items"
        if isinstance(rest, list):  # the form of the drafts before 2020-12
            prefix, rest = rest, known.get("additionalItems")
            prefix_name, rest_name = "items", "additionalItems"
        parts = []
        if prefix is not None:
            listed = self._list(prefix, prefix_name, place, closed=True)
            made["prefixItems"] = [part.schema for part in listed]
            parts += listed
        if rest is not None:
            part = self.schema(rest, place.inside(rest_name))
            made["items"] = part.schema
            parts.append(part)
        return made, parts

    def _object(self, known: dict[str, Any], place: Place) -> tuple[dict[str, Any], list[Part]]:
        made: dict[str, Any] = {}
        parts: dict[str, Part] = {}
        if (listed := known.get("properties")) is not None:
            if not isinstance(listed, dict):
                self.findings.refuse(f"{place.path}.properties", "must be an object")
            self._properties += len(listed)
            if self._properties > MAX_PROPERTIES:
                self.findings.refuse(self.findings.param, f"has more than {MAX_PROPERTIES} properties")
            parts = {name: self.schema(one, place.inside("properties", name)) for name, one in listed.items()}
            made["properties"] = {name: part.schema for name, part in parts.items()}
        others = []
        if (rest := known.get("additionalProperties")) is not None:
            part = self.schema(rest, place.inside("additionalProperties"))
            made["additionalProperties"] = part.schema
            others = [part]
        made |= keywords.required(known, place.path, self.findings)
        keywords.close(made, known, closed=place.closed)
        made |= keywords.property_counts(known, made, place.path, self.findings)
        return made, [*parts.values(), *others]

    def _list(self, value: Any, keyword: str, place: Place, *, closed: bool) -> list[Part]:
        if not isinstance(value, list) or not value:
            self.findings.refuse(f"{place.path}.{keyword}", "must be an array of schemas")
        if len(value) > MAX_ALTERNATIVES:
            self.findings.refuse(f"{place.path}.{keyword}", f"has more than {MAX_ALTERNATIVES} schemas")
        return [self.schema(one, place.inside(f"{keyword}[{at}]", closed=closed)) for at, one in enumerate(value)]

    def _all(self, known: dict[str, Any], place: Place) -> tuple[list[Any], list[Part]]:
        if "allOf" not in known:
            return [], []
        parts = self._list(known["allOf"], "allOf", place, closed=False)
        return [part.schema for part in parts], parts

    def _union(self, known: dict[str, Any], keyword: str, place: Place) -> tuple[dict[str, Any], list[Part]]:
        if keyword not in known:
            return {}, []
        parts = self._list(known[keyword], keyword, place, closed=place.closed and list(known) == [keyword])
        options = [part.schema for part in parts]
        if keyword == "oneOf" and not self._exclude_each_other(options, known["oneOf"], place):
            self.findings.drop(
                f"{place.path}.oneOf",
                "has alternatives that may hold at once; give each a type, a const or a required property of its own, "
                "or use anyOf",
            )
        return {"anyOf": options}, parts

    def _exclude_each_other(self, options: list[Any], given: list[Any], place: Place) -> bool:
        finals = [View(one, lambda pointer: self.definitions[pointer.rpartition("/")[2]]) for one in options]
        originals = [View(one, lambda pointer: self._target(pointer, place.path)[0]) for one in given]
        return all_disjoint(finals, originals)

    def _reference(self, known: dict[str, Any], place: Place) -> Part:
        siblings = {key: value for key, value in known.items() if key != "$ref"}
        part = self._definition(known["$ref"], replace(place, closed=place.closed and not siblings))
        if not siblings:
            return part
        beside = self._keywords(siblings, replace(place, closed=False))
        made = {**beside.schema, "allOf": [*beside.schema.get("allOf", []), part.schema]}
        height = max(beside.height, part.height)
        return self._bounded(Part(made, height, beside.size + part.size, beside.width + part.width))

    def _definition(self, pointer: Any, place: Place) -> Part:
        """What a reference stands for, looked at once however often it is referred to."""
        path = f"{place.path}.$ref"
        target, name = self._target(pointer, path)
        key = (name, place.closed)
        if key in self._found:
            part = self._found[key]
            if part is None:
                self.findings.refuse(path, "goes round in a circle; a grammar here has no recursion")
            if place.depth + part.height - 1 > MAX_DEPTH:
                self.findings.refuse(self.findings.param, f"is nested deeper than {MAX_DEPTH} schemas")
            return part
        if place.references >= _MAX_REFERENCES:
            self.findings.refuse(path, f"is the end of more than {_MAX_REFERENCES} references in a row")
        self._found[key] = None
        inner = Place(f"{self.findings.param}.{name}", place.depth, place.references + 1, place.closed)
        part = self.schema(target, inner)
        self.definitions[f"d{len(self.definitions)}"] = part.schema
        part = replace(part, schema={"$ref": f"#/$defs/d{len(self.definitions) - 1}"})
        self._found[key] = part
        return part

    def _target(self, pointer: Any, path: str) -> tuple[Any, str]:
        if not isinstance(pointer, str) or not pointer.startswith(("#/$defs/", "#/definitions/")):
            self.findings.refuse(path, "must be local: `#/$defs/...` or `#/definitions/...`")
        target: Any = self.root
        names = [unquote(one).replace("~1", "/").replace("~0", "~") for one in pointer.split("/")[1:]]
        for name in names:
            target = target.get(name) if isinstance(target, dict) else None
        if not isinstance(target, dict | bool):
            self.findings.refuse(path, "points to no schema")
        return target, ".".join(names)
