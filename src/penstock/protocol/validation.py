"""Turns msgspec's validation messages into errors that name the field as a client writes it: `messages[0].role`."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

import msgspec

from penstock.errors import InvalidRequest

T = TypeVar("T")

NO_NUL = r"^[^\x00]*\Z"
"""The pattern of a text that the database is asked for as it came: PostgreSQL takes no NUL."""

_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at (?:`key` in )?`(?P<where>[^`]*)`)?", re.DOTALL)
_NOT_ALLOWED = re.compile(r"Invalid (?:enum )?value .*", re.DOTALL)
_LONGEST = 2000
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`", re.DOTALL)
_WRONG_TYPE = re.compile(r"Expected `(?P<want>[^`]*)`, got `(?P<got>[^`]*)`")


_SAYS_NOTHING: tuple[Any, ...] = (None, False, [], "none", ["text"])
"""Values of unsupported parameters that ask for nothing; clients send them all the time."""


def what_asks(value: Any, unsupported: Mapping[str, str], *, nothing: Mapping[str, Any] = MappingProxyType({})) -> Any:
    """The body without those unsupported parameters that ask for nothing.

    `nothing`: the value that does so for one parameter alone.
    """
    if not isinstance(value, dict) or unsupported.keys().isdisjoint(value):
        return value
    return {
        name: given
        for name, given in value.items()
        if name not in unsupported or not _is_one_of(given, (*_SAYS_NOTHING, nothing.get(name)))
    }


def _is_one_of(given: Any, values: Iterable[Any]) -> bool:
    """As JSON has it, where 0 is not false."""
    return any(type(given) is type(value) and given == value for value in values)


def without_nulls(given: Any) -> Any:
    """An object, or an array of objects, without those fields of its own that are null."""
    if isinstance(given, list):
        return [without_nulls(one) if isinstance(one, dict) else one for one in given]
    return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


def check_kinds(objects: list[Any], kinds: tuple[str, ...], name: str, rule: str) -> None:
    """Raises InvalidRequest, with `rule`, for the first object whose `type` is none of `kinds`."""
    for at, one in enumerate(objects):
        given = one.get("type") if isinstance(one, dict) else None
        if isinstance(given, str) and given not in kinds:
            refusal = f"{rule}; {given[:64]} is not served."
            raise InvalidRequest(refusal, code="unsupported_parameter", param=f"{name}[{at}].type")


def convert(value: Any, to: type[T], *, unsupported: Mapping[str, str], strict: bool = True) -> T:
    """`value` as a `to`. `unsupported` names known parameters that are refused, each with what to do instead.

    Without `strict`, text that tells a number or a boolean is taken for one: so it is in a query.

    Raises InvalidRequest with one of the codes unknown_parameter, unsupported_parameter, missing_required_parameter,
    invalid_type, invalid_value, and the dotted path of the field as `param`.
    """
    try:
        return msgspec.convert(value, to, strict=strict)
    except msgspec.ValidationError as error:
        raise _explain(str(error), unsupported) from error


def _explain(text: str, unsupported: Mapping[str, str]) -> InvalidRequest:
    if len(text) > _LONGEST:  # it quotes what the client sent
        text = text[: _LONGEST // 2] + text[-_LONGEST // 2 :]
    found = _MESSAGE.fullmatch(text)
    what, where = (found["what"], found["where"]) if found else (text, None)
    path = (where or "$").removeprefix("$").removeprefix(".")
    if match := _UNKNOWN.fullmatch(what):
        return _unknown(_join(path, match["field"]), unsupported)
    if match := _MISSING.fullmatch(what):
        param = _join(path, match["field"])
        return InvalidRequest(f"{param} is required.", code="missing_required_parameter", param=param)
    if match := _WRONG_TYPE.fullmatch(what):
        name = path or "The body"
        message = f"{name} must be of type {match['want']}, not {match['got']}."
        return InvalidRequest(message, code="invalid_type", param=path or None)
    if _NOT_ALLOWED.fullmatch(what):
        what = "This is none of the values that are allowed here"
    return InvalidRequest(f"{path or 'The body'}: {what[:300]}.", code="invalid_value", param=path or None)


def _unknown(param: str, unsupported: Mapping[str, str]) -> InvalidRequest:
    param = param[:200]
    if param in unsupported:
        return InvalidRequest(
            f"{param} is not supported: {unsupported[param]}", code="unsupported_parameter", param=param
        )
    return InvalidRequest(f"{param} is not a parameter of this request.", code="unknown_parameter", param=param)


def _join(path: str, field: str) -> str:
    return f"{path}.{field}" if path else field
