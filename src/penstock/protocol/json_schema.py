"""JSON schemas from clients: checked, and brought into the form that the engine's grammar enforces exactly.

The engine compiles a schema with llguidance, which is part of its own wheel. What that enforces loosely, or not at
all, is rewritten here (`format` into a pattern, `oneOf` into `anyOf` where the alternatives exclude each other) or
refused. A rewrite may narrow, never widen: every text that the grammar takes is valid under the client's schema. So
an object whose `properties` are listed is closed unless `additionalProperties` opens it, and an integer without
bounds is one that every JSON reader keeps exactly.

`relaxed` is for the parameters of tools that did not ask for `strict`: what cannot be enforced is left out.
"""

from typing import Any

import msgspec

from penstock.errors import InvalidRequest
from penstock.protocol.json_schema_walk import Findings, Place, Walk

MAX_BYTES = 64 * 1024


def enforceable(schema: Any, *, param: str) -> dict[str, Any]:
    """`schema` in the form that the grammar enforces: every answer that fits the grammar is valid under `schema`.

    Raises InvalidRequest where there is none. Its `param` is the dotted path to the keyword at fault: `param`, and the
    way from there.
    """
    return _normalised(schema, Findings(param, strict=True))


def relaxed(schema: Any, *, param: str) -> dict[str, Any]:
    """`schema` without what cannot be enforced. Raises InvalidRequest beyond the bounds, and where it is no schema."""
    return _normalised(schema, Findings(param, strict=False))


def _normalised(schema: Any, findings: Findings) -> dict[str, Any]:
    param = findings.param
    try:
        size = len(msgspec.json.encode(schema))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise InvalidRequest(f"{param} is not a JSON schema.", param=param) from error
    if size > MAX_BYTES:
        findings.refuse(param, f"has {size} bytes; a schema may have {MAX_BYTES}")
    walk = Walk(schema, findings)
    root = walk.schema(schema, Place(param)).schema
    if root is False:
        findings.refuse(param, "allows nothing")
    if root is True:
        return {}
    return {**root, "$defs": walk.definitions} if walk.definitions else dict(root)
