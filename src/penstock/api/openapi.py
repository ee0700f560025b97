"""GET /v1/openapi.json: the whole API as an OpenAPI 3.1 document, made of the types that parse and render it."""

from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import msgspec
from fastapi import APIRouter, Depends, Response

from penstock import __version__
from penstock.api import (
    anthropic,
    batches,
    chat,
    completions,
    console_usage,
    embeddings,
    files,
    health,
    metrics,
    models,
    own_batches,
    own_files,
    own_lines,
    responses,
    usage,
)
from penstock.api.admin import routes as admin
from penstock.api.wire_schemas import WireSchemas, portable
from penstock.errors import ApiError, InvalidRequest, RateLimited, Unauthenticated, Unavailable
from penstock.protocol.errors import ErrorEnvelope
from penstock.tenants.limits import HEADERS
from penstock.web.access import Access
from penstock.web.answer import READING
from penstock.web.cookie import PLAIN_NAME, SECURE_NAME
from penstock.web.operation import Operation

PATH = "/v1/openapi.json"
DESCRIPTION = """\
Open models on hardware of your own, behind OpenAI's API. A parameter that is not in this document is refused by name, \
never ignored. `null` means the default everywhere.
"""
_INVALID_CODES = (
    *("invalid_value", "invalid_type", "missing_required_parameter", "unknown_parameter", "unsupported_parameter"),
    *("unsupported_content", "unsupported_model"),
)
"""The codes of an InvalidRequest, which say more than its class."""


def _limit_header(name: str) -> dict[str, Any]:
    what, of = name.split("-")[2:]
    if what == "reset":
        says = f"Until all {of} are there again: `20ms`, `1s`, `6m0s`."
        return {"description": says, "schema": {"type": "string", "pattern": "^([0-9]+h)?([0-9]+m)?[0-9]+m?s$"}}
    says = f"The tightest limit on {of}" if what == "limit" else f"What is left of the {of}"
    return {"description": f"{says}; 2147483647: none is set.", "schema": {"type": "integer", "minimum": 0}}


_HEADERS = {
    "x-request-id": {"description": "Names this request; also in the log.", "schema": {"type": "string"}},
    "openai-processing-ms": {"description": "Milliseconds until the status.", "schema": {"type": "integer"}},
    "retry-after": {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}},
    "retry-after-ms": {"description": "The same, exactly.", "schema": {"type": "integer", "minimum": 1}},
    "www-authenticate": {"description": "How to say who calls.", "schema": {"enum": ["Bearer", "Cookie"]}},
}
_ALWAYS = ("x-request-id", "openai-processing-ms")
_OF_STATUS = {
    Unavailable.status: ("retry-after",),
    Unauthenticated.status: ("www-authenticate",),
    RateLimited.status: ("retry-after", "retry-after-ms"),
}
_LIMITS = {name: _limit_header(name) for name in HEADERS}
"""On every answer to a known key."""
_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "`penstock keys create NAME` makes a key."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    "session": {"type": "apiKey", "in": "cookie", "name": PLAIN_NAME, "description": "As POST /api/login gives it."},
    "safe_session": {"type": "apiKey", "in": "cookie", "name": SECURE_NAME, "description": "The same over https."},
}


def operations() -> list[Operation]:
    """Every operation of this room."""
    itself = Operation(name="openapi", method="GET", path=PATH, summary="Show this document", answer=dict[str, Any])
    asking = [*chat.operations(), completions.operation(), responses.operation(), embeddings.operation()]
    told = [
        *models.operations(),
        *usage.operations(),
        *console_usage.operations(),
        itself,
        metrics.operation(),
        *health.operations(),
    ]
    later = [*files.FileRoutes.operations, *batches.BatchRoutes.operations, *own_files.OwnFiles.operations]
    later += [*own_batches.OwnBatches.operations, own_batches.FAILURES, *own_lines.OwnLines.operations]
    return [*asking, *anthropic.operations(), *later, *told, *admin.operations()]


def openapi_router(authenticated: Callable[..., Any], described: Iterable[Operation]) -> APIRouter:
    """The route; `authenticated` lets only callers with a key through. `described` is every route of the server."""
    router = APIRouter(dependencies=[Depends(authenticated)])
    encoded: list[bytes] = []

    @router.api_route(PATH, methods=READING)
    async def show() -> Response:
        """The document, which never changes while the server runs."""
        if not encoded:
            encoded.append(msgspec.json.encode(document(described)))
        return Response(encoded[0], media_type="application/json")

    return router


def document(of: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    described = list(of)
    schemas = WireSchemas(
        requests=[operation.request for operation in described if operation.request is not None],
        answers=[type_ for operation in described for type_ in _rendered(operation)],
        untagged=[struct for operation in described for struct in operation.untagged],
    )
    paths: dict[str, dict[str, Any]] = {}
    for operation in described:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Penstock",
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": schemas.components, "headers": {**_HEADERS, **_LIMITS}, "securitySchemes": _SECURITY},
    }


