"""Gateways side by side: what each costs in front of the same mock upstream, measured in interleaved rounds.

    python bench/side_by_side.py [--quick] [--rounds 9] [--only PEER ...] [--workload NAME ...]

`make bench` does the same and sets up what is missing. bench/README.md says how it is measured and how to read it.
"""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import click
from gateways import charts, report
from gateways.cell import GAVE_UP, Cell, measure
from gateways.compiled import program
from gateways.peer import LOGS, NotHere, Peer, Running
from gateways.peers import all_peers
from gateways.processes import OTHER_CORE, end_by_signal, started
from gateways.workloads import WORKLOADS, Workload, named

RESULTS = Path(__file__).resolve().parent / "results"


class Fleet:
    """The gateways that run, each of which can be started anew."""

    def __init__(self, stack: ExitStack, mock_port: int) -> None:
        self.mock_port = mock_port
        self.running: dict[str, Running] = {}
        self._stack = stack
        self._own: dict[str, ExitStack] = {}

    def start(self, peer: Peer) -> None:
        """Raises NotHere."""
        own = self._own[peer.name] = self._stack.enter_context(ExitStack())
        self.running[peer.name] = own.enter_context(peer.running(self.mock_port))

    def restart(self, peer: Peer) -> None:
        """What it has left to do is not done any more."""
        self._own[peer.name].close()
        self.start(peer)


def install_all(chosen: list[Peer]) -> tuple[dict[str, str], dict[str, str]]:
    """The versions of those that are there, and of the others the reasons why they are not."""
    versions, missing = {}, {}
    for peer in chosen:
        try:
            versions[peer.name] = peer.install()
        except NotHere as reason:
            missing[peer.name] = str(reason)
            click.echo(f"{peer.name}: not run: {reason}", err=True)
    return versions, missing


def play(fleet: Fleet, chosen: list[Peer], workloads: list[Workload], *, rounds: int, seconds: float) -> Iterator[Cell]:
    """Every workload in every round, for all gateways in an order drawn anew each time."""
    gave_up, order = set[tuple[str, str]](), random.Random(1)
    turns = [peer for peer in chosen if peer.name in fleet.running]
    for number in range(1, rounds + 1):
        for workload in workloads:
            order.shuffle(turns)
            for peer in turns:
                if (peer.name, workload.name) in gave_up:
                    continue
                running = fleet.running[peer.name]
                cell = measure(peer.name, running, workload, mock_port=fleet.mock_port, number=number, seconds=seconds)
                click.echo(f"round {number}: {report.line(cell)}", err=True)
                yield cell
                if GAVE_UP in cell.void:
                    gave_up.add((peer.name, workload.name))
                    fleet.restart(peer)


@click.command()
@click.option("--rounds", default=9, show_default=True)
@click.option("--seconds", default=3.0, show_default=True, help="Of each cell; long streams take their time.")
@click.option("--quick", is_flag=True, help="One round, 1 s a cell, paced streams an eighth as long.")
@click.option("--only", multiple=True, metavar="PEER", help="A gateway; may be repeated. `direct` always runs.")
@click.option("--workload", "names", multiple=True, type=click.Choice([one.name for one in WORKLOADS]))
@click.option(
    "--output", type=click.Path(path_type=Path), help="Where the results go.  [default: bench/results, unless quick]"
)
def main(
    rounds: int, seconds: float, quick: bool, only: tuple[str, ...], names: tuple[str, ...], output: Path | None
) -> None:
    """Compare Penstock with other gateways."""
    end_by_signal()
    chosen = [peer for peer in all_peers() if not only or peer.name in {*only, "direct"}]
    workloads = named(names)
    if quick:
        rounds, seconds, workloads = 1, 1.0, [workload.shorter() for workload in workloads]
    versions, missing = install_all(chosen)
    log = LOGS / "mock.log"
    with ExitStack() as stack:
        mock = stack.enter_context(started([program("mock"), "0"], log=log, core=OTHER_CORE, pipe=True))
        assert mock.stdout is not None
        mock_port = int(mock.stdout.readline())
        conditions = report.conditions(rounds=rounds, seconds=seconds)
        fleet = Fleet(stack, mock_port)
        for peer in chosen:
            try:
                if peer.name in versions:
                    fleet.start(peer)
            except NotHere as reason:
                missing[peer.name] = str(reason)
        cells = list(play(fleet, chosen, workloads, rounds=rounds, seconds=seconds))
    result = report.Result(conditions, versions, missing, workloads, chosen, cells)
    click.echo(report.table(result))
    if output or not quick:
        report.write(result, output or RESULTS)
        for drawn in charts.draw(result, output or RESULTS):
            click.echo(f"wrote {drawn}", err=True)


if __name__ == "__main__":
    main()
