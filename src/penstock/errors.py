"""The error tree. Each error knows its HTTP status, its `type` and its `code`; its message says what would be right.

    PenstockError
    ├── OperatorError                   told to whoever runs a command: exit code 1, never over the wire
    └── ApiError                        told to a client, in OpenAI's envelope
        ├── InvalidRequest 400          InvalidJson, ContextLengthExceeded, UnsupportedMediaType 415,
        │                               RequestTooLarge 413, MalformedRequest, HeadTooLarge 431,
        │                               ExpectationFailed 417, RequestTimeout 408
        ├── Unauthenticated 401         MissingKey, InvalidKey, NotSignedIn, WrongPassword
        ├── PermissionDenied 403        WrongOrigin, SignupClosed
        ├── NotFound 404                UnknownUrl, ModelNotFound, MethodNotAllowed 405
        ├── RateLimited 429             NeverFits, InsufficientQuota
        ├── Unavailable 503             ServerOverloaded, DatabaseAway, StorageAway, ModelLoading,
        │                               ModelUnavailable, ModelFailed, PutBack
        └── EngineError 502, InternalError 500

The official clients choose their exception by status alone; 408, 409, 429 and 5xx they retry twice, unless the header
`x-should-retry` says otherwise.
"""

import math
from typing import ClassVar


class PenstockError(Exception):
    """Anything Penstock raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class OperatorError(PenstockError):
    """A command cannot go on; the message names the next step for whoever typed it."""


class ApiError(PenstockError):
    """An answer to a client. `param` is the dotted path of the field at fault; `retry_after` is in seconds."""

    status: ClassVar[int] = 500
    type: ClassVar[str] = "server_error"
    code: str = "internal_error"
    should_retry: ClassVar[bool | None] = None
    """Whether the same request can go better a little later; None leaves it to the rules that clients have."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code or type(self).code
        self.param = param
        self.retry_after = retry_after

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers that belong to this error alone."""
        headers = []
        if self.retry_after is not None:
            headers.append((b"retry-after", b"%d" % math.ceil(self.retry_after)))
        if self.should_retry is not None:
            headers.append((b"x-should-retry", b"true" if self.should_retry else b"false"))
        return headers


class InvalidRequest(ApiError):
    """A parameter is missing, of the wrong type, out of range, unknown or not supported; `code` says which."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_value"


class InvalidJson(InvalidRequest):
    """The body is not one JSON object in valid UTF-8, with one value per key and at most 64 levels."""

    code = "invalid_json"


class ContextLengthExceeded(InvalidRequest):
    """The prompt and the tokens asked for do not fit the model's context."""

    code = "context_length_exceeded"

    def __init__(
        self, context_length: int, *, prompt: int | str, output: int | None = None, param: str, whose: str = ""
    ) -> None:
        """All in tokens. `prompt` is a string where it is only known to be `at least 9000`; `whose` bound it is where
        it is not the model's: `the plan free`."""
        for_whom = f" with {whose}" if whose else ""
        asked = f", and {output} tokens of answer were asked for" if output else ""
        super().__init__(  # LiteLLM and CrewAI know it by the first words, LangChain by "prompt is too long"
            f"This model's maximum context length is {context_length} tokens{for_whom}. The prompt is too long: it has "
            f"{prompt}{asked}. Shorten it or ask for less.",
            param=param,
        )


class UnsupportedMediaType(InvalidRequest):
    """The body is not plain `application/json`."""

    status = 415
    code = "unsupported_media_type"


class RequestTooLarge(InvalidRequest):
    """The body is larger than the route takes; it was refused before it was read."""

    status = 413
    code = "request_too_large"


class MalformedRequest(InvalidRequest):
    """What came is not HTTP/1.1 as its standard has it; the connection is closed."""

    code = "invalid_request"


class HeadTooLarge(InvalidRequest):
    """The request line and the headers are larger, or more, than the server takes."""

    status = 431
    code = "headers_too_large"


class ExpectationFailed(InvalidRequest):
    """The request has an `Expect` that the server cannot meet."""

    status = 417
    code = "expectation_failed"


class RequestTimeout(InvalidRequest):
    """The request came too slowly, and was given up."""

    status = 408
    code = "request_timeout"


