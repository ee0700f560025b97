"""The page on compatibility says what the code does: every parameter, every refusal, every error."""

import json
import re
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from guides import DOCS, ROOT, blocks_of
from running_server import RunningServer

from penstock import errors
from penstock.app import operations
from penstock.catalogue.workers import State
from penstock.errors import ApiError
from penstock.inference.admission import MAX_WAITING
from penstock.inference.tool_grammar import MAX_CALLS
from penstock.protocol import chat, completions, embeddings, json_schema, json_schema_walk, sampling, strict_json, tools
from penstock.protocol.batches import LineFault
from penstock.protocol.json_formats import FORMATS
from penstock.protocol.models import Ability

NAME = "get-started/openai-compatibility.md"
HELLO = {"role": "user", "content": "Hello"}
PAGE = (DOCS / NAME).read_text(encoding="utf-8")
SOURCES = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py"))


def section(heading: str) -> str:
    """The text under a heading, up to the next one of its level or above."""
    level = len(heading) - len(heading.lstrip("#"))
    text = PAGE.split(f"\n{heading}\n", 1)[1]
    return re.split(rf"\n#{{1,{level}}} ", text, maxsplit=1)[0]


def rows(heading: str) -> list[list[str]]:
    """The rows of all tables of a section, without their heads."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    heads = {at - 1 for at, row in enumerate(cells) if set(row[0]) <= {"-"}}
    return [row for at, row in enumerate(cells) if at not in heads and set(row[0]) - {"-"}]


def names(heading: str) -> set[str]:
    return {name for row in rows(heading) for name in re.findall(r"`(\w+)`", row[0])}


def test_every_parameter_is_listed_and_no_other() -> None:
    assert names("### Parameters") == {field.name for field in msgspec.structs.fields(chat.ChatRequest)}


def test_what_sillytavern_is_told_to_add_is_taken() -> None:
    (added,) = [block for block in blocks_of("get-started/integrations/sillytavern.md") if block.language == "yaml"]
    told = set(re.findall(r"^(\w+):", added.code, re.MULTILINE))
    assert told
    assert told <= names("### Parameters")


def test_every_refused_parameter_is_listed_and_no_other() -> None:
    assert names("### What is refused, and why") == set(chat.UNSUPPORTED)


def test_every_parameter_of_the_other_endpoints_is_listed_and_no_other() -> None:
    assert names("## Completions") == {field.name for field in msgspec.structs.fields(completions.CompletionRequest)}
    assert names("## Embeddings") == {field.name for field in msgspec.structs.fields(embeddings.EmbeddingRequest)}
    refused = section("## Completions").rpartition("|")[2].split(" are refused")[0]
    assert set(re.findall(r"`(\w+)`", refused)) == set(completions.UNSUPPORTED)


@pytest.mark.parametrize("private", re.findall(r"`(\w+)`", PAGE.split("private fields of engines")[1].split(":")[0]))
def test_the_private_fields_that_are_named_are_unknown(private: str) -> None:
    with pytest.raises(errors.InvalidRequest) as refused:
        chat.parse_chat_request(json.dumps({"model": "m", "messages": [HELLO], private: 1}).encode())
    assert refused.value.code == "unknown_parameter"
    assert refused.value.param == private


def served_errors(of: type[ApiError] = ApiError) -> Iterator[type[ApiError]]:
    for one in of.__subclasses__():
        yield from [one, *served_errors(one)]


def of_the_console_alone() -> set[type[ApiError]]:
    """What only the routes under /api answer, which are not OpenAI's."""
    told: dict[bool, set[type[ApiError]]] = {True: set(), False: set()}
    for operation in operations():
        told[operation.path.startswith("/api/")].update(operation.all_errors)
    return told[True] - told[False]


def test_every_error_is_listed_with_its_status() -> None:
    told = {(int(status), code.strip("`")) for status, code, *_ in rows("## Errors")}
    never_told = {errors.InvalidRequest, errors.Unauthenticated, errors.PutBack}
    classes = set(served_errors()) - never_told - of_the_console_alone()
    assert {(one.status, one.code) for one in classes} <= told
    others = {code for _, code in told} - {one.code for one in classes}
    assert [code for code in others if f'"{code}"' not in SOURCES] == []
    elsewhere = {"last_admin", *get_args(LineFault), "file_not_found"}  # under /api/admin, and inside of batches
    assert set(re.findall(r'code="(\w+)"', SOURCES)) - elsewhere <= {code for _, code in told}


def test_the_type_follows_the_status_as_told() -> None:
    for one in served_errors():
        kind = "invalid_request_error" if one.status < 500 else "server_error"
        of_status = {403: "permission_error", 429: "rate_limit_error", 503: "service_unavailable_error"}
        assert one.type == of_status.get(one.status, kind) or one is errors.InsufficientQuota, one


def test_the_error_that_is_shown_is_what_the_server_says(echo_server: RunningServer) -> None:
    (shown,) = [json.loads(block.code) for block in blocks_of(NAME) if block.language == "json"]
    answer = echo_server.chat(temperature=9)
    assert (answer.status, answer.json) == (400, shown)


