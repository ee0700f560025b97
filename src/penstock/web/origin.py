"""Where a request comes from: only this server's own pages may change anything by a cookie."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from penstock.errors import WrongOrigin

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS = {"http": ":80", "https": ":443"}


@dataclass(frozen=True)
class Origin:
    """What a browser says of the page that sends a request. `fetch_site` is its own judgement."""

    host: str
    origin: str | None
    fetch_site: str | None

    @classmethod
    def of(cls, headers: Iterable[tuple[bytes, bytes]]) -> "Origin":
        """From the headers `host`, `origin` and `sec-fetch-site`; one that comes twice is taken for a foreign one."""
        found: dict[bytes, list[str]] = {b"host": [], b"origin": [], b"sec-fetch-site": []}
        for name, value in headers:
            if name in found:
                found[name].append(value.decode("latin-1").strip().lower())
        host, origin, site = (", ".join(values) if values else None for values in found.values())
        return cls(host or "", origin, site)

    @property
    def secure(self) -> bool:
        """Whether the browser talks https, perhaps to a proxy in front of this server."""
        return self.origin is not None and self.origin.startswith("https://")

    def check(self, method: str, *, cookie: bool) -> None:
        """Raises WrongOrigin for a method that changes something, from a page that is not this server's own.

        Without a word on where it comes from the request is not a browser's: then it may not carry the `cookie`.
        """
        if method in SAFE_METHODS:
            return
        if self.origin is None and self.fetch_site is None:
            if cookie:
                raise WrongOrigin("A request that changes something by a cookie has to say its Origin.")
        elif self.fetch_site not in (None, "same-origin") or (self.origin is not None and not self._is_own()):
            raise WrongOrigin("The request comes from a page of another site.")

    def _is_own(self) -> bool:
        try:
            parts = urlsplit(self.origin or "")
        except ValueError:
            return False
        if parts.scheme not in _PORTS or self.origin != f"{parts.scheme}://{parts.netloc}" or not parts.netloc:
            return False
        port = _PORTS[parts.scheme]
        return parts.netloc.removesuffix(port) == self.host.removesuffix(port)
