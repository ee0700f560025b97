"""Lines on the real model that are put back again and again: each goes on, and says what it would have said."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from making_way import is_over, number
from running_server import SMOL, RunningServer, eventually, free_port, serving

QUESTIONS = ("Tell me about the sea.", "Write a story of a dog.", "How do I bake bread?")
TOKENS = 120


@pytest.fixture
def server(tmp_path: Path, models_dir: Path) -> Iterator[RunningServer]:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "models").symlink_to(models_dir)
    with serving(tmp_path / "data", config=f'metrics_port = {free_port()}\nserve = ["{SMOL}"]\n') as started:
        yield started


def asks(question: str) -> dict[str, object]:
    messages = [{"role": "user", "content": question}]
    return {"model": SMOL, "messages": messages, "max_tokens": TOKENS, "temperature": 0}


def begin(client: openai.OpenAI, question: str) -> str:
    line = {"custom_id": question, "method": "POST", "url": "/v1/chat/completions", "body": asks(question)}
    file = client.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    return batch.id


def interrupted(server: RunningServer, question: str) -> dict[str, Any]:
    """The answer of a line that had to make way all the time."""
    client = server.client()
    batch_id, over = begin(client, question), threading.Event()

    def interrupt() -> None:
        while not over.wait(0.5):
            assert server.chat("Hi", model=SMOL, max_tokens=4).status == 200

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    try:
        eventually(lambda: is_over(client, batch_id), seconds=120)
    finally:
        over.set()
        interrupting.join()
    batch = client.batches.retrieve(batch_id)
    assert batch.output_file_id is not None
    answer: dict[str, Any] = json.loads(client.files.content(batch.output_file_id).text)["response"]["body"]
    return answer


def test_a_line_that_made_way_goes_on(server: RunningServer) -> None:
    same, lines = 0, [interrupted(server, question) for question in QUESTIONS]
    assert number(server, "penstock_lines_put_back_total") >= len(QUESTIONS)
    for question, line in zip(QUESTIONS, lines, strict=True):
        whole = server.chat(**asks(question)).json  # type: ignore[arg-type]
        assert line["usage"]["prompt_tokens"] == whole["usage"]["prompt_tokens"]
        assert line["usage"]["completion_tokens"] <= TOKENS
        same += line["choices"][0]["message"]["content"] == whole["choices"][0]["message"]["content"]
    # Sums that were made in other portions differ in their last digits, so that a word may, once in a while.
    assert same >= 1
    rows = [row for row in server.ledger() if row["batch"]]
    assert len({row["request_id"] for row in rows}) == len(rows) == len(QUESTIONS)
    assert [row["completion_tokens"] for row in rows] == [line["usage"]["completion_tokens"] for line in lines]
