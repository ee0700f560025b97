"""The way to a Valkey or Redis: one script, called many times in one round trip."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import msgspec
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from penstock.errors import OperatorError

TIMEOUT_SECONDS = 0.5
"""How long one round trip may take, connecting included."""

Call = tuple[str, tuple[Any, ...]]
"""A command of valkey_limits.lua and its arguments."""


class StoreAway(Exception):
    """The store cannot be reached, does not answer in time, or cannot do what it is asked."""


class ValkeyStore:
    """One store. Every failure of the client library's becomes a StoreAway here."""

    def __init__(self, url: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        """Raises OperatorError for a URL that is none; it tells nothing of the URL but its host."""
        self.place = place_of(url)
        self._timeout = timeout_seconds
        self._script = resources.files("penstock.tenants").joinpath("valkey_limits.lua").read_text(encoding="utf-8")
        self._sha = ""
        try:
            # A call that is tried twice may count twice: whether to ask again is not the library's to decide.
            self._client: Redis = Redis.from_url(url, protocol=2, retry=Retry(NoBackoff(), 0), socket_timeout=None)
            self._client.connection_pool.make_connection()  # type: ignore[no-untyped-call]  # finds options that are none
        except (ValueError, TypeError, RedisError) as error:
            raise OperatorError(_unreadable(self.place)) from error

    async def open(self) -> str:
        """Make ready for `ask`. Gives the name of this life of the store: it changes where the store starts anew."""
        pipeline = self._client.pipeline(transaction=False)
        pipeline.script_load(self._script)
        pipeline.info("server")
        sha, info = await self._executed(pipeline)
        self._sha = sha.decode() if isinstance(sha, bytes) else sha
        return str(info.get("run_id", ""))

    async def ask(self, calls: Sequence[Call]) -> list[Any]:
        """The answers to all calls, made in this order and in one round trip."""
        asked = [(name, msgspec.msgpack.encode(arguments)) for name, arguments in calls]
        answers = await self._evaluated(asked)
        forgotten = [index for index, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if forgotten:
            await self.open()
            again = await self._evaluated([asked[index] for index in forgotten])
            for index, answer in zip(forgotten, again, strict=True):
                answers[index] = answer
        for answer in answers:
            if isinstance(answer, RedisError):
                raise StoreAway(_words(answer)) from answer
        return [msgspec.msgpack.decode(answer) for answer in answers]

    async def close(self) -> None:
        with suppress(RedisError, OSError):
            await self._client.aclose()

    async def _evaluated(self, asked: Sequence[tuple[str, bytes]]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for name, arguments in asked:
            pipeline.execute_command("EVALSHA", self._sha, 0, name, arguments)
        return await self._executed(pipeline, raise_on_error=False)

    async def _executed(self, pipeline: Any, *, raise_on_error: bool = True) -> list[Any]:
        try:
            async with asyncio.timeout(self._timeout):
                answers: list[Any] = await pipeline.execute(raise_on_error=raise_on_error)
        except (RedisError, OSError) as error:
            # An answer that comes late would be taken for that of another call.
            await self._client.connection_pool.disconnect()
            raise StoreAway(_words(error)) from error
        return answers


def place_of(url: str) -> str:
    """Scheme, host, port and database of a URL: what may be shown of it. Raises OperatorError where it is none."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname
    except ValueError as error:
        raise OperatorError(_unreadable("")) from error
    if parts.scheme == "unix" and parts.path:
        return f"unix://{parts.path}"
    if parts.scheme not in ("redis", "rediss") or not host or not parts.path.strip("/").isdecimal() | (not parts.path):
        raise OperatorError(_unreadable(""))
    return f"{parts.scheme}://{host}:{port or 6379}{parts.path}"


def _unreadable(place: str) -> str:
    which = f" ({place})" if place else ""
    return (
        f"The address of the store of shared limits, valkey_url{which}, cannot be read. Write it as "
        "redis://host:6379/0, or with a password and TLS as rediss://:password@host:6379/0."
    )


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
