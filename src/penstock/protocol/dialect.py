"""Requests of other APIs as chat requests: which message came from where, so that errors name the field that was sent.

Every rule about a request stands once, in chat.py and in the rooms below it, and speaks of a chat request's fields.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple

from penstock.errors import ApiError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import Message


class Names:
    """What the fields of a chat request were called in the request that it was made from."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        """`paths`: the dotted path of a field of the chat request -> that of the field which was sent."""
        self._paths = paths

    def original(self, param: str) -> str:
        """The path of the field that was sent; what lies deeper than the known paths is called the same in both."""
        end = len(param)
        while end > 0:
            known = self._paths.get(param[:end])
            if known is not None:
                return known + param[end:]
            end = max(param.rfind(".", 0, end), param.rfind("[", 0, end))
        return param

    @contextmanager
    def in_errors(self) -> Iterator[None]:
        """Errors that leave the block speak of the fields that were sent."""
        try:
            yield
        except ApiError as error:
            if error.param is not None:
                original = self.original(error.param)
                error.message = error.message.replace(error.param, original)
                error.param = original
            raise


class Translated(NamedTuple):
    """A request as a chat request."""

    chat: ChatRequest
    names: Names


class Conversation:
    """The messages of a chat request while they are gathered, each with the place that it came from."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        """`fields`: what the other fields of a chat request are called."""
        self.messages: list[Message] = []
        self._paths = dict(fields)

    def add(self, message: Message, path: str, fields: Mapping[str, str] | None = None) -> None:
        """Add a message that stood at `path`. `fields`: the paths of those of its fields that are called otherwise."""
        at = f"messages[{len(self.messages)}]"
        self._paths[at] = path
        self._paths.update({f"{at}.{name}": original for name, original in (fields or {}).items()})
        self.messages.append(message)

    @property
    def names(self) -> Names:
        return Names(self._paths)
