"""The cold plane: FastAPI, for every route whose cost does not matter, with the same errors as the hot plane."""

import logging
from collections.abc import Callable, Iterator
from functools import partial

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import iter_route_contexts
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as WaitedTooLong
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from penstock import __version__
from penstock.errors import ApiError, DatabaseAway, InternalError, InvalidRequest, MethodNotAllowed, UnknownUrl
from penstock.protocol.errors import envelope
from penstock.web.routing import NO_STORE

log = logging.getLogger(__name__)

_RETRY_SECONDS = 1

Lost = Callable[[Request], Response | None]
"""What a URL that leads nowhere shows, where that is not the error of an API."""


def build_cold_plane(*routers: APIRouter, lost: Lost | None = None) -> FastAPI:
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
    app.add_exception_handler(HTTPException, partial(_http_exception, lost=lost))
    app.add_exception_handler(RequestValidationError, _validation_error)
    for away in (OperationalError, InterfaceError, WaitedTooLong):
        app.add_exception_handler(away, _database_away)
    app.add_exception_handler(500, _unexpected)
    return app


def routes_of(app: FastAPI) -> Iterator[tuple[str, set[str]]]:
    """Every route: its path, with parameters in braces, and its methods."""
    for route in iter_route_contexts(app.routes):
        yield route.path or "", route.methods or set()


def _render(request: Request, error: ApiError) -> Response:
    request.scope["error"] = error  # for the request log
    headers = {**NO_STORE, **{name.decode(): value.decode() for name, value in error.headers()}}
    return Response(envelope(error), error.status, headers, "application/json")


async def _api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return _render(request, error)


async def _database_away(request: Request, error: Exception) -> Response:
    log.warning("the database does not answer: %s", str(error).partition("\n")[0])
    away = DatabaseAway("The database does not answer just now. Try again.", retry_after=_RETRY_SECONDS)
    return _render(request, away)


async def _http_exception(request: Request, error: Exception, *, lost: Lost | None) -> Response:
    assert isinstance(error, HTTPException)
    if isinstance(error.__cause__, ApiError):  # raised while FastAPI read the body, which hides it
        return _render(request, error.__cause__)
    if error.status_code == 404:
        if lost is not None and (page := lost(request)) is not None:
            return page
        return _render(request, UnknownUrl("This URL does not exist. The API is under /v1."))
    if error.status_code == 405:
        return _render(request, MethodNotAllowed(request.method, _allowed(request)))
    return _render(request, InvalidRequest("The request could not be read."))


def _allowed(request: Request) -> list[str]:
    """The methods of all routes with this URL; the framework names those of the first alone."""
    matching = (route for route in routes_of(request.app) if compile_path(route[0])[0].match(request.scope["path"]))
    return sorted(set[str]().union(*(methods for _, methods in matching)))


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    param = ".".join(str(part) for part in first["loc"][1:])
    return _render(request, InvalidRequest(f"{param}: {first['msg']}.", param=param or None))


async def _unexpected(request: Request, _error: Exception) -> Response:
    return _render(request, InternalError("Something went wrong on our side; the log has the details."))
