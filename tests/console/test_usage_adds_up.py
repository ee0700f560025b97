"""What the console shows of usage is what the ledger has and what the metrics count: after all that can happen to one
request."""

import csv
import io
import json
import socket
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from conftest import ECHO_CONFIG
from prometheus_client.parser import text_string_to_metric_families
from running_server import RunningServer, eventually, serving
from sign_in import Person, ask_json, bearer, settle
from uploads import form, post

LINES = 6
DONE = 6 + LINES
"""Requests of one run, by whatever way."""


def chat(server: RunningServer, key: str, content: str, **fields: Any) -> int:
    body = {"model": "short", "messages": [{"role": "user", "content": content}], **fields}
    return server.request("POST", "/v1/chat/completions", json.dumps(body).encode(), bearer(key)).status


def leave(server: RunningServer, key: str) -> None:
    """A stream whose client goes away after the first bytes."""
    body = json.dumps({"model": "slow", "stream": True, "messages": [{"role": "user", "content": "one two " * 99}]})
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as connection:
        length = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        connection.sendall((head + length + body).encode())
        assert b"200" in connection.recv(4096)


def run_batch(server: RunningServer, key: str) -> None:
    one = {"method": "POST", "url": "/v1/chat/completions"}
    body = {"model": "short", "messages": [{"role": "user", "content": "one two three"}]}
    lines = [json.dumps({"custom_id": str(number), **one, "body": body}) for number in range(LINES)]
    file_id = post(server, form("\n".join(lines).encode() + b"\n"), key=key).json["id"]
    asked = {"input_file_id": file_id, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch = ask_json(server, "POST", "/v1/batches", asked, **bearer(key)).json["id"]

    def over() -> bool:
        return bool(ask_json(server, "GET", f"/v1/batches/{batch}", **bearer(key)).json["status"] == "completed")

    eventually(over)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server of its own: its metrics begin with its ledger."""
    with serving(
        tmp_path_factory.mktemp("adds"), "--model", "echo", "--model", "short", "--model", "slow", config=ECHO_CONFIG
    ) as server:
        yield server


@pytest.fixture(scope="module")
def ann(server: RunningServer) -> Person:
    """Who made one request of each kind, and had one refused by a limit."""
    ann = settle(server, "ann")
    limited = {"name": "limited", "limits": {"requests_per_minute": 1}}
    key = ask_json(server, "POST", "/api/keys", limited, cookie=ann.cookie).json["key"]
    assert chat(server, ann.key, "one two") == 200
    assert chat(server, ann.key, "one two", stream=True) == 200
    assert chat(server, key, "one") == 200
    assert chat(server, key, "two") == 429
    assert chat(server, ann.key, "!error", model="echo") in (500, 502)
    leave(server, ann.key)
    run_batch(server, ann.key)
    eventually(lambda: len(server.ledger()) == DONE)
    return ann


@pytest.fixture(scope="module")
def bob(server: RunningServer, ann: Person) -> Person:
    """Somebody else, who did nothing."""
    return settle(server, "bob")


@pytest.fixture(scope="module")
def admin(server: RunningServer, ann: Person) -> Person:
    return settle(server, "admin", role="admin")


def listed(server: RunningServer, who: Person, query: str = "") -> list[dict[str, Any]]:
    answer = ask_json(server, "GET", f"/api/requests?limit=1000{query}", cookie=who.cookie)
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json["data"]
    return found


def has_rows(server: RunningServer, count: int) -> bool:
    return len(server.ledger()) == count


def used(server: RunningServer, who: Person, query: str = "") -> Counter[str]:
    """The sums of all buckets."""
    answer = ask_json(server, "GET", f"/api/usage?bucket_width=1h{query}", cookie=who.cookie)
    assert answer.status == 200, answer.body
    sums: Counter[str] = Counter()
    for bucket in answer.json["data"]:
        for result in bucket["results"]:
            for name in ("requests", "failed", "input_tokens", "cached_input_tokens", "output_tokens"):
                sums[name] += result[name]
            sums["picos"] += int(Decimal(result["cost"]) * 10**12)
    return sums


def summed(rows: list[dict[str, Any]]) -> Counter[str]:
    """The sums of these requests, as `/api/requests` has them."""
    sums: Counter[str] = Counter()
    for row in rows:
        sums["requests"] += 1
        sums["failed"] += row["outcome"] == "failed"
        for name in ("input_tokens", "cached_input_tokens", "output_tokens"):
            sums[name] += row[name]
        sums["picos"] += int(Decimal(row["cost"]) * 10**12)
    return sums


def counted(server: RunningServer) -> Counter[str]:
    """The counters of /metrics, in the ledger's words."""
    key = server.new_key("metrics", "--scope", "admin")
    text = server.request("GET", "/metrics", headers=bearer(key)).body.decode()
    kinds = {"input": "input_tokens", "cached_input": "cached_input_tokens", "output": "output_tokens"}
    sums: Counter[str] = Counter()
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "penstock_requests_total":
                sums["requests"] += int(sample.value)
                sums["failed"] += int(sample.value) * (sample.labels["outcome"] == "failed")
            elif sample.name == "penstock_tokens_total" and sample.labels["kind"] in kinds:
                sums[kinds[sample.labels["kind"]]] += int(sample.value)
    return sums


def test_all_four_say_the_same(server: RunningServer, ann: Person) -> None:
    ledger = [
        {**row, "input_tokens": row["prompt_tokens"], "cached_input_tokens": row["cached_tokens"],
         "output_tokens": row["completion_tokens"], "cost": Decimal(row["cost"]) / 10**12}
        for row in server.ledger()
    ]  # fmt: skip
    sums = summed(ledger)
    assert sums["requests"] == DONE
    assert sums["failed"] == 2
    assert sums["picos"] > 0
    assert {row["outcome"] for row in ledger} == {"completed", "failed", "aborted"}
    assert used(server, ann) == summed(listed(server, ann)) == sums
    sums.pop("picos")
    assert counted(server) == sums


@pytest.mark.parametrize("by", ["model", "api_key_id", "user_id", "endpoint"])
def test_groups_add_up(server: RunningServer, ann: Person, by: str) -> None:
    assert used(server, ann, f"&group_by={by}") == used(server, ann)


def test_one_sees_ones_own_and_an_administrator_all(
    server: RunningServer, ann: Person, bob: Person, admin: Person
) -> None:
    assert listed(server, bob) == []
    assert used(server, bob)["requests"] == 0
    assert listed(server, admin) == []
    assert len(listed(server, admin, "&account=all")) == DONE
    assert used(server, admin, "&account=all&group_by=user_id") == used(server, ann)
    assert used(server, admin, f"&account={ann.id}") == used(server, ann)
    assert {row["account"] for row in listed(server, admin, f"&account={ann.id}")} == {ann.email}


@pytest.mark.parametrize(
    "path", ["/api/requests?account=", "/api/usage?account=", "/api/usage/details?start_time=0&account="]
)
def test_another_account_is_refused_whether_it_is_there_or_not(
    server: RunningServer, ann: Person, bob: Person, path: str
) -> None:
    answers = [
        ask_json(server, "GET", path + account, cookie=bob.cookie)
        for account in (ann.id, "acct_0123456789abcdef", "all")
    ]
    assert {answer.status for answer in answers} == {403}
    assert len({answer.body for answer in answers}) == 1


def test_a_refusal_tells_its_limit_and_when_it_frees(server: RunningServer, ann: Person) -> None:
    (row,) = listed(server, ann, "&error_code=rate_limit_exceeded")
    assert row["limit_hit"] == "requests_per_minute"
    assert row["created_at"] < row["frees_at"] <= row["created_at"] + 61
    assert listed(server, ann, "&status=429") == listed(server, ann, f"&id={row['id']}") == [row]
    assert ask_json(server, "GET", f"/api/requests/{row['id']}", cookie=ann.cookie).json == row


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("&outcome=failed", 2), ("&outcome=aborted", 1), ("&batch=true", LINES), ("&batch=false", DONE - LINES),
        ("&model=slow", 1), ("&model=none", 0), ("&key=key_0123456789abcdef", 0), ("&since=4000000000", 0),
        ("&until=4000000000", DONE), ("&status=200&outcome=completed&model=short&batch=false", 3),
    ],
)  # fmt: skip
def test_filters(server: RunningServer, ann: Person, query: str, found: int) -> None:
    assert len(listed(server, ann, query)) == found


