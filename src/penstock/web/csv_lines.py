"""Lines of CSV, which spreadsheets read, and who asks for them."""

import csv
import io
from collections.abc import Iterable
from typing import Any

from msgspec import Raw

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""How a cell begins that a spreadsheet takes for a formula; source: OWASP, CSV injection."""


def wants_csv(accept: str) -> bool:
    """Whether an `Accept` header asks for CSV and not for JSON."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return "text/csv" in kinds and "application/json" not in kinds


def lines(cells: Iterable[Iterable[Any]]) -> str:
    """Lines of cells, none of which a spreadsheet takes for a formula."""
    written = io.StringIO()
    csv.writer(written).writerows(map(_cell, line) for line in cells)
    return written.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, Raw):
        return bytes(value).decode()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
