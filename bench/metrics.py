"""What the metrics cost: CPU for each request that ends, and the time of a scrape.

    python bench/metrics.py [--models 1] [--models 20] [--models 100]

A request is counted by one call when it is over. Of a scrape, the event loop takes the numbers and a thread writes them
out. All is CPU time of this process, the best of several rounds.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import click
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Metric, generate_latest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from entries import ROW, entry_of

from penstock.inference.meter import Entry
from penstock.inference.request_metrics import RequestMetrics
from penstock.tenants.usage import UsageRecord

ROUNDS = 7
REQUESTS = 20_000


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least that `work` took in any round."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def take(registry: CollectorRegistry) -> list[Metric]:
    """The part of a scrape that the event loop does."""
    return list(registry.collect())


@click.command()
@click.option("--models", multiple=True, default=(1, 20, 100), help="How many models there are; may be repeated.")
def main(models: tuple[int, ...]) -> None:
    """Measure and print."""
    for count in models:
        names = [f"model-{number}" for number in range(count)]
        metrics = RequestMetrics(names)
        ends = [(replace(ROW, model=name), entry_of(ROW.completion_tokens)) for name in names]

        def count_all(metrics: RequestMetrics = metrics, ends: list[tuple[UsageRecord, Entry]] = ends) -> None:
            for number in range(REQUESTS):
                metrics.ended(*ends[number % len(ends)])

        each = cpu_seconds(count_all) / REQUESTS * 1e6
        registry = CollectorRegistry(auto_describe=True)
        registry.register(metrics)
        shown = len(generate_latest(registry)) / 1024
        taken, written = (cpu_seconds(partial(work, registry)) * 1e3 for work in (take, generate_latest))
        click.echo(
            f"{count:4} models: {each:.2f} us for each request; a scrape of {shown:.0f} KB takes {taken:.1f} ms on the "
            f"event loop, {written - taken:.1f} ms beside it"
        )


if __name__ == "__main__":
    main()
