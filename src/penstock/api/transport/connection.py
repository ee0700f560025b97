"""One connection: its requests one after the other, and an end to everything that takes too long."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context, copy_context
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial

from penstock.api.transport.body import Body, body_of
from penstock.api.transport.bounds import Bounds
from penstock.api.transport.flow import Flow
from penstock.api.transport.head import Head, check_beginning, unread
from penstock.api.transport.heads import Heads
from penstock.api.transport.refusal import refuse
from penstock.api.transport.turn import Turn
from penstock.errors import ApiError, RequestTimeout, ServerOverloaded
from penstock.web.asgi import Receive, Scope, Send

Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_RETRY_SECONDS = 5
_ASGI = {"version": "3.0", "spec_version": "2.3"}


@dataclass
class Hub:
    """What all connections of a server share."""

    app: Application
    bounds: Bounds
    date: bytes = b""
    """The header that says what time it is."""
    connections: "set[Connection]" = field(default_factory=set)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    heads: Heads = field(init=False)
    context: Context = field(default_factory=copy_context)
    """The variables that each request begins with, whatever the one before it has set."""

    def __post_init__(self) -> None:
        self.heads = Heads(self.bounds)


class Phase(Enum):
    """What a connection waits for; each has a time-out of its own."""

    FIRST = auto()
    """The first byte of its first request."""
    IDLE = auto()
    """The first byte of its next request."""
    HEAD = auto()
    """The rest of a head."""
    TURN = auto()
    """The answer, and as long as the body is not whole, the body."""
    LINGERING = auto()
    """The client's end; what it still sends is thrown away."""
    CLOSING = auto()
    """The last bytes of an answer to be read."""


