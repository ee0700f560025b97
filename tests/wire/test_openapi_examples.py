"""The examples in the document of the API, sent as they stand to the real model; each answer held to its schema."""

from typing import Any

import pytest
import schemathesis
from running_server import SMOL_EMBEDDING, RunningServer
from schemathesis.specs.openapi.checks import ignored_auth
from uploads import upload

from penstock.api.openapi import document
from penstock.app import operations

EXAMPLES = [
    pytest.param(operation.path, body, id=f"{operation.name}: {name}")
    for operation in operations()
    if operation.path.startswith("/v1/")  # those of /api need a session; tests/console sends the like
    for name, body in operation.examples.items()
]


@pytest.fixture(scope="module")
def api() -> Any:
    return schemathesis.openapi.from_dict(document(operations()))


@pytest.mark.parametrize(("path", "body"), EXAMPLES)
def test_an_example_is_answered_as_the_document_says(
    api: Any, request: pytest.FixtureRequest, path: str, body: dict[str, Any]
) -> None:
    embeds = body.get("model") == SMOL_EMBEDDING
    server: RunningServer = request.getfixturevalue("embedding_server" if embeds else "real_server")
    if "input_file_id" in body:
        body = {**body, "input_file_id": upload(server)["id"]}
    case = api[path]["POST"].Case(body=body, media_type="application/json")
    answer = case.call_and_validate(
        base_url=f"http://127.0.0.1:{server.port}",
        headers={"authorization": f"Bearer {server.key}"},
        excluded_checks=[ignored_auth],  # it takes the key in the headers for one that nobody looks at
    )
    assert answer.status_code == 200
    kind = "text/event-stream" if body.get("stream") else "application/json"
    assert answer.headers["content-type"][0].startswith(kind)
