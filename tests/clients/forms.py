"""What the answers that programs tell have to look like, whichever client got them.

The model is a small one: that it is held to a form can be seen, that it is right cannot.
"""

from itertools import pairwise
from typing import Any

ERRORS = {
    "key": ["AuthenticationError", 401, "invalid_api_key", None],
    "model": ["NotFoundError", 404, "model_not_found", "model"],
    "value": ["BadRequestError", 400, "invalid_value", "temperature"],
    "context": ["BadRequestError", 400, "context_length_exceeded", "messages"],
}
"""What the official client raises for a wrong key, model, value and length: class, status, code and param."""


def is_person(got: Any) -> bool:
    """Whether this has the bounds that every program gives its class `Person`."""
    return set(got) == {"name", "age"} and len(got["name"]) <= 12 and 1 <= got["age"] <= 99


def is_stream(parts: list[str], *, of: str) -> bool:
    """Whether `parts` came piece by piece, and are together the text `of`."""
    return len([part for part in parts if part]) > 5 and "".join(parts) == of


def is_call(call: Any) -> bool:
    """Whether this, a name and arguments, calls one of the programs' two functions as it may be called."""
    allowed = {"get_weather": {"city": {"Paris", "Oslo"}}, "get_time": {"zone": {"UTC", "CET"}}}
    name, arguments = call
    return set(arguments) == set(allowed[name]) and all(arguments[key] in allowed[name][key] for key in arguments)


def longer_prompts(prompts: list[int]) -> bool:
    """Whether every turn of a conversation carried those before it."""
    return len(prompts) > 1 and all(before + 10 < after for before, after in pairwise(prompts))


def check_batch(got: dict[str, Any]) -> None:
    """A batch of four requests, one of which is refused, as the programs of the official clients run it."""
    made, over = got["made"], got["over"]
    assert (got["file"]["bytes"], got["file"]["filename"]) == (got["sent"], "rivers.jsonl")
    assert (made["status"], made["metadata"]) == ("validating", {"for": "rivers"})
    assert got["cancelling"] in {"cancelling", "cancelled"}
    assert over["status"] == "completed"
    assert over["request_counts"] == {"total": 4, "completed": 3, "failed": 1}
    assert over["usage"]["output_tokens"] == sum(
        line["response"]["body"]["usage"]["completion_tokens"] for line in got["answered"]
    )
    assert [line["custom_id"] for line in got["answered"]] == ["river-1", "river-2", "river-3"]
    assert all(line["response"]["body"]["choices"][0]["message"]["content"] for line in got["answered"])
    (failed,) = got["failed"]
    assert (failed["custom_id"], failed["response"]["status_code"]) == ("river-0", 400)
    assert got["listed"]
    assert got["files"]
    assert got["deleted"]
    assert got["gone"] == "not_found"
