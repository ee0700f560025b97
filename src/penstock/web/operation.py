"""What a route tells of itself, beside its code: whom it lets in, what it parses and renders, examples that run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.errors import (
    ApiError,
    ContextLengthExceeded,
    DatabaseAway,
    EngineError,
    ExpectationFailed,
    HeadTooLarge,
    InsufficientQuota,
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
    NeverFits,
    NotSignedIn,
    PermissionDenied,
    RateLimited,
    RequestTimeout,
    RequestTooLarge,
    ServerOverloaded,
    UnsupportedMediaType,
    WrongOrigin,
)
from penstock.protocol.errors import ErrorEnvelope
from penstock.web.access import ANY_KEY, Access
from penstock.web.origin import SAFE_METHODS

OF_CONNECTIONS = (MalformedRequest, HeadTooLarge, ExpectationFailed, RequestTimeout, ServerOverloaded)
"""What any route can answer, before it is asked itself."""
OF_KEYS = (MissingKey, InvalidKey, InvalidRequest, DatabaseAway)
"""What any route behind a key can answer."""
OF_SESSIONS = (NotSignedIn, InvalidRequest, DatabaseAway)
"""What any route that takes a session can answer."""
OF_BODIES = (InvalidJson, InvalidRequest, RequestTooLarge, UnsupportedMediaType)
"""What any route with a JSON body can answer."""
OF_FORMS = (InvalidRequest, RequestTooLarge, UnsupportedMediaType)
"""What any route with a form for its body can answer."""
OF_MODELS = (
    *(ModelNotFound, ContextLengthExceeded, ServerOverloaded, ModelLoading, ModelUnavailable, ModelFailed),
    EngineError,
)
"""What any route that asks an engine can answer."""
OF_LIMITS = (RateLimited, NeverFits, InsufficientQuota)
"""What any route can answer whose use counts against limits."""


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
    request_media: str = "application/json"
    """Of the body."""
    event: Any = None
    """The type of each event's data, where an answer can be streamed."""
    done: bool = True
    """Whether a stream ends with `[DONE]`."""
    media_type: str = "application/json"
    """Of the answer; `answer` is `str` where it is not JSON."""
    more_answers: Mapping[int, Any] = field(default_factory=dict)
    """Status -> type, of answers that are neither 200 nor an error."""
    media: tuple[str, ...] = ()
    """Media types that the answer can be had in beside JSON."""
    errors: tuple[type[ApiError], ...] = ()
    """Beside those of connections, keys and bodies, and our own fault."""
    envelope: Any = ErrorEnvelope
    """The type that errors are rendered in."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Name in the path -> what it is."""
    query: Any = None
    """The struct that the query is parsed into; None where there is none to parse."""
    examples: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> a body that is answered with 200."""
    access: Access = ANY_KEY
    """Whom it lets in."""

    @property
    def all_errors(self) -> tuple[type[ApiError], ...]:
        """Every error that this route can answer."""
        keys = OF_KEYS if self.access.scopes is not None else ()
        sessions = () if self.access.role is None else OF_SESSIONS
        origin = (WrongOrigin,) if self._is_held_to_origin else ()
        denied = (PermissionDenied,) if self.access.scopes or self.access.role else ()
        query = () if self.query is None else (InvalidRequest,)
        return tuple(
            dict.fromkeys(
                (
                    *OF_CONNECTIONS,
                    *keys,
                    *sessions,
                    *origin,
                    *denied,
                    *query,
                    *self._of_body,
                    *self.errors,
                    InternalError,
                )
            )
        )

    @property
    def _of_body(self) -> tuple[type[ApiError], ...]:
        if self.request is None:
            return ()
        return OF_BODIES if self.request_media == "application/json" else OF_FORMS

    @property
    def _is_held_to_origin(self) -> bool:
        takes_cookie = self.access.role is not None or self.path.startswith("/api/")
        return takes_cookie and self.method not in SAFE_METHODS
