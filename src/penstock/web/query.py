"""The query of a URL, read as strictly as a body: known names, each once, of the right types."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from penstock.errors import InvalidRequest
from penstock.protocol.validation import convert

T = TypeVar("T", bound=msgspec.Struct)

_PAIRS = 100


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
    lists = _lists(to)
    given: dict[str, Any] = {}
    for name, value in pairs:
        plain = name.removesuffix("[]")
        if plain in lists:
            given.setdefault(plain, []).append(value)
        elif name in given:
            raise InvalidRequest(f"{name[:64]} stands twice in the query.", param=name[:64])
        else:
            given[name] = value
    return convert(given, to, unsupported={}, strict=False)


def _lists(struct: type[msgspec.Struct]) -> set[str]:
    described = inspect.type_info(struct)
    assert isinstance(described, inspect.StructType)
    return {field.encode_name for field in described.fields if _is_list(field.type)}


def _is_list(type_: inspect.Type) -> bool:
    if isinstance(type_, inspect.UnionType):
        return any(_is_list(one) for one in type_.types)
    return isinstance(type_.type if isinstance(type_, inspect.Metadata) else type_, inspect.CollectionType)
