"""What an API process and the owner say to each other. A number `n` is the API process's own, and names one thing."""

import msgspec

from penstock.engines.engine import Abilities
from penstock.protocol.price import Price
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Used
from penstock.tenants.usage import UsageRecord


class Message(msgspec.Struct, array_like=True, tag=True, gc=False):
    """One frame."""


# What an API process says


class Hello(Message):
    """The first word."""

    process: str
    pid: int


class Ready(Message):
    """It listens."""


class Known(Message):
    """From here on `ref` stands for this caller."""

    ref: int
    caller: Caller


class Admit(Message):
    """Reserve the worst case of request `n`; answered by Admitted or Refused."""

    n: int
    ref: int
    model: str
    input_tokens: int
    output_tokens: int
    cost: int


class Settle(Message):
    """Request `n` has used so much; None: give all back."""

    n: int
    used: Used | None


class Enter(Message):
    """A place at an engine; answered by Entered or Refused."""

    n: int
    engine: int
    account_id: str
    tokens: int
    places: int
    tier: int
    weight: float
    ahead: bool


class Leave(Message):
    """The place `n` is free, or is not waited for any more. `tokens` were read and written in it."""

    n: int
    tokens: int = 0
    step_seconds: float = 0.0


class Note(Message):
    """What the metrics want of a request beside its row."""

    entered: bool
    steps: int


class Rows(Message):
    """Rows for the ledger, and to each its note, where there is one; answered by Taken."""

    n: int
    rows: list[UsageRecord]
    notes: list[Note | None]


class LimitHit(Message):
    """A request was refused by the limit of this name."""

    limit: str


class KeyUses(Message):
    """Keys, and when each was last used, in seconds since 1970."""

    used: dict[str, float]


class Flight(msgspec.Struct, array_like=True, gc=False):
    """A request under way. Times are those of the machine's monotonic clock; `created` is since 1970."""

    request_id: str
    account_id: str
    key_name: str
    model: str
    created: float
    entered: float | None
    first_token: float | None
    last_token: float | None
    completion_tokens: int


class Flights(Message):
    """All of the process, the oldest first: the answer to Look."""

    flights: list[Flight]


class Pulse(msgspec.Struct, array_like=True, gc=False):
    """What one process sees of an engine: whether somebody waits for it, for how long it has been quiet, and whether
    somebody gave it up."""

    engine: int
    waiting: bool
    quiet_seconds: float
    hung: bool


class Now(Message):
    """How the process is, twice a second."""

    connections: int
    under_way: int
    waiting_rows: int
    lag_seconds: float
    pulses: list[Pulse]


# What the owner says


class Left(msgspec.Struct, array_like=True, gc=False):
    """What is left of one limit of a caller; `quantity` as in rules.py."""

    quantity: int
    limit: int
    remaining: int
    reset_seconds: float


class Admitted(Message):
    """The answer to Admit, with the request counted."""

    n: int
    left: list[Left]


class Entered(Message):
    """It is the turn of place `n`."""

    n: int


class Refused(Message):
    """The answer to Admit or Enter: an error by its class's name."""

    n: int
    kind: str
    message: str
    code: str
    param: str | None = None
    retry_after: float | None = None
    limit: str = ""
    left: list[Left] = []


class Taken(Message):
    """The rows `n` are the owner's by now."""

    n: int


class Look(Message):
    """Somebody watches: tell what is under way."""


class Cancel(Message):
    """Break off a request that somebody cancelled in the console."""

    request_id: str


class EngineTold(msgspec.Struct, array_like=True):
    """One life of an engine, by its number."""

    number: int
    url: str
    api_key: str
    slots: int
    context_length: int
    max_output: int
    abilities: Abilities


class ModelTold(msgspec.Struct, array_like=True):
    """A model, and its engine while it is ready."""

    id: str
    state: str
    price: Price
    engine: EngineTold | None


class Models(Message):
    """All models, at first and whenever one changes. `inside` is the port of the owner's own listener."""

    models: list[ModelTold]
    inside: int


FromProcess = Hello | Ready | Known | Admit | Settle | Enter | Leave | Rows | LimitHit | KeyUses | Flights | Now
FromOwner = Admitted | Entered | Refused | Taken | Look | Cancel | Models
