"""Real-time requests on a real server whose engine is full of lines of a batch."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from making_way import is_over, number
from running_server import RunningServer, eventually, free_port, serving

CONFIG = """
serve = ["echo"]
[[models]]
id = "echo"
engine = "echo"
slots = 4
context_length = 200
echo = { tokens_per_second = 20.0 }
"""
LINES = 6
WORDS = 40
"""Two seconds a line, so that none is done when somebody comes."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    with serving(tmp_path / "data", config=f"metrics_port = {free_port()}\n{CONFIG}") as started:
        yield started


def begin(client: openai.OpenAI, lines: int = LINES) -> str:
    """A batch under way; its id."""
    body = {"model": "echo", "messages": [{"role": "user", "content": " ".join(["word"] * WORDS)}]}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    text = "\n".join(json.dumps({"custom_id": str(number), **line}) for number in range(lines))
    file = client.files.create(file=("lines.jsonl", text.encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    return batch.id


@pytest.mark.parametrize("asked", [{}, {"service_tier": "flex"}, {"n": 4}], ids=["real time", "flex", "every slot"])
def test_who_waits_for_an_answer_has_it_while_lines_make_way(server: RunningServer, asked: dict[str, object]) -> None:
    client = server.client()
    batch_id = begin(client)
    eventually(lambda: number(server, "penstock_lines_running") == 3)
    done_before = client.batches.retrieve(batch_id).request_counts
    assert server.chat("a few words", **asked).status == 200
    assert number(server, "penstock_lines_put_back_total") >= 3
    assert done_before is not None
    assert done_before.completed == 0, "the engine was full of lines that had not ended"
    eventually(lambda: is_over(client, batch_id), seconds=60)
    counts = client.batches.retrieve(batch_id).request_counts
    assert counts is not None
    assert (counts.total, counts.completed, counts.failed) == (LINES, LINES, 0)
    rows = [row for row in server.ledger() if row["batch"]]
    assert len({row["request_id"] for row in rows}) == len(rows) == LINES
    assert {row["completion_tokens"] for row in rows} == {WORDS}, "billed once, and in full"


def test_lines_that_made_way_are_counted_once(server: RunningServer) -> None:
    client = server.client()
    batch_id = begin(client)
    ends = threading.Event()

    def keep_asking() -> None:
        while not ends.wait(0.3):
            assert server.chat("one").status == 200

    asking = threading.Thread(target=keep_asking)
    asking.start()
    eventually(lambda: number(server, "penstock_lines_put_back_total") >= 6)
    ends.set()
    asking.join()
    eventually(lambda: is_over(client, batch_id), seconds=60)
    lines = number(server, "penstock_requests_total", endpoint="/v1/chat/completions", status="200")
    rows = [row for row in server.ledger() if row["batch"]]
    assert len(rows) == LINES
    eventually(lambda: number(server, "penstock_queue_seconds_count", **{"class": "batch"}) == LINES)
    assert lines >= LINES
    assert number(server, "penstock_slots_busy") == 0


def test_a_batch_that_is_cancelled_while_its_lines_wait_leaves_the_door_empty(server: RunningServer) -> None:
    client = server.client()
    batch_id = begin(client, lines=20)
    eventually(lambda: number(server, "penstock_lines_running") == 3)
    client.batches.cancel(batch_id)
    eventually(lambda: client.batches.retrieve(batch_id).status == "cancelled")
    eventually(lambda: number(server, "penstock_lines_running") == 0)
    assert number(server, "penstock_queue_waiting", **{"class": "batch"}) == 0
    assert server.chat("still there").status == 200
