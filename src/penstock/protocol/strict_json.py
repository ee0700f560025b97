"""JSON as a server should read it: one value per key, finite numbers, valid UTF-8, 64 levels at most.

msgspec refuses NaN, infinities, overflow, lone surrogates, a byte order mark and trailing text by itself, but takes the
last of two equal keys and has no depth limit of its own.
"""

import json
import re
from typing import Any

import msgspec

from penstock.errors import InvalidJson

MAX_DEPTH = 64
MAX_OPENINGS = 200_000
MAX_COMMAS = 1_000_000
MAX_COLONS = 400_000
"""Bounds of braces, commas and colons, in strings or not. Parsing holds the event loop: 16 MiB of nothing but `[]`
would hold it for 4 s; within these bounds half a second is the worst. No text that fits a model's context comes near
them."""

# Every key in the text matches this once. A string can match it too (`"a \": b"`), so there may be more matches than
# keys, never fewer: equal numbers prove that no key was dropped as a duplicate.
_KEY = re.compile(rb'"[ \t\r\n]*:')


def decode(body: bytes) -> Any:
    """The value that `body` holds. Raises InvalidJson, whose message never quotes the body."""
    openings = body.count(b"{") + body.count(b"[")
    if openings > MAX_OPENINGS or body.count(b",") > MAX_COMMAS or body.count(b":") > MAX_COLONS:
        raise InvalidJson("The JSON has too many objects, arrays or items.")
    try:
        value = msgspec.json.decode(body)
    except RecursionError as error:
        raise InvalidJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.") from error
    except UnicodeDecodeError as error:
        raise InvalidJson("The JSON is not valid UTF-8.") from error
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        reason = str(error).split(" - at ")[0].removeprefix("JSON is malformed: ")
        raise InvalidJson(f"The body is not valid JSON: {reason}.") from error
    if _count_keys(value, 1) != len(_KEY.findall(body)):
        _refuse_duplicates(body)
    return value


def _count_keys(value: Any, depth: int) -> int:
    if not isinstance(value, dict | list):
        return 0
    if depth > MAX_DEPTH:
        raise InvalidJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    if isinstance(value, list):
        return sum([_count_keys(child, depth + 1) for child in value if isinstance(child, dict | list)])
    inner = [_count_keys(child, depth + 1) for child in value.values() if isinstance(child, dict | list)]
    return len(value) + sum(inner)


def _refuse_duplicates(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidJson(f"The key {key[:64]!r} stands twice in one JSON object.")
            seen.add(key)

    json.loads(body, object_pairs_hook=unique)
