"""The head of a request: one line and its headers, read by the grammar of RFC 9112 and nothing more lenient.

Request smuggling lives on heads that two servers read differently. So what the RFC lets a server mend (bare line feeds,
folded lines, blanks before colons, repeated lengths, a length beside a transfer coding) is refused here.
"""

import re
from typing import NamedTuple

from penstock.api.transport.bounds import Bounds
from penstock.errors import ExpectationFailed, HeadTooLarge, MalformedRequest

Fields = list[tuple[bytes, bytes]]

_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]"
_REQUEST_LINE = re.compile(rb"(%b{1,32}) ([!-~]+) HTTP/([0-9]\.[0-9])" % _TOKEN)
FIELD = rb"%b+:[\t -~\x80-\xff]*" % _TOKEN
_FIELDS = re.compile(rb"(?:%b\r\n)*" % FIELD)
_AUTHORITY = re.compile(rb"https?://[^/?#@]+(?![^/?])", re.IGNORECASE)
_LENGTH = re.compile(rb"[0-9]{1,15}")
_BEGINNING = re.compile(rb"%b{1,32}(?: .*)?" % _TOKEN, re.DOTALL)
_SOLE = frozenset({b"host", b"content-length", b"transfer-encoding", b"expect"})


class Head(NamedTuple):
    """A request before its body. `path` is as it was sent, `headers` have names in lower case."""

    method: str
    path: bytes
    query: bytes
    version: str
    """`1.0` or `1.1`."""
    headers: Fields
    keep_alive: bool = False
    content_length: int = 0
    length_at: int = -1
    """Where among the headers the Content-Length is, if there is one."""
    chunked: bool = False
    expects_continue: bool = False

    @property
    def has_body(self) -> bool:
        return self.chunked or self.content_length > 0

    def with_length(self, digits: bytes) -> "Head":
        """The same head with another Content-Length."""
        headers = self.headers.copy()
        headers[self.length_at] = (b"content-length", digits)
        return Head(
            self.method,
            self.path,
            self.query,
            self.version,
            headers,
            self.keep_alive,
            int(digits),
            self.length_at,
            self.chunked,
            self.expects_continue,
        )


def unread() -> Head:
    """What stands for a head that could not be read; what follows it is a body that nobody reads."""
    return Head("-", b"-", b"", "1.1", [], chunked=True)


def check_beginning(received: bytes, bounds: Bounds) -> None:
    """Refuse what will never be a head, or only too long a one, before its end has come.

    Raises MalformedRequest or HeadTooLarge.
    """
    if not _BEGINNING.fullmatch(received):
        raise MalformedRequest("This is not HTTP/1.1. If it is TLS: put a proxy in front that ends it.")
    if received.count(b"\n") != received.count(b"\r\n"):
        raise MalformedRequest("Lines of a request end with CR LF.")
    if len(received) >= bounds.head_bytes:
        raise HeadTooLarge(f"The request line and the headers may have {bounds.head_bytes} bytes at most.")


def parse_head(raw: bytes, bounds: Bounds) -> Head:
    """The head in `raw`, which goes to the last header's CR LF.

    Raises MalformedRequest, HeadTooLarge or ExpectationFailed.
    """
    line, _, lines = raw.partition(b"\r\n")
    request = _REQUEST_LINE.fullmatch(line)
    if request is None:
        raise MalformedRequest("The request line is METHOD, target and HTTP/1.1, with one blank between.")
    method, target, version = request.groups()
    if version not in (b"1.1", b"1.0"):
        raise MalformedRequest("HTTP/1.1 is spoken here, and HTTP/1.0.")
    if not _FIELDS.fullmatch(lines):
        raise MalformedRequest("A header is NAME: VALUE on one line, without control characters.")
    headers = []
    for field in lines.split(b"\r\n")[:-1]:
        name, _, value = field.partition(b":")
        headers.append((name.lower(), value.strip(b" \t")))
    if len(headers) > bounds.headers:
        raise HeadTooLarge(f"A request may have {bounds.headers} headers at most.")
    fields = _by_name(headers)
    newest = version == b"1.1"
    if newest and b"host" not in fields:
        raise MalformedRequest("HTTP/1.1 wants a Host header.")
    path, query = _split(method, target)
    return Head(
        method=method.decode(),
        path=path,
        query=query,
        version=version.decode(),
        headers=headers,
        keep_alive=_stays(fields, newest),
        content_length=_length(fields),
        length_at=_length_at(headers, fields),
        chunked=_is_chunked(fields, newest),
        expects_continue=newest and _expects_continue(fields),
    )


def _by_name(headers: Fields) -> dict[bytes, bytes]:
    fields = dict(headers)
    if len(fields) < len(headers):
        names = [name for name, _ in headers]
        if repeated := [name for name in _SOLE & fields.keys() if names.count(name) > 1]:
            raise MalformedRequest(f"{repeated[0].decode()} is sent once.")
        fields[b"connection"] = b",".join(value for name, value in headers if name == b"connection")
    return fields


def _split(method: bytes, target: bytes) -> tuple[bytes, bytes]:
    """Path and query of a request's target. The authority of an absolute one is dropped, as the Host header is."""
    if not target.startswith(b"/") and (authority := _AUTHORITY.match(target)):
        target = target[authority.end() :]
        target = target if target.startswith(b"/") else b"/" + target
    if not target.startswith(b"/") and (method, target) != (b"OPTIONS", b"*"):
        raise MalformedRequest("The target of a request is a path that begins with a slash.")
    if b"#" in target:
        raise MalformedRequest("A target has no fragment.")
    path, _, query = target.partition(b"?")
    return path, query


def _stays(fields: dict[bytes, bytes], newest: bool) -> bool:
    """Whether the connection outlives the answer."""
    asked = fields.get(b"connection")
    if not asked:
        return newest
    options = [option.strip() for option in asked.lower().split(b",")]
    return b"close" not in options and (newest or b"keep-alive" in options)


def _length(fields: dict[bytes, bytes]) -> int:
    announced = fields.get(b"content-length")
    if announced is None:
        return 0
    if not _LENGTH.fullmatch(announced):
        raise MalformedRequest("Content-Length is a number of bytes.")
    return int(announced)


def _length_at(headers: Fields, fields: dict[bytes, bytes]) -> int:
    announced = fields.get(b"content-length")
    return -1 if announced is None else headers.index((b"content-length", announced))


def _is_chunked(fields: dict[bytes, bytes], newest: bool) -> bool:
    coding = fields.get(b"transfer-encoding")
    if coding is None:
        return False
    if b"content-length" in fields:
        raise MalformedRequest("A body has a Content-Length or a Transfer-Encoding, not both.")
    if not newest or coding.lower() != b"chunked":
        raise MalformedRequest("The only Transfer-Encoding taken is `chunked`, in HTTP/1.1.")
    return True


def _expects_continue(fields: dict[bytes, bytes]) -> bool:
    expected = fields.get(b"expect")
    if expected is not None and expected.lower() != b"100-continue":
        raise ExpectationFailed("The only expectation that can be met is 100-continue.")
    return expected is not None
