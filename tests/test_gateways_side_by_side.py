"""The benchmark of gateways counts what is right and nothing else: bench/side_by_side.py is the whole of it."""

import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))

from gateways.cell import Cell, measure
from gateways.charts import draw
from gateways.compiled import program
from gateways.peer import LOGS, Running
from gateways.peers import all_peers
from gateways.peers.penstock import Penstock, recorded
from gateways.processes import started
from gateways.report import Result, conditions, table
from gateways.workloads import Workload, named

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")

REQUEST, STREAM = named(("request", "stream"))
SECONDS = 0.3


@pytest.fixture(scope="module")
def mock() -> Iterator[int]:
    """The port of the mock upstream."""
    with started([program("mock"), "0"], log=LOGS / "mock.log", pipe=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def forger(upstream: int, true: bytes, false: bytes) -> Iterator[int]:
    """A gateway that puts `false` in the place of `true`, which is as long, wherever it comes by."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                there = socket.create_connection(("127.0.0.1", upstream))
                threading.Thread(target=carry, args=(client, there, b"", b""), daemon=True).start()
                threading.Thread(target=carry, args=(there, client, true, false), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)


def carry(source: socket.socket, sink: socket.socket, true: bytes, false: bytes) -> None:
    with source, sink, suppress(OSError):  # the other direction has closed them
        while received := source.recv(1 << 20):
            sink.sendall(received.replace(true, false) if true else received)
        sink.shutdown(socket.SHUT_RDWR)


def cell(running: Running, workload: Workload, mock: int, *, peer: str = "direct") -> Cell:
    return measure(peer, running, workload, mock_port=mock, number=1, seconds=SECONDS)


@pytest.mark.parametrize("workload", [REQUEST, STREAM], ids=lambda workload: workload.name)
def test_right_answers_count(mock: int, workload: Workload) -> None:
    measured = cell(Running(mock), workload, mock)
    assert measured.void == ""
    assert measured.asked > 100
    assert measured.ttft_ms["n"] == measured.asked


@pytest.mark.parametrize(
    ("true", "false", "void"),
    [
        (b"turbine ", b"turbime ", "wrong text"),
        (b"[DONE]", b"[DOME]", "undone"),
        (b'"completion_tokens":128,', b'"completion_tokens":127,', "wrong usage"),
        (b'"prompt_tokens":256,', b'"prompt_tokens":257,', "wrong usage"),
        (b"200 OK", b"502 NO", "refused"),
    ],
)
def test_one_forged_byte_makes_a_cell_void(mock: int, true: bytes, false: bytes, void: str) -> None:
    """A gate that cannot close guards nothing. The mock writes each event by itself, so none is cut in two here."""
    with forger(mock, true, false) as port:
        assert void in cell(Running(port), STREAM, mock).void


def test_what_the_ledger_lacks_makes_a_cell_void(mock: int) -> None:
    """Penstock with everything on is measured against its own ledger; one that never hears of requests is seen."""
    with Penstock("penstock", "", on=True).running(mock) as running:
        assert cell(running, REQUEST, mock).void == ""
        unheard = Running(mock, ledger=running.ledger)
        assert "the ledger has (0, 0, 0)" in cell(unheard, REQUEST, mock).void


def test_penstock_with_metering_off_answers_and_keeps_no_row(mock: int) -> None:
    with Penstock("penstock-off", "", on=False).running(mock) as running:
        assert cell(running, REQUEST, mock).void == ""
        assert running.data is not None
        assert recorded(running.data / "penstock.db") == (0, 0, 0)


def test_what_did_not_run_is_a_row_with_its_reason() -> None:
    peers = [Penstock("penstock", "Penstock", on=True)]
    result = Result(conditions(rounds=1, seconds=1), {}, {"penstock": "no room"}, [REQUEST], peers, [])
    assert "| Penstock | not run: no room |" in table(result)


def test_every_gateway_that_was_measured_is_drawn(mock: int, tmp_path: Path) -> None:
    peers, measured = all_peers(), cell(Running(mock), REQUEST, mock)
    cells = [replace(measured, peer=peer.name, cpu_us_per_request=10.0) for peer in peers]
    drawn = draw(Result(conditions(rounds=1, seconds=1), {}, {}, [REQUEST], peers, cells), tmp_path)
    picture = drawn[0].read_text(encoding="utf-8")
    assert [peer.title for peer in peers if peer.name != "direct" and peer.title not in picture] == []
