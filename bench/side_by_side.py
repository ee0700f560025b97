"""Gateways side by side: what each costs in front of the same mock upstream, measured in interleaved rounds.

    python bench/side_by_side.py [--quick] [--rounds 9] [--only PEER ...] [--workload NAME ...]

`make bench` does the same and sets up what is missing. bench/README.md says how it is measured and how to read it.
"""

import random
from contextlib import ExitStack
from pathlib import Path

import click
from gateways import report
from gateways.cell import GAVE_UP, Cell, measure
from gateways.compiled import program
from gateways.peer import LOGS, NotHere, Peer, Running
from gateways.peers import all_peers
from gateways.processes import OTHER_CORE, started
from gateways.workloads import WORKLOADS, Workload, named

RESULTS = Path(__file__).resolve().parent / "results"


def start_all(stack: ExitStack, chosen: list[Peer], mock_port: int, missing: dict[str, str]) -> dict[str, Running]:
    """Start each; why one is not there goes into `missing`."""
    running = {}
    for peer in chosen:
        if peer.name in missing:
            continue
        try:
            running[peer.name] = stack.enter_context(peer.running(mock_port))
        except NotHere as reason:
            missing[peer.name] = str(reason)
    return running


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


def play(
    running: dict[str, Running], workloads: list[Workload], *, mock_port: int, rounds: int, seconds: float
) -> list[Cell]:
    """Every workload in every round, for all gateways in an order drawn anew each time."""
    cells, order = list[Cell](), random.Random(1)
    for number in range(1, rounds + 1):
        for workload in workloads:
            turns = list(running)
            order.shuffle(turns)
            for name in turns:
                if any(GAVE_UP in cell.void and (cell.peer, cell.workload) == (name, workload.name) for cell in cells):
                    continue
                cell = measure(name, running[name], workload, mock_port=mock_port, number=number, seconds=seconds)
                click.echo(f"round {number}: {report.line(cell)}", err=True)
                cells.append(cell)
    return cells


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
        running = start_all(stack, chosen, mock_port, missing)
        cells = play(running, workloads, mock_port=mock_port, rounds=rounds, seconds=seconds)
    result = report.Result(conditions, versions, missing, workloads, chosen, cells)
    click.echo(report.table(result))
    if output or not quick:
        report.write(result, output or RESULTS)


if __name__ == "__main__":
    main()
