"""Files of requests for batches, and `penstock batch` run on them as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from running_server import RunningServer


def request(custom_id: str, content: str = "Hello there", *, model: str = "echo", **fields: Any) -> dict[str, Any]:
    """One line of a file, as an object."""
    body = {"model": model, "messages": [{"role": "user", "content": content}], **fields}
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


def written(path: Path, *requests: Any) -> Path:
    """A file with these requests."""
    path.write_text("".join(f"{json.dumps(each)}\n" for each in requests), encoding="utf-8")
    return path


def command(server: RunningServer, *arguments: str) -> list[str]:
    """The argv of `penstock batch ARGUMENTS`."""
    return [sys.executable, "-m", "penstock", "batch", *arguments, "--url", server.base_url]


def surroundings(server: RunningServer) -> dict[str, str]:
    """The environment of somebody who has a key."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    nowhere = str(server.data_dir / "nobodys")
    return {**kept, "PENSTOCK_API_KEY": server.key, "PENSTOCK_DATA_DIR": nowhere, "TERM": "xterm-256color"}


def batch(
    server: RunningServer, *arguments: str, folder: Path | None = None, environ: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `penstock batch ARGUMENTS` in a folder to its end, with a key and without a terminal."""
    return subprocess.run(
        command(server, *arguments),
        env={**surroundings(server), **(environ or {})},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def created(server: RunningServer, path: Path, *options: str) -> str:
    """The id of a new batch of a file."""
    ran = batch(server, "create", str(path), *options)
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    return ran.stdout.strip()


def lines(path: Path) -> list[dict[str, Any]]:
    """What is in a file of lines."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
