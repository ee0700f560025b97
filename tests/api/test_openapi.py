"""The document of the API: valid, of the whole API, and true of what is parsed and rendered."""

import json
from typing import Any

import jsonschema
import pytest
from running_server import RunningServer, penstock
from schemathesis.specs.openapi.definitions import OPENAPI_31

from penstock.api.openapi import document
from penstock.api.routes import error_forms
from penstock.app import operations
from penstock.errors import ApiError
from penstock.protocol.errors import OpenAIErrors

URL = "/v1/openapi.json"


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return json.loads(json.dumps(document(operations())))  # type: ignore[no-any-return]


def references(value: Any) -> list[str]:
    if isinstance(value, list):
        return [ref for one in value for ref in references(one)]
    if not isinstance(value, dict):
        return []
    mapped = value.get("discriminator", {}).get("mapping", {})
    own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
    return [*own, *mapped.values(), *(ref for one in value.values() for ref in references(one))]


def schema_of(described: dict[str, Any], name: str) -> dict[str, Any]:
    """A schema that stands by itself."""
    return {"$ref": f"#/components/schemas/{name}", "components": described["components"]}


def test_it_is_valid_openapi_3_1(described: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(OPENAPI_31).validate(described)
    for schema in described["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_nothing_is_left_over(described: dict[str, Any]) -> None:
    found = set(references(described))
    for section in ("schemas", "headers"):
        prefix = f"#/components/{section}/"
        used = {ref.removeprefix(prefix) for ref in found if ref.startswith(prefix)}
        assert used == set(described["components"][section])


def test_patterns_are_in_the_dialect_of_json_schema(described: dict[str, Any]) -> None:
    assert "\\\\Z" not in json.dumps(described)
    assert described["components"]["schemas"]["Function"]["properties"]["name"]["pattern"].endswith("{1,64}$")


def test_the_running_server_and_the_command_give_the_same(
    echo_server: RunningServer, described: dict[str, Any]
) -> None:
    answer = echo_server.request("GET", URL)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json == described
    assert echo_server.request("GET", URL, headers={}).status == 401
    printed = penstock("openapi", data_dir=echo_server.data_dir)
    assert (printed.returncode, json.loads(printed.stdout)) == (0, described)


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        ("temperature", {"type": "number", "minimum": 0, "maximum": 2}),
        ("top_p", {"type": "number", "exclusiveMinimum": 0, "maximum": 1}),
        ("n", {"type": "integer", "minimum": 1, "maximum": 8}),
        ("max_completion_tokens", {"type": "integer", "minimum": 1, "maximum": 10_000_000}),
        ("top_logprobs", {"type": "integer", "minimum": 0, "maximum": 20}),
        ("presence_penalty", {"type": "number", "minimum": -2, "maximum": 2}),
        ("user", {"type": "string", "maxLength": 512}),
    ],
)
def test_bounds_are_those_of_the_types(described: dict[str, Any], field: str, bounds: dict[str, Any]) -> None:
    told = described["components"]["schemas"]["ChatRequest"]["properties"][field]
    assert told == {"anyOf": [bounds, {"type": "null"}], "default": None}


def test_what_is_not_told_is_refused(described: dict[str, Any]) -> None:
    assert described["components"]["schemas"]["ChatRequest"]["additionalProperties"] is False


@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.name)
def test_every_error_of_a_route_stands_under_its_status(described: dict[str, Any], operation: Any) -> None:
    responses = described["paths"][operation.path][operation.method.lower()]["responses"]
    form = error_forms().get(operation.path, OpenAIErrors())
    for error in operation.all_errors:
        response = responses[str(error.status)]
        raised = error.__new__(error)
        ApiError.__init__(raised, "m")  # whatever else its own constructor wants
        jsonschema.validate(
            json.loads(form.body(raised, request_id="req_1")),
            {**response["content"]["application/json"]["schema"], "components": described["components"]},
        )
    statuses = {error.status for error in operation.all_errors} | set(operation.more_answers) | {200}
    assert set(responses) == {str(status) for status in statuses}


def every_error(of: type[ApiError] = ApiError) -> set[type[ApiError]]:
    return {error for sub in of.__subclasses__() for error in (sub, *every_error(sub))}


def test_every_error_that_a_client_can_get_is_told_somewhere() -> None:
    told = {error.code for operation in operations() for error in operation.all_errors}
    anywhere = {"unknown_url", "not_found", "method_not_allowed"}  # of URLs that are not in the document
    anywhere |= {"invalid_request", "request_timeout", "headers_too_large", "expectation_failed"}  # before any URL
    anywhere |= {"put_back"}  # of a batch's line, which begins anew
    assert {error.code for error in every_error()} - told - anywhere == set()


def test_examples_are_valid(described: dict[str, Any]) -> None:
    seen = 0
    for path in described["paths"].values():
        for operation in path.values():
            content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            for example in content.get("examples", {}).values():
                jsonschema.validate(example["value"], {**content["schema"], "components": described["components"]})
                seen += 1
    assert seen >= 4


def test_whole_answers_and_chunks_have_every_key(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    assert set(schemas["ChatCompletion"]["required"]) == set(schemas["ChatCompletion"]["properties"])
    message = schemas["AnswerMessage"]
    assert set(message["properties"]) - set(message["required"]) == {"reasoning", "reasoning_content"}
