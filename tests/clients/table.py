"""The table of clients x what was seen to work with them, put together from the outcomes of their tests.

A test belongs to the client of its module (`pytestmark = CLIENT.marks`) and to the column that it shows
(`@shows("chat")`). A cell is a tick when all its tests passed. What was not run says so, with the reason.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import pytest
from clients.client import Client

Column = Literal["chat", "stream", "tools", "structured output", "errors"]
COLUMNS: tuple[Column, ...] = ("chat", "stream", "tools", "structured output", "errors")

BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"

WORKS = "✓"


def shows(*columns: Column) -> pytest.MarkDecorator:
    """The columns of the table that a test is for."""
    return pytest.mark.shows(*columns)


class Table:
    """A pytest plugin: gathers outcomes, prints the table at the end, and keeps it in `document` if it is whole."""

    def __init__(self, document: Path | None) -> None:
        self._document = document
        self._clients: list[Client] = []
        self._tests: dict[str, tuple[Client, tuple[Column, ...]]] = {}
        self._outcomes: dict[str, str] = {}
        self._chosen_from = False

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        of, columns = item.get_closest_marker("client"), item.get_closest_marker("shows")
        if of is None or columns is None:
            return
        (client,) = of.args
        if client not in self._clients:
            self._clients.append(client)
        self._tests[item.nodeid] = (client, columns.args)

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self._chosen_from = True
        for item in items:
            self._outcomes[item.nodeid] = "not run: not selected"

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
        rows = [
            [client.name, client.version, *(self._cell(client, column) for column in COLUMNS)]
            for client in sorted(self._clients, key=lambda client: client.name.lower())
        ]
        head = ["client", "version", *COLUMNS]
        return [_line(head), _line(["---"] * len(head)), *map(_line, rows)]

    @property
    def whole(self) -> bool:
        """Every test of every client ran, and there is one for every cell."""
        return bool(self._clients) and not self._chosen_from and not any("not run" in line for line in self.lines)

    def _cell(self, client: Client, column: Column) -> str:
        if column in client.lacks:
            return f"n/a: {client.lacks[column]}"
        outcomes = [
            self._outcomes.get(test, "not run: the run ended before it")
            for test, (of, columns) in self._tests.items()
            if of is client and column in columns
        ]
        if not outcomes:
            return "not run: it has no test"
        return next((outcome for outcome in outcomes if outcome != WORKS), WORKS)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self._clients:
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
