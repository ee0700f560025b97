"""The document of the API held against the running server: generated requests, right and wrong, and every answer.

`PENSTOCK_CONTRACT_EXAMPLES=500 make test PYTEST_ARGS=tests/api/test_contract.py` looks deeper than `make test` does.
"""

import os
from typing import Any

import hypothesis
import schemathesis
from running_server import RunningServer
from schemathesis.checks import CHECKS

from penstock.api.openapi import document
from penstock.app import operations

EXAMPLES = int(os.environ.get("PENSTOCK_CONTRACT_EXAMPLES", "25"))
CHECKED = [
    *("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance"),
    *("response_schema_conformance", "negative_data_rejection", "unsupported_method"),
]

CONFIG = schemathesis.Config.from_dict(
    # 413 is a refusal as well: some of the wrong bodies are wrong in being large. So is 403, of what is for
    # administrators, and 401, of what takes no key.
    {"checks": {"negative_data_rejection": {"expected-statuses": ["400", "401", "403", "404", "413", "415"]}}}
)

api = schemathesis.openapi.from_dict(document(operations()), config=CONFIG)


@api.parametrize()
@hypothesis.settings(max_examples=EXAMPLES, derandomize=True, deadline=None, database=None)
def test_every_answer_is_in_the_document(case: Any, echo_server: RunningServer) -> None:
    model = case.body.get("model") if isinstance(case.body, dict) else None
    if isinstance(model, str) and 0 < len(model) <= 256:
        case.body = {**case.body, "model": "echo"}  # of a model that does not exist all answers are alike
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{echo_server.port}",
        headers={"authorization": f"Bearer {echo_server.key}"},
        checks=[CHECKS.get_one(name) for name in CHECKED],
    )
