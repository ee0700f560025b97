from dataclasses import replace

import pytest
from admitted import endpoint
from entries import ASKED, CALLER, Delivered

from penstock.engines.engine import Abilities, Counts, Endpoint
from penstock.inference.form import Shaped
from penstock.inference.meter import Entry
from penstock.inference.unfinished import Unfinished, can_go_on, gone_on
from penstock.protocol.answer import CompletionDetails, PromptDetails, Usage
from penstock.protocol.chat import ChatRequest
from penstock.protocol.messages import AssistantMessage, UserMessage
from penstock.tenants.usage import UsageRecord

ASKS = ChatRequest(model="m", messages=[UserMessage(content="Hi")], max_tokens=10)


def usage(completion: int) -> Usage:
    return Usage(7, completion, 7 + completion, PromptDetails(2), CompletionDetails(0))


USAGE = usage(3)


def engine(*, goes_on: bool = True) -> Endpoint:
    return replace(endpoint(4), abilities=Abilities(goes_on=goes_on))


def line(delivery: Delivered, rows: list[UsageRecord] | None = None) -> Entry:
    return Entry(CALLER, ASKED, delivery, record=lambda row, _: None if rows is None else rows.append(row))


def test_the_text_so_far_is_the_beginning_of_the_answer() -> None:
    rest = gone_on(ASKS, Unfinished("Hello the", USAGE))
    assert rest is not None
    assert rest.messages == [UserMessage(content="Hi"), AssistantMessage(content="Hello the")]
    assert rest.output_limit == 7
    assert ASKS.messages == [UserMessage(content="Hi")]


def test_an_answer_without_a_limit_stays_without_one() -> None:
    asks = ChatRequest(model="m", messages=[UserMessage(content="Hi")])
    rest = gone_on(asks, Unfinished("Hello", USAGE))
    assert rest is not None
    assert rest.output_limit is None


def test_nothing_is_left_of_an_answer_that_has_all_its_tokens() -> None:
    assert gone_on(ASKS, Unfinished("Hello", usage(10))) is None


@pytest.mark.parametrize(
    ("fields", "shaped"),
    [
        ({"n": 2}, {}),
        ({"seed": 1}, {}),
        ({"logprobs": True}, {}),
        ({"reasoning_effort": "low"}, {}),
        ({"messages": [UserMessage(content="Hi"), AssistantMessage(content="He")]}, {}),
        ({}, {"grammar": 'root ::= "x"'}),
        ({}, {"calls": "written"}),
    ],
)
def test_what_depends_on_more_than_its_text_begins_anew(fields: dict[str, object], shaped: dict[str, str]) -> None:
    given: dict[str, object] = {"model": "m", "messages": [UserMessage(content="Hi")], **fields}
    assert not can_go_on(Shaped(ChatRequest(**given), **shaped), engine())  # type: ignore[arg-type]


def test_it_takes_an_engine_that_knows_how() -> None:
    assert can_go_on(Shaped(ASKS), engine())
    assert not can_go_on(Shaped(ASKS), engine(goes_on=False))


def test_tokens_of_all_tries_are_counted_once() -> None:
    counts = Counts(earlier=USAGE)
    counts.read(0, 10, cached=9)
    counts.wrote(0, 4)
    assert counts.usage() == usage(7)


def test_each_try_goes_on_where_the_last_one_was_put_back() -> None:
    delivery, rows = Delivered(), list[UsageRecord]()
    first = line(delivery, rows)
    assert first.go_on(ASKS) == (ASKS, "")
    assert first.written is not None
    first.counts.read(0, 7, cached=2)
    first.counts.wrote(0, 3)
    first.written += ["Hello", " the"]
    first.put_back()
    assert (delivery.put_backs, delivery.unfinished) == (0, Unfinished("Hello the", USAGE))

    second = line(delivery, rows)
    _, beginning = second.go_on(ASKS)
    assert beginning == "Hello the"
    second.put_back()  # before it had a place
    assert (delivery.put_backs, delivery.unfinished) == (0, Unfinished("Hello the", USAGE))

    third = line(delivery, rows)
    third.go_on(ASKS)
    third.counts.read(0, 11, cached=10)
    third.counts.wrote(0, 2)
    third.complete()
    assert [(row.prompt_tokens, row.cached_tokens, row.completion_tokens) for row in rows] == [(7, 2, 5)]


def test_it_is_counted_how_often_a_line_lost_what_it_had() -> None:
    delivery = Delivered()
    for times in (1, 2):
        line(delivery).put_back()
        assert (delivery.put_backs, delivery.unfinished) == (times, None)


def test_what_was_put_back_before_its_first_token_begins_anew() -> None:
    delivery = Delivered()
    first = line(delivery)
    first.go_on(ASKS)
    first.counts.read(0, 7, cached=2)
    first.put_back()
    assert delivery.unfinished is None
