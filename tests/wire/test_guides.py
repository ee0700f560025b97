"""The guides do what they say: whoever follows one on a real server gets what it shows.

Here are the pages that need the official client alone; tests/clients/test_guides.py has those of other clients.
"""

import shutil
import sys
from pathlib import Path

import pytest
from following import follow, plain, run, shape
from guides import FOLLOWED, RUN, SHOWN, Block, blocks_of, guides, parse
from running_server import RunningServer

INSTALLED = "it installs packages; the tests have them, as locked in requirements/clients"
# The first line of every block that no test runs, with the reason that its page gives.
COMPILES = "it compiles for ten minutes and more"
NOT_RUN = {
    "make serve": "it starts a server, which the tests have running already",
    ". .venv/bin/activate": "the tests run with the penstock command on their path",
    "pip install openai": "it installs a package; the tests have it",
    'penstock batch cancel "$BATCH_ID"': "nothing is under way here that could be cancelled",
    "npm install @elizaos/core @elizaos/plugin-openai @elizaos/plugin-sql zod": INSTALLED,
    "npx sillytavern": "it installs packages and starts a server; tests/clients/test_sillytavern.py starts one",
    "import os": "not with the rest of the page; it needs a model for embeddings, and is run on a server that has one",
    "pip install crewai": INSTALLED,
    "pip install langchain langchain-openai": INSTALLED,
    "pip install litellm": INSTALLED,
    "cat > .env <<END": "the tests use eliza 0.25 with these settings in tests/clients/test_eliza.py",
    "penstock users reset-password ann@example.org": "it asks for the password in a terminal",
    "createuser --pwprompt penstock": "it needs the rights of PostgreSQL's own superuser",
    "export PENSTOCK_DATABASE_URL='postgresql://penstock:PASSWORD@db.example.org/penstock?sslmode=require'": (
        "it names a host of yours"
    ),
    "# 1. stop the server, so that nothing is written meanwhile": "it stops the server and names a host of yours",
    'pg_dump --format custom --dbname "$PENSTOCK_DATABASE_URL" --file penstock.dump': "it names a host of yours",
    "penstock serve --workers 4": "it is the server itself",
    "penstock doctor --tune": "it takes minutes, and the figures are those of your machine",
    "pip install --force-reinstall --no-deps --no-binary xllamacpp xllamacpp==2026.10.11549": COMPILES,
    'export CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX512=ON -DGGML_AVX512_VBMI=ON -DGGML_AVX512_VNNI=ON '
    '-DGGML_AVX512_BF16=ON"': COMPILES,
    "penstock bench": "it takes a minute, and the figures are those of your machine",
    "export PENSTOCK_API_KEY=...": "it names a server of yours",
    "litellm --config config.yaml": (
        "it starts a server; tests/clients/test_litellm_proxy.py tries one with such a file"
    ),
}


def all_blocks() -> list[Block]:
    return [block for page in guides() for block in blocks_of(page)]


def test_every_block_is_run_or_shown_or_says_why_not() -> None:
    assert [str(block) for block in all_blocks() if block.language not in RUN | SHOWN] == []
    skipped = [block for block in all_blocks() if block.not_run]
    for block in skipped:
        print(f"{block} is not run: {block.not_run}")
    assert {block.code.splitlines()[0]: block.not_run for block in skipped} == NOT_RUN


def test_every_page_with_code_is_followed() -> None:
    assert sorted(FOLLOWED) == sorted({block.page for block in all_blocks() if block.runs})


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", [page for page, environment in FOLLOWED.items() if not environment])
def test_a_guide_can_be_followed(page: str, real_server: RunningServer, tmp_path: Path) -> None:
    follow(page, real_server, tmp_path)


def test_the_example_of_embeddings(embedding_server: RunningServer, tmp_path: Path) -> None:
    (example,) = [block for block in all_blocks() if "embeddings.create" in block.code]
    printed = run([example], embedding_server, tmp_path, python=sys.executable)[example]
    alike = {name: float(number) for name, number in map(str.split, printed.splitlines())}
    assert 1 > alike["kitten"] > alike["taxes"] > 0


def test_a_block_in_a_tab_is_found_with_its_reason() -> None:
    text = 'Text\n\n    <!-- not run: no -->\n    ```sh\n    ls\n      -l\n    ```\n\n```python\n--8<-- "{}"\n```\n'
    file = "get-api-key/from_environment.py"
    first, second = parse("page.md", text.replace("{}", file))
    assert first == Block("page.md", 4, "sh", "ls\n  -l\n", "no")
    assert (second.line, second.not_run) == (9, None)
    assert second.code.startswith("from openai import OpenAI\n")


@pytest.mark.parametrize("code", ["false", "curl http://127.0.0.1:8484/v1/nowhere", "echo $NEVER_SET"])
def test_a_block_that_does_not_work_fails_its_page(code: str, echo_server: RunningServer, tmp_path: Path) -> None:
    blocks = [Block("page.md", 1, "sh", "export NAME=one\n"), Block("page.md", 5, "sh", f"echo $NAME\n{code}\n")]
    with pytest.raises(AssertionError, match=r"page\.md:5: one"):
        run(blocks, echo_server, tmp_path, python="python")


def test_what_is_shown_is_compared_without_what_differs_each_time() -> None:
    shown = "Name   Key\nmine   psk_b1Qd…m4Xw  2026-11-25 18:50\nRequest req_0a1b"
    assert plain(shown) == plain("Name Key\nmine psk_zz…zz 2027-01-01 00:00\nRequest req_ffff")
    assert plain(shown) != plain(shown.replace("mine", "yours"))
    assert shape({"a": [1, 2], "b": None}) == {"a": ["int"], "b": "NoneType"}
    assert shape({"a": [1], "c": None}) != shape({"a": [1], "b": None})
