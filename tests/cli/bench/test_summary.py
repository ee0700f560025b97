"""From outcomes to figures: every figure of a step that was made up, worked out by hand."""

import pytest
from bench_command import answer, failed, step

from penstock.cli.bench.plan import Slo
from penstock.cli.bench.summary import Failures, Spread, keeps, quantile, summed

SLO = Slo(ttft=0.5, itl=0.05)


@pytest.mark.parametrize(("share", "value"), [(0, 1.0), (0.25, 2.0), (0.5, 3.0), (0.95, 4.8), (0.99, 4.96), (1, 5.0)])
def test_quantiles_lie_between_the_values(share: float, value: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0, 5.0], share) == pytest.approx(value)


def test_one_sample_is_every_quantile_of_itself() -> None:
    spread = Spread.of([0.25], curve=True)
    assert (spread.count, spread.mean, spread.p50, spread.p99, spread.max) == (1, 250, 250, 250, 250)
    assert set(spread.curve) == {250}


def test_no_samples_are_no_figures() -> None:
    assert Spread.of([]) == Spread(0, None, None, None, None, None)


def test_first_token_counts_from_the_moment_the_request_was_due() -> None:
    """A request that had to wait for the client itself is late, whatever the server did."""
    assert answer(1.5, 2.0, due=1.0).ttft == 0.5


def test_itl_is_over_the_tokens_that_the_server_counted() -> None:
    """Of chunks that carry two tokens each, half as many come; the reader gets tokens, not chunks."""
    assert answer(1.0, 2.0, 3.0, tokens=5).itl == 0.5
    assert answer(1.0, 2.0, 3.0).itl == 1.0
    assert answer(1.0, 2.0, 3.0, tokens=5).gaps == [1.0, 1.0]


@pytest.mark.parametrize("one", [answer(1.0, tokens=1), answer(1.0, tokens=40)])
def test_what_came_at_once_has_no_itl(one: object) -> None:
    assert getattr(one, "itl", 0) is None


def test_rates_are_those_of_the_window() -> None:
    """The end of a step, when clients leave one by one, is no load of that many clients."""
    inside = answer(1.0, 2.0, 3.0, 4.0, tokens=8, prompt_tokens=30)
    across = answer(8.0, 9.0, 11.0, 12.0, tokens=4, prompt_tokens=50)
    told = summed(step(inside, across, until=10.0), SLO)
    assert told.tokens_per_second == pytest.approx((8 + 2) / 10)
    assert told.answers_per_second == pytest.approx(1 / 10)
    assert told.prompt_tokens_per_second == pytest.approx(80 / 10)
    assert (told.tokens_per_answer, told.prompt_tokens, told.tokens_per_chunk) == (6, 40, 1.5)


def test_failures_are_in_no_time_and_no_rate() -> None:
    told = summed(step(answer(0.2, 0.24), failed("timeout"), failed("429 rate"), failed("429 rate")), SLO)
    assert (told.requests, told.answers, told.failed) == (4, 1, 3)
    assert [spread.count for spread in (told.ttft_ms, told.itl_ms, told.e2e_ms)] == [1, 1, 1]
    assert told.answers_per_second == pytest.approx(0.1)
    assert told.good == 1


def test_failures_are_counted_by_code_with_what_the_server_asked_for() -> None:
    outcomes = [
        failed("502 engine_error", "It died."),
        *(failed("429 rate", "Slow down.", retry_after=s) for s in (3, 20)),
    ]
    assert summed(step(*outcomes), SLO).failures == (
        Failures("429 rate", 2, "Slow down.", (3, 20)),
        Failures("502 engine_error", 1, "It died.", None),
    )


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        ((0.5, 0.54), True),
        ((0.51, 0.55), False),
        ((0.1, 0.2), False),
        ((0.1,), True),
    ],
)
def test_an_answer_is_good_where_it_keeps_both_bounds(texts: tuple[float, ...], kept: bool) -> None:
    assert keeps(answer(*texts), SLO) is kept


def test_a_bound_that_is_none_asks_for_nothing() -> None:
    assert keeps(answer(9.0, 19.0), Slo(None, None))


def test_goodput_counts_what_was_good_and_ended_in_the_window() -> None:
    told = summed(step(answer(0.1, 0.14), answer(9.9, 12.0, due=9.8), answer(3.0, 3.1), until=4.0), SLO)
    assert told.good == 1
    assert told.goodput == pytest.approx(0.25)


def test_what_the_server_had_read_before_is_told() -> None:
    told = summed(step(answer(1.0, 2.0, prompt_tokens=100, cached_tokens=25)), SLO)
    assert told.cached_share == 0.25


def test_a_server_without_counts_is_told_as_such() -> None:
    told = summed(step(answer(1.0, 2.0), answer(1.0, 2.0, tokens=2, prompt_tokens=9)), SLO)
    assert told.counted_by_chunks == 1
    assert summed(step(answer(1.0, 2.0)), SLO).prompt_tokens is None
