"""The answer to what never became a request: in the form of every other, and with a line in the log."""

from penstock.api.exchange import Exchange, Receive, Scope, Send
from penstock.api.request_log import log_request
from penstock.errors import ApiError


async def refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application, once it has been given its `error`."""
    exchange = Exchange(scope, receive, send)
    scope["error"] = error
    await exchange.refuse(error)
    log_request(exchange)
