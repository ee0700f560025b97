"""The query of a URL, read as strictly as a body: known names, each once, of the right types."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from penstock.errors import InvalidRequest
from penstock.protocol.validation import convert

T = TypeVar("T", bound=msgspec.Struct)

_PAIRS = 100
_WHOLE = re.compile(r"-?[0-9]{1,18}")


def read_query(scope: Mapping[str, Any], to: type[T]) -> T:
    """The query of the request with this ASGI scope as a `to`, a struct that forbids unknown fields.

    A field that is a list takes its name several times, also as `name[]`; every other takes it once. Raises
    InvalidRequest, whose message never quotes a value: credentials get here by mistake.
    """
    raw = scope["query_string"]
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_PAIRS, errors="strict")
    except ValueError as error:  # UnicodeDecodeError is one
        raise InvalidRequest(f"The query is no list of at most {_PAIRS} names and values in UTF-8.") from error
    lists, whole = _named(to, inspect.CollectionType), _named(to, inspect.IntType)
    given: dict[str, Any] = {}
    for name, value in pairs:
        plain = name.removesuffix("[]")
        if plain in lists:
            given.setdefault(plain, []).append(value)
        elif name in given:
            raise InvalidRequest(f"{name[:64]} stands twice in the query.", param=name[:64])
        elif name in whole and not _WHOLE.fullmatch(value):  # msgspec would read 1e3 and 1.0 too
            raise InvalidRequest(f"{name} must be a whole number.", code="invalid_type", param=name)
        else:
            given[name] = value
    return convert(given, to, unsupported={}, strict=False)


def _named(struct: type[msgspec.Struct], kind: type[inspect.Type]) -> set[str]:
    """The fields of this kind."""
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    return {field.encode_name for field in described.fields if _is(field.type, kind)}


def _is(type_: inspect.Type, kind: type[inspect.Type]) -> bool:
    if isinstance(type_, inspect.UnionType):
        return any(_is(one, kind) for one in type_.types)
    return isinstance(type_.type if isinstance(type_, inspect.Metadata) else type_, kind)
