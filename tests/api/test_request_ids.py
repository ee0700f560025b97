"""The ids of requests."""

import re
import time
from itertools import islice

from penstock.api.request_ids import request_ids


def test_ids_are_in_the_order_of_time_and_each_is_its_own() -> None:
    ids, made = request_ids(), []
    for _ in range(3):
        made.append(next(ids))
        begun = time.time_ns() // 1_000_000
        while time.time_ns() // 1_000_000 == begun:
            pass
    assert sorted(made) == made
    made += [*islice(ids, 500), *islice(request_ids(), 500)]
    assert all(re.fullmatch("req_[0-9a-f]{32}", each) for each in made)
    assert len(set(made)) == len(made)
