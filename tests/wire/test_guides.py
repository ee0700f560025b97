"""The guides do what they say: whoever follows one on a real server gets what it shows."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from guides import RUN, SHOWN, Block, blocks_of, follow, guides, parse
from running_server import RunningServer

PAGES = [
    "index.md",
    "get-started/get-api-key.md",
    "get-started/openai-compatibility.md",
    "get-started/real-time-inference.md",
]
"""The pages whose clients are at hand here."""

# Every block that no test runs, with the reason that its page gives.
NOT_RUN = {
    "make serve": "it starts a server, which the tests have running already",
    ". .venv/bin/activate": "the tests run with the penstock command on their path",
    "pip install openai": "it installs a package; the tests have it",
}


def all_blocks() -> list[Block]:
    return [block for page in guides() for block in blocks_of(page)]


def runs(block: Block) -> bool:
    return block.language in RUN and not block.not_run


def test_every_block_is_run_or_shown_or_says_why_not() -> None:
    assert [str(block) for block in all_blocks() if block.language not in RUN | SHOWN] == []
    skipped = [block for block in all_blocks() if block.not_run]
    for block in skipped:
        print(f"{block} is not run: {block.not_run}")
    assert {block.code.strip(): block.not_run for block in skipped} == NOT_RUN


def test_every_page_is_followed() -> None:
    assert sorted(PAGES) == sorted({block.page for block in all_blocks() if runs(block)})


def test_a_block_in_a_tab_is_found_with_its_reason() -> None:
    text = 'Text\n\n    <!-- not run: no -->\n    ```sh\n    ls\n      -l\n    ```\n\n```python\n--8<-- "{}"\n```\n'
    file = "get-api-key/from_environment.py"
    first, second = parse("page.md", text.replace("{}", file))
    assert first == Block("page.md", 4, "sh", "ls\n  -l\n", "no")
    assert (second.line, second.not_run) == (9, None)
    assert second.code.startswith("from openai import OpenAI\n")


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", PAGES)
def test_a_guide_can_be_followed(page: str, real_server: RunningServer, tmp_path: Path) -> None:
    environ = {
        "PENSTOCK_API_KEY": real_server.key,
        "PENSTOCK_DATA_DIR": str(real_server.data_dir),
        "PENSTOCK_PORT": str(real_server.port),
    }
    address = real_server.base_url.removesuffix("/v1")
    followed = follow(page, address=address, environ=environ, folder=tmp_path)
    assert not followed.failure
    silent = [str(block) for block, output in followed.outputs.items() if not output and speaks(block)]
    assert silent == []
    check_what_is_shown(page, followed.outputs)


def speaks(block: Block) -> bool:
    """Whether a block is there for what it prints; the others set a variable or revoke a key."""
    return block.language == "python" or block.code.startswith("curl")


def check_what_is_shown(page: str, outputs: dict[Block, str]) -> None:
    """A `text` block is what the block before it prints; a `json` block has the keys of the last JSON that came.

    What an error looks like is held against the server in test_compatibility_page.py.
    """
    last, answer = "", None
    for block in blocks_of(page):
        if block in outputs:
            last = outputs[block]
            answer = json.loads(last) if last.startswith("{") else answer
        elif block.language == "text":
            assert set(plain(block.code)) <= set(plain(last)), str(block)
        elif block.language == "json" and "error" not in json.loads(block.code):
            assert shape(json.loads(block.code)) == shape(answer), str(block)


def plain(output: str) -> list[str]:
    """The lines of an output, but for what differs each time: ids, keys, times and the widths of columns."""
    for pattern, name in (
        (r"(req|key)_[0-9a-f]+", r"\1_ID"),
        (r"psk_\S+", "KEY"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
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
