"""The answer to what never became a request: in the form of every other, and with a line in the log."""

from penstock.api.exchange import Exchange
from penstock.api.request_log import log_request
from penstock.errors import ApiError
from penstock.web.asgi import Receive, Scope, Send


async def refuse(error: ApiError, scope: Scope, receive: Receive, send: Send) -> None:
    """An ASGI application, once it has been given its `error`."""
    exchange = Exchange(scope, receive, send)
    scope["error"] = error
    await exchange.refuse(error)
    log_request(exchange)