class Connection(asyncio.Protocol):
    """Reads requests and gives each to the application; pipelined ones wait for their turn."""

    __slots__ = (
        *("_body", "_bounds", "_flow", "_heard", "_hub", "_input_ended", "_last_turn", "_loop", "_phase", "_received"),
        *("_scope", "_since", "_transport", "_turn", "_window_bytes", "_window_since"),
    )

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._bounds = hub.bounds
        self._loop = asyncio.get_running_loop()
        self._scope: Scope = {}
        self._received = b""
        self._turn: Turn | None = None
        self._body: Body | None = None
        """The body that is on its way; None when it is whole or given up."""
        self._window_bytes = 0
        self._window_since = 0.0
        self._input_ended = False
        self._last_turn = False
        self._enter(Phase.FIRST)

    def _enter(self, phase: Phase) -> None:
        self._phase = phase
        self._since = self._heard = self._loop.time()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvloop's is no subclass
        self._transport = transport
        self._flow = Flow(transport, self._loop)
        transport.set_write_buffer_limits(high=self._bounds.write_buffer_bytes)
        self._scope = {
            "type": "http",
            "asgi": _ASGI,
            "scheme": "http",
            "root_path": "",
            "client": (transport.get_extra_info("peername") or ("", 0))[:2],  # none, where the client has left already
            "server": (transport.get_extra_info("sockname") or ("", 0))[:2],
        }
        self._hub.connections.add(self)
        if len(self._hub.connections) > self._bounds.connections:
            self._refuse(ServerOverloaded("Too many connections are open here.", retry_after=_RETRY_SECONDS))

    def data_received(self, data: bytes) -> None:
        if self._phase is Phase.LINGERING:
            self._heard = self._loop.time()
        elif self._phase is Phase.TURN:
            self._take(data)
        elif self._phase is not Phase.CLOSING:
            self._received = self._received + data if self._received else data
            self._read_head()

    def eof_received(self) -> bool:
        """The client has sent its last byte: it left, or it only closed its half, which looks the same from here.

        So whoever waits for its leaving is told; what is answered all the same is still sent. True keeps the
        connection open for that.
        """
        self._input_ended = True
        if self._turn is None:
            return False
        self._turn.client_left()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        self._hub.connections.discard(self)
        self._enter(Phase.CLOSING)
        self._flow.resume_writing()
        if self._turn is not None:
            self._turn.client_left()

    def pause_writing(self) -> None:
        self._flow.hold_writing()

    def resume_writing(self) -> None:
        self._flow.resume_writing()

    # From bytes to turns

    def _read_head(self) -> None:
        received = self._received.removeprefix(b"\r\n")  # which some clients send after a body
        end = received.find(b"\r\n\r\n", 0, self._bounds.head_bytes)
        try:
            if end < 0:
                if received:
                    check_beginning(received, self._bounds)
                if self._phase is not Phase.HEAD:
                    self._enter(Phase.HEAD)
                return
            head = self._hub.heads.read(received[: end + 2])
        except ApiError as error:
            self._refuse(error)
            return
        self._received = b""
        self._begin(head, self._hub.app)
        if rest := received[end + 4 :]:
            self._take(rest)

    def _begin(self, head: Head, app: Application) -> None:
        self._enter(Phase.TURN)
        turn = self._turn = Turn(head, self._transport, self._flow, date=self._hub.date, bounds=self._bounds)
        if self._input_ended:
            turn.client_left()
        if self._last_turn:
            turn.keep_alive = False
        if head.has_body:
            self._body = body_of(head, self._bounds)
            self._window_bytes, self._window_since = 0, self._since
        turn.task = self._loop.create_task(self._run(app, turn), context=self._hub.context.copy())
        self._hub.tasks.add(turn.task)

    async def _run(self, app: Application, turn: Turn) -> None:
        """One turn of the application. What it raises is told by asyncio, as of every task that nobody asks."""
        try:
            await app(turn.scope(self._scope), turn.receive, turn.send)
        finally:
            self._end(turn)

    def _take(self, data: bytes) -> None:
        """What comes during a turn: its body, then the requests after it."""
        assert self._turn is not None
        if self._body is not None:
            self._window_bytes += len(data)
            try:
                part, data = self._body.feed(data)
            except ApiError as error:
                self._give_up_body(error)
                return
            done = self._body.done
            if done:
                self._body = None
            self._turn.body_came(part, done=done)
            if self._turn.unread_bytes > self._bounds.body_buffer_bytes:
                self._flow.hold_reading()
        if data and self._turn.keep_alive:
            self._received += data
            if len(self._received) > self._bounds.head_bytes:
                self._flow.hold_reading()

    def _give_up_body(self, error: ApiError) -> None:
        assert self._turn is not None
        self._body = None
        self._turn.body_failed(error)

    def _refuse(self, error: ApiError) -> None:
        """Answer what did not become a request, and let the connection end."""
        self._received = b""
        self._begin(unread(), partial(refuse, error))
        self._give_up_body(error)

    def _end(self, turn: Turn) -> None:
        """The turn is over: the next one, or the end of the connection.

        Called by its task and not as a callback of it, which would cost every request another round of the loop.
        """
        assert turn.task is not None
        self._hub.tasks.discard(turn.task)
        self._turn = self._body = turn.task = None
        if self._transport.is_closing():
            return
        if turn.complete and turn.keep_alive:
            self._go_on()
        elif turn.complete and not self._input_ended:
            self._linger()
        else:
            self._close()

    def _go_on(self) -> None:
        self._flow.resume_reading()
        self._enter(Phase.IDLE)
        if self._received:
            self._read_head()
        if self._phase is not Phase.TURN and self._input_ended:
            self._close()

    def _linger(self) -> None:
        """End our half. What came to a closed connection would reset it, and could take the answer with it."""
        self._enter(Phase.LINGERING)
        with suppress(OSError):  # the client has reset the connection; that it is lost comes next
            self._transport.write_eof()
        self._flow.resume_reading()

    def _close(self) -> None:
        """Let what is written go out, and end. After an answer that was broken off this is the cut."""
        self._enter(Phase.CLOSING)
        self._transport.close()

    # From outside

    def finish(self) -> None:
        """The server ends: no turn after this one."""
        self._last_turn = True
        if self._turn is not None:
            self._turn.keep_alive = False
        else:
            self._close()

    def abort(self) -> None:
        """End at once, whatever is under way."""
        if self._turn is not None:
            assert self._turn.task is not None
            self._turn.task.cancel()
        self._transport.abort()

    def sweep(self, now: float) -> None:
        """End what takes too long."""
        if self._flow.stalled_seconds(now) > self._bounds.stalled_seconds:
            self._transport.abort()
        elif self._phase is Phase.TURN:
            self._sweep_body(now)
        elif self._phase is Phase.LINGERING:
            if now - self._heard > self._bounds.linger_quiet_seconds or self._old(now, self._bounds.linger_seconds):
                self._close()
        elif self._phase is Phase.CLOSING:
            if self._old(now, self._bounds.linger_seconds):
                self._transport.abort()
        elif self._phase is Phase.HEAD:
            if self._old(now, self._bounds.head_seconds):
                self._refuse(RequestTimeout(f"The head of a request has {self._bounds.head_seconds:g} s to come."))
        elif self._old(now, self._silence()):
            self._close()

    def _silence(self) -> float:
        return self._bounds.head_seconds if self._phase is Phase.FIRST else self._bounds.idle_seconds

    def _old(self, now: float, seconds: float) -> bool:
        return now - self._since > seconds

    def _sweep_body(self, now: float) -> None:
        if self._body is None or now - self._window_since < self._bounds.body_window_seconds:
            return
        if self._window_bytes < self._bounds.body_window_bytes and not self._flow.reading_held:
            least = self._bounds.body_window_bytes / self._bounds.body_window_seconds
            self._give_up_body(RequestTimeout(f"The body came at less than {least:.0f} bytes a second."))
        self._window_bytes, self._window_since = 0, now
