"""The option of `make test-clients`, and the table that comes of it."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from clients.table import Table


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--clients-table", type=Path, metavar="FILE", help="keep the table of clients in this document")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Table(config.getoption("--clients-table")), "clients-table")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Make the environments in the order of the tests, ahead of them: a test that comes too early waits for its own.

    Where one cannot be made its tests try again, and tell why.
    """
    first = os.environ.get("PYTEST_XDIST_WORKER", "gw0") == "gw0"
    if session.config.option.collectonly or not first:
        return
    marks = (item.get_closest_marker("client") for item in session.items)
    commands = dict.fromkeys(mark.args[0].command for mark in marks if mark is not None)
    ahead = ThreadPoolExecutor(1, thread_name_prefix="environments")
    for command in commands:
        ahead.submit(command)
    session.config.add_cleanup(lambda: ahead.shutdown(cancel_futures=True))
