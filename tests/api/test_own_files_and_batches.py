"""/api/files and /api/batches: the same routes as under /v1, for whoever is signed in."""

from typing import Any

import msgspec
import pytest
from running_server import Answer, RunningServer, eventually
from sign_in import Person, ask_json, bearer, own_origin, settle
from uploads import TYPE, form

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    return settle(echo_server, "ann-of-files")


@pytest.fixture(scope="module")
def bob(echo_server: RunningServer) -> Person:
    return settle(echo_server, "bob-of-files")


def line(custom_id: str, **body: Any) -> bytes:
    asked = {"model": "echo", "messages": [{"role": "user", "content": "one two"}], **body}
    return msgspec.json.encode({"custom_id": custom_id, "method": "POST", "url": CHAT, "body": asked}) + b"\n"


def upload(server: RunningServer, person: Person, body: bytes, filename: str = "input.jsonl", **headers: str) -> Answer:
    given = {**own_origin(server), "cookie": person.cookie, "content-type": TYPE, **headers}
    return server.request("POST", "/api/files", form(body, filename=filename.encode()), given)


def begin(server: RunningServer, person: Person, file_id: str) -> Answer:
    body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    return ask_json(server, "POST", "/api/batches", body, cookie=person.cookie)


def get(server: RunningServer, person: Person, path: str) -> Answer:
    return server.request("GET", path, headers={"cookie": person.cookie})


