import uuid
from itertools import islice

from penstock.inference.completion_ids import completion_ids


def test_each_is_another_random_uuid() -> None:
    ids = [*islice(completion_ids("chatcmpl"), 500)]
    assert len({*ids}) == 500
    variants = set()
    for one in ids:
        kind, _, rest = one.partition("-")
        assert kind == "chatcmpl"
        read = uuid.UUID(rest)
        assert str(read) == rest
        assert (read.version, read.variant) == (4, uuid.RFC_4122)
        variants.add(rest[19])
    assert variants == {*"89ab"}, "both bits beside the variant are random"


def test_two_processes_have_nothing_in_common() -> None:
    assert not {*islice(completion_ids("cmpl"), 200)} & {*islice(completion_ids("cmpl"), 200)}