def _rendered(operation: Operation) -> Iterator[Any]:
    yield from (operation.answer, operation.envelope, *operation.more_answers.values())
    if operation.event is not None:
        yield operation.event


def _described(operation: Operation, schemas: WireSchemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "security": _security(operation.access),
        "responses": _responses(operation, schemas),
    }
    if parameters := [*_in_path(operation), *_in_query(operation)]:
        described["parameters"] = parameters
    if operation.request is not None:
        body: dict[str, Any] = {"schema": schemas.of(operation.request)}
        if operation.examples:
            body["examples"] = {name: {"value": example} for name, example in operation.examples.items()}
        described["requestBody"] = {"required": True, "content": {operation.request_media: body}}
    return described


def _security(access: Access) -> list[dict[str, list[str]]]:
    """Each of these lets in by itself; the scopes stand where OpenAPI has the roles of a credential."""
    scopes = () if access.scopes is None else access.scopes or ("",)
    by_key = [{name: [scope] if scope else []} for scope in scopes for name in ("bearer", "header")]
    by_session = [] if access.role is None else [{name: [str(access.role)]} for name in ("session", "safe_session")]
    return [*by_key, *by_session]


def _in_path(operation: Operation) -> Iterator[dict[str, Any]]:
    for name, what in operation.parameters.items():
        yield {"name": name, "in": "path", "required": True, "description": what, "schema": {"type": "string"}}


def _in_query(operation: Operation) -> Iterator[dict[str, Any]]:
    """One parameter for each field of the struct that the query is parsed into."""
    if operation.query is None:
        return
    (described,) = msgspec.json.schema_components([operation.query])[1].values()
    for name, schema in described["properties"].items():
        yield {
            "name": name,
            "in": "query",
            "required": name in described.get("required", ()),
            "schema": portable(schema),
        }


def _responses(operation: Operation, schemas: WireSchemas) -> dict[str, Any]:
    content = {operation.media_type: {"schema": schemas.of(operation.answer)}}
    if operation.event is not None:
        content["text/event-stream"] = {"schema": _event(operation, schemas)}
    content.update((kind, {"schema": {"type": "string"}}) for kind in operation.media)
    limited = _LIMITS if operation.access.scopes is not None and operation.path.startswith("/v1/") else {}
    responses = {200: _response(200, "Done.", content, limited)}
    for status in {*operation.more_answers, *(error.status for error in operation.all_errors)}:
        errors = [error for error in operation.all_errors if error.status == status]
        forms = [_refusal(errors, operation, schemas)] if errors else []
        if status in operation.more_answers:
            forms.insert(0, schemas.of(operation.more_answers[status]))
        says = " ".join(_distinct((error.__doc__ or "").partition("\n")[0] for error in errors))
        schema = forms[0] if len(forms) == 1 else {"anyOf": forms}
        responses[status] = _response(status, says or f"{HTTPStatus(status).phrase}.", _json(schema), limited)
    return {str(status): responses[status] for status in sorted(responses)}


def _response(status: int, says: str, content: dict[str, Any], limited: Iterable[str]) -> dict[str, Any]:
    known = limited if status != Unauthenticated.status else ()
    names = (*_ALWAYS, *_OF_STATUS.get(status, ()), *known)
    headers = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
    return {"description": says, "headers": headers, "content": content}


def _json(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {"application/json": {"schema": schema}}


def _refusal(errors: list[type[ApiError]], operation: Operation, schemas: WireSchemas) -> dict[str, Any]:
    """The envelope, and what may stand in it with one status."""
    schema = schemas.of(operation.envelope)
    if operation.envelope is not ErrorEnvelope:
        return schema
    codes = [error.code for error in errors] + (list(_INVALID_CODES) if InvalidRequest in errors else [])
    known = {"type": {"enum": _distinct(error.type for error in errors)}, "code": {"enum": _distinct(codes)}}
    return {"allOf": [schema, {"properties": {"error": {"properties": known}}}]}


def _event(operation: Operation, schemas: WireSchemas) -> dict[str, Any]:
    """One server-sent event. OpenAPI 3.1 has no word for a stream; its schema is taken for that of each event."""
    forms: list[Any] = [
        {"type": "string", "contentMediaType": "application/json", "contentSchema": schemas.of(data)}
        for data in (operation.event, operation.envelope)
    ]
    if operation.done:
        forms.append({"const": "[DONE]"})
    return {
        "description": "Each event. One whose data is an error is the last, and the connection is cut after it.",
        "type": "object",
        "properties": {"data": {"anyOf": forms}},
        "required": ["data"],
    }


def _distinct(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
