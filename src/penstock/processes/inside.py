"""The owner's listener for what API processes hand on: who may use it, and who truly asks."""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from penstock.web.asgi import Headers, Receive, Scope, Send

_SECRET = b"x-penstock-inside"
_CLIENT = b"x-penstock-client"
PRIVATE = (_SECRET, _CLIENT)
"""Headers between our processes: those of anybody else are not handed on."""


def private_headers(secret: str, scope: Scope) -> Headers:
    """What goes with a request that is handed on."""
    host, port = scope.get("client") or ("", 0)
    return [(_SECRET, secret.encode()), (_CLIENT, f"{host} {port}".encode())]


@dataclass(frozen=True)
class Inside:
    """Lets in what has the secret; `front` sees each request as if its client had come straight to it."""

    front: Callable[[Scope, Receive, Send], Awaitable[None]]
    secret: str = field(repr=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        private = {name: value for name, value in scope["headers"] if name in PRIVATE}
        if not secrets.compare_digest(private.get(_SECRET, b""), self.secret.encode()):
            length = [(b"content-length", b"0")]
            await send({"type": "http.response.start", "status": 403, "headers": length})
            await send({"type": "http.response.body", "body": b""})
            return
        host, _, port = private.get(_CLIENT, b"").decode("latin-1").rpartition(" ")
        scope["client"] = (host, int(port or 0))
        scope["headers"] = [pair for pair in scope["headers"] if pair[0] not in PRIVATE]
        await self.front(scope, receive, send)
