"""What one request used: a row of the ledger, and a line of the spool on its way there."""

import zlib

import msgspec
from msgspec import Struct

CLIENT_LEFT = 499
"""The status in the ledger of a request whose client left before it had one; nginx's number for it."""

_encoder = msgspec.json.Encoder()


class UsageRecord(Struct, frozen=True, gc=False):
    """What one request used. `created_at` is in seconds since 1970, the spans in milliseconds.

    Its fields are the columns of the table `usage`, in their order.
    """

    request_id: str
    account_id: str
    key_id: str
    model: str
    endpoint: str
    created_at: float
    status: int
    outcome: str
    """completed, failed, or aborted: the client left, or the server shut down."""
    finish_reason: str | None
    streamed: bool
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    reasoning_tokens: int
    queue_ms: float
    """Until it had a slot of the engine."""
    ttft_ms: float | None
    """Until its first token, from its start."""
    total_ms: float
    project_id: str | None = None
    error_code: str | None = None
    load_ms: float | None = None
    """How long its model loaded for it; null, as a model that loads refuses."""
    prefill_ms: float | None = None
    """From its slot to its first token."""
    decode_ms: float | None = None
    """From its first token to its last."""
    tier: str = "default"
    batch: bool = False
    input_price: int = 0
    """Picos for one token at the time, as the next two and `cost`."""
    cached_input_price: int = 0
    output_price: int = 0
    cost: int = 0
    limit_hit: str | None = None
    """The limit that refused it, by its name in plans."""
    frees_at: float | None = None
    """When that limit would have let it in, in seconds since 1970; null where no waiting helps."""
    batch_id: str | None = None
    """The batch that it is a line of."""

    @property
    def recorded_at(self) -> float:
        """When it ended, in seconds since 1970."""
        return self.created_at + self.total_ms / 1000


_decoder = msgspec.json.Decoder(UsageRecord)


def encode_line(row: UsageRecord) -> bytes:
    """A line with a checksum before it. Raises ValueError for what is no text."""
    data = _encoder.encode(row)
    return b"%08x %b\n" % (zlib.crc32(data), data)


def decode_line(line: bytes) -> UsageRecord:
    """The row of a line without its end. Raises ValueError where it is not as it was written.

    Fields that a later version adds are passed over, and those that this one added have their defaults.
    """
    checksum, _, data = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(data):
        raise ValueError("the line does not match its checksum")
    return _decoder.decode(data)
