"""Whether a server's memory stays flat under half of what one core can do.

    python bench/memory.py [--minutes 30] [--streams 160] [--warm-seconds 180]

The server and the mock engine are those of `make bench`, with everything on. First it is warmed by requests of 1 KB, at
several rates and then as fast as they are answered: a process takes what it keeps for itself in its first hundred
thousand, and the ledger keeps a statement prepared, of up to 1 MB, for each size of a group of rows; which sizes come
is a matter of the rate. Then come paced streams, begun one after the other and each followed by the next: half of what
a core can do. Every 5 seconds the memory of the process tree is looked at, as RSS: what else runs on the machine
changes PSS, since libraries are shared. What is told is the slope of a straight line through what came after the first
sixth of the time, in percent of the mean an hour; the target is less than 1 % an hour over 30 minutes. It writes
`bench/results/memory.json` and a plot beside it.
"""

import json
import statistics
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import click
from gateways import report
from gateways.compiled import program
from gateways.peer import LOGS, Running
from gateways.peers.penstock import Penstock
from gateways.processes import OTHER_CORE, cpu_seconds, end_by_signal, memory, started
from gateways.workloads import EVENTS, PACE_US, Load

RESULTS = Path(__file__).resolve().parent / "results"
_EVERY_SECONDS = 5.0
_RATES = (20, 100, 300, 500, 800, 1100, 1600)
"""Requests a second that it is warmed with: groups of the ledger from a few rows to 160."""
_SLOW = Load(1, burst=8, pace_us=PACE_US * 5)
_WIDTH, _HEIGHT, _EDGE = 860, 300, 60

Seen = tuple[float, float]
"""Seconds since the beginning, and megabytes."""


def watch(running: Running, what: Load, *, seconds: float) -> list[Seen]:
    """The memory of a server while a load runs against it."""
    assert running.pid is not None
    seen: list[Seen] = []
    asked = {**what.arguments(seconds=seconds), "port": running.port, "key": running.key}
    asked["limit_s"] = int(seconds) + 120
    command: list[str | Path] = [program("load"), *(f"{name}={value}" for name, value in asked.items())]
    with started(command, log=LOGS / "memory-load.log", core=OTHER_CORE, pipe=True) as load:
        began = time.monotonic()
        while (now := time.monotonic() - began) < seconds and load.poll() is None:
            seen.append((now, memory(running.pid).rss / 1e6))
            click.echo(f"\r{now / 60:5.1f} of {seconds / 60:.0f} min: {seen[-1][1]:.1f} MB ", nl=False, err=True)
            time.sleep(_EVERY_SECONDS)
        assert load.stdout is not None
        told = json.loads(load.stdout.readline())
    click.echo(err=True)
    if told["right"] != told["asked"]:
        raise click.ClickException(f"{told['asked'] - told['right']} of {told['asked']} answers were wrong")
    return seen


def slope_percent_an_hour(seen: list[Seen]) -> float:
    """Of a straight line through them, over their mean."""
    times, sizes = zip(*seen, strict=True)
    return statistics.linear_regression(times, sizes).slope * 3600 / statistics.fmean(sizes) * 100


def drawn(seen: list[Seen], title: str) -> str:
    """A line from zero, as SVG."""
    last, most = seen[-1][0], max(size for _, size in seen) * 1.1

    def at(second: float, size: float) -> str:
        x = _EDGE + second / last * (_WIDTH - 2 * _EDGE)
        return f"{x:.1f},{_HEIGHT - _EDGE - size / most * (_HEIGHT - 2 * _EDGE):.1f}"

    line = " ".join(at(*one) for one in seen)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>'
        f'<text x="{_EDGE}" y="30" font-size="15">{title}</text>'
        f'<polyline points="{at(0, 0)} {at(last, 0)}" fill="none" stroke="#999"/>'
        f'<polyline points="{line}" fill="none" stroke="#0b6bcb" stroke-width="1.5"/>'
        f'<text x="{_EDGE}" y="{_HEIGHT - 36}">0</text>'
        f'<text x="{_WIDTH - _EDGE}" y="{_HEIGHT - 36}" text-anchor="end">{last / 60:.0f} min</text>'
        f'<text x="{_WIDTH - _EDGE + 6}" y="{at(last, seen[-1][1]).partition(",")[2]}">{seen[-1][1]:.0f} MB</text>'
        "</svg>\n"
    )


@click.command()
@click.option("--minutes", default=30.0, show_default=True)
@click.option("--streams", default=160, show_default=True, help="Paced at 20 ms a token.")
@click.option("--warm-seconds", default=180.0, show_default=True, help="Before; half of it at several rates.")
@click.option("--output", type=click.Path(path_type=Path), default=RESULTS, help="Where the results go.")
def main(minutes: float, streams: int, warm_seconds: float, output: Path) -> None:
    """See whether a server's memory stays flat."""
    end_by_signal()
    seconds = minutes * 60
    load = replace(Load(streams), events=EVENTS, stream=True, pace_us=PACE_US)
    peer = Penstock("penstock", "Penstock", on=True)
    with ExitStack() as stack:
        mock = stack.enter_context(started([program("mock"), "0"], log=LOGS / "mock.log", core=OTHER_CORE, pipe=True))
        assert mock.stdout is not None
        running = stack.enter_context(peer.running(int(mock.stdout.readline())))
        assert running.pid is not None
        for rate in _RATES:
            slow = replace(_SLOW, streams=round(rate * _SLOW.stream_seconds))
            watch(running, slow, seconds=warm_seconds / 2 / len(_RATES))
        watch(running, Load(16), seconds=warm_seconds / 2)
        before = cpu_seconds(running.pid)
        seen = watch(running, load, seconds=seconds)
        busy = (cpu_seconds(running.pid) - before) / seconds
    counted = [one for one in seen if one[0] >= seconds / 6]
    slope = slope_percent_an_hour(counted)
    sizes = [size for _, size in counted]
    title = (
        f"{streams} paced streams for {minutes:g} min, {busy:.0%} of a core: {min(sizes):.1f} to {max(sizes):.1f} MB, "
        f"{slope:+.2f} % an hour"
    )
    click.echo(title)
    output.mkdir(parents=True, exist_ok=True)
    told = {"version": peer.install(), "conditions": report.conditions(rounds=1, seconds=seconds), "streams": streams}
    told |= {"busy": busy, "slope_percent_an_hour": slope, "megabytes": [[round(at), mb] for at, mb in seen]}
    (output / "memory.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    (output / "memory.svg").write_text(drawn(seen, title), encoding="utf-8")


if __name__ == "__main__":
    main()
