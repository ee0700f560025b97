"""/api/batches/{id}/lines: single lines of the batches of whoever is signed in, and what came of them."""

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from penstock.api.batches import ID
from penstock.batches.input_lines import InputLines
from penstock.batches.line_results import LineResults, LineState
from penstock.batches.lines import LONGEST_CUSTOM_ID
from penstock.errors import InvalidJson, NotFound, StorageAway
from penstock.protocol.strict_json import decode
from penstock.protocol.validation import NO_NUL
from penstock.web.access import SIGNED_IN
from penstock.web.routing import Asked, Routing, route


class LineAnswered(Struct, kw_only=True):
    """The answer to a line, an error of the API included."""

    status_code: int
    request_id: str
    body: dict[str, Any]


class LineFailed(Struct, kw_only=True):
    """Why a line has no answer."""

    code: str
    message: str


class LineShown(Struct, kw_only=True):
    """One line of a batch's input, and what came of it so far."""

    object: Literal["batch_line"] = "batch_line"
    line: int
    custom_id: str
    url: str
    body: dict[str, Any]
    state: LineState
    """`not_run`: the batch was over before it; `gone`: the file with its answer was deleted or has expired, or that is
    too long to be shown."""
    response: LineAnswered | None
    error: LineFailed | None


class LineQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which line."""

    custom_id: Annotated[str, Meta(min_length=1, max_length=LONGEST_CUSTOM_ID, pattern=NO_NUL)]


class LinePlace(Struct, kw_only=True):
    """Where a line stands in the input."""

    object: Literal["batch_line.place"] = "batch_line.place"
    line: int
    """From 1; blank lines count."""
    custom_id: str


_ONE: dict[str, Any] = {"access": SIGNED_IN, "errors": (NotFound, StorageAway)}
SHOW = route(
    "GET",
    "/api/batches/{id}/lines/{line}",
    "showBatchLine",
    "Show one line of a batch's input, and its answer or error where there is one",
    answer=LineShown,
    parameters={**ID, "line": "The line's number, from 1; blank lines count."},
    **_ONE,
)
FIND = route(
    "GET",
    "/api/batches/{id}/lines",
    "findBatchLine",
    "Find a line of a batch's input by its custom_id",
    query=LineQuery,
    answer=LinePlace,
    parameters=ID,
    **_ONE,
)


class OwnLines:
    """The routes."""

    operations = (SHOW, FIND)

    def __init__(self, lines: InputLines, results: LineResults) -> None:
        self._lines = lines
        self._results = results

    def add_to(self, routing: Routing) -> None:
        routing.add(SHOW, self.show)
        routing.add(FIND, self.find)

    async def show(self, asked: Asked) -> Struct:
        number = asked.named("line")
        if not (number.isascii() and number.isdigit() and len(number) <= 9):
            number = "0"  # which no line has
        account_id, batch_id, line = asked.visitor.account_id, asked.named("id"), int(number)
        given = _request(await self._lines.get(account_id, batch_id, line))
        result = await self._results.of(account_id, batch_id, line)
        return LineShown(
            line=line,
            custom_id=str(given.get("custom_id", "")),
            url=str(given.get("url", "")),
            body=given["body"],
            state=result.state,
            response=None if result.answer is None else LineAnswered(**result.answer.__dict__),
            error=None if result.failure is None else LineFailed(**result.failure.__dict__),
        )

    async def find(self, asked: Asked) -> Struct:
        custom_id = asked.query(LineQuery).custom_id
        line = await self._lines.number_of(asked.visitor.account_id, asked.named("id"), custom_id)
        return LinePlace(line=line, custom_id=custom_id)


def _request(text: bytes) -> dict[str, Any]:
    """The line as an object with a body. Raises NotFound."""
    try:
        given = decode(text)
    except InvalidJson:
        given = None
    if not isinstance(given, dict) or not isinstance(given.get("body"), dict):
        raise NotFound("This line is no request.")
    return given
