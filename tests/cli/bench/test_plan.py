"""What is typed as a load, a duration or a body, and the command line that repeats a run."""

import shlex
from dataclasses import replace
from typing import Any

import click
import pytest
from bench_command import plan

from penstock.cli.bench.command import command
from penstock.cli.bench.conditions import conditions, repeated
from penstock.cli.bench.plan import Load, Plan, Slo
from penstock.cli.bench.prompts import Prompts
from penstock.cli.bench.run import request_fields
from penstock.cli.bench.typed import Duration, Numbers, fields_of, loads_of, plan_of


@pytest.mark.parametrize(("typed", "seconds"), [("500ms", 0.5), ("2s", 2), ("0.5s", 0.5), ("1m", 60), ("none", None)])
def test_a_duration_is_typed_with_its_unit(typed: str, seconds: float | None) -> None:
    assert Duration().convert(typed, None, None) == seconds


@pytest.mark.parametrize("typed", ["", "500", "0ms", "-1s", "1h", "s", "1e3s", "1s2s"])
def test_what_is_no_duration_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter, match="500ms"):
        Duration().convert(typed, None, None)


@pytest.mark.parametrize(("typed", "numbers"), [("8", (8,)), ("1, 2,4", (1, 2, 4)), ("0.5,2", (0.5, 2))])
def test_loads_are_a_list(typed: str, numbers: tuple[float, ...]) -> None:
    assert Numbers(whole="." not in typed).convert(typed, None, None) == numbers


@pytest.mark.parametrize("typed", ["", "0", "1,", "1,x", "-1", "1.5", "3000", "1e2", ",".join(["1"] * 21)])
def test_what_is_no_number_of_clients_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter):
        Numbers(whole=True).convert(typed, None, None)


@pytest.mark.parametrize(
    "one",
    [
        plan(),
        plan(Load("rate", 0.5), Load("rate", 20), seconds=None, requests=12, slo=Slo(None, 0.02)),
        plan(Load("clients", 64), extra={"ignore_eos": True, "note": "it's"}, shared_prefix_tokens=900, timeout=7.5),
    ],
)
def test_the_command_that_is_printed_does_the_same_again(one: Plan) -> None:
    words = shlex.split(repeated(one, "http://10.0.0.5:8000"))
    assert words[:2] == ["penstock", "bench"]
    with command.make_context("bench", words[2:]) as typed:
        given: dict[str, Any] = dict(typed.params)
    taken = {name: given.pop(name) for name in ("url", "api_key", "data_dir", "config", "as_json", "report")}
    extra = fields_of(given.pop("body"))
    loads = loads_of(given.pop("concurrency"), given.pop("rate"))
    assert plan_of(given.pop("model"), loads, extra, **given) == one
    assert taken["url"] == "http://10.0.0.5:8000"


def test_the_key_is_not_among_the_conditions() -> None:
    told = conditions(plan(), url="http://10.0.0.5", server="", fields={}, words=1)
    assert "key" not in told.command


def test_the_body_adds_fields_and_takes_ours_away() -> None:
    fields = request_fields(plan(extra={"temperature": None, "max_tokens": None, "max_completion_tokens": 9}))
    assert fields == {
        "model": "org/first",
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 9,
    }


def test_no_two_prompts_begin_alike() -> None:
    """A server that keeps what it has read finds nothing of it again, and every prompt is read in full."""
    prompts = Prompts(seed=7, words=50)
    texts = [prompts.text(f"4 clients/{number}") for number in range(200)]
    assert len({text[:12] for text in texts}) == 200


def test_a_seed_gives_the_same_prompts_and_another_one_others() -> None:
    one = Prompts(seed=7, words=50)
    assert one.text("a") == Prompts(seed=7, words=50).text("a")
    assert one.text("a")[:12] != replace(one, seed=8).text("a")[:12]


def test_a_shared_beginning_is_the_same_and_what_follows_is_not() -> None:
    prompts = Prompts(seed=7, words=5, shared=40)
    one, other = prompts.text("a"), prompts.text("b")
    beginning = one[: one.index("Note")]
    assert len(beginning.split()) == 40
    assert other.startswith(beginning)
    assert other != one
