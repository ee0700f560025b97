"""What somebody who reads the figures must know, so that they do not say more than they can."""

from collections.abc import Sequence

from penstock.cli.bench.conditions import Conditions
from penstock.cli.bench.plan import Plan
from penstock.cli.bench.summary import Summary

ENOUGH_FOR_P95, ENOUGH_FOR_P99 = 20, 100
"""Samples; with fewer, the percentile is the slowest sample or next to it."""
_LATE_MS = 5.0
_SEEN = 0.1
_BUSY = 0.8
_TELLING_SECONDS = 1.0
_LUMPY = 1.2
_SHORT = 0.8
_REUSED = 0.3
_KEPT_UP = 0.8


def caveats(steps: Sequence[Summary], plan: Plan, conditions: Conditions) -> list[str]:
    """One sentence or two each; none where there is nothing to say."""
    found = [*_samples(steps), *_failures(steps), *_counts(steps, plan), *_client(steps), *_load(steps)]
    if conditions.same_machine:
        found.append("Client and server share this machine, and its processors.")
    return found


def _named(steps: Sequence[Summary]) -> str:
    """`1, 2 and 4 clients`, `20/s`."""
    *some, last = [str(step.load) for step in steps]
    values = [f"{step.load.value:g}" if step.load.closed else str(step.load) for step in steps[:-1]]
    return f"{', '.join(values)} and {last}" if some else last


def _samples(steps: Sequence[Summary]) -> list[str]:
    few = [step for step in steps if step.answers < ENOUGH_FOR_P99]
    if not few:
        return []
    return [
        f"* A p99 of fewer than {ENOUGH_FOR_P99} answers, or a p95 of fewer than {ENOUGH_FOR_P95}, is little more than "
        "the slowest of them. --seconds or --requests gives more."
    ]


def _failures(steps: Sequence[Summary]) -> list[str]:
    failed = [step for step in steps if step.failed]
    if not failed:
        return []
    return [
        f"Requests failed at {_named(failed)}. They are in no time and no rate; a client that was refused waited "
        "before it asked again, so less than the whole load was on."
    ]


def _counts(steps: Sequence[Summary], plan: Plan) -> list[str]:
    found = []
    if any(step.counted_by_chunks for step in steps):
        found.append("The server told no usage: one chunk is counted as one token, and prompts are of unknown length.")
    elif any((step.tokens_per_chunk or 0) > _LUMPY for step in steps):
        most = max(step.tokens_per_chunk or 0 for step in steps)
        found.append(
            f"Up to {most:.1f} tokens came in one chunk. ITL is over the server's count of tokens, a gap "
            "is between two chunks."
        )
    short = [step for step in steps if step.answers and (step.tokens_per_answer or 0) < _SHORT * plan.max_tokens]
    if short:
        least = min(step.tokens_per_answer or 0 for step in short)
        found.append(
            f"Answers ended before {plan.max_tokens} tokens, after {least:.0f} on average at the least. Where the "
            "server knows it, --body '{\"ignore_eos\": true}' makes all of them equally long."
        )
    reused = [step for step in steps if (step.cached_share or 0) > _REUSED]
    if reused and not plan.shared_prefix_tokens:
        most = max(step.cached_share or 0 for step in reused)
        found.append(
            f"Up to {most:.0%} of prompt tokens came from the server's cache, though no two prompts are alike."
        )
    return found


def _client(steps: Sequence[Summary]) -> list[str]:
    late = [step for step in steps if _is_late(step)]
    if not late:
        return []
    lag = max(step.client_lag_ms.p99 or 0 for step in late)
    share = max(step.client_cpu for step in late)
    return [
        f"This client did not keep up at {_named(late)}: it was up to {lag:.0f} ms late (p99) and took {share:.0%} of "
        "a core, so times may be told too long by as much. Ask from another machine, or stop what else runs here."
    ]


def _is_late(step: Summary) -> bool:
    """Whether the client was late enough to be seen in the figures, or had no time left to be anything else."""
    bearable = max(_LATE_MS, _SEEN * (step.itl_ms.p50 or 0))
    busy = step.client_cpu > _BUSY and step.window_seconds > _TELLING_SECONDS
    return (step.client_lag_ms.p99 or 0) > bearable or busy


def _load(steps: Sequence[Summary]) -> list[str]:
    behind = [step for step in steps if _is_behind(step)]
    if not behind:
        return []
    return [f"The server did not keep up at {_named(behind)}: requests came in faster than it answered, and waited."]


def _is_behind(step: Summary) -> bool:
    """Whether a window that is long beside one answer ended with many more requests begun than answered."""
    if step.load.closed or step.interrupted or step.window_seconds < 3 * (step.e2e_ms.p50 or 0) / 1000:
        return False
    return step.answers_per_second * step.window_seconds < _KEPT_UP * step.answers
