"""What the documents say is so: links lead somewhere, lists are whole, and the README's examples run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from running_server import SMOL, RunningServer

from penstock.app import operations
from penstock.cli import COMMANDS
from penstock.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "ARCHITECTURE.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_to_files(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)", document.read_text(encoding="utf-8"))
    local = [target for target in targets if "://" not in target]
    assert [target for target in local if not (document.parent / target).exists()] == []


def test_the_map_is_short() -> None:
    assert len(ARCHITECTURE.splitlines()) <= 120


def test_the_map_names_every_room() -> None:
    rooms = [path.parent.name for path in (ROOT / "src" / "penstock").glob("*/__init__.py")]
    assert rooms
    assert [room for room in rooms if f"`{room}/`" not in ARCHITECTURE] == []


def test_the_map_names_only_files_that_are_there() -> None:
    named = set(re.findall(r"`?\b((?:[a-z_]+/)+[a-z_]+\.py)\b", ARCHITECTURE))
    assert named
    missing = [file for file in named if not (ROOT / file).exists() and not (ROOT / "src" / "penstock" / file).exists()]
    assert missing == []


def test_the_list_of_decisions_is_whole() -> None:
    folder = ROOT / "docs" / "decisions"
    pages = sorted(path.name for path in folder.glob("*.md") if path.name != "index.md")
    assert re.findall(r"\((\d{4}-[^)]+)\)", (folder / "index.md").read_text(encoding="utf-8")) == pages
    assert [int(page[:4]) for page in pages] == list(range(1, len(pages) + 1))


def test_the_table_of_clients_has_no_hole() -> None:
    """`make test-clients` writes it: a cell is a tick, or says what its client does not have."""
    table = (ROOT / "docs" / "clients.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    assert rows
    assert [row for row in rows if any(cell != "✓" and not cell.startswith("n/a: ") for cell in row[2:])] == []


def test_the_readme_lists_every_setting_and_command() -> None:
    names = [field.name for field in msgspec.structs.fields(Settings)]
    assert [name for name in names if not re.search(rf"`\[*{name}\]*`", README)] == []
    variables = [f"PENSTOCK_{name.upper()}" for name in names if name not in ("models", "plans")]
    assert [name for name in variables if f"`{name}`" not in README] == []
    assert [name for name in COMMANDS if f"`penstock {name}" not in README] == []


def test_the_readme_lists_every_endpoint_and_no_other() -> None:
    told = re.findall(
        r"`((?:GET|POST|PUT|PATCH|DELETE) /[^`]*)`", README.partition("## Endpoints")[2].partition("\n## ")[0]
    )
    assert sorted(told) == sorted(f"{operation.method} {operation.path}" for operation in operations())


def test_the_readme_tells_the_defaults() -> None:
    settings = Settings()
    rows = dict(re.findall(r"`PENSTOCK_(\w+)`[^|]*\|[^|]*\| ([^|]+?) \|", README))
    told = {name: rows[name].strip("`") for name in ("HOST", "PORT", "DRAIN_SECONDS", "PING_SECONDS", "STALL_SECONDS")}
    assert told == {name: str(getattr(settings, name.lower())) for name in told}
    assert all(model in rows["SERVE"] for model in settings.serve)


def environment(server: RunningServer) -> dict[str, str]:
    return {**os.environ, "PENSTOCK_API_KEY": server.key}


def test_the_readmes_python_example_streams_an_answer(real_server: RunningServer) -> None:
    (example,) = blocks("python")
    code = example.replace("http://127.0.0.1:8484/v1", real_server.base_url)
    assert code != example
    ran = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(real_server),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ran.stdout.strip()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_curl_example_gets_an_answer(real_server: RunningServer) -> None:
    (example,) = [block for block in blocks("sh") if block.startswith("curl")]
    command = example.replace("http://127.0.0.1:8484/v1", real_server.base_url)
    assert command != example
    ran = subprocess.run(
        ["sh", "-c", command], env=environment(real_server), capture_output=True, text=True, timeout=120, check=True
    )
    answer = msgspec.json.decode(ran.stdout)
    assert answer["model"] == SMOL
    assert answer["choices"][0]["message"]["content"]
