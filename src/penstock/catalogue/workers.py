"""Where models run: one worker per served model pulls its file, starts its engine, watches it and starts it anew."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from enum import StrEnum
from pathlib import Path

from penstock.catalogue.models import Model
from penstock.catalogue.pull import Progress
from penstock.engines import process
from penstock.engines.engine import Endpoint, Engine
from penstock.engines.process import EngineDied, EngineProcess
from penstock.engines.relay import Relay
from penstock.errors import ApiError, OperatorError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import UserMessage
from penstock.protocol.price import Price

log = logging.getLogger(__name__)

_CRASHES = 5
_CRASH_WINDOW_SECONDS = 300.0
_FIRST_BACKOFF_SECONDS = 0.5
_LAST_BACKOFF_SECONDS = 8.0
_WATCH_SECONDS = 1.0
_IDLE_PROBE_SECONDS = 60.0


class State(StrEnum):
    """What a model is doing."""

    PULLING = "pulling"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    STOPPED = "stopped"


class Worker:
    """Keeps one model's engine running. `endpoint` is set while it answers; `reason` says what went wrong last."""

    def __init__(
        self,
        model: Model,
        names: tuple[str, ...],
        engine: Engine,
        relay: Relay,
        *,
        pull: Callable[[Callable[[Progress], None]], Awaitable[Path | None]],
        log_path: Path,
        stall_seconds: float,
        changed: Callable[["Worker"], None],
    ) -> None:
        self.model = model
        self.names = names
        self.state = State.PULLING
        self.reason = ""
        self.endpoint: Endpoint | None = None
        self.pid: int | None = None
        self.created = int(time.time())
        self.price = model.price.per_token() if model.price else Price()
        self._engine = engine
        self._relay = relay
        self._pull = pull
        self.log_path = log_path
        self.progress: Progress | None = None
        """How far the pull of its file is, while one is under way."""
        self._stall_seconds = stall_seconds
        self._changed = changed
        self._crashes: list[float] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Nothing is done where it runs already."""
        if self._task is not None and not self._task.done():
            return
        self.state, self.reason = State.PULLING, ""
        self._crashes.clear()
        self._task = asyncio.create_task(self._run(), name=f"worker {self.model.id}")

    async def stop(self) -> None:
        """End the engine. Whatever it was doing for somebody breaks off."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        self._become(State.STOPPED)

    @property
    def deaths_to_spare(self) -> int:
        """How many times its engine may die within the next minutes without the model being given up."""
        return _CRASHES - 1 - self.deaths

    @property
    def deaths(self) -> int:
        """How often its engine died within the last five minutes."""
        now = time.monotonic()
        return sum(now - at < _CRASH_WINDOW_SECONDS for at in self._crashes)

    def _become(self, state: State, reason: str = "") -> None:
        self.state, self.reason = state, reason or self.reason
        self._changed(self)

    def _progressed(self, progress: Progress) -> None:
        self.progress = progress  # said by the thread that pulls

    async def _run(self) -> None:
        try:
            try:
                model_file = await self._pull(self._progressed)
            finally:
                self.progress = None
            while self.state is not State.FAILED:
                self._become(State.LOADING)
                await self._serve_until_it_dies(model_file)
        except OperatorError as error:
            self._become(State.FAILED, error.message)
        except Exception as error:
            # The worker loop is one of the two places that catch everything: a model must not fail in silence.
            log.exception("the worker of %s failed", self.model.id)
            self._become(State.FAILED, f"{type(error).__name__}: {error}")

    async def _serve_until_it_dies(self, model_file: Path | None) -> None:
        try:
            await self._serve(model_file)
        except (EngineDied, OSError) as death:  # no memory, no descriptor, no room: that may pass, as a crash may
            now = time.monotonic()
            self._crashes = [at for at in self._crashes if now - at < _CRASH_WINDOW_SECONDS] + [now]
            log.warning("engine of %s: %s", self.model.id, death)
            if len(self._crashes) >= _CRASHES:
                self._become(State.FAILED, str(death))
                return
            self._become(State.LOADING, str(death))
            backoff = _FIRST_BACKOFF_SECONDS * 2 ** (len(self._crashes) - 1)
            await asyncio.sleep(min(backoff, _LAST_BACKOFF_SECONDS))

    async def _serve(self, model_file: Path | None) -> None:
        """One life of the engine. Raises EngineDied at its end."""
        key = secrets.token_urlsafe(32)
        launch = self._engine.launch(served_name=self.model.id, api_key=key, model_file=model_file)
        running = await process.start(launch, log_path=self.log_path)
        endpoint = Endpoint(
            model=self.model.id,
            url=running.url,
            served_name=self.model.id,
            api_key=key,
            engine=self._engine,
            slots=launch.slots,
            context_length=self.model.context_length,
            max_output=self.model.max_output or self.model.context_length,
            abilities=running.abilities,
            price=self.price,
        )
        try:
            await self._probe(endpoint)
            self.endpoint, self.pid = endpoint, running.pid
            self._become(State.READY)
            await self._watch(running, endpoint)
        finally:
            self.endpoint = self.pid = None
            await asyncio.shield(running.kill())

    async def _watch(self, running: EngineProcess, endpoint: Endpoint) -> None:
        exited = asyncio.create_task(running.wait())
        try:
            while not exited.done():
                await asyncio.wait({exited}, timeout=_WATCH_SECONDS)
                if endpoint.pulse.hung or endpoint.pulse.quiet_seconds() > self._stall_seconds * endpoint.patience:
                    waited = self._stall_seconds * endpoint.patience
                    raise EngineDied(f"it gave nothing for {waited:.0f} s and was ended")
                if not endpoint.pulse.waiting and endpoint.pulse.idle_seconds() > _IDLE_PROBE_SECONDS:
                    await self._probe(endpoint)
            raise EngineDied(f"it ended with status {exited.result()}")
        finally:
            exited.cancel()

    async def _probe(self, endpoint: Endpoint) -> None:
        """Health is a token (or an embedding), not a status. Raises EngineDied where none comes."""
        try:
            async with asyncio.timeout(self._stall_seconds):
                await (self._one_token(endpoint) if endpoint.abilities.chat else self._relay.embed(["Hi"], endpoint))
        except TimeoutError as error:
            raise EngineDied(f"it listens but gave no token in {self._stall_seconds:.0f} s") from error
        except ApiError as error:
            raise EngineDied(f"it listens but gave no token: {error.message}") from error

    async def _one_token(self, endpoint: Endpoint) -> None:
        request = ChatRequest(model=self.model.id, messages=[UserMessage(content="Hi")], max_tokens=1)
        with closing(await self._relay.chat(request, endpoint)) as stream:
            while await stream.read() is not None:
                pass
        if not stream.counts.completion:
            raise EngineDied("it listens but its answer had no token")


class Workers:
    """All served models, found by any of their names."""

    def __init__(self, workers: Iterable[Worker]) -> None:
        self._workers = list(workers)
        self._by_name = {name: worker for worker in self._workers for name in worker.names}

    def get(self, name: str) -> Worker | None:
        return self._by_name.get(name)

    def named(self) -> list[tuple[str, Worker]]:
        """Every name that a client may use, with the worker behind it."""
        return list(self._by_name.items())

    def all(self) -> list[Worker]:
        """One for each model."""
        return list(self._workers)

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    async def stop(self) -> None:
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    @property
    def any_ready(self) -> bool:
        return any(worker.state is State.READY for worker in self._workers)