def test_every_extra_of_a_model_is_listed(echo_server: RunningServer) -> None:
    listed: list[dict[str, Any]] = echo_server.request("GET", "/v1/models").json["data"]
    assert names("## Models") == set(listed[0]["penstock"])
    abilities = next(row for row in rows("## Models") if row[0] == "`abilities`")[1]
    assert set(re.findall(r"`(\w+)`", abilities)) - {"null"} == set(get_args(Ability))
    states = next(row for row in rows("## Models") if row[0] == "`state`")[1]
    assert set(re.findall(r"`(\w+)`", states)) == set(State)


def test_every_header_that_is_promised_comes(echo_server: RunningServer) -> None:
    promised = {name.lower() for name in re.findall(r"^\| `([\w-]+)` \|", section("## Headers"), re.MULTILINE)}
    refusals = [
        echo_server.request("GET", "/v1/models", headers={}),
        echo_server.request("GET", "/v1/chat/completions"),
    ]
    came = {name for answer in refusals for name in answer.headers}
    assert promised - came == {"retry-after", "x-should-retry"}  # of 503, which tests/api/test_route_walk.py asks for


def test_the_bounds_that_are_told_are_those_of_the_code() -> None:
    for told, bound in (
        (r"1 to (\d+) \| 1 \| and at most the number of requests", sampling.MAX_CHOICES),
        (r"up to (\d+) functions", tools.MAX_TOOLS),
        (r"has up to (\d+) calls", MAX_CALLS),
        (r"A schema may have (\d+) KB", json_schema.MAX_BYTES // 1024),
        (r"(\d+) levels, \d+ properties", json_schema_walk.MAX_DEPTH),
        (r"(\d+) properties and", json_schema_walk.MAX_PROPERTIES),
        (r"and (\d+) enum values", json_schema_walk.MAX_ENUM_VALUES),
        (r"deeper than (\d+) levels", strict_json.MAX_DEPTH),
        (r"(\d+) requests wait", MAX_WAITING),
        (r"up to (\d+) choices in all", completions.MAX_ALL_CHOICES),
        (r"`max_tokens` \| 1 and more \| (\d+) \|", completions.DEFAULT_MAX_TOKENS),
        (r"up to (\d+) inputs", embeddings.MAX_INPUTS),
        (r"of ([\d,]+) characters or", embeddings.MAX_ALL_CHARACTERS),
        (r"characters or ([\d,]+) tokens", embeddings.MAX_ALL_TOKENS),
    ):
        found = re.search(told, " ".join(PAGE.split()))
        assert found, told
        assert int(found[1].replace(",", "")) == bound, told


def test_the_formats_that_are_told_are_enforced() -> None:
    told = " ".join(PAGE.split()).partition("Formats that are enforced:")[2].partition(". ")[0]
    assert re.findall(r"`([\w-]+)`", told) == list(FORMATS)


ENFORCED: list[dict[str, Any]] = [
    {"type": "object", "properties": {"a": {"const": 1}}, "required": ["a"], "additionalProperties": False},
    {"type": "object", "additionalProperties": True, "minProperties": 1, "maxProperties": 2},
    {"type": "array", "items": {"enum": ["a"]}, "minItems": 1, "maxItems": 2},
    {"type": "array", "prefixItems": [{"const": 1}], "items": False},
    {"type": "string", "minLength": 1, "maxLength": 2},
    {"type": "string", "pattern": "^a+$"},
    {"type": "string", "format": "date"},
    {"type": "number", "minimum": 0, "maximum": 1},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    {"type": "integer", "multipleOf": 2},
    {"const": 1},
    {"enum": ["a"]},
    {"allOf": [{"type": "string"}]},
    {"anyOf": [{"type": "string"}, {"type": "null"}]},
    {"oneOf": [{"type": "string"}, {"type": "null"}]},
    {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
    {"$ref": "#/definitions/a", "definitions": {"a": {"type": "string"}}},
]
REFUSED: dict[str, Any] = {
    "not": {"type": "null"},
    "if": {"type": "null"},
    "patternProperties": {"a": {}},
    "propertyNames": {"maxLength": 2},
    "dependentSchemas": {"a": {}},
    "uniqueItems": True,
    "contains": {},
    "pattern": "(a+)+(a+)+b(?=c)",
    "oneOf": [{"minimum": 1}, {"maximum": 2}],
    "$ref": "https://example.com/schema",
}


def test_the_keywords_that_are_told_are_enforced_or_refused() -> None:
    told = [[set(re.findall(r"`([$\w]+)`", cell)) for cell in row] for row in rows("### Structured output")]
    assert set().union(*(row[0] for row in told)) <= {keyword for schema in ENFORCED for keyword in schema}
    assert set().union(*(row[1] for row in told)) == set(REFUSED)
    for schema in ENFORCED:
        json_schema.enforceable(schema, param="schema")
    for keyword, value in REFUSED.items():
        with pytest.raises(errors.InvalidRequest):
            json_schema.enforceable({keyword: value}, param="schema")
