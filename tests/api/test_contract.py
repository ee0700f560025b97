"""The document of the API held against the running server: generated requests, right and wrong, and every answer.

`PENSTOCK_CONTRACT_EXAMPLES=500 make test PYTEST_ARGS=tests/api/test_contract.py` looks deeper than `make test` does.
"""

import os
import re
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import pytest
import schemathesis
from running_server import RunningServer
from schemathesis.checks import CHECKS
from sign_in import Person, ask_json, bearer, own_origin, settle

from penstock.api.openapi import document
from penstock.app import operations
from penstock.web.operation import Operation

EXAMPLES = int(os.environ.get("PENSTOCK_CONTRACT_EXAMPLES", "25"))
CHECKED = [
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "unsupported_method"),
]

CONFIG = schemathesis.Config.from_dict(
    # 413 and 431 are refusals as well: some of the wrong bodies and queries are wrong in being large. So is 403, of
    # what wants somebody in person, and 401, of what takes no key.
    {"checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "413", "415", "431"]}}}
)

api = schemathesis.openapi.from_dict(document(operations()), config=CONFIG)
OPERATIONS = {(one.method, one.path): one for one in operations()}
ENDS_A_SESSION = {"logOut", "endSession", "endOtherSessions"}


@dataclass
class World:
    """A server, and an administrator who is let in everywhere."""

    server: RunningServer
    admin: Person
    made: dict[str, str] = field(default_factory=dict)
    """Operation -> the id of what was made for it to be done to."""

    def credential(self, operation: Operation) -> dict[str, str]:
        if operation.name in ENDS_A_SESSION:
            return bearer(self.server.key)  # which is refused: the session is needed for the others
        if operation.access.role is not None:
            return {**own_origin(self.server), "cookie": self.admin.cookie}
        return bearer(self.admin.key if operation.access.scopes == ("admin",) else self.server.key)

    def there(self, operation: Operation) -> str | None:
        """The id of something that the operation can be done to; None where there is nothing."""
        new = {
            "keys": ("POST", "/api/admin/keys", {"name": "contract"}),
            "accounts": ("POST", "/api/admin/accounts", {"email": f"{operation.name}@example.org"}),
            "invitations": ("POST", "/api/admin/invitations", {}),
            "plans": ("PUT", f"/api/admin/plans/contract-{operation.name.lower()}", {}),
        }
        noun = operation.path.partition("/{")[0].rpartition("/")[2]
        if noun in new and operation.name not in self.made:
            answer = ask_json(self.server, *new[noun], cookie=self.admin.cookie)
            assert answer.status == 200, answer.body
            self.made[operation.name] = answer.json["id"]
        return self.made.get(operation.name)


@pytest.fixture(scope="module")
def world(echo_server: RunningServer) -> World:
    return World(echo_server, settle(echo_server, "contract", role="admin"))


@api.exclude(operation_id="watch").parametrize()  # its answer has no end
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
def test_every_answer_is_in_the_document(case: Any, world: World) -> None:
    operation = OPERATIONS[case.operation.method.upper(), case.operation.path]  # a wrong method of its URL is tried too
    model = case.body.get("model") if isinstance(case.body, dict) else None
    if isinstance(model, str) and 0 < len(model) <= 256:
        case.body = {**case.body, "model": "echo"}  # of a model that does not exist all answers are alike
    if operation.parameters and (there := world.there(operation)):
        case.path_parameters = dict.fromkeys(operation.parameters, there)
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{world.server.port}",
        headers=world.credential(operation),
        checks=[CHECKS.get_one(name) for name in CHECKED],
    )


def test_nothing_stops_at_the_door(world: World) -> None:
    for operation in operations():
        if operation.name not in ENDS_A_SESSION:
            path = re.sub(r"{\w+}", "nobody", operation.path)
            body = None if operation.request is None else b"[]"
            method = "HEAD" if operation.name == "watch" else operation.method
            answer = world.server.request(method, path, body, world.credential(operation))
            assert answer.status not in (401, 403), operation.name
