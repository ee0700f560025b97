"""/api/snippets: the code that sends one's own request to this server from elsewhere."""

import re
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, to_builtins

from penstock.console.snippets import PLACEHOLDER, SNIPPETS, Call, Language
from penstock.errors import InvalidRequest
from penstock.protocol import sampling
from penstock.protocol.chat import ReasoningEffort
from penstock.protocol.tools import ResponseFormat
from penstock.web.access import SIGNED_IN
from penstock.web.cookie import SECURE_NAME
from penstock.web.routing import Asked, Routing, route
from penstock.web.wanted import Id

_HOST = re.compile(rb"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")


class SnippetQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to ask."""

    model: Id | None = None
    """By default the server's first one."""


class Said(Struct, forbid_unknown_fields=True, kw_only=True):
    """One message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class Parameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """How the answer is made. What is not there, or null, is not in the code either."""

    temperature: sampling.Temperature | UnsetType | None = UNSET
    top_p: sampling.TopP | UnsetType | None = UNSET
    top_k: sampling.TopK | UnsetType | None = UNSET
    min_p: sampling.MinP | UnsetType | None = UNSET
    repetition_penalty: sampling.RepetitionPenalty | UnsetType | None = UNSET
    presence_penalty: sampling.Penalty | UnsetType | None = UNSET
    frequency_penalty: sampling.Penalty | UnsetType | None = UNSET
    seed: sampling.Seed | UnsetType | None = UNSET
    stop: sampling.StopString | Annotated[list[sampling.StopString], Meta(max_length=4)] | UnsetType | None = UNSET
    max_tokens: sampling.Tokens | UnsetType | None = UNSET
    max_completion_tokens: sampling.Tokens | UnsetType | None = UNSET
    response_format: ResponseFormat | UnsetType | None = UNSET
    reasoning_effort: ReasoningEffort | UnsetType | None = UNSET


class SnippetsWanted(SnippetQuery, kw_only=True):
    """The request that the code is to send."""

    messages: Annotated[list[Said], Meta(max_length=1000)] = []
    """By default one question."""
    parameters: Parameters | None = None


class SnippetShown(Struct, kw_only=True):
    """The code in one language."""

    id: Language
    object: Literal["snippet"] = "snippet"
    name: str
    """Of the language or library, for people."""
    syntax: Literal["sh", "python", "js"]
    install: str | None
    """The command that installs what it needs; null where there is nothing to install."""
    code: str


class SnippetList(Struct, kw_only=True):
    """The same request in every language."""

    object: Literal["list"] = "list"
    base_url: str
    """This server's, as the browser that asks reaches it."""
    model: str
    placeholder: str
    """What stands in the code for the key."""
    data: list[SnippetShown]


LIST = route(
    "GET",
    "/api/snippets",
    "listSnippets",
    "Show code that asks a model, in every language",
    query=SnippetQuery,
    answer=SnippetList,
    access=SIGNED_IN,
)
WRITE = route(
    "POST",
    "/api/snippets",
    "writeSnippets",
    "Write code that sends this very request, in every language",
    request=SnippetsWanted,
    answer=SnippetList,
    access=SIGNED_IN,
    examples={"warm": {"messages": [{"role": "user", "content": "Hello"}], "parameters": {"temperature": 1.2}}},
)


class Snippets:
    """The routes. `model` is the one that is asked where none is named."""

    operations = (LIST, WRITE)

    def __init__(self, model: str) -> None:
        self._model = model

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(WRITE, self.write)

    async def list(self, asked: Asked) -> Struct:
        return _all_of(Call(url=_url_of(asked), model=asked.query(SnippetQuery).model or self._model))

    async def write(self, asked: Asked) -> Struct:
        wanted = await asked.body(SnippetsWanted)
        call = Call(url=_url_of(asked), model=wanted.model or self._model, parameters=_set(wanted.parameters))
        if wanted.messages:
            call = Call(call.url, call.model, [to_builtins(each) for each in wanted.messages], call.parameters)
        return _all_of(call)


def _set(parameters: Parameters | None) -> dict[str, Any]:
    given: dict[str, Any] = {} if parameters is None else to_builtins(parameters)
    return {name: value for name, value in given.items() if value is not None}


def _all_of(call: Call) -> SnippetList:
    shown = [
        SnippetShown(id=id_, name=each.name, syntax=each.syntax, install=each.install, code=each.code(call))
        for id_, each in SNIPPETS.items()
    ]
    return SnippetList(base_url=call.base_url, model=call.model, placeholder=PLACEHOLDER, data=shown)


def _url_of(asked: Asked) -> str:
    """Where the browser reaches this server. A page's GET has no Origin: over https its cookie has the safe name."""
    hosts = [value.strip() for name, value in asked.scope["headers"] if name == b"host"]
    if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
        raise InvalidRequest("The Host of the request is no address.")
    cookies = b"; ".join(value for name, value in asked.scope["headers"] if name == b"cookie")
    secure = asked.secure or f"{SECURE_NAME}=".encode() in cookies
    return f"{'https' if secure else 'http'}://{hosts[0].decode('ascii')}"
