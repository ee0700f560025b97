"""Routes made of their own descriptions: what an Operation says of access, query and body is what its route obeys."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from msgspec import Struct

from penstock.tenants.caller import Caller
from penstock.web.answer import READING, answered
from penstock.web.asgi import Receive, Scope
from penstock.web.body import read_body
from penstock.web.gate import Gate, Visitor
from penstock.web.operation import Operation
from penstock.web.origin import Origin
from penstock.web.query import read_query

T = TypeVar("T", bound=Struct)

NO_STORE = {"cache-control": "no-store"}


class Nothing(Struct, forbid_unknown_fields=True):
    """The query of a route that takes none."""


class Asked:
    """One request that was let in."""

    def __init__(self, request: Request, visitor: Visitor) -> None:
        self._request = request
        self.visitor = visitor

    @property
    def caller(self) -> Caller:
        """As whom the request is done, where the route takes nothing but keys, or lets who is signed in act."""
        caller = self.visitor.caller or self.visitor.acting
        assert caller is not None, "the route lets sessions in that do not act"
        return caller

    @property
    def receive(self) -> Receive:
        """What gives the body part by part, for a route that reads it by itself."""
        return self._request.receive

    @property
    def scope(self) -> Scope:
        return self._request.scope

    def query(self, to: type[T]) -> T:
        """The query as a `to`. Raises InvalidRequest."""
        return read_query(self.scope, to)

    async def body(self, to: type[T]) -> T:
        """The body as a `to`. Raises InvalidRequest and its kinds."""
        return await read_body(self._request, to)

    def named(self, parameter: str) -> str:
        """A part of the path, as the client wrote it."""
        return str(self._request.path_params[parameter])

    @property
    def address(self) -> str:
        """Of the client, or of the proxy in front of this server."""
        return self._request.client.host if self._request.client else ""

    @property
    def client(self) -> str:
        """What the client's program says of itself."""
        return self._request.headers.get("user-agent", "")

    @property
    def secure(self) -> bool:
        """Whether the browser talks https."""
        return Origin.of(self.scope["headers"]).secure


Answer = Callable[[Asked], Awaitable[Struct | Response]]


class Routing:
    """A router under construction. Nothing gets in but through `gate`, and by the Operation's own Access."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self.router = APIRouter()

    def add(self, operation: Operation, answer: Answer) -> None:
        """Let `answer` answer the requests that the operation describes."""

        async def endpoint(request: Request) -> Response:
            visitor = await self._gate.visitor(request.scope, operation.access)
            asked = Asked(request, visitor)
            asked.query(operation.query or Nothing)  # before anything is done
            answer_ = await answer(asked)
            return answer_ if isinstance(answer_, Response) else private(answer_)

        methods = READING if operation.method == "GET" else [operation.method]
        self.router.add_api_route(operation.path, endpoint, methods=methods, response_model=None)


def private(answer: Struct, headers: Mapping[str, str] | None = None) -> Response:
    """An answer that nobody on its way may keep."""
    return answered(answer, headers={**NO_STORE, **(headers or {})})


def route(method: str, path: str, name: str, summary: str, **more: Any) -> Operation:
    """An Operation, shorter to write; `more` are its other fields."""
    return Operation(name=name, method=method, path=path, summary=summary, **more)
