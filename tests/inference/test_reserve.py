"""What is reserved for a request, and when the engine has to count for it."""

import pytest
from limited import Clock, caller_of

from penstock.engines.echo import Echo
from penstock.engines.engine import Endpoint
from penstock.errors import EngineError, RateLimited
from penstock.inference.reserve import Answers, reserve
from penstock.inference.room import Room, room_for
from penstock.protocol.price import Price
from penstock.tenants.caller import Caller, Subject
from penstock.tenants.limits import NO_LIMIT
from penstock.tenants.plans import Limits, Plan

PRICE = Price(input=1, cached_input=2, output=3)
ENDPOINT = Endpoint("m", "http://nowhere", "m", "k", Echo(context_length=1000), 4, 1000, 1000, price=PRICE)


class Prompt:
    """A prompt of 1 to 300 tokens, of which the engine counts 10; it notes that it was asked."""

    prompts = 1

    def __init__(self, *, fails: bool = False) -> None:
        self.least, self.most = 1, 300
        self.counted = 0
        self._fails = fails

    async def count(self) -> int:
        self.counted += 1
        if self._fails:
            raise EngineError("gone")
        self.least = self.most = 10
        return 10


def room(caller: Caller) -> Room:
    return room_for(caller, ENDPOINT)


async def test_nothing_is_counted_while_the_bound_fits() -> None:
    limits, caller, prompt = Clock().limits(), caller_of(input_tokens_per_minute=300), Prompt()
    grant = await reserve(limits, caller, room(caller), prompt=prompt, answers=Answers(1, 5))
    assert (prompt.counted, grant.standing().tokens.remaining) == (0, 0)


async def test_where_the_bound_does_not_fit_the_true_count_may() -> None:
    limits, caller, prompt = Clock().limits(), caller_of(input_tokens_per_minute=25, requests_per_minute=1), Prompt()
    grant = await reserve(limits, caller, room(caller), prompt=prompt, answers=Answers(1, 5))
    assert (prompt.counted, grant.standing().tokens.remaining) == (1, 15)


async def test_the_same_holds_for_money() -> None:
    caller = caller_of(monthly_budget=35e-12)
    grant = await reserve(Clock().limits(), caller, room(caller), prompt=Prompt(), answers=Answers(1, 5))
    grant.settle(None)  # 10 tokens at the dearer of two prices, and 5 at 3 picos
    dear = caller_of(monthly_budget=34e-12)
    with pytest.raises(RateLimited, match="monthly budget"):
        await reserve(Clock().limits(), dear, room(dear), prompt=Prompt(), answers=Answers(1, 5))


@pytest.mark.parametrize(
    "figures",
    [
        {"requests_per_minute": 0},
        {"concurrency": 0},
        {"input_tokens_per_minute": 20, "requests_per_day": 0},
        {"input_tokens_per_minute": 20, "output_tokens_per_minute": 4},
        {"input_tokens_per_minute": 0},
    ],
)
async def test_nobody_counts_for_what_is_refused_anyway(figures: dict[str, int]) -> None:
    limits, caller, prompt = Clock().limits(), caller_of(**figures), Prompt()
    with pytest.raises(RateLimited):
        await reserve(limits, caller, room(caller), prompt=prompt, answers=Answers(1, 5))
    assert prompt.counted == 0


async def test_nothing_stays_reserved_where_counting_fails_or_the_count_does_not_fit() -> None:
    for prompt, kind in ((Prompt(fails=True), EngineError), (Prompt(), RateLimited)):
        limits, caller = Clock().limits(), caller_of(input_tokens_per_minute=9, requests_per_minute=1)
        with pytest.raises(kind):
            await reserve(limits, caller, room(caller), prompt=prompt, answers=Answers(1, 5))
        standing = limits.standing(caller)
        assert (prompt.counted, standing.requests.remaining, standing.tokens.remaining) == (1, 1, 9)


@pytest.mark.parametrize(
    ("figures", "answers", "most"),
    [
        ({}, Answers(1, 7), 7),
        ({}, Answers(3, 7), 21),
        ({}, Answers(), 0),
        ({}, Answers(2), 2 * 999),
        ({"max_output": 30}, Answers(2), 60),
        ({"context": 400}, Answers(1), 399),
    ],
)
async def test_the_answer_is_reserved_for_each_choice(figures: dict[str, int], answers: Answers, most: int) -> None:
    limits, caller = Clock().limits(), caller_of(output_tokens_per_minute=5000, **figures)
    grant = await reserve(limits, caller, room(caller), prompt=Prompt(), answers=answers)
    assert 5000 - grant.standing().tokens.remaining == most


async def test_without_limits_nothing_is_asked() -> None:
    caller, prompt = Caller("acct", "key", ""), Prompt()
    grant = await reserve(Clock().limits(), caller, room(caller), prompt=prompt, answers=Answers(1))
    assert (prompt.counted, grant.standing().tokens.remaining) == (0, NO_LIMIT)


class TestRoom:
    def test_it_is_the_models_where_nobody_bounds_it(self) -> None:
        assert room(caller_of(context=5000, max_output=5000)) == Room(ENDPOINT, 1000, 1000)

    def test_the_narrowest_bound_holds_and_says_whose_it_is(self) -> None:
        subjects = (Subject("acct", Plan(context=500, max_output=50)), Subject("key", Limits(max_output=40)))
        found = room(Caller("acct", "key", "", plan_name="free", subjects=subjects))
        assert (found.context_length, found.context_owner) == (500, "the plan free")
        assert (found.max_output, found.output_owner) == (40, "this API key")
        assert found.narrowed
