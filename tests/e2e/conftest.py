"""What tests of the pages have: a Chromium for all of them, people who are signed in, and pages that are watched.

`def test_something(open_page: Opened, echo_server: RunningServer, ann: Person)` and then `open_page(echo_server, ann,
"/apikeys", width=390, theme="dark")` gives Playwright's own `Page`. A test fails on an error in the page's console, on
one that nobody catches, on what the policy forbids and on a request to anywhere else. `build/screenshots` has what the
pages of a failed test looked like.
"""

import re
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from conftest import ECHO_CONFIG
from debian import program
from e2e.browser import BrowserThread, Opened
from e2e.busy_house import House, busy_house
from running_server import SMOL, RunningServer, eventually, serving
from sign_in import Person, settle

FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Tests that open pages run in the browser's thread, everything else of pytest where it always does."""
    thread = pyfuncitem.funcargs.get("browser_thread")
    if not isinstance(thread, BrowserThread):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    thread.run(lambda: pyfuncitem.obj(**arguments))
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def browser_thread(console_build: subprocess.CompletedProcess[str]) -> Iterator[BrowserThread]:
    """One browser for all tests."""
    assert console_build.returncode == 0, console_build.stdout + console_build.stderr
    thread = BrowserThread(program("chromium", "chromium"))
    yield thread
    thread.close()


@pytest.fixture
def open_page(browser_thread: BrowserThread, request: pytest.FixtureRequest) -> Iterator[Opened]:
    """Opens pages for this test, and holds against them what they did."""
    opened = Opened(browser_thread.browser)
    yield opened
    if request.node.stash.get(FAILED, False) or opened.wrong:
        name = re.sub(r"[^\w.-]+", "-", request.node.name)
        browser_thread.run(lambda: opened.keep_pictures(name))
    browser_thread.run(opened.close)
    assert opened.wrong == []


def states(server: RunningServer) -> set[str]:
    """What its models are doing."""
    return {model["penstock"]["state"] for model in server.request("GET", "/v1/models").json["data"]}


@pytest.fixture(scope="session")
def workshop(
    models_dir: Path, console_build: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The real model and the echo models on one server, whose models tests may stop, whose disk they may fill and whose
    requests they may count, as long as each leaves it as it was: running, and with nothing under way."""
    data_dir = tmp_path_factory.mktemp("workshop")
    (data_dir / "models").symlink_to(models_dir)
    served = [argument for model in (SMOL, "echo", "short", "slow") for argument in ("--model", model)]
    config = f'{ECHO_CONFIG}\n[[models]]\nid = "{SMOL}"\ncontext_length = 2048\n'
    with serving(data_dir, *served, config=config) as server:
        eventually(lambda: states(server) == {"ready"}, seconds=90)
        yield server


@pytest.fixture(scope="session")
def foreman(workshop: RunningServer) -> Person:
    """An administrator of the workshop."""
    return settle(workshop, "foreman", role="admin")


@pytest.fixture(scope="session")
def ann(echo_server: RunningServer) -> Person:
    """Somebody without rights of their own on the echo server."""
    return settle(echo_server, "ann-at-the-console")


@pytest.fixture(scope="session")
def root(echo_server: RunningServer) -> Person:
    """An administrator of the echo server."""
    return settle(echo_server, "root-at-the-console", role="admin")


@pytest.fixture(scope="session")
def house(console_build: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A server whose lists have rows and where something always runs. Tests may add to it."""
    with busy_house(tmp_path_factory.mktemp("busy")) as house:
        yield house
