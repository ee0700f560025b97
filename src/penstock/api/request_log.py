"""One line in the log for each request: enough to find it again, nothing that should not be there."""

import logging
import re

from penstock.api.exchange import Exchange
from penstock.tenants.caller import Caller

log = logging.getLogger("penstock.request")

_CLIENT_LEFT = 499
"""What stands for the status where the client left before there was one; nginx's number for it."""

_NOT_PLAIN = re.compile(r"[^!-~]")
_SECRET = re.compile(r"psk_\w+")


def log_request(exchange: Exchange) -> None:
    """Write the line of a request that is over.

    `id` is the `x-request-id` of the answer; with it, the row of usage has the model and the tokens. `key` is the key's
    id, never its secret; `client` is the client's own id of the request. The query is left out: credentials get there
    by mistake.
    """
    if not log.isEnabledFor(logging.INFO):
        return
    scope = exchange.scope
    path = cleaned(scope.get("raw_path") or exchange.path.encode(), longest=200)
    status = exchange.status or _CLIENT_LEFT
    parts = [
        f"id={exchange.request_id} method={exchange.method} path={path} status={status} ms={exchange.spent_ms:.1f}"
    ]
    caller: Caller | None = scope.get("caller")
    if caller is not None:
        parts.append(f"key={caller.key_id}")
    for name in (b"x-client-request-id", b"x-request-id"):
        if given := exchange.header(name):
            parts.append(f"client={cleaned(given[0], longest=64)}")
            break
    if error := scope.get("error"):
        parts.append(f"error={error.code}")
    if not exchange.finished:
        parts.append("end=cut" if error else "end=left")
    log.info("%s", " ".join(parts))


def cleaned(received: bytes, *, longest: int) -> str:
    """What a client sent, fit for a line of a log: printable ASCII without blanks, cut, and no API key in it."""
    text = received[: longest * 4].decode("latin-1")
    return _SECRET.sub("psk_...", _NOT_PLAIN.sub("?", text))[:longest]
