"""The batch of the reference, step by step as its users have it: in Python and with curl, on a server of ours."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running_server import LLAMA, RunningServer

PYTHON = """
import json
import time
from openai import OpenAI

client = OpenAI(base_url="%s", api_key="%s")

tasks = {"mountains": "You know all mountains.", "rivers": "You know all rivers.", "towns": "You know all towns."}
requests = [
    {
        "custom_id": f"task-{name}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "%s",
            "messages": [
                {"role": "system", "content": system},
                {"role": "user", "content": f"Name three {name}."},
            ],
            "max_completion_tokens": 50,
        },
    }
    for name, system in tasks.items()
]

with open("tasks.jsonl", "w") as file:
    for request in requests:
        file.write(json.dumps(request) + "\\n")

uploaded = client.files.create(file=open("tasks.jsonl", "rb"), purpose="batch")

submitted = client.batches.create(
    input_file_id=uploaded.id,
    endpoint="/v1/chat/completions",
    completion_window="24h",
)

while True:
    now = client.batches.retrieve(submitted.id)
    print(f"Status: {now.status}, {now.request_counts.completed} / {now.request_counts.total}")
    if now.status.lower() in ["completed", "failed", "cancelled"]:
        break
    time.sleep(0.5)

results = client.files.content(now.output_file_id).content
with open("results.jsonl", "wb") as file:
    file.write(results)

print(json.dumps(client.batches.list(limit=3).to_dict()))

again = client.batches.create(
    input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h"
)
print(client.batches.cancel(again.id).status)
"""

CURL = """
set -euo pipefail
API=%s API_KEY=%s

cat << EOF > tasks.jsonl
{"custom_id": "task-mountains", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "%s", "messages": [{"role": "user", "content": "Name three mountains."}], "max_completion_tokens": 50}}
{"custom_id": "task-rivers", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "%s", "messages": [{"role": "user", "content": "Name three rivers."}],"max_completion_tokens":50}}
EOF

value() { python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"; }

FILE_ID=$(curl -s $API/files%s \\
    -H "Authorization: Bearer $API_KEY" \\
    -H "Content-Type: multipart/form-data" \\
    -F "file=@tasks.jsonl" \\
    -F "purpose=batch" | value id)

BATCH_ID=$(curl -s $API/batches \\
    -H "Authorization: Bearer $API_KEY" \\
    -H "Content-Type: application/json" \\
    -d '{
        "input_file_id": "'"$FILE_ID"'",
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h"
    }' | value id)

STATUS="in_progress"
while [[ "$STATUS" != "completed" ]]; do
    sleep 0.5
    STATUS=$(curl -s $API/batches/$BATCH_ID \\
        -H "Authorization: Bearer $API_KEY" \\
        -H "Content-Type: application/json" | value status)
done

OUTPUT_FILE_ID=$(curl -s $API/batches/$BATCH_ID \\
    -H "Authorization: Bearer $API_KEY" \\
    -H "Content-Type: application/json" | value output_file_id)

curl -s $API/files/$OUTPUT_FILE_ID/content \\
    -H "Authorization: Bearer $API_KEY" > results.jsonl

curl -s $API/batches \\
    -H "Authorization: Bearer $API_KEY"

curl -s $API/batches/$BATCH_ID/cancel \\
    -H "Authorization: Bearer $API_KEY" \\
    -H "Content-Type: application/json" \\
    -X POST
"""  # noqa: E501 -- a request is a line


def run(argv: list[str], folder: Path) -> str:
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def results(folder: Path) -> dict[str, Any]:
    lines = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    assert all(line["error"] is None and line["response"]["status_code"] == 200 for line in lines)
    bodies = {line["custom_id"]: line["response"]["body"] for line in lines}
    assert all(body["model"] == LLAMA and body["choices"][0]["message"]["content"] for body in bodies.values())
    return bodies


def test_python(real_server: RunningServer, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(PYTHON % (real_server.base_url, real_server.key, LLAMA), encoding="utf-8")
    *states, listed, cancelled = run([sys.executable, str(script)], tmp_path).splitlines()
    assert states[-1] == "Status: completed, 3 / 3"
    assert set(results(tmp_path)) == {"task-mountains", "task-rivers", "task-towns"}
    page = json.loads(listed)
    assert (page["object"], page["data"][0]["status"]) == ("list", "completed")
    assert page["data"][0]["model"] == LLAMA
    assert page["first_id"] == page["data"][0]["id"]
    assert cancelled in {"cancelling", "cancelled"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("slash", ["", "/"])
def test_curl(real_server: RunningServer, tmp_path: Path, slash: str) -> None:
    command = CURL % (real_server.base_url, real_server.key, LLAMA, LLAMA, slash)
    said = run(["bash", "-c", command], tmp_path)
    assert set(results(tmp_path)) == {"task-mountains", "task-rivers"}
    listed, end = json.JSONDecoder().raw_decode(said)
    assert listed["data"][0]["status"] == "completed"
    refused = json.loads(said[end:])["error"]  # it is over, so there is nothing to cancel
    assert refused["type"] == "invalid_request_error"