class Unauthenticated(ApiError):
    """No credential, or one that opens nothing."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"
    challenge: ClassVar[bytes] = b"Bearer"
    """How to prove who one is, as RFC 9110 wants it told."""

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [*super().headers(), (b"www-authenticate", self.challenge)]


class MissingKey(Unauthenticated):
    """No API key was sent."""

    code = "missing_api_key"


class InvalidKey(Unauthenticated):
    """The API key is unknown, malformed, revoked or expired; which of these is not told."""


class NotSignedIn(Unauthenticated):
    """No session, or one that has ended; POST /api/login begins one."""

    code = "not_signed_in"
    challenge = b"Cookie"


class WrongPassword(Unauthenticated):
    """No account has this e-mail and this password; which of these is wrong is not told."""

    code = "wrong_password"
    challenge = b"Cookie"


class PermissionDenied(ApiError):
    """The credential is good, and may not do this."""

    status = 403
    type = "permission_error"
    code = "insufficient_permissions"


class WrongOrigin(PermissionDenied):
    """The request does not come from a page of this server, so that it may not change anything by a cookie."""

    code = "wrong_origin"


class SignupClosed(PermissionDenied):
    """Accounts are made by an administrator, or by invitation; the setting `signup` says."""

    code = "signup_closed"


class WrongSetupToken(PermissionDenied):
    """The token is not the one that the server printed when it started."""

    code = "wrong_setup_token"

    def __init__(self) -> None:
        super().__init__(
            "This is not the token that this server printed. Open the URL from its terminal; each start prints another."
        )


class NotFound(ApiError):
    """No such object for this caller."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class SetupDone(NotFound):
    """There is an account that can log in, so there is nothing left to set up."""

    code = "setup_done"

    def __init__(self) -> None:
        super().__init__("This server is set up already. Log in, or ask its administrator for an account.")


class UnknownUrl(NotFound):
    """No route has this URL."""

    code = "unknown_url"


class ModelNotFound(NotFound):
    """No model of this name is served here."""

    code = "model_not_found"

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The model {name[:200]!r} does not exist here. GET /v1/models lists those that do.",
            param="model",
        )


class MethodNotAllowed(NotFound):
    """The URL exists, the method does not."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, method: str, allowed: list[str]) -> None:
        self._allow = ", ".join(sorted(allowed))
        super().__init__(f"{method} is not allowed here; this URL takes {self._allow}.")

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [*super().headers(), (b"allow", self._allow.encode())]


class RateLimited(ApiError):
    """A limit on requests, tokens or concurrency is reached; `limit` names it as plans do."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"
    should_retry = True

    def __init__(self, message: str, *, limit: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.limit = limit

    def headers(self) -> list[tuple[bytes, bytes]]:
        headers = super().headers()
        if self.retry_after is not None:  # the official clients read it before the whole seconds
            headers.append((b"retry-after-ms", b"%d" % math.ceil(self.retry_after * 1000)))
        return headers


class NeverFits(RateLimited):
    """The request alone is more than a limit allows in all: no waiting helps."""

    should_retry = False


class InsufficientQuota(RateLimited):
    """The budget of this month is used up, or what may be kept is: only money, room or a human helps."""

    type = "insufficient_quota"
    code = "insufficient_quota"
    should_retry = False


class Unavailable(ApiError):
    """Not now; `retry_after` says when to come back."""

    status = 503
    type = "service_unavailable_error"
    code = "model_unavailable"
    should_retry = True


class ServerOverloaded(Unavailable):
    """The queue in front of the model is full."""

    code = "server_is_overloaded"


class DatabaseAway(Unavailable):
    """The database does not answer, and what is known without it is too old or nothing."""

    code = "service_unavailable"


class StorageAway(Unavailable):
    """The store of files does not answer, is full, or lost what it had."""

    code = "service_unavailable"


class PutBack(Unavailable):
    """A line of a batch gave its place to somebody who waits for an answer: it begins anew later. No client is told."""

    code = "put_back"


class ModelLoading(Unavailable):
    """The model's engine is starting or its file is still on its way."""

    code = "model_loading"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, param="model", retry_after=retry_after)


class ModelUnavailable(Unavailable):
    """The server is shutting down."""

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message, param="model", retry_after=retry_after)


class ModelFailed(ModelUnavailable):
    """The model's engine failed for good: somebody has to look into its log before it answers again."""

    should_retry = False


class EngineError(ApiError):
    """The engine broke off or answered what it should not; nothing of it is billed before the first token."""

    status = 502
    code = "engine_error"
    should_retry = True


class InternalError(ApiError):
    """Our fault."""
