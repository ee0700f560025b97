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

_LONG_BYTES = 4 << 10
_FEW_COLONS = 32
_SPACE = b" \t\r\n"

_KEY = re.compile(rb'"[ \t\r\n]*:')
"""Every key in the text matches this once. So does `\\":` inside a string: there may be more matches than keys, never
fewer."""


def decode(body: bytes) -> Any:
    """The value that `body` holds. Raises InvalidJson, whose message never quotes the body."""
    if _has_too_many(body):
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
    keys = _count_keys(value)
    # No more matches than keys: none was dropped as a duplicate. More: perhaps it is strings that look like keys.
    if _matches_over(keys, body) and _matches_over(keys, _without_escaped_quotes(body)):
        _refuse_duplicates(body)
    return value


def _has_too_many(body: bytes) -> bool:
    return len(body) > MAX_OPENINGS and (  # the least of the bounds, which a shorter body cannot break
        _holds_over(MAX_OPENINGS, (b"{", b"["), body)
        or _holds_over(MAX_COLONS, (b":",), body)
        or _holds_over(MAX_COMMAS, (b",",), body)
    )


def _holds_over(most: int, marks: tuple[bytes, ...], body: bytes) -> bool:
    """Whether more than `most` of the bytes are `marks`. A body that is hardly longer than `most` needs a look at its
    beginning alone: what is no mark there makes up for all the rest."""
    size = len(body)
    if size <= most:
        return False
    beginning = min(size, (size - most) * 5 // 4)
    if sum([body.count(mark, 0, beginning) for mark in marks]) <= most - (size - beginning):
        return False
    return sum([body.count(mark) for mark in marks]) > most


def _count_keys(value: Any) -> int:
    """The keys of all objects, counted level by level. Raises InvalidJson where there are too many levels."""
    keys, level = 0, [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for one in level:
            if type(one) is dict:
                keys += len(one)
                below += one.values()
            elif type(one) is list:
                below += one
        if not below:
            return keys
        level = below
    if any(isinstance(one, dict | list) for one in level):
        raise InvalidJson(f"The JSON is nested deeper than {MAX_DEPTH} levels.")
    return keys


def _matches_over(keys: int, body: bytes) -> bool:
    """Whether _KEY has more matches than that; what comes after one more is not looked at.

    Each match ends with a colon, and a long text has far fewer of these than quotes: as long as there are few, they are
    what is searched for.
    """
    found, begin = 0, 0
    for _ in range(_FEW_COLONS if len(body) >= _LONG_BYTES else 0):
        colon = body.find(b":", begin)
        if colon < 0 or found > keys:
            return found > keys
        found += body[begin:colon].rstrip(_SPACE).endswith(b'"')
        begin = colon + 1
    wanted = keys - found
    return wanted < 0 or len(_KEY.split(body[begin:], wanted + 1)) - 1 > wanted


def _without_escaped_quotes(body: bytes) -> bytes:
    """Valid JSON, its strings without those quotes that they hold: each match of _KEY is a key."""
    return body.replace(rb"\\", b"").replace(rb"\"", b"")


def _refuse_duplicates(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise InvalidJson(f"The key {key[:64]!r} stands twice in one JSON object.")
            seen.add(key)

    json.loads(body, object_pairs_hook=unique)
