"""Results of usage as CSV: a row for each bucket and group, the same columns whatever was asked."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from penstock.web.csv_lines import lines


def columns(result: type[Struct]) -> list[str]:
    """The heads: the span of time, then the fields of the result, those of structs in it by both names."""
    names = ["start_time", "end_time"]
    for field in msgspec.structs.fields(result):
        inner = field.type if isinstance(field.type, type) and issubclass(field.type, Struct) else None
        names += [f"{field.name}_{one}" for one in inner.__struct_fields__] if inner else [field.name]
    names.remove("object")
    return names


def head(result: type[Struct]) -> str:
    """The first line."""
    return lines([columns(result)])


def rows(buckets: Iterable[Any]) -> str:
    """The lines of these buckets of a page; one without results has none."""
    return lines(
        [_time(bucket.start_time), _time(bucket.end_time), *_flat(result)]
        for bucket in buckets
        for result in bucket.results
    )


def _flat(result: Struct) -> Iterator[Any]:
    for name in result.__struct_fields__:
        value = getattr(result, name)
        if isinstance(value, Struct):
            yield from _flat(value)
        elif name != "object":
            yield value


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
