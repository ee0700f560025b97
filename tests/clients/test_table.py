"""The table tells what each test came to, and never passes over what was not run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from clients.table import BEGIN, END

TESTS = Path(__file__).resolve().parents[1]

CONFTEST = """
from pathlib import Path
from clients.table import Table

def pytest_configure(config):
    config.pluginmanager.register(Table(Path("clients.md")))
"""
WHOLE = """
import pytest
from clients.client import Client
from clients.table import shows

LACKING = {column: "it has none" for column in ("tools", "structured output", "errors")}
A = Client("a client", "1.0", lambda: [], LACKING)
pytestmark = A.marks

@shows("chat", "stream")
def test_both(): pass

@shows("chat")
def test_one(): pass
"""
DOCUMENT = f"before\n{BEGIN}old\n{END}after\n"


def tabled(folder: Path, tests: str, *arguments: str) -> str:
    """What a run of these tests says; it may change `clients.md` in `folder`."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_these.py").write_text(tests)
    (folder / "clients.md").write_text(DOCUMENT)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ran.stdout


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_whole_table_is_printed_and_kept(tmp_path: Path, processes: str) -> None:
    row = "| a client | 1.0 | ✓ | ✓ | n/a: it has none | n/a: it has none | n/a: it has none |"
    assert row in tabled(tmp_path, WHOLE, "-n", processes)
    kept = (tmp_path / "clients.md").read_text()
    assert row in kept
    assert kept.startswith(f"before\n{BEGIN}")
    assert kept.endswith(f"{END}after\n")
    assert "old" not in kept


@pytest.mark.parametrize(
    ("change", "row"),
    [
        ({"def test_one(): pass": "def test_one(): assert False"}, "| fails | ✓ |"),
        ({'@shows("chat")\n': '@shows("chat")\n@pytest.mark.skip("no node")\n'}, "| not run: no node | ✓ |"),
        ({'@shows("chat", "stream")': '@shows("chat")'}, "| ✓ | not run: it has no test |"),
        ({"def test_one(): pass": "def test_one(): pytest.exit('enough')"}, "| not run: the run ended before it | ✓ |"),
    ],
    ids=["failed", "skipped", "missing", "broken off"],
)
def test_what_is_not_seen_to_work_is_told(tmp_path: Path, change: dict[str, str], row: str) -> None:
    tests = WHOLE
    for old, new in change.items():
        assert old in tests
        tests = tests.replace(old, new)
    assert row in tabled(tmp_path, tests)
    assert ("old" in (tmp_path / "clients.md").read_text()) == ("not run" in row)


@pytest.mark.parametrize("processes", ["0", "2"])
def test_a_choice_of_tests_keeps_the_table_as_it_is(tmp_path: Path, processes: str) -> None:
    said = tabled(tmp_path, WHOLE, "-k", "both", "-n", processes)
    assert "| not run: not selected | ✓ |" in said
    assert "left as it is" in said
    assert (tmp_path / "clients.md").read_text() == DOCUMENT
