"""Following a guide: its code run from top to bottom on a real server, and what it shows held against what came."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from guides import Block, blocks_of
from running_server import RunningServer

ADDRESS = "http://127.0.0.1:8484"
"""The address in every example, which is the server's default; a reader with another one changes it."""

_SECONDS = 300


def follow(page: str, server: RunningServer, folder: Path, *, python: str = sys.executable) -> None:
    """Do in `folder` what a reader of the page does, and fail where not all of it works. `python` has the packages."""
    blocks = blocks_of(page)
    for block in blocks:
        if block.title:
            (folder / block.title).write_text(block.code.replace(ADDRESS, address(server)), encoding="utf-8")
    outputs = run([block for block in blocks if block.runs], server, folder, python=python)
    assert [str(block) for block, output in outputs.items() if _speaks(block) and not output] == []
    last, answer = "", None
    for block in blocks:
        if block in outputs:
            last = outputs[block]
            answer = json.loads(last) if last.startswith("{") else answer
        elif block.language == "text":  # what the block before it prints
            assert set(plain(block.code)) <= set(plain(last)), str(block)
        elif block.language == "json" and "error" not in json.loads(block.code):  # the last JSON that came
            assert shape(json.loads(block.code)) == shape(answer), str(block)


def run(blocks: list[Block], server: RunningServer, folder: Path, *, python: str) -> dict[Block, str]:
    """What each block printed, all of them run in one shell, so that a variable that one sets is there for the next.

    An answer of 400 and more fails the shell, as a reader would see it to be wrong.
    """
    steps = ["set -euo pipefail", 'curl() { command curl --silent --show-error --fail-with-body "$@"; }']
    for number, block in enumerate(blocks):
        code = block.code.replace(ADDRESS, address(server))
        if block.language == "python":
            (folder / f"{number}.py").write_text(code, encoding="utf-8")
            code = f"python {folder}/{number}.py\n"
        steps.append(f"{{\n{code}}} >{folder}/{number}.out")
    ran = subprocess.run(
        ["bash", "-c", "\n".join(steps)],
        env={
            "PATH": os.pathsep.join([str(Path(python).parent), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.environ.get("PYTHONPATH", "") if python == sys.executable else "",
            "HOME": str(folder),
            "PENSTOCK_API_KEY": server.key,
            "PENSTOCK_DATA_DIR": str(server.data_dir),
            "PENSTOCK_PORT": str(server.port),
        },
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    written = {block: folder / f"{number}.out" for number, block in enumerate(blocks)}
    outputs = {block: out.read_text(encoding="utf-8") for block, out in written.items() if out.exists()}
    assert ran.returncode == 0, f"{list(outputs)[-1]}: {list(outputs.values())[-1]}\n{ran.stderr}"
    return outputs


def address(server: RunningServer) -> str:
    """Where the server is, without a path."""
    return server.base_url.removesuffix("/v1")


def _speaks(block: Block) -> bool:
    """Whether a block is there for what it prints; the others set a variable or revoke a key."""
    return block.language == "python" or block.code.startswith(("curl", "node"))


def plain(output: str) -> list[str]:
    """The lines of an output, but for what differs each time: ids, keys, times and the widths of columns."""
    for pattern, name in (
        (r"(req|key)_[0-9a-f]+", r"\1_ID"),
        (r"psk_\S+", "KEY"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
        (r" (\d+ [smhd] ago|-) ", " USED "),
        (r" +", " "),
    ):
        output = re.sub(pattern, name, output)
    return [line.strip() for line in output.splitlines()]


def shape(value: Any) -> Any:
    """The keys and kinds of a JSON value, without what they hold."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__
