"""A batch whose server has a locked database, a full disk, or a clock that jumps: it waits, goes on, and is whole."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from killed_batches import Rows
from running_server import RunningServer, eventually, serving
from test_faults_of_data import CLOCK, CONFIG, full_disk, locked, set_clock
from test_how_batches_end import begin, ended, half_done

Trouble = Callable[[RunningServer], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    with serving(tmp_path_factory.mktemp("trouble"), "--model", "echo", config=CONFIG) as running:
        yield running


@pytest.mark.parametrize("trouble", [locked, full_disk])
def test_it_waits_and_goes_on(server: RunningServer, tmp_path: Path, trouble: Trouble) -> None:
    client = server.client(retries=5)
    batch = begin(client, tmp_path, 300)
    half_done(client, batch)
    before = server.log.read_text().count("cannot be written")
    with trouble(server):
        # Of a disk that is full no word comes: the log cannot be written either.
        eventually(lambda: trouble is full_disk or server.log.read_text().count("cannot be written") > before)
        assert server.chat("now").status == 200
    batch, output, errors = ended(client, batch)
    assert (batch.status, len(output), errors) == ("completed", 300, [])
    name = batch.id.removeprefix("batch_")
    rows = Rows(f"sqlite:///{server.data_dir / 'penstock.db'}")(
        f"SELECT COUNT(*) FROM usage WHERE request_id LIKE 'req_{name}_%'"
    )
    assert rows == [(300,)]


def test_a_clock_that_jumps_takes_no_line_from_who_runs_it(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    set_clock(clock, 0)
    environ = {
        "PYTHONPATH": os.pathsep.join([str(CLOCK), os.environ.get("PYTHONPATH", "")]),
        "SHIFTED_CLOCK": str(clock),
        "PENSTOCK_BATCH_LEASE_SECONDS": "2",
    }
    with serving(tmp_path / "data", "--model", "echo", config=CONFIG, environ=environ) as server:
        client = server.client()
        batch = begin(client, tmp_path, 200)
        for shift in (7200, -7200, 3600):
            half_done(client, batch)
            set_clock(clock, shift)
        batch, output, errors = ended(client, batch)
        assert (batch.status, len(output), errors) == ("completed", 200, [])
        assert "taken over" not in server.log.read_text()
