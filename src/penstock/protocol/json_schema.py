"""JSON schemas from clients: checked, and brought into the form that the engine's grammar enforces exactly.

The engine compiles a schema with llguidance, which is part of its own wheel. What that enforces loosely, or not at
all, is rewritten here (`format` into a pattern, `oneOf` into `anyOf` where the alternatives exclude each other) or
refused. A rewrite may narrow, never widen: every text that the grammar takes is valid under the client's schema. So
an object whose `properties` are listed is closed unless `additionalProperties` opens it, and an integer without
bounds is one that every JSON reader keeps exactly.

`relaxed` is for the parameters of tools that did not ask for `strict`: what cannot be enforced is left out.
"""

from functools import lru_cache
from typing import Any

import msgspec

from penstock.errors import InvalidRequest
from penstock.protocol.json_schema_walk import Findings, Place, Walk

MAX_BYTES = 64 * 1024
_KEPT_BYTES = 4 * 1024
_KEPT = 512
"""How long the schemas are that are remembered, and how many: agents send the same ones with every request, and to walk
through one takes 100 us and more."""


def enforceable(schema: Any, *, param: str) -> dict[str, Any]:
    """`schema` in the form that the grammar enforces: every answer that fits the grammar is valid under `schema`.

    Raises InvalidRequest where there is none. Its `param` is the dotted path to the keyword at fault: `param`, and the
    way from there.
    """
    return _normalised(schema, param=param, strict=True)


def relaxed(schema: Any, *, param: str) -> dict[str, Any]:
    """`schema` without what cannot be enforced. Raises InvalidRequest beyond the bounds, and where it is no schema."""
    return _normalised(schema, param=param, strict=False)


def _normalised(schema: Any, *, param: str, strict: bool) -> dict[str, Any]:
    try:
        text = msgspec.json.encode(schema)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"{param} is not a JSON schema.", param=param) from error
    if len(text) > MAX_BYTES:
        Findings(param, strict=strict).refuse(param, f"has {len(text)} bytes; a schema may have {MAX_BYTES}")
    if len(text) > _KEPT_BYTES:
        return _walked(schema, Findings(param, strict=strict))
    return dict(_remembered(text, param=param, strict=strict))


@lru_cache(maxsize=_KEPT)
def _remembered(text: bytes, *, param: str, strict: bool) -> dict[str, Any]:
    return _walked(msgspec.json.decode(text), Findings(param, strict=strict))


def _walked(schema: Any, findings: Findings) -> dict[str, Any]:
    walk = Walk(schema, findings)
    root = walk.schema(schema, Place(findings.param)).schema
    if root is False:
        findings.refuse(findings.param, "allows nothing")
    if root is True:
        return {}
    return {**root, "$defs": walk.definitions} if walk.definitions else dict(root)
