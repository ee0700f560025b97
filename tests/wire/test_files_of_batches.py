"""The official client's way through a batch, with its input deleted while it runs."""

import json
from collections.abc import Iterator

import openai
import pytest
from running_server import RunningServer, eventually, serving
from uploads import stored

CONFIG = """
[[models]]
id = "slow"
engine = "echo"
context_length = 200
slots = 4
[models.echo]
tokens_per_second = 20
"""
LINES = 12


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("batch"), "--model", "slow", config=CONFIG) as running:
        yield running


def test_a_batch_outlives_its_input(server: RunningServer) -> None:
    client = server.client()
    message = {"role": "user", "content": "one two three four five six seven eight"}
    lines = [
        json.dumps(
            {
                "custom_id": f"line-{number}",
                "method": "POST",
                "url": "/v1/chat/completions",
                "body": {"model": "slow", "messages": [message]},
            }
        )
        for number in range(LINES)
    ]
    file = client.files.create(file=("input.jsonl", "\n".join(lines).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.content(file.id)
    assert file.id not in [one.id for one in client.files.list()]
    with pytest.raises(openai.NotFoundError):
        client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    done = eventually(
        lambda: found if (found := client.batches.retrieve(batch.id)).status == "completed" else None, seconds=60
    )
    assert done.request_counts is not None
    assert done.request_counts.completed == LINES
    assert done.output_file_id is not None
    output = client.files.retrieve(done.output_file_id)
    assert (output.purpose, output.expires_at) == ("batch_output", output.created_at + 30 * 86_400)
    answers = [json.loads(line) for line in client.files.content(output.id).text.splitlines()]
    assert {answer["custom_id"] for answer in answers} == {f"line-{number}" for number in range(LINES)}
    names = {path.rpartition("/")[2] for path in stored(server.data_dir / "files")}
    assert {output.id} <= names <= {output.id, file.id}, "the input goes with the next sweep"
    assert [one.id for one in client.files.list(purpose="batch_output")] == [output.id]
