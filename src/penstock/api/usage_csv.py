"""Results of usage as CSV: a row for each bucket and group, the same columns whatever was asked."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet takes for a formula; source: OWASP, CSV injection."""


def wants_csv(accept: str) -> bool:
    """Whether an `Accept` header asks for CSV and not for JSON."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return "text/csv" in kinds and "application/json" not in kinds


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


def lines(cells: Iterable[Iterable[Any]]) -> str:
    """Lines of cells, none of which a spreadsheet takes for a formula."""
    written = io.StringIO()
    csv.writer(written).writerows(map(_cell, line) for line in cells)
    return written.getvalue()


def _flat(result: Struct) -> Iterator[Any]:
    for name in result.__struct_fields__:
        value = getattr(result, name)
        if isinstance(value, Struct):
            yield from _flat(value)
        elif name != "object":
            yield value


def _cell(value: Any) -> Any:
    if isinstance(value, Raw):
        return bytes(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _time(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
