"""What a route tells of itself, beside its code: the types it parses and renders, its errors, examples that run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.errors import (
    ApiError,
    ContextLengthExceeded,
    EngineError,
    ExpectationFailed,
    HeadTooLarge,
    InternalError,
    InvalidJson,
    InvalidKey,
    InvalidRequest,
    MalformedRequest,
    MissingKey,
    ModelFailed,
    ModelLoading,
    ModelNotFound,
    ModelUnavailable,
    RequestTimeout,
    RequestTooLarge,
    ServerOverloaded,
    UnsupportedMediaType,
)
from penstock.protocol.errors import ErrorEnvelope

OF_CONNECTIONS = (MalformedRequest, HeadTooLarge, ExpectationFailed, RequestTimeout, ServerOverloaded)
"""What any route can answer, before it is asked itself."""
OF_KEYS = (MissingKey, InvalidKey, InvalidRequest)
"""What any route behind a key can answer."""
OF_BODIES = (InvalidJson, InvalidRequest, RequestTooLarge, UnsupportedMediaType)
"""What any route with a JSON body can answer."""
OF_MODELS = (
    *(ModelNotFound, ContextLengthExceeded, ServerOverloaded, ModelLoading, ModelUnavailable, ModelFailed),
    EngineError,
)
"""What any route that asks an engine can answer."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one URL."""

    name: str
    """A name for code: `createChatCompletion`."""
    method: str
    path: str
    """With its parameters in braces."""
    summary: str
    answer: Any
    """The type that is rendered where all went well."""
    untagged: tuple[Any, ...] = ()
    """Structs in the request whose tag may be left out, because it is filled in before they are parsed."""
    request: Any = None
    """The type that the body is parsed into; None where there is no body."""
    event: Any = None
    """The type of each event's data, where an answer can be streamed."""
    done: bool = True
    """Whether a stream ends with `[DONE]`."""
    more_answers: Mapping[int, Any] = field(default_factory=dict)
    """Status -> type, of answers that are neither 200 nor an error."""
    errors: tuple[type[ApiError], ...] = ()
    """Beside those of connections, keys and bodies, and our own fault."""
    envelope: Any = ErrorEnvelope
    """The type that errors are rendered in."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Name in the path -> what it is."""
    examples: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> a body that is answered with 200."""
    open: bool = False
    """Whether it needs no key."""

    @property
    def all_errors(self) -> tuple[type[ApiError], ...]:
        """Every error that this route can answer."""
        keys = () if self.open else OF_KEYS
        bodies = () if self.request is None else OF_BODIES
        return tuple(dict.fromkeys((*OF_CONNECTIONS, *keys, *bodies, *self.errors, InternalError)))
