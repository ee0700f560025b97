"""The pages themselves: one document for all of them, and the assets that it loads. All are built from `console/`."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from penstock.errors import UnknownUrl
from penstock.web.answer import READING

STATIC = Path(__file__).parent / "static"
"""Where the build lands."""

PAGES = (
    *("/", "/setup", "/login", "/signup", "/account"),
    *("/playground", "/models", "/batch", "/files", "/apikeys", "/usage", "/requests", "/limits", "/plans"),
    *("/users", "/workers", "/settings", "/audit"),
)
"""The URLs that a person may open; what a page shows of one thing is in its query."""

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
"""What a page may load and do: nothing but what comes from here (Content Security Policy)."""

_SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_NO_PAGES = ("/v1", "/api", "/assets")
_FOREVER = "public, max-age=31536000, immutable"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
_ENCODINGS = {"br": ".br", "gzip": ".gz"}
"""In which forms the build has each text, the smaller one first."""

NOT_BUILT = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Penstock</title>
<h1>The console is not built here</h1>
<p>The API works. This server runs from a checkout in which nobody has built the console yet. Build it with</p>
<pre>make console</pre>
<p>and start the server again. It needs Node.js 20.19 or later, or it gets one from the package index.</p>
"""


@dataclass(frozen=True)
class Asset:
    """One file of the build."""

    path: Path
    media_type: str
    encodings: tuple[str, ...]
    cache: str

    def answer(self, request: Request, *, status: int = 200) -> Response:
        """As the client can take it."""
        accepted = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        headers = {**_SAFE, "cache-control": self.cache, "vary": "accept-encoding"}
        for encoding in self.encodings:
            if encoding in accepted:
                path = self.path.with_name(self.path.name + _ENCODINGS[encoding])
                headers["content-encoding"] = encoding
                return FileResponse(path, status, headers, self.media_type)
        return FileResponse(self.path, status, headers, self.media_type)


class Pages:
    """The pages of one build, which everybody may read; what a page shows, it asks for under /api."""

    def __init__(self, static: Path = STATIC) -> None:
        self._assets = {asset.path.relative_to(static).as_posix(): asset for asset in _assets(static)}
        self._document = self._assets.pop("index.html", None)

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter()
        for path in PAGES:
            router.add_api_route(path, self._page, methods=READING)
        router.add_api_route("/assets/{path:path}", partial(self._asset, folder="assets/"), methods=READING)
        for name in sorted(name for name in self._assets if "/" not in name):
            router.add_api_route(f"/{name}", partial(self._asset, path=name), methods=READING)
        return router

    def lost(self, request: Request) -> Response | None:
        """For a person whose URL leads nowhere the page that says so; None for a program, and for what is no page."""
        path, wanted = request.url.path, request.headers.get("accept", "")
        program = request.method not in READING or path.startswith(_NO_PAGES) or "text/html" not in wanted
        return None if program or self._document is None else self._document.answer(request, status=404)

    async def _page(self, request: Request) -> Response:
        if self._document is None:
            return Response(NOT_BUILT, 503, {**_SAFE, "cache-control": "no-store"}, "text/html; charset=utf-8")
        return self._document.answer(request)

    async def _asset(self, request: Request, path: str = "", *, folder: str = "") -> Response:
        found = self._assets.get(f"{folder}{path}")
        if found is None:
            raise UnknownUrl("There is no such file.")
        return found.answer(request)


def _assets(static: Path) -> list[Asset]:
    """Everything that there is, once: what a request names is looked up here, and never on the disk."""
    found = []
    for path in sorted(static.rglob("*")):
        media_type = _MEDIA_TYPES.get(path.suffix)
        if media_type is None or not path.is_file():
            continue
        encodings = tuple(name for name, suffix in _ENCODINGS.items() if Path(f"{path}{suffix}").is_file())
        cache = _FOREVER if path.parent.name == "assets" else "no-cache"
        found.append(Asset(path, media_type, encodings, cache))
    return found