@pytest.mark.parametrize("sort", ["created_at", "total_ms", "ttft_ms", "completion_tokens", "cost"])
@pytest.mark.parametrize("sign", ["", "-"])
def test_pages_go_on_where_they_were_while_requests_come_in(
    server: RunningServer, ann: Person, sort: str, sign: str
) -> None:
    before = {row["id"] for row in listed(server, ann)}
    seen, after, rows = [], "", len(before)
    while True:
        query = f"?limit=5&sort={sign}{sort}{after}"
        page = ask_json(server, "GET", f"/api/requests{query}", cookie=ann.cookie).json
        seen += [row["id"] for row in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
        if rows < len(before) + 3:
            assert chat(server, ann.key, "meanwhile") == 200
            rows += 1
            eventually(partial(has_rows, server, rows))
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_details_are_those_of_the_rows(server: RunningServer, ann: Person) -> None:
    start = int(server.ledger()[0]["created_at"]) - 1
    path = f"/api/usage/details?start_time={start}&bucket_width=1h&group_by=model"
    details = ask_json(server, "GET", path, cookie=ann.cookie).json
    rows = listed(server, ann)
    assert {one["code"]: one["requests"] for one in details["errors"]} == Counter(
        row["error_code"] for row in rows if row["outcome"] == "failed"
    )
    times = sorted(row["ttft_ms"] for row in rows if row["ttft_ms"] is not None and not row["batch"])
    total = details["timings"]["total"]
    assert total["requests"] == len(times)
    assert total["ttft_p50_ms"] == times[-(-len(times) // 2) - 1]
    assert total["ttft_p95_ms"] == times[-(-len(times) * 95 // 100) - 1]
    assert total["tokens_per_second"] is None, "a few words tell no rate"
    assert sum(one["requests"] for one in details["timings"]["buckets"]) == len(times)
    assert sum(one["requests"] for one in details["timings"]["groups"]) == len(times)
    assert details["timings"]["complete"] is True
    assert details["timings"]["rows"] == len(rows)


def test_csv_has_every_request(server: RunningServer, ann: Person, tmp_path: Path) -> None:
    answer = ask_json(server, "GET", "/api/requests?format=csv", cookie=ann.cookie)
    assert answer.headers["content-type"].startswith("text/csv")
    read = list(csv.DictReader(io.StringIO(answer.body.decode())))
    rows = listed(server, ann)
    assert [one["id"] for one in read] == [row["id"] for row in rows]
    assert sum(int(one["output_tokens"]) for one in read) == sum(row["output_tokens"] for row in rows)
    usage = ask_json(server, "GET", "/api/usage?format=csv&bucket_width=1h&group_by=model", cookie=ann.cookie)
    read = list(csv.DictReader(io.StringIO(usage.body.decode())))
    assert sum(int(one["requests"]) for one in read) == len(rows)
    refused = ask_json(server, "GET", "/api/requests?format=csv&sort=cost", cookie=ann.cookie)
    assert refused.status == 400


def test_the_rate_is_that_of_answers_long_enough_to_tell(server: RunningServer) -> None:
    cara = settle(server, "cara")
    before = len(server.ledger())
    for _ in range(20):
        assert chat(server, cara.key, "one two three") == 200
    assert chat(server, cara.key, "word " * 12, model="slow") == 200
    eventually(partial(has_rows, server, before + 21))
    rates = [row["tokens_per_second"] for row in listed(server, cara)]
    assert rates[1:] == [None] * 20
    details = ask_json(server, "GET", "/api/usage/details?start_time=0&bucket_width=1d", cookie=cara.cookie).json
    assert details["timings"]["total"]["requests"] == 21
    assert details["timings"]["total"]["tokens_per_second"] == pytest.approx(rates[0])
    assert 5 < rates[0] < 25
