"""/v1/batches over HTTP: what a client may rely on, and what is refused in which words."""

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import openai
import pytest
from openai.types import Batch
from running_server import Answer, RunningServer, eventually, serving
from sign_in import bearer
from tenanted import key_on
from uploads import form, post

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 400
slots = 4

[plans.small]
batch_lines = 3
"""
CHAT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
NOBODYS = "file-0123456789abcdef01234567"
OVER = ("completed", "failed", "expired", "cancelled")
FIELDS = {
    *("id", "object", "endpoint", "model", "errors", "input_file_id", "completion_window", "status", "output_file_id"),
    *("error_file_id", "created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at", "failed_at"),
    *("expired_at", "cancelling_at", "cancelled_at", "request_counts", "usage", "metadata"),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("batches"), "--model", "echo", config=CONFIG) as server:
        yield server
        assert "Traceback" not in server.log.read_text()


def line(custom_id: str, content: str = "one two", **fields: Any) -> bytes:
    """One line without its end."""
    body = {"model": "echo", "messages": [{"role": "user", "content": content}]}
    given = {"custom_id": custom_id, "method": "POST", "url": CHAT, "body": body, **fields}
    return json.dumps(given, ensure_ascii=False).encode()


def file_of(server: RunningServer, body: bytes, key: str | None = None) -> str:
    """The id of an upload."""
    id_: str = post(server, form(body), key=key).json["id"]
    return id_


def wanted(file_id: str, **fields: Any) -> dict[str, Any]:
    return {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h", **fields}


def create(server: RunningServer, body: Any, *, path: str = "/v1/batches", key: str | None = None) -> Answer:
    given = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.request("POST", path, given, {"content-type": "application/json", **bearer(key or server.key)})


def ended(server: RunningServer, batch_id: str, key: str | None = None) -> Batch:
    client = server.client(key)
    eventually(lambda: client.batches.retrieve(batch_id).status in OVER, seconds=60)
    return client.batches.retrieve(batch_id)


def run(server: RunningServer, body: bytes, key: str | None = None) -> Batch:
    """A batch of this input at its end."""
    made = create(server, wanted(file_of(server, body, key)), key=key)
    assert made.status == 200, made.body
    return ended(server, made.json["id"], key)


def test_the_official_client_makes_reads_lists_and_cancels(server: RunningServer) -> None:
    client = server.client()
    uploaded = client.files.create(file=("input.jsonl", line("a") + b"\n" + line("b")), purpose="batch")
    made = client.batches.create(
        input_file_id=uploaded.id, endpoint=CHAT, completion_window="24h", metadata={"project": "reviews"}
    )
    assert re.fullmatch(r"batch_[0-9a-f]{24}", made.id)
    assert (made.status, made.input_file_id, made.metadata) == ("validating", uploaded.id, {"project": "reviews"})
    assert made.expires_at == made.created_at + 86_400
    done = ended(server, made.id)
    assert (done.status, done.model, done.errors, done.error_file_id) == ("completed", "echo", None, None)
    assert done.request_counts is not None
    assert (done.request_counts.total, done.request_counts.completed, done.request_counts.failed) == (2, 2, 0)
    assert done.usage is not None
    assert done.usage.total_tokens == done.usage.input_tokens + done.usage.output_tokens > 0
    assert done.output_file_id is not None
    output = [json.loads(one) for one in client.files.content(done.output_file_id).content.splitlines()]
    assert [one["custom_id"] for one in output] == ["a", "b"]
    assert next(iter(client.batches.list(limit=1))) == done
    with pytest.raises(openai.BadRequestError, match="completed"):
        client.batches.cancel(made.id)


def test_the_object_has_every_field_and_numbers_are_numbers(server: RunningServer) -> None:
    made = create(server, wanted(file_of(server, line("a")))).json
    assert made.keys() == FIELDS
    assert made["object"] == "batch"
    assert {name for name, value in made.items() if value is None} == FIELDS - {
        *("id", "object", "endpoint", "input_file_id", "completion_window", "status", "created_at", "expires_at"),
        *("request_counts", "usage"),
    }
    assert made["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert made["usage"] == {
        "input_tokens": 0,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 0,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 0,
    }
    ended(server, made["id"])
    done = server.request("GET", f"/v1/batches/{made['id']}").json
    assert done.keys() == FIELDS
    assert all(type(done[name]) is int for name in FIELDS if name.endswith("_at") and done[name] is not None)


def test_the_trailing_slash_of_the_reference_works(server: RunningServer) -> None:
    made = create(server, wanted(file_of(server, line("a"))), path="/v1/batches/")
    assert made.status == 200
    assert server.request("GET", "/v1/batches/?limit=1").json["data"][0]["id"] == made.json["id"]
    assert server.request("PUT", "/v1/batches/").status == 405


@pytest.mark.parametrize(
    ("file", "counts"),
    [
        (b"\xef\xbb\xbf" + line("a") + b"\r\n\r\n  \r\n" + line("b") + b"\r\n", (2, 2)),
        (line("a", "one\u2028two\u2029three\x85four") + b"\n\n\n" + line("b"), (2, 2)),
        (line("\u2028é\U0001f600"), (1, 1)),
        (line("a") + b"\n" + line("b", body={}) + b"\n" + line("c", body={"model": "echo", "tempo": 1}), (3, 1)),
    ],
    ids=["BOM, CRLF, blank lines", "other ends of lines", "an odd id", "bodies that are wrong"],
)
def test_odd_files_that_are_good(server: RunningServer, file: bytes, counts: tuple[int, int]) -> None:
    batch = run(server, file)
    assert batch.status == "completed", batch.errors
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed) == counts
    answered: list[str] = []
    for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
        whole = server.client().files.content(file_id).content
        answered += [json.loads(one)["custom_id"] for one in whole.split(b"\n")[:-1]]
    given = [json.loads(one)["custom_id"] for one in file.removeprefix(b"\xef\xbb\xbf").split(b"\n") if one.strip()]
    assert sorted(answered) == sorted(given)


BAD: dict[str, tuple[bytes, list[tuple[str | None, int | None, str | None]]]] = {
    "blank lines alone": (b"\n\r\n \n", [("empty_file", None, None)]),
    "binary": (bytes(range(256)) * 10, [("invalid_json_line", at, None) for at in range(1, 12)]),
    "a duplicate": (line("a") + b"\n\n" + line("a"), [("duplicate_custom_id", 3, "custom_id")]),
    "no object": (line("a") + b"\n[]", [("invalid_type", 2, None)]),
    "another endpoint": (line("a", url="/v1/embeddings"), [("invalid_url", 1, "url")]),
    "a stream": (line("a", body={"stream": True}), [("invalid_value", 1, "body.stream")]),
    "another method": (line("a", method="GET"), [("invalid_method", 1, "method")]),
    "101 errors": (b"x\n" * 101, [("invalid_json_line", at, None) for at in range(1, 101)]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_malformed_line_fails_the_batch_and_nothing_runs(server: RunningServer, case: str) -> None:
    file, expected = BAD[case]
    rows = len(server.ledger())
    batch = run(server, file)
    assert (batch.status, batch.output_file_id, batch.error_file_id) == ("failed", None, None)
    assert batch.failed_at is not None
    assert batch.errors is not None
    assert batch.errors.object == "list"
    assert [(one.code, one.line, one.param) for one in batch.errors.data or []] == expected
    assert len(server.ledger()) == rows


def test_a_plan_bounds_the_lines(server: RunningServer) -> None:
    key = key_on(server.data_dir, "small", email="small@example.org")
    assert run(server, b"\n".join([line("a"), line("b"), b"", line("c")]), key).status == "completed"
    batch = run(server, b"\n".join(line(str(at)) for at in range(5)), key)
    assert batch.errors is not None
    assert [(one.code, one.message) for one in batch.errors.data or []] == [
        ("too_many_lines", "The file has 5 lines, and a batch may have 3 with the plan small.")
    ]


WINDOWS = ["0h", "01h", "169h", "1000h", "24", "1d", "1.5h", "-1h", "24h\n", "", " 24h", "٢h", "24H"]
REFUSED: dict[str, tuple[Any, int, str, str | None]] = {
    "no JSON": (b"{", 400, "invalid_json", None),
    "a key twice": (b'{"endpoint": 1, "endpoint": 2}', 400, "invalid_json", None),
    "an array": ([], 400, "invalid_type", None),
    "no file": ({"endpoint": CHAT, "completion_window": "24h"}, 400, "missing_required_parameter", "input_file_id"),
    "no endpoint": (wanted("x", endpoint=None), 400, "invalid_type", "endpoint"),
    "another endpoint": (wanted("x", endpoint="/v1/responses"), 400, "invalid_value", "endpoint"),
    "a slash behind it": (wanted("x", endpoint=f"{CHAT}/"), 400, "invalid_value", "endpoint"),
    "an unknown field": (wanted("x", priority=1), 400, "unknown_parameter", "priority"),
    "metadata of numbers": (wanted("x", metadata={"a": 1}), 400, "invalid_type", "metadata[...]"),
    "too much metadata": (
        wanted("x", metadata=dict.fromkeys("abcdefghijklmnopq", "")),
        400,
        "invalid_value",
        "metadata",
    ),
    "a long name": (wanted("x", metadata={"a" * 65: ""}), 400, "invalid_value", "metadata"),
    "a long value": (wanted("x", metadata={"a": "b" * 513}), 400, "invalid_value", "metadata[...]"),
    "NUL": (wanted("x", metadata={"a": "\0"}), 400, "invalid_value", "metadata"),
    "a number for a file": (wanted(1), 400, "invalid_type", "input_file_id"),  # type: ignore[arg-type]
    "an empty id": (wanted(""), 400, "invalid_value", "input_file_id"),
    "a path for an id": (wanted("../../etc/passwd"), 404, "not_found", None),
    "nobody's file": (wanted(NOBODYS), 404, "not_found", None),
    "64 KB": (wanted("x", metadata={"a": "b" * 66_000}), 413, "request_too_large", None),
    **{
        f"window {one!r}": (wanted("x", completion_window=one), 400, "invalid_value", "completion_window")
        for one in WINDOWS
    },
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_request_is_told(server: RunningServer, case: str) -> None:
    body, status, code, param = REFUSED[case]
    answer = create(server, body)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param), answer.body
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("hours", [1, 3, 6, 12, 24, 48, 168])
def test_windows_are_hours(server: RunningServer, hours: int) -> None:
    made = create(server, wanted(file_of(server, line("a")), completion_window=f"{hours}h")).json
    assert made["expires_at"] - made["created_at"] == hours * 3600
    assert made["completion_window"] == f"{hours}h"


def test_an_output_is_no_input(server: RunningServer) -> None:
    output = run(server, line("a")).output_file_id
    answer = create(server, wanted(str(output)))
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "invalid_value", "input_file_id")


def test_the_client_pages_through_everything(server: RunningServer) -> None:
    client = server.client()
    file_id = file_of(server, line("a"))
    made = [create(server, wanted(file_id)).json["id"] for _ in range(5)]
    found = [batch.id for batch in client.batches.list(limit=2)]
    assert found[:5] == made[::-1]
    assert len(set(found)) == len(found)
    page = server.request("GET", f"/v1/batches?limit=2&after={made[3]}").json
    assert page.keys() == {"object", "data", "first_id", "last_id", "has_more"}
    assert (page["object"], page["first_id"], page["last_id"], page["has_more"]) == ("list", made[2], made[1], True)
    assert server.request("GET", f"/v1/batches?after={found[-1]}").json == {
        **{"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False},
    }


@pytest.mark.parametrize(
    ("query", "param"),
    [
        *(("limit=0", "limit"), ("limit=101", "limit"), ("limit=1e1", "limit"), ("limit=", "limit")),
        *(("after=batch_000000000000000000000000", "after"), ("after=%00", "after"), (f"after={NOBODYS}", "after")),
        *(("before=x", "before"), ("status=failed", "status"), ("limit=1&limit=2", "limit")),
    ],
)
def test_a_wrong_page_is_told(server: RunningServer, query: str, param: str) -> None:
    answer = server.request("GET", f"/v1/batches?{query}")
    assert (answer.status, answer.error["param"]) == (400, param)


def test_fifty_cancels_at_once(server: RunningServer) -> None:
    made = create(server, wanted(file_of(server, b"\n".join(line(str(at)) for at in range(3000))))).json["id"]
    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(lambda _: server.request("POST", f"/v1/batches/{made}/cancel"), range(50)))
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["status"] for answer in answers} <= {"cancelling", "cancelled"}
    assert len({answer.json["cancelling_at"] for answer in answers}) == 1
    batch = ended(server, made)
    assert batch.status == "cancelled"
    assert batch.request_counts is not None
    assert batch.request_counts.total in (0, 3000)


def test_an_inference_key_has_no_batches(server: RunningServer) -> None:
    key = server.new_key("inference alone", "--scope", "inference")
    for answer in (create(server, wanted(NOBODYS), key=key), server.request("GET", "/v1/batches", None, bearer(key))):
        assert (answer.status, answer.error["code"]) == (403, "insufficient_permissions")


@pytest.mark.parametrize("id_", ["batch_0", NOBODYS, "%00", "..%2f..", "'", "batch_%F0%9F%98%80", "x" * 5000])
def test_what_is_no_id_is_not_found(server: RunningServer, id_: str) -> None:
    nobodys = "batch_000000000000000000000000"
    for method, path in (("GET", "/v1/batches/{}"), ("POST", "/v1/batches/{}/cancel")):
        answer = server.request(method, path.format(id_))
        expected = (server.request(method, path.format(nobodys)).body, server.request(method, "/nothing").body)
        assert answer.status == 404
        assert answer.body in expected
