"""The front of the server: hot routes first, as plain callables; everything else goes to the cold plane behind it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from penstock.api.drain import Drain
from penstock.api.exchange import Exchange
from penstock.api.request_ids import request_ids
from penstock.api.request_log import log_request
from penstock.errors import ApiError, InternalError, MethodNotAllowed
from penstock.protocol.errors import ErrorForm, OpenAIErrors
from penstock.tenants.limits import Limiter
from penstock.web.asgi import BrokenOff, ClientGone, Receive, Scope, Send

log = logging.getLogger(__name__)

Handler = Callable[[Exchange], Awaitable[None]]
ColdPlane = Callable[[Scope, Receive, Send], Awaitable[None]]

_BROKEN_OFF_SECONDS = 2.0


class Front:
    """The ASGI application of the server. `routes` are those of the hot plane: path -> method -> handler.

    `errors`: path -> the form of its errors, where that is not OpenAI's. `also`: path -> the one that is meant.
    """

    def __init__(
        self,
        routes: dict[str, dict[str, Handler]],
        cold: ColdPlane,
        drain: Drain,
        *,
        limiter: Limiter | None = None,
        errors: Mapping[str, ErrorForm] | None = None,
        also: Mapping[str, str] | None = None,
    ) -> None:
        self.routes = routes
        self._errors = errors or {}
        self._openai = OpenAIErrors()
        self._ids = request_ids()
        self._also = also or {}
        self._limiter = limiter
        self.cold = cold
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] = self._also.get(scope["path"], scope["path"])
        exchange = Exchange(
            *(scope, receive, send),
            request_id=next(self._ids),
            errors=self._errors.get(path, self._openai),
            limiter=self._limiter,
        )
        try:
            methods = self.routes.get(path)
            if methods is None:
                await self.cold(scope, receive, exchange.pass_on)
            else:
                await self._handle(exchange, methods)
        except (ClientGone, BrokenOff):
            pass
        except ApiError as error:
            await self._fail(exchange, error)
        except Exception:
            # The outermost handler is one of the two places that catch everything: the client gets an answer.
            log.exception("%s %r failed", exchange.request_id, exchange.path)
            await self._fail(exchange, InternalError("Something went wrong on our side; the log has the details."))
        finally:
            log_request(exchange)

    async def _handle(self, exchange: Exchange, methods: dict[str, Handler]) -> None:
        handler = methods.get(exchange.method)
        if handler is None:
            raise MethodNotAllowed(exchange.method, list(methods))
        self._drain.enter(exchange)
        try:
            with exchange.interruptible():
                await handler(exchange)
        finally:
            self._drain.leave(exchange)

    async def _fail(self, exchange: Exchange, error: ApiError) -> None:
        """Answer with the error's status; once the head is out, with an error event and a cut, never a clean end.

        Returning without an end is what makes the HTTP server cut the connection.
        """
        exchange.scope["error"] = error
        if exchange.finished:
            return
        if not exchange.begun:
            await exchange.refuse(error)
            return
        try:
            async with asyncio.timeout(_BROKEN_OFF_SECONDS):
                await exchange.write(exchange.errors.event(error, request_id=exchange.request_id))
        except TimeoutError:
            pass  # a client that does not read cannot be told
