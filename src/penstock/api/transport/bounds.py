"""Every bound of a connection, in one place."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Bounds:
    """What one client may take. Sizes in bytes, times in seconds."""

    connections: int = 10_000
    """Open at once; one more is told to come back."""

    head_bytes: int = 16 << 10
    """The request line and the headers together."""
    headers: int = 100
    head_seconds: float = 10.0
    """From the first byte of a head to its end; also how long a new connection may stay silent."""
    idle_seconds: float = 75.0
    """Between two requests. Longer than clients keep a connection, so that none sends into one that closes."""

    body_window_seconds: float = 10.0
    body_window_bytes: int = 5 << 10
    """A body that is on its way brings so much in every window, or it is given up."""
    body_buffer_bytes: int = 256 << 10
    """What is read ahead of a handler that takes its time."""
    chunk_line_bytes: int = 256
    """The size of a chunk, with its extensions."""
    chunks: int = 1 << 16
    """Of one body: each costs time, however small it is."""
    trailer_bytes: int = 4 << 10

    write_buffer_bytes: int = 128 << 10
    """What waits here for a slow reader before its answer is held up."""
    write_piece_bytes: int = 64 << 10
    """What is written at once; so that the buffer is never fuller than one piece above its mark."""
    unsent_bytes: int = 64 << 10
    """What waits in the kernel, not sent yet; with the two above, 256 KB in all."""
    stalled_seconds: float = 120.0
    """An answer that is held up for so long has no reader any more."""

    linger_seconds: float = 30.0
    """How long what comes after a refusal is read and thrown away: who closes on unread bytes resets the connection,
    and the client loses the refusal."""
    linger_quiet_seconds: float = 5.0
    """The same, when nothing comes."""

    sweep_seconds: float = 1.0
    """How often all of these times are looked at."""
