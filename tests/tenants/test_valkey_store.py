"""The address of a store, and what is told of one that cannot be used."""

import pytest
from redis_server import RedisServer

from penstock.errors import OperatorError
from penstock.tenants.valkey_store import StoreAway, ValkeyStore, place_of


@pytest.mark.parametrize("url", ["here", "http://h/0", "redis://", "redis://h:port/0", "redis://h/x", "redis://h?no=1"])
def test_a_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="valkey_url"):
        ValkeyStore(url)


@pytest.mark.parametrize("url", ["rediss://u:secret-canary@h:1/2", "redis://u:secret-canary@h/x"])
def test_a_password_is_never_told(url: str) -> None:
    try:
        told = ValkeyStore(url).place
    except OperatorError as error:
        told = error.message
    assert "secret-canary" not in told


def test_the_place_is_what_may_be_shown() -> None:
    assert place_of("redis://u:p@host/3") == "redis://host:6379/3"
    assert place_of("unix:///run/valkey.sock") == "unix:///run/valkey.sock"


async def test_an_error_of_the_store_is_that_it_is_away(redis: RedisServer, redis_url: str) -> None:
    store = ValkeyStore(redis_url)
    first = await store.open()
    assert first
    with pytest.raises(StoreAway):
        await store.ask([("no such command", ())])
    with redis.stopped(), pytest.raises(StoreAway):
        await store.ask([("beat", ("x",))])
    assert await store.open() != first
    await store.close()
