"""What the figures cannot say is said beside them, and only then."""

from dataclasses import replace

import pytest
from bench_command import answer, failed, plan, step

from penstock.cli.bench.caveats import caveats
from penstock.cli.bench.conditions import Conditions, conditions
from penstock.cli.bench.lag import Lag
from penstock.cli.bench.load import Step
from penstock.cli.bench.outcome import Outcome
from penstock.cli.bench.summary import summed

PLAN = plan()


def told(url: str = "https://api.example.org") -> Conditions:
    return conditions(PLAN, url=url, server="", fields={"model": "org/first"}, words=90)


def said(*steps: Step, url: str = "https://api.example.org") -> str:
    return "\n".join(caveats([summed(each, PLAN.slo) for each in steps], PLAN, told(url)))


def whole(**fields: int) -> Outcome:
    return answer(0.1, 0.12, 0.14, 0.16, **{"tokens": 4, "prompt_tokens": 100, **fields})


def test_of_a_good_run_there_is_nothing_to_say() -> None:
    assert said(step(*[whole()] * 100)) == ""


@pytest.mark.parametrize(
    ("outcomes", "words"),
    [
        ([whole()] * 99, "p99 of fewer than 100"),
        ([whole()] * 100 + [failed("429 rate")], "Requests failed at 2 clients"),
        ([answer(0.1, 0.12, 0.14, 0.16)] * 100, "no usage"),
        ([answer(0.1, 0.12, tokens=4, prompt_tokens=9)] * 100, "2.0 tokens came in one chunk"),
        ([answer(0.1, 0.12, tokens=2, prompt_tokens=9)] * 100, "before 4 tokens, after 2"),
        ([whole(cached_tokens=50)] * 100, "50% of prompt tokens came from the server's cache"),
    ],
)
def test_what_somebody_must_know_is_said(outcomes: list[Outcome], words: str) -> None:
    assert words in said(step(*outcomes))


def test_a_server_on_this_machine_shares_it() -> None:
    assert "share this machine" in said(step(*[whole()] * 100), url="http://127.0.0.1:8484")


def test_a_client_that_was_late_accuses_itself() -> None:
    slow = replace(step(*[whole()] * 100), lag=Lag(late=[0.04] * 50, cpu_seconds=9, wall_seconds=10))
    assert "did not keep up at 2 clients: it was up to 40 ms late (p99) and took 90% of a core" in said(slow)


def test_lateness_that_nobody_could_see_is_none() -> None:
    """A client 8 ms late tells a server that takes 500 ms a token well enough."""
    patient = replace(step(*[answer(0.1, 0.6, tokens=2, prompt_tokens=9)] * 100), lag=Lag(late=[0.008] * 50))
    assert "did not keep up" not in said(patient)


def test_requests_that_come_faster_than_answers_are_told() -> None:
    soon, late = [whole()] * 60, [answer(20.0, 20.02, 20.04, 20.06, due=9.0, tokens=4, prompt_tokens=9)] * 40
    assert "The server did not keep up at 10/s" in said(step(*soon, *late, rate=10, until=10.0))
    assert "The server did not keep up" not in said(step(*soon, *soon, rate=10, until=10.0))
