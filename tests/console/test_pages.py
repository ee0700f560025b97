"""The pages over HTTP: open to everybody, under a strict policy, kept by browsers as long as they are good."""

import gzip
import re
import shutil
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from raw_http import ask
from running_server import RunningServer

from penstock.api.cold import build_cold_plane
from penstock.app import operations
from penstock.console.pages import PAGES, POLICY, STATIC, Pages

SAFE = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}


@pytest.fixture(scope="module")
def assets(console_build: object) -> list[Path]:
    """The files of the build, without their compressed copies."""
    found = [path for path in (STATIC / "assets").iterdir() if path.suffix not in (".br", ".gz")]
    assert found
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_the_one_document(echo_server: RunningServer, path: str) -> None:
    answer = ask(echo_server, "GET", path)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers.items() >= SAFE.items()
    assert answer.body == (STATIC / "index.html").read_bytes()


@pytest.mark.parametrize("host", ["evil.example", "a/?x=", "a/api/keys", "127.0.0.1:1@evil.example"])
def test_no_host_finds_its_way_into_a_page(echo_server: RunningServer, host: str) -> None:
    answer = ask(echo_server, "GET", "/apikeys", host=host)
    assert answer.body in ((STATIC / "index.html").read_bytes(), b"") or answer.status == 400
    assert "location" not in answer.headers
    assert host not in " ".join(answer.headers.values())


def test_the_policy_lets_nothing_in_from_elsewhere() -> None:
    directives = dict(part.strip().partition(" ")[::2] for part in POLICY.split(";"))
    assert directives["default-src"] == "'self'"
    assert "unsafe" not in POLICY
    assert not re.search(r"https?:|\*|ws", POLICY)
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["object-src"] == "'none'"


def test_assets_are_kept_for_ever(echo_server: RunningServer, assets: list[Path]) -> None:
    for path in assets:
        answer = ask(echo_server, "GET", f"/assets/{path.name}")
        assert (answer.status, answer.body) == (200, path.read_bytes())
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers.items() >= SAFE.items()
        assert re.search(r"-[\w-]{8}\.\w+$", path.name), "its name has a hash of what is in it"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("deflate", None), ("", None), ("br;q=1.0, gzip;q=0.5", "br")],
)
def test_texts_come_compressed_as_the_client_can_take_it(
    echo_server: RunningServer, assets: list[Path], accepted: str, encoding: str | None
) -> None:
    script = next(path for path in assets if path.suffix == ".js")
    answer = ask(echo_server, "GET", f"/assets/{script.name}", f"accept-encoding: {accepted}")
    assert answer.headers.get("content-encoding") == encoding
    assert answer.headers["vary"] == "accept-encoding"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert int(answer.headers["content-length"]) == len(answer.body)
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[encoding]
    assert answer.body == script.with_name(script.name + suffix).read_bytes()
    if encoding == "gzip":
        assert gzip.decompress(answer.body) == script.read_bytes()


@pytest.mark.parametrize("path", ["/", "/mark.svg", "/theme.js"])
def test_a_head_is_the_same_without_a_body(echo_server: RunningServer, path: str) -> None:
    whole, head = (ask(echo_server, method, path) for method in ("GET", "HEAD"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == whole.headers["content-length"] == str(len(whole.body))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_a_page_is_read_and_nothing_else(echo_server: RunningServer, method: str) -> None:
    answer = ask(echo_server, method, "/apikeys", "content-type: application/json", body=b"{}")
    assert (answer.status, answer.error["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "target",
    [
        *("/assets/../index.html", "/assets/../../pages.py", "/assets/%2e%2e/%2e%2e/pages.py", "/assets/..%2fpages.py"),
        *("/assets//etc/passwd", "/assets/%2fetc/passwd", "/assets/..\\pages.py", "/assets/%00", "/assets/"),
        *("/index.html", "/sources.sha256", "/assets/nothing.js", "/mark.svg/", "/mark.svg.br", "/static/index.html"),
        *("/nothing", "/apikeys/", "/apikeys/key_1", "/favicon.ico", "/robots.txt", "//apikeys"),
    ],
)
def test_there_is_nothing_else(echo_server: RunningServer, target: str) -> None:
    """Not even where the disk has something: what is asked for is looked up among what was built."""
    answer = ask(echo_server, "GET", target)
    assert answer.status in (400, 404), answer.body[:200]
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.error["type"] == "invalid_request_error"


def test_a_person_whose_url_leads_nowhere_gets_the_page_that_says_so(echo_server: RunningServer) -> None:
    browser = "accept: text/html,application/xhtml+xml,*/*;q=0.8"
    answer = ask(echo_server, "GET", "/no-such-page", browser)
    assert (answer.status, answer.body) == (404, (STATIC / "index.html").read_bytes())
    assert answer.headers.items() >= SAFE.items()
    for method, path in (("GET", "/v1/nothing"), ("GET", "/api/nothing"), ("GET", "/assets/no.js"), ("POST", "/no")):
        answer = ask(echo_server, method, path, browser)
        assert answer.error["code"] in ("unknown_url", "not_found"), "a program's mistake is told as one"


def test_pages_are_no_part_of_the_api() -> None:
    assert {one.path for one in operations()} & {*PAGES, "/assets/{path}"} == set()


def not_built(static: Path) -> FastAPI:
    return build_cold_plane(Pages(static).router())


def test_a_checkout_without_the_build_says_how_to_build(tmp_path: Path) -> None:
    client = TestClient(not_built(tmp_path / "static"))
    answer = client.get("/apikeys")
    assert (answer.status_code, answer.headers["cache-control"]) == (503, "no-store")
    assert "make console" in answer.text
    assert answer.headers["content-security-policy"] == POLICY
    assert client.get("/theme.js").status_code == 404


def test_only_kinds_of_files_that_pages_load_are_served(tmp_path: Path) -> None:
    static = tmp_path / "static"
    shutil.copytree(STATIC, static)
    for name in ("notes.txt", "assets/leaked.json", "assets/run.py"):
        (static / name).write_text("not for anybody")
    client = TestClient(not_built(static))
    assert client.get("/").status_code == 200
    assert {client.get(f"/{name}").status_code for name in ("notes.txt", "assets/leaked.json", "assets/run.py")} == {
        404
    }
