"""The table of clients x what was seen to work with them, put together from the outcomes of their tests.

A test belongs to the client of its module (`pytestmark = CLIENT.marks`) and to the column that it shows
(`@shows("chat")`). A cell is a tick when all its tests passed. What was not run says so, with the reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pytest

Column = Literal["chat", "stream", "tools", "structured output", "errors"]
COLUMNS: tuple[Column, ...] = ("chat", "stream", "tools", "structured output", "errors")

BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"

WORKS = "✓"


def shows(*columns: Column) -> pytest.MarkDecorator:
    """The columns of the table that a test is for."""
    return pytest.mark.shows(*columns)


@dataclass(frozen=True)
class _Test:
    """What a test is for."""

    client: str
    version: str
    lacks: Mapping[str, str]
    columns: tuple[Column, ...]

    @property
    def row(self) -> tuple[str, str]:
        return self.client, self.version


class Table:
    """A pytest plugin: gathers outcomes, prints the table at the end, and keeps it in `document` if it is whole.

    Where several processes run the tests, it is in each: those tell the one that prints what they collected.
    """

    def __init__(self, document: Path | None) -> None:
        self._document = document
        self._tests: dict[str, _Test] = {}
        self._outcomes: dict[str, str] = {}
        self._deselected: list[str] = []

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        of, columns = item.get_closest_marker("client"), item.get_closest_marker("shows")
        if of is None or columns is None:
            return
        (client,) = of.args
        self._tests[item.nodeid] = _Test(client.name, client.version, dict(client.lacks), columns.args)

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._deselected += [item.nodeid for item in items]

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if (told := getattr(session.config, "workeroutput", None)) is not None:
            tests = {nodeid: asdict(test) for nodeid, test in self._tests.items()}
            told["clients"] = {"tests": tests, "deselected": self._deselected}

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """A process has ended, of itself if it tells something. All collect the same."""
        if told := getattr(node, "workeroutput", {}).get("clients"):
            self._tests = {nodeid: _Test(**test) for nodeid, test in told["tests"].items()}
            self._deselected = told["deselected"]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            self._outcomes[report.nodeid] = f"not run: {_reason(report)}"
        elif report.failed:
            self._outcomes[report.nodeid] = "fails"
        elif report.when == "call":
            self._outcomes[report.nodeid] = WORKS

    @property
    def lines(self) -> list[str]:
        """The table in Markdown."""
        clients = {test.row: test.lacks for test in self._tests.values()}
        by_name = sorted(clients.items(), key=lambda client: client[0][0].lower())
        rows = [[*row, *(self._cell(row, lacks, column) for column in COLUMNS)] for row, lacks in by_name]
        head = ["client", "version", *COLUMNS]
        return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]

    @property
    def whole(self) -> bool:
        """Every test of every client ran, and there is one for every cell."""
        return bool(self._tests) and not self._deselected and not any("not run" in line for line in self.lines)

    def _cell(self, row: tuple[str, str], lacks: Mapping[str, str], column: Column) -> str:
        if column in lacks:
            return f"n/a: {lacks[column]}"
        outcomes = [
            self._outcome(nodeid) for nodeid, test in self._tests.items() if test.row == row and column in test.columns
        ]
        if not outcomes:
            return "not run: it has no test"
        return next((outcome for outcome in outcomes if outcome != WORKS), WORKS)

    def _outcome(self, nodeid: str) -> str:
        if nodeid in self._deselected:
            return "not run: not selected"
        return self._outcomes.get(nodeid, "not run: the run ended before it")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._tests:
            return
        terminalreporter.section("clients")
        for line in self.lines:
            terminalreporter.write_line(line)
        if self._document is not None and self.whole:
            _keep(self._document, self.lines)
        elif self._document is not None:
            terminalreporter.write_line(f"{self._document} was left as it is: not everything was run.")


def _reason(report: pytest.TestReport) -> str:
    longrepr = report.longrepr
    said = str(longrepr[2]) if isinstance(longrepr, tuple) else report.longreprtext
    return said.removeprefix("Skipped: ").replace("\n", " ")


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def _keep(document: Path, lines: list[str]) -> None:
    before, begin, rest = document.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, document
    assert end, document
    document.write_text(before + begin + "\n" + "\n".join(lines) + "\n\n" + end + after, encoding="utf-8")
