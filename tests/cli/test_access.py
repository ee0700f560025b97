"""The way to a server: its address from the settings, and a key made for the command where none is given."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from scripted_server import Script, scripted

from penstock.cli.access import SESSION_KEY_SECONDS, Access, open_access, server_url
from penstock.cli.client import NoServer
from penstock.cli.data_folder import opened
from penstock.errors import OperatorError
from penstock.settings import Settings
from penstock.tenants.caller import Caller
from penstock.tenants.key import Key


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """The data folder of a server that has run on this machine."""

    async def make() -> None:
        async with opened(Settings(data_dir=str(tmp_path))):
            pass

    asyncio.run(make())
    return tmp_path


@contextmanager
def access_to(server: Script, data_dir: Path, *, api_key: str | None = None) -> Iterator[Access]:
    with open_access("penstock chat", url=server.url, api_key=api_key, data_dir=str(data_dir), config=None) as access:
        yield access


def keys(data_dir: Path) -> list[Key]:
    async def read() -> list[Key]:
        async with opened(Settings(data_dir=str(data_dir))) as data:
            return (await data.keys.page()).rows

    return asyncio.run(read())


def who_has(secret: str, data_dir: Path) -> Caller:
    async def find() -> Caller:
        async with opened(Settings(data_dir=str(data_dir))) as data:
            return await data.callers.find(secret)

    return asyncio.run(find())


def test_a_key_is_made_for_the_block_and_revoked_after_it(data_dir: Path) -> None:
    with scripted() as server:
        with access_to(server, data_dir) as access:
            access.client.models()
            secret = server.keys[-1]
            assert who_has(secret, data_dir).key_name == "penstock chat"
            assert "revoked at the end" in access.note
            assert secret not in access.note
        with pytest.raises(OperatorError, match="not valid"):
            who_has(secret, data_dir)
    (key,) = keys(data_dir)
    assert key.revoked_at is not None
    assert key.expires_at is not None
    assert key.expires_at - key.created_at == pytest.approx(SESSION_KEY_SECONDS, abs=1)


@pytest.mark.parametrize("end", [KeyboardInterrupt, OperatorError("The server broke off.")])
def test_the_key_is_revoked_however_the_block_ends(data_dir: Path, end: type[BaseException] | BaseException) -> None:
    with scripted() as server, pytest.raises((KeyboardInterrupt, OperatorError)), access_to(server, data_dir):
        raise end
    (key,) = keys(data_dir)
    assert key.revoked_at is not None


def test_a_key_that_is_given_is_used_and_none_is_made(data_dir: Path) -> None:
    with scripted() as server, access_to(server, data_dir, api_key="mine") as access:
        access.client.models()
        assert server.keys == ["mine"]
        assert access.note == ""
    assert keys(data_dir) == []


def test_without_a_data_folder_a_key_is_asked_for_and_nothing_is_written(tmp_path: Path) -> None:
    away = tmp_path / "nothing"
    with scripted() as server, pytest.raises(OperatorError, match="PENSTOCK_API_KEY"), access_to(server, away):
        pass
    assert not away.exists()


def test_without_a_server_no_key_is_made(data_dir: Path) -> None:
    with scripted() as server:
        pass
    with pytest.raises(NoServer), access_to(server, data_dir):
        pass
    assert keys(data_dir) == []


def test_no_key_is_made_for_a_server_elsewhere(data_dir: Path) -> None:
    """A key to this machine's data folder means nothing to another machine, and must not be sent to it."""
    with scripted() as server:
        # This form leads here all the same, but is none that says so.
        server.url = server.url.replace("127.0.0.1", "127.1")
        with pytest.raises(OperatorError, match="needs an API key"), access_to(server, data_dir):
            pass
    assert keys(data_dir) == []


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:9000"),
        ("0.0.0.0", "http://127.0.0.1:9000"),
        ("::", "http://[::1]:9000"),
        ("::1", "http://[::1]:9000"),
        ("gate.example", "http://gate.example:9000"),
    ],
)
def test_the_address_is_the_one_that_reaches_the_server(host: str, url: str) -> None:
    assert server_url(Settings(host=host, port=9000)) == url
