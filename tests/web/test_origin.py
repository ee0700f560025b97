"""Only this server's own pages may change anything by a cookie."""

import pytest

from penstock.errors import WrongOrigin
from penstock.web.origin import Origin

HOST = "penstock.example:8484"
UNSAFE = ["POST", "PUT", "PATCH", "DELETE", "PROPFIND", "post"]


def origin(*, host: str = HOST, **headers: str) -> Origin:
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Origin.of([(b"host", host.encode()), *given])


def is_let_in(origin: Origin, method: str = "POST", *, cookie: bool = True) -> bool:
    try:
        origin.check(method, cookie=cookie)
    except WrongOrigin:
        return False
    return True


@pytest.mark.parametrize("method", UNSAFE)
def test_a_page_of_this_server_may(method: str) -> None:
    assert is_let_in(origin(origin=f"http://{HOST}", sec_fetch_site="same-origin"), method)
    assert is_let_in(origin(origin=f"https://{HOST}"), method)
    assert is_let_in(origin(sec_fetch_site="same-origin"), method)


@pytest.mark.parametrize("method", UNSAFE)
@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": f"http://{HOST}.evil.example"},
        {"origin": f"http://evil.example/{HOST}"},
        {"origin": f"http://evil@{HOST}"},
        {"origin": f"http://{HOST}/"},
        {"origin": f"ftp://{HOST}"},
        {"origin": "http://penstock.example"},
        {"origin": "http://penstock.example:8485"},
        {"origin": "http://["},
        {"origin": f"http://{HOST}", "sec_fetch_site": "cross-site"},
        {"origin": f"http://{HOST}", "sec_fetch_site": "same-site"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"sec_fetch_site": "none"},
        {"sec_fetch_site": ""},
    ],
)
def test_no_other_page_may(method: str, headers: dict[str, str]) -> None:
    for cookie in (True, False):
        assert not is_let_in(origin(**headers), method, cookie=cookie)


def test_what_says_nothing_of_where_it_comes_from_has_no_cookie() -> None:
    assert is_let_in(origin(), cookie=False)
    assert not is_let_in(origin(), cookie=True)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_reading_is_free(method: str) -> None:
    assert is_let_in(origin(origin="http://evil.example", sec_fetch_site="cross-site"), method)


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("penstock.example", "https://penstock.example"),
        ("penstock.example:443", "https://penstock.example"),
        ("penstock.example:80", "http://penstock.example"),
        ("PENSTOCK.example", "https://penstock.example"),
        ("[::1]:8484", "http://[::1]:8484"),
    ],
)
def test_the_same_host_has_several_spellings(host: str, said: str) -> None:
    assert is_let_in(origin(host=host, origin=said))


def test_a_header_that_comes_twice_is_foreign() -> None:
    own = f"http://{HOST}".encode()
    twice = Origin.of([(b"host", HOST.encode()), (b"origin", own), (b"origin", b"http://evil.example")])
    assert not is_let_in(twice)
    assert not is_let_in(Origin.of([(b"host", b"a"), (b"host", b"b"), (b"origin", b"http://a")]))


def test_https_is_known_by_the_browsers_word() -> None:
    assert origin(origin=f"https://{HOST}").secure
    assert not origin(origin=f"http://{HOST}").secure
    assert not origin(sec_fetch_site="same-origin").secure
