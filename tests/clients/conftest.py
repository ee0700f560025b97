"""The option of `make test-clients`, and the table that comes of it."""

from pathlib import Path

import pytest
from clients.table import Table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clients-table", type=Path, metavar="FILE", help="keep the table of clients in this document")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(config.getoption("--clients-table")), "clients-table")
