from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from penstock.inference.fair_queue import FairQueue
from penstock.inference.ticket import Ticket


def queue_of(*tickets: tuple[str, Ticket]) -> FairQueue[str]:
    queue = FairQueue[str]()
    for name, ticket in tickets:
        queue.add(name, ticket)
    return queue


def drain(queue: FairQueue[str]) -> list[str]:
    return [queue.take() for _ in range(len(queue))]


def test_one_account_is_served_in_the_order_in_which_it_came() -> None:
    tickets = [(str(number), Ticket("a", tokens=10 * (5 - number))) for number in range(5)]
    assert drain(queue_of(*tickets)) == list("01234")


def test_who_sends_a_lot_does_not_delay_another() -> None:
    many = [(f"a{number}", Ticket("a", tokens=100)) for number in range(50)]
    order = drain(queue_of(*many, ("b0", Ticket("b", tokens=100)), ("b1", Ticket("b", tokens=100))))
    assert order[:4] == ["a0", "b0", "a1", "b1"]


def test_fairness_is_in_tokens_not_in_requests() -> None:
    long = [(f"a{number}", Ticket("a", tokens=400)) for number in range(20)]
    short = [(f"b{number}", Ticket("b", tokens=100)) for number in range(80)]
    counts = Counter(name[0] for name in drain(queue_of(*long, *short))[:50])
    assert counts == {"a": 10, "b": 40}


def test_a_weight_is_a_share_and_starves_nobody() -> None:
    high = [(f"h{number}", Ticket("h", tokens=100, weight=4.0)) for number in range(100)]
    standard = [(f"s{number}", Ticket("s", tokens=100)) for number in range(100)]
    counts = Counter(name[0] for name in drain(queue_of(*high, *standard))[:50])
    assert counts == {"h": 40, "s": 10}


def test_priority_goes_ahead_inside_its_own_account_alone() -> None:
    order = drain(
        queue_of(
            ("a0", Ticket("a", tokens=100)),
            ("a1", Ticket("a", tokens=100)),
            ("b0", Ticket("b", tokens=100)),
            ("a priority", Ticket("a", tokens=100, ahead=True)),
        )
    )
    assert order == ["a priority", "b0", "a0", "a1"]


def test_who_waited_for_nothing_saved_nothing_up() -> None:
    queue = queue_of(*[(f"a{number}", Ticket("a", tokens=100)) for number in range(10)])
    for _ in range(5):
        queue.take()
    for number in range(10):
        queue.add(f"b{number}", Ticket("b", tokens=100))
    assert Counter(queue.take()[0] for _ in range(6)) == {"a": 3, "b": 3}


def test_who_leaves_is_not_charged_and_never_served() -> None:
    queue = queue_of(("a0", Ticket("a", tokens=10**6)), ("b0", Ticket("b")), ("a1", Ticket("a")))
    queue.remove("a0", Ticket("a", tokens=10**6))
    queue.remove("a0", Ticket("a", tokens=10**6))
    assert len(queue) == 2
    assert drain(queue) == ["a1", "b0"]
    assert queue.first() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50), st.sampled_from(["add", "take", "leave"]))))
def test_everybody_is_served_once_or_left(steps: list[tuple[str, int, str]]) -> None:
    queue, waiting = FairQueue[int](), dict[int, Ticket]()
    for number, (account, tokens, step) in enumerate(steps):
        if step == "add":
            waiting[number] = Ticket(account, tokens=tokens)
            queue.add(number, waiting[number])
        elif waiting and step == "leave":
            who, ticket = waiting.popitem()
            queue.remove(who, ticket)
        elif waiting:
            del waiting[queue.take()]
        assert len(queue) == len(waiting)
        assert (queue.first() in waiting) == bool(waiting)
    while waiting:
        del waiting[queue.take()]
    assert queue.first() is None


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 50)), min_size=1, max_size=60))
def test_no_account_is_further_ahead_than_one_request_of_each(requests: list[tuple[str, int]]) -> None:
    queue = queue_of(*[(str(number), Ticket(*each)) for number, each in enumerate(requests)])
    served = Counter[str]()
    left = Counter(account for account, _ in requests)
    while len(queue):
        account, tokens = requests[int(queue.take())]
        behind = [served[other] for other in left if left[other]]
        assert served[account] - min(behind) <= 50, "it begins not later than any that waits could end"
        served[account] += tokens
        left[account] -= 1
