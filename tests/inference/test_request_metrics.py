import pytest
from entries import ROW, entry_of
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import HistogramMetricFamily
from prometheus_client.parser import text_string_to_metric_families

from penstock.inference.request_metrics import LIMITS, Distribution, RequestMetrics
from penstock.tenants.rules import BUDGET, FIGURES


def text_of(metrics: RequestMetrics) -> str:
    registry = CollectorRegistry(auto_describe=True)
    registry.register(metrics)
    return generate_latest(registry).decode()


def samples(metrics: RequestMetrics) -> dict[tuple[str, ...], float]:
    """Name and values of the labels, in the order of their names -> number."""
    found = {}
    for family in text_string_to_metric_families(text_of(metrics)):
        for sample in family.samples:
            found[(sample.name, *(value for _, value in sorted(sample.labels.items())))] = sample.value
    return found


def test_a_request_is_counted_with_its_numbers() -> None:
    metrics = RequestMetrics(["m"])
    metrics.ended(ROW, entry_of(5))
    told = samples(metrics)
    assert told["penstock_requests_total", "/v1/chat/completions", "m", "completed", "200", "default"] == 1
    kinds = {"input": 10, "cached_input": 4, "output": 5, "reasoning": 2}
    assert {kind: told["penstock_tokens_total", kind, "m"] for kind in kinds} == kinds
    assert told["penstock_queue_seconds_sum", "real_time", "m"] == pytest.approx(0.02)
    assert told["penstock_request_seconds_sum", "m"] == pytest.approx(1.1)
    assert told["penstock_time_to_first_token_seconds_sum", "m"] == pytest.approx(0.1)
    assert told["penstock_time_to_first_token_seconds_bucket", "0.08", "m"] == 0
    assert told["penstock_time_to_first_token_seconds_bucket", "0.1", "m"] == 1
    assert told["penstock_time_to_first_token_seconds_bucket", "+Inf", "m"] == 1


def test_the_steps_between_tokens_share_their_time_evenly() -> None:
    metrics = RequestMetrics(["m"])
    metrics.ended(ROW, entry_of(5))
    told = samples(metrics)
    assert told["penstock_inter_token_seconds_count", "m"] == 4
    assert told["penstock_inter_token_seconds_sum", "m"] == pytest.approx(1.0)
    assert told["penstock_inter_token_seconds_bucket", "0.2", "m"] == 0
    assert told["penstock_inter_token_seconds_bucket", "0.3", "m"] == 4


def test_choices_that_are_written_side_by_side_do_not_make_an_engine_faster() -> None:
    metrics = RequestMetrics(["m"])
    metrics.ended(replace(ROW, completion_tokens=15), entry_of(5, 5, 5))
    told = samples(metrics)
    assert told["penstock_inter_token_seconds_count", "m"] == 4
    assert told["penstock_inter_token_seconds_sum", "m"] == pytest.approx(1.0)


@pytest.mark.parametrize("choices", [(), (0,), (1,), (1, 1)])
def test_one_token_has_no_next(choices: tuple[int, ...]) -> None:
    metrics = RequestMetrics(["m"])
    metrics.ended(ROW, entry_of(*choices))
    assert samples(metrics)["penstock_inter_token_seconds_count", "m"] == 0


def test_what_never_had_a_slot_is_counted_but_has_no_times() -> None:
    metrics = RequestMetrics(["m"])
    refused = replace(ROW, status=503, outcome="failed", prompt_tokens=0, completion_tokens=0, ttft_ms=None)
    metrics.ended(refused, entry_of(entered=False))
    told = samples(metrics)
    assert told["penstock_requests_total", "/v1/chat/completions", "m", "failed", "503", "default"] == 1
    assert told["penstock_request_seconds_count", "m"] == told["penstock_queue_seconds_count", "real_time", "m"] == 0


def test_lines_of_batches_are_no_part_of_the_times_that_somebody_waited() -> None:
    metrics = RequestMetrics(["m"])
    metrics.lines([replace(ROW, batch=True, prefill_ms=5.0)])
    metrics.ended(replace(ROW, tier="flex"), entry_of(5))
    told = samples(metrics)
    for name in ("time_to_first_token", "request"):
        assert told[f"penstock_{name}_seconds_count", "m"] == 1
    queued = {kind: told["penstock_queue_seconds_count", kind, "m"] for kind in ("real_time", "flex", "batch")}
    assert queued == {"real_time": 0, "flex": 1, "batch": 1}
    assert told["penstock_tokens_total", "output", "m"] == 10
    assert told["penstock_requests_total", "/v1/chat/completions", "m", "completed", "200", "flex"] == 1


def test_everything_is_there_before_the_first_request() -> None:
    told = samples(RequestMetrics(["m", "org/n"]))
    assert told["penstock_tokens_total", "output", "org/n"] == 0
    assert told["penstock_request_seconds_count", "m"] == 0
    assert {name[1] for name in told if name[0] == "penstock_limits_hit_total"} == set(LIMITS)


def test_limits_are_counted_by_their_own_names_alone() -> None:
    metrics = RequestMetrics([])
    for limit in ("requests_per_minute", "requests_per_minute", "monthly_budget", "concurrency", "x\ny", ""):
        metrics.limit_hit(limit)
    hit = {name[1]: value for name, value in samples(metrics).items() if value}
    assert hit == {"requests_per_minute": 2, "monthly_budget": 1, "concurrency": 1}
    assert set(LIMITS) == {*FIGURES, BUDGET}


def test_nobody_is_named() -> None:
    metrics = RequestMetrics(["m"])
    metrics.ended(ROW, entry_of(5))
    assert "secret" not in text_of(metrics)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.integers(1, 50))))
def test_a_distribution_puts_each_number_where_the_format_wants_it(spans: list[tuple[float, int]]) -> None:
    bounds = (0.01, 0.5, 1.0, 60.0)
    distribution = Distribution(bounds)
    for seconds, times in spans:
        distribution.add(seconds, times)
    family = HistogramMetricFamily("x", "x", labels=("l",))
    distribution.write(family, ["v"])
    told = {sample.labels.get("le", sample.name): sample.value for sample in family.samples}
    for bound in bounds:
        assert told[repr(bound)] == sum(times for seconds, times in spans if seconds <= bound)
    assert told["+Inf"] == told["x_count"] == sum(times for _, times in spans)
    assert told["x_sum"] == pytest.approx(sum(seconds * times for seconds, times in spans))
