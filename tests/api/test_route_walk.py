"""Every route of the server is walked: without a key none opens but two, and each answers in the wire's words."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from raw_http import ask
from running_server import Answer, RunningServer

from penstock import app
from penstock.api.cold import build_cold_plane, routes_of
from penstock.app import operations
from penstock.console.pages import Pages
from penstock.errors import NotFound
from penstock.settings import Settings

OPEN = {"/health", "/ready"}
OPEN |= {"/api/login", "/api/signup"}  # these take a password in place of a credential
OPEN |= {"/api/setup"}  # and this a token; it tells everybody whether there is something to set up
OPEN_PAGES = {path.replace("{path:path}", "echo") for path, _ in routes_of(build_cold_plane(Pages().router()))}
"""Documents and what they load: the same for everybody, and of nobody's data."""
TOLD = {(one.method, re.sub(r"\{[^}]*\}", "echo", one.path)): one for one in operations()}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


async def _collect(data_dir: Path) -> dict[str, set[str]]:
    settings = Settings(
        data_dir=str(data_dir), serve=("echo",), models=[{"id": "echo", "engine": "echo", "context_length": 64}]
    )
    routes: dict[str, set[str]] = {}
    listener = app.Listener(pulling=lambda _model, _progress: None, changed=lambda _worker: None)
    async with app.running(settings, listener) as penstock:
        for path, handlers in penstock.front.routes.items():
            routes[path] = set(handlers)
        for path, methods in routes_of(cast(FastAPI, penstock.front.cold)):
            routes.setdefault(path, set()).update(methods)
    return routes


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """URL -> its methods, for everything that `app` puts together, parameters filled in, but for the pages."""
    found = asyncio.run(_collect(tmp_path_factory.mktemp("routes")))
    filled = {re.sub(r"\{[^}]*\}", "echo", path): methods for path, methods in found.items()}
    assert filled.keys() >= OPEN_PAGES
    return {path: methods for path, methods in filled.items() if path not in OPEN_PAGES}


def test_every_route_is_in_the_document_of_the_api_and_nothing_else(routes: dict[str, set[str]]) -> None:
    told: dict[str, set[str]] = {}
    for operation in operations():
        told.setdefault(re.sub(r"\{[^}]*\}", "echo", operation.path), set()).add(operation.method)
    assert {path: methods - {"HEAD"} for path, methods in routes.items()} == told


def walk(routes: dict[str, set[str]]) -> Iterator[tuple[str, str]]:
    """Every method of every route that wants a key."""
    for path in sorted(routes.keys() - OPEN):
        for method in sorted(routes[path]):
            yield method, path


def assert_is_error(answer: Answer, method: str) -> None:
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.headers["openai-processing-ms"].isdigit()
    if method == "HEAD":
        assert answer.body == b""
        return
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.error
    assert isinstance(error["message"], str)
    assert isinstance(error["type"], str)


def test_the_walk_meets_both_planes(routes: dict[str, set[str]]) -> None:
    assert routes["/v1/chat/completions"] == {"POST"}
    assert routes["/v1/models"] == {"GET", "HEAD"}
    assert routes["/v1/models/echo"] == {"GET", "HEAD"}
    assert routes.keys() >= OPEN


@pytest.mark.parametrize("host", ["x", "a/?x=", "a/health", "/health", "a/?x=/health#"])
def test_without_a_key_no_route_opens(echo_server: RunningServer, routes: dict[str, set[str]], host: str) -> None:
    for method, path in walk(routes):
        answer = ask(echo_server, method, path, "content-type: application/json", host=host, body=b"{}")
        assert answer.status == 401, (method, path)
        by_key = TOLD["GET" if method == "HEAD" else method, path].access.scopes is not None
        assert answer.headers["www-authenticate"] == ("Bearer" if by_key else "Cookie")
        assert_is_error(answer, method)
    for path in ("/health", "/ready"):
        assert ask(echo_server, "GET", path).status == 200


@pytest.mark.parametrize(
    "disguise",
    [
        "/{}",
        "/v1/..{}",
        "/health/..{}",
        "/health/%2e%2e{}",
        "/%2e%2e{}",
        "/health;{}",
        "/health%3f{}",
        "/health%23{}",
        "/health%00{}",
        "{}/",
        "{}/..",
        "{}/%2e%2e/health",
        "{}%2f",
        "{};/health",
        "{}?/health",
        "{}%3f/health",
        "http://x{}",
        "http://x/health/..{}",
    ],
)
def test_no_disguise_of_a_url_opens_a_route(
    echo_server: RunningServer, routes: dict[str, set[str]], disguise: str
) -> None:
    for method, path in walk(routes):
        answer = ask(echo_server, method, disguise.format(path), "content-type: application/json", body=b"{}")
        assert answer.status in (400, 401, 404, 405), (method, path)
        assert_is_error(answer, method)


def test_a_percent_in_place_of_a_letter_is_the_same_route(echo_server: RunningServer) -> None:
    assert ask(echo_server, "GET", "/v1/%6dodels").status == 401
    assert ask(echo_server, "GET", "/v1%2fmodels").status == 401


def test_a_wrong_method_is_told_the_right_ones(echo_server: RunningServer, routes: dict[str, set[str]]) -> None:
    for path, methods in routes.items():
        for method in set(METHODS) - methods:
            answer = ask(echo_server, method, path, f"authorization: Bearer {echo_server.key}")
            assert answer.status == 405, (method, path)
            assert {one.strip() for one in answer.headers["allow"].split(",")} == methods
            assert_is_error(answer, method)
            if method != "HEAD":
                assert answer.error["code"] == "method_not_allowed"


def test_what_can_be_read_can_be_asked_for_its_head(echo_server: RunningServer, routes: dict[str, set[str]]) -> None:
    for path in sorted(path for path, methods in routes.items() if "GET" in methods):
        whole, head = (ask(echo_server, m, path, f"authorization: Bearer {echo_server.key}") for m in ("GET", "HEAD"))
        assert (head.status, head.body) == (whole.status, b""), path
        access = TOLD["GET", path].access
        expected = (
            401 if access.scopes is None and not access.everybody else 403 if access.scopes == ("admin",) else 200
        )
        if NotFound in TOLD["GET", path].errors and expected == 200:
            expected = 404  # there is nothing of this name
        assert whole.status == expected, (path, "the key is no administrator's")
        assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "target", ["/nothing", "/v1", "/v2/chat/completions", "/v1/chat/completions/", "/docs", "/favicon.ico"]
)
def test_a_url_of_nothing(echo_server: RunningServer, method: str, target: str) -> None:
    answer = ask(echo_server, method, target)
    assert answer.status == 404
    assert_is_error(answer, method)
    if method != "HEAD":
        assert (answer.error["type"], answer.error["code"]) == ("invalid_request_error", "unknown_url")
