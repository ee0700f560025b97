"""/api/batches/{id}/lines: one line, and what came of it, while its batch runs and after."""

from typing import Any

import msgspec
import pytest
from running_server import Answer, RunningServer, eventually
from sign_in import Person, ask_json, settle
from uploads import TYPE, form

CHAT = "/v1/chat/completions"


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    return settle(echo_server, "ann-of-lines")


def line(custom_id: str, **body: Any) -> bytes:
    asked = {"model": "echo", "messages": [{"role": "user", "content": "one two"}], **body}
    return msgspec.json.encode({"custom_id": custom_id, "method": "POST", "url": CHAT, "body": asked}) + b"\n"


def get(server: RunningServer, person: Person, path: str) -> Answer:
    return server.request("GET", path, headers={"cookie": person.cookie})


def begin(server: RunningServer, person: Person, body: bytes) -> str:
    """The path of a new batch."""
    given = {"origin": f"http://127.0.0.1:{server.port}", "cookie": person.cookie, "content-type": TYPE}
    made = server.request("POST", "/api/files", form(body, filename=b"input.jsonl"), given)
    asked = {"input_file_id": made.json["id"], "endpoint": CHAT, "completion_window": "24h"}
    return "/api/batches/" + str(ask_json(server, "POST", "/api/batches", asked, cookie=person.cookie).json["id"])


def ended(server: RunningServer, person: Person, path: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        batch: dict[str, Any] = get(server, person, path).json
        return batch if batch["status"] in ("completed", "failed", "expired", "cancelled") else None

    return eventually(look)


def test_a_line_has_its_answer_or_its_error(echo_server: RunningServer, ann: Person) -> None:
    path = begin(echo_server, ann, line("good") + b"\n" + line("hot", temperature=9) + line("last"))
    batch = ended(echo_server, ann, path)
    good = get(echo_server, ann, f"{path}/lines/1").json
    assert (good["line"], good["custom_id"], good["url"], good["state"]) == (1, "good", CHAT, "done")
    assert good["body"]["messages"][0]["content"] == "one two"
    assert good["error"] is None
    assert good["response"]["status_code"] == 200
    assert good["response"]["body"]["choices"][0]["message"]["content"] == "one two"
    row = get(echo_server, ann, f"/api/requests/{good['response']['request_id']}").json
    assert (row["batch_id"], row["line"], row["batch"]) == (batch["id"], 1, True)
    hot = get(echo_server, ann, f"{path}/lines/3").json
    assert (hot["custom_id"], hot["state"], hot["response"]["status_code"]) == ("hot", "done", 400)
    assert hot["response"]["body"]["error"]["param"] == "temperature"
    assert get(echo_server, ann, f"{path}/lines/4").json["response"]["status_code"] == 200
    assert get(echo_server, ann, f"{path}/lines/2").status == 404, "it is blank"
    assert ask_json(echo_server, "DELETE", f"/api/files/{batch['output_file_id']}", cookie=ann.cookie).status == 200
    gone = get(echo_server, ann, f"{path}/lines/1").json
    assert (gone["state"], gone["response"], gone["body"]) == ("gone", None, good["body"])
    assert get(echo_server, ann, f"{path}/lines/3").json == hot, "the file of errors is there yet"


def test_lines_of_a_batch_under_way(echo_server: RunningServer, ann: Person) -> None:
    words = [{"role": "user", "content": "word " * 200}]
    slow = [line(f"slow-{at}", model="slow", max_tokens=200, messages=words) for at in range(8)]
    path = begin(echo_server, ann, line("unknown", model="nobody/nothing") + b"".join(slow))
    eventually(lambda: get(echo_server, ann, path).json["request_counts"]["failed"] == 1)
    failed = get(echo_server, ann, f"{path}/lines/1").json
    assert (failed["state"], failed["response"]["body"]["error"]["code"]) == ("done", "model_not_found")
    eventually(lambda: get(echo_server, ann, f"{path}/lines/2").json["state"] == "running")
    assert get(echo_server, ann, f"{path}/lines/9").json["state"] in ("waiting", "running")
    ask_json(echo_server, "POST", f"{path}/cancel", cookie=ann.cookie)
    ended(echo_server, ann, path)
    assert get(echo_server, ann, f"{path}/lines/1").json == failed
    last = get(echo_server, ann, f"{path}/lines/9").json
    assert (last["state"], last["response"], last["error"]["code"]) == ("done", None, "batch_cancelled")


def test_lines_of_a_file_that_was_refused(echo_server: RunningServer, ann: Person) -> None:
    path = begin(echo_server, ann, line("same") * 2 + b"{\n")
    assert ended(echo_server, ann, path)["status"] == "failed"
    second = get(echo_server, ann, f"{path}/lines/2").json
    assert (second["state"], second["error"]["code"]) == ("not_run", "duplicate_custom_id")
    first = get(echo_server, ann, f"{path}/lines/1").json
    assert (first["state"], first["error"]) == ("not_run", None)
    broken = get(echo_server, ann, f"{path}/lines/3")
    assert (broken.status, broken.error["message"]) == (404, "This line is no request.")


def test_a_line_is_found_by_its_custom_id(echo_server: RunningServer, ann: Person) -> None:
    written = line("x").replace(b'"x"', b'"caf\\u00e9 7"')
    path = begin(echo_server, ann, line("r1") + b"\n" + written + line("3"))

    def find(custom_id: str) -> Answer:
        return get(echo_server, ann, f"{path}/lines?custom_id={custom_id}")

    assert [find(name).json["line"] for name in ("r1", "caf%C3%A9%207", "3")] == [1, 3, 4]
    assert (find("r").status, find("").status) == (404, 400)
    bob = settle(echo_server, "bob-of-lines")
    theirs = get(echo_server, bob, f"{path}/lines?custom_id=r1")
    nobodys = get(echo_server, bob, "/api/batches/batch_0123456789abcdef01234567/lines?custom_id=r1")
    assert (theirs.status, theirs.body) == (404, nobodys.body)
    assert get(echo_server, bob, f"{path}/lines/1").status == 404


def test_requests_are_filtered_by_their_batch(echo_server: RunningServer, ann: Person) -> None:
    paths = [begin(echo_server, ann, line("a") + line("b") + line("c")) for _ in range(2)]
    for path in paths:
        ended(echo_server, ann, path)
    batch_id = paths[0].rpartition("/")[2]

    def listed(person: Person, query: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = get(echo_server, person, f"/api/requests?batch_id={query}").json["data"]
        return rows

    rows = eventually(lambda: found if len(found := listed(ann, batch_id)) == 3 else None)
    assert {row["batch_id"] for row in rows} == {batch_id}
    assert sorted(row["line"] for row in rows) == [1, 2, 3]
    assert len(listed(ann, f"{batch_id}&limit=2")) == 2
    assert listed(ann, "batch_0123456789abcdef01234567") == []
    assert listed(settle(echo_server, "bea-of-lines"), batch_id) == []
