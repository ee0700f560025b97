"""The examples of the page that the project started from, unchanged but for base URL and key."""

import json
import subprocess
import sys
from pathlib import Path

from running_server import LLAMA, RunningServer

CURL = """curl -s %s/chat/completions \
    -H "Authorization: Bearer %s" \
    -H "Content-Type: application/json" \
    -d '{
            "model": "klusterai/Meta-Llama-3.1-8B-Instruct-Turbo", 
            "messages": [
                { 
                    "role": "user", 
                    "content": "What is the most famous street in Paris?" 
                }
            ]
        }'
"""  # noqa: W291 -- as the page has it

PYTHON = """
import json
from openai import OpenAI

client = OpenAI(base_url="%s", api_key="%s")

chat_completion = client.chat.completions.create(
    model="klusterai/Meta-Llama-3.1-8B-Instruct-Turbo",
    messages=[
        {"role": "user", "content": "What is the most famous street in Paris?"}
    ],
)

print(json.dumps(chat_completion.to_dict(), indent=4))
"""

KEYS = {"id", "choices", "created", "model", "object", "service_tier", "system_fingerprint", "usage", "prompt_logprobs"}


def check(answer: str) -> None:
    completion = json.loads(answer)
    assert set(completion) == KEYS
    assert (completion["model"], completion["object"]) == (LLAMA, "chat.completion")
    assert completion["choices"][0]["message"]["content"]
    assert completion["choices"][0]["finish_reason"] in {"stop", "length"}  # the model's own bound, now and then
    assert completion["usage"]["total_tokens"] > completion["usage"]["prompt_tokens"] > 0


def test_curl(real_server: RunningServer) -> None:
    command = CURL % (real_server.base_url, real_server.key)
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=True)
    check(done.stdout)


def test_python(real_server: RunningServer, tmp_path: Path) -> None:
    script = tmp_path / "example.py"
    script.write_text(PYTHON % (real_server.base_url, real_server.key))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=120, check=True)
    check(done.stdout)
