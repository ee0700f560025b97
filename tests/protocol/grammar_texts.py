"""Texts that the grammar of a schema takes, tried and made by the engine's own llguidance, and their validity."""

import json
import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from random import Random
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.validators import extend, validator_for

from penstock.engines.grammar import Grammar
from penstock.engines.grammar_process import Compiler, Refused
from penstock.errors import InvalidRequest
from penstock.protocol.json_schema import enforceable

END = 256
_CLOSING = frozenset(b'"}],:')
_ASCII = range(0x20, 0x7F)


@cache
def compiler() -> Compiler:
    return Compiler()


def takes(final: dict[str, Any], text: str) -> bool:
    """Whether the grammar of a schema in its final form takes `text` to its end."""
    matcher = compiler().matcher(Grammar.json(final).text)
    try:
        return matcher.accepts(text.encode())
    finally:
        matcher.free()


def compiles(final: dict[str, Any]) -> None:
    """Raises Refused where the engine would not take the grammar."""
    compiler().check(Grammar.json(final).text)


def written(final: dict[str, Any], random: Random, *, hurry_after: int = 100, most: int = 3000) -> str | None:
    """A text that the grammar takes, found by going on at random; None where it found no end.

    Beyond `hurry_after` bytes it takes what closes, where it can.
    """
    matcher = compiler().matcher(Grammar.json(final).text)
    text = bytearray()
    try:
        while len(text) < most:
            allowed = matcher.allowed()
            hurry = len(text) > hurry_after
            if END in allowed and (hurry or allowed == [END] or random.random() < 0.5):
                return text.decode()
            byte = _chosen([one for one in allowed if one != END], random, hurry=hurry)
            assert matcher.consume(byte)
            text.append(byte)
        return None
    finally:
        matcher.free()


def check_sound(schema: Any, seed: int, *, texts: int = 3) -> int:
    """Whatever the grammar of `schema` takes is valid under `schema`. How many texts were tried: 0 if it is refused."""
    try:
        final = enforceable(schema, param="schema")
        compiles(final)
    except (InvalidRequest, Refused):
        return 0
    random = Random(seed)
    found = [text for _ in range(texts) if (text := written(final, random)) is not None]
    for text in found:
        assert faults(schema, json.loads(text)) == [], f"{text} for {final}"
    return len(found)


def _chosen(allowed: list[int], random: Random, *, hurry: bool) -> int:
    closing = [one for one in allowed if one in _CLOSING]
    plain = [one for one in allowed if one in _ASCII]
    if closing and (hurry or random.random() < 0.3):
        return random.choice(closing)
    # Now and then a byte of a longer character, or an escape.
    return random.choice(plain if plain and random.random() < 0.9 else allowed)


def faults(schema: Any, value: Any) -> list[str]:
    """What an independent reader of JSON Schema holds against `value`."""
    draft = validator_for(schema, default=Draft202012Validator)
    reader = extend(draft, {"multipleOf": _multiple_of})  # type: ignore[no-untyped-call]
    return [error.message for error in reader(schema).iter_errors(value)]


def _multiple_of(_: Any, factor: Any, value: Any, __: Any) -> Iterator[ValidationError]:
    """In the decimals that were written: with doubles, 0.3 is no multiple of 0.1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value in (math.inf, -math.inf):
        return
    if Fraction(repr(value)) % Fraction(repr(factor)):
        yield ValidationError(f"{value} is not a multiple of {factor}")