def ended(server: RunningServer, person: Person, batch_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        batch: dict[str, Any] = get(server, person, f"/api/batches/{batch_id}").json
        return batch if batch["status"] in ("completed", "failed", "expired", "cancelled") else None

    return eventually(look)


def test_a_batch_of_a_session_is_that_of_a_key(echo_server: RunningServer, ann: Person) -> None:
    body = line("a") + line("b")
    made = upload(echo_server, ann, body, "two.jsonl").json
    batch = begin(echo_server, ann, made["id"]).json
    over = ended(echo_server, ann, batch["id"])
    assert (over["status"], over["request_counts"]["completed"]) == ("completed", 2)
    by_key = echo_server.request("GET", f"/v1/batches/{batch['id']}", headers=bearer(ann.key))
    assert by_key.json == over
    path = f"files/{over['output_file_id']}/content"
    output = get(echo_server, ann, f"/api/{path}")
    assert output.body == echo_server.request("GET", f"/v1/{path}", headers=bearer(ann.key)).body
    assert output.headers["content-disposition"].startswith("attachment; ")
    assert output.headers["x-content-type-options"] == "nosniff"
    keys = get(echo_server, ann, "/api/keys").json["data"]
    console = next(key["id"] for key in keys if key["of_console"])
    rows = eventually(lambda: [row for row in echo_server.ledger() if row["key_id"] == console and row["batch"]])
    assert len(rows) == 2
    listed = get(echo_server, ann, "/api/batches?search=TWO").json["data"]
    assert [(one["id"], one["input_filename"]) for one in listed] == [(batch["id"], "two.jsonl")]
    files = {file["id"]: file["used_by"] for file in get(echo_server, ann, "/api/files").json["data"]}
    assert files[made["id"]] == files[over["output_file_id"]] == [batch["id"]]


def test_lists_are_sorted_and_filtered_by_the_server(echo_server: RunningServer) -> None:
    carl = settle(echo_server, "carl-of-files")
    small = upload(echo_server, carl, line("a"), "B-small.jsonl").json
    large = upload(echo_server, carl, line("a") + line("b"), "a-large_100%.jsonl").json

    def ids(query: str, path: str = "/api/files") -> list[str]:
        return [row["id"] for row in get(echo_server, carl, f"{path}?{query}").json["data"]]

    assert ids("sort=filename") == ids("sort=-bytes") == ids("sort=-created_at") == [large["id"], small["id"]]
    assert ids("sort=bytes") == ids("sort=-filename") == [small["id"], large["id"]]
    assert ids(f"sort=bytes&limit=1&after={small['id']}") == [large["id"]]
    assert ids("search=SMALL") == [small["id"]]
    assert ids("search=%25") == [large["id"]]
    assert ids("purpose=batch_output") == []
    first, second = (begin(echo_server, carl, one["id"]).json["id"] for one in (small, large))
    for batch in (first, second):
        ended(echo_server, carl, batch)
    assert ids("sort=-total", "/api/batches") == [second, first]
    assert ids("status=failed", "/api/batches") == []
    assert ids("status=failed&status=completed&sort=created_at", "/api/batches") == [first, second]
    assert get(echo_server, carl, "/api/batches?sort=model").status == 400


def test_failures_are_grouped(echo_server: RunningServer, ann: Person) -> None:
    unknown = b"".join(line(f"unknown-{at}", model="nobody/nothing") for at in range(5))
    body = line("good") + unknown + line("hot", temperature=9)
    batch = begin(echo_server, ann, upload(echo_server, ann, body).json["id"]).json
    ended(echo_server, ann, batch["id"])
    told = get(echo_server, ann, f"/api/batches/{batch['id']}/failures").json
    assert [(one["code"], one["status"], one["count"], one["lines"]) for one in told["data"]] == [
        ("model_not_found", 404, 5, [2, 3, 4]),
        ("invalid_value", 400, 1, [7]),
    ]
    assert (told["others"], told["whole"]) == (0, True)
    shown = get(echo_server, ann, f"/api/batches/{batch['id']}/lines/7").json
    assert (shown["custom_id"], shown["body"]["temperature"]) == ("hot", 9)
    for number in ("0", "8", "-1", "x", "%D9%A3", "9" * 30):
        assert get(echo_server, ann, f"/api/batches/{batch['id']}/lines/{number}").status in (400, 404)


def test_failures_of_a_batch_under_way(echo_server: RunningServer, ann: Person) -> None:
    lines = [line(f"unknown-{at}", model="nobody/nothing") for at in range(3)]
    slow = line("slow", model="slow", max_tokens=200, messages=[{"role": "user", "content": "word " * 200}])
    batch = begin(echo_server, ann, upload(echo_server, ann, b"".join(lines) + slow).json["id"]).json
    path = f"/api/batches/{batch['id']}"
    eventually(lambda: get(echo_server, ann, path).json["request_counts"]["failed"] == 3)
    told = get(echo_server, ann, f"{path}/failures").json
    assert [(one["code"], one["count"]) for one in told["data"]] == [("model_not_found", 3)]
    ask_json(echo_server, "POST", f"{path}/cancel", cookie=ann.cookie)
    over = ended(echo_server, ann, batch["id"])
    assert over["status"] == "cancelled"
    told = get(echo_server, ann, f"{path}/failures").json
    assert {one["code"] for one in told["data"]} == {"model_not_found", "batch_cancelled"}


def test_failures_of_the_form(echo_server: RunningServer, ann: Person) -> None:
    made = upload(echo_server, ann, line("same") * 3).json
    batch = begin(echo_server, ann, made["id"]).json
    assert ended(echo_server, ann, batch["id"])["status"] == "failed"
    (told,) = get(echo_server, ann, f"/api/batches/{batch['id']}/failures").json["data"]
    assert (told["code"], told["count"], told["lines"]) == ("duplicate_custom_id", 2, [2, 3])


def test_no_foreign_page_uploads_or_begins(echo_server: RunningServer, ann: Person) -> None:
    made = upload(echo_server, ann, line("a")).json["id"]
    foreign: dict[str, str] = {"origin": "https://evil.example"}
    assert upload(echo_server, ann, line("a"), origin="https://evil.example").error["code"] == "wrong_origin"
    body = {"input_file_id": made, "endpoint": CHAT, "completion_window": "24h"}
    for method, path, given in (
        ("POST", "/api/batches", body),
        ("POST", "/api/batches/x/cancel", None),
        ("DELETE", f"/api/files/{made}", None),
    ):
        answer = ask_json(echo_server, method, path, given, cookie=ann.cookie, **foreign)
        assert (answer.status, answer.error["code"]) == (403, "wrong_origin"), path
    assert get(echo_server, ann, f"/api/files/{made}").status == 200


def test_anothers_cursor_is_nobodys(echo_server: RunningServer, ann: Person, bob: Person) -> None:
    anns = upload(echo_server, ann, line("a")).json["id"]
    of_ann, of_nobody = (
        get(echo_server, bob, f"/api/files?after={id_}").error for id_ in (anns, "file-0123456789abcdef01234567")
    )
    assert of_ann == of_nobody
    assert get(echo_server, bob, "/api/files").json["data"] == []
