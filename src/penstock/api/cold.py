"""The cold plane: FastAPI, for every route whose cost does not matter, with the same errors as the hot plane."""

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from penstock import __version__
from penstock.errors import ApiError, InternalError, InvalidRequest, MethodNotAllowed, UnknownUrl
from penstock.protocol.errors import envelope


def build_cold_plane(*routers: APIRouter) -> FastAPI:
    """The FastAPI application with these routers. Its own documentation pages are off: they would load foreign code."""
    app = FastAPI(
        title="Penstock",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(ApiError, _api_error)
    app.add_exception_handler(HTTPException, _http_exception)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(500, _unexpected)
    return app


def _render(error: ApiError) -> Response:
    headers = {name.decode(): value.decode() for name, value in error.headers()}
    return Response(envelope(error), error.status, headers, "application/json")


async def _api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _render(error)


async def _http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _render(UnknownUrl("This URL does not exist. The API is under /v1."))
    if error.status_code == 405:
        allowed = (error.headers or {}).get("allow") or (error.headers or {}).get("Allow") or "GET"
        return _render(MethodNotAllowed(request.method, allowed.split(", ")))
    return _render(InvalidRequest("The request could not be read."))


async def _validation_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"][1:])
    return _render(InvalidRequest(f"{param}: {first['msg']}.", param=param or None))


async def _unexpected(_request: Request, _error: Exception) -> Response:
    return _render(InternalError("Something went wrong on our side; the log has the details."))
