"""What the metrics cost: CPU for each request that ends, and the time of a scrape.

    python bench/metrics.py [--models 1] [--models 20] [--models 100]

A request is counted by one call when it is over. Of a scrape, the event loop takes the numbers and a thread writes them
out. All is CPU time of this process, the best of several rounds.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import click
from prometheus_client import CollectorRegistry, Metric, generate_latest

from penstock.inference.meter import Asked, Entry
from penstock.inference.request_metrics import RequestMetrics
from penstock.inference.unfinished import Unfinished
from penstock.tenants.caller import Caller
from penstock.tenants.limits import Standing
from penstock.tenants.usage import UsageRecord

ROUNDS = 7
REQUESTS = 20_000
ROW = UsageRecord(
    request_id="req",
    account_id="acct",
    key_id="key",
    model="model-0",
    endpoint="/v1/chat/completions",
    created_at=0.0,
    status=200,
    outcome="completed",
    finish_reason="stop",
    streamed=True,
    prompt_tokens=900,
    cached_tokens=300,
    completion_tokens=200,
    reasoning_tokens=0,
    queue_ms=20.0,
    ttft_ms=100.0,
    total_ms=4100.0,
    decode_ms=4000.0,
)


class Nowhere:
    """An answer that nobody reads."""

    path = ROW.endpoint
    batch = False
    put_backs = 0
    unfinished: Unfinished | None = None
    begun = True
    broken_off = None
    standing: Callable[[], Standing] | None = None


def cpu_seconds(work: Callable[[], object]) -> float:
    """The least that `work` took in any round."""
    spent = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent)


def finished(model: str) -> tuple[UsageRecord, Entry]:
    """A request of this model that is over."""
    entry = Entry(Caller("acct", "key", "name"), Asked("req", model), Nowhere(), record=lambda row, entry: None)
    entry.entered = entry.started
    entry.counts.wrote(0, ROW.completion_tokens)
    return replace(ROW, model=model), entry


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
        ends = [finished(name) for name in names]

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
