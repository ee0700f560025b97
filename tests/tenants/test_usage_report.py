"""The sums of a report are those of the rows, whatever is asked, on each database."""

from collections import defaultdict
from dataclasses import astuple
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import insert
from usage_rows import NOON, put, row

from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys
from penstock.tenants.usage import UsageRecord
from penstock.tenants.usage_report import DAY, HOUR, MINUTE, Bucket, Group, Question, Sums, UsageReport

EMBEDDINGS = "/v1/embeddings"
COUNTED = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens", "cost")
VALUES: dict[str, list[Any]] = {
    "account_id": ["acct_a", "acct_b"],
    "key_id": ["key_a", "key_b", "key_c"],
    "project_id": [None, "proj_a"],
    "model": ["m", "ö/M", "N"],
    "endpoint": ["/v1/chat/completions", EMBEDDINGS],
    "tier": ["default", "flex"],
    "batch": [False, True],
}

moments = st.builds(
    lambda whole, part: NOON + whole + part,
    st.one_of(st.integers(-2 * DAY, 2 * DAY), st.sampled_from([0, 60, 3600, DAY // 2, -DAY // 2])),
    st.sampled_from([0.0, 0.5, 0.25, 0.999999]),
)
records = st.builds(
    lambda at, outcome, tokens, cost, values: row(0, at, outcome=outcome, **tokens, cost=cost, **values),
    moments,
    st.sampled_from(["completed", "failed", "aborted"]),
    st.fixed_dictionaries({name: st.integers(0, 10_000) for name in ("prompt_tokens", "completion_tokens")}),
    st.integers(0, 10**17),
    st.fixed_dictionaries({name: st.sampled_from(values) for name, values in VALUES.items()}),
)
rows_of_some = st.lists(records, max_size=30).map(
    lambda rows: [replace(one, request_id=f"req_{number}") for number, one in enumerate(rows)]
)
spans = st.tuples(st.integers(-3 * DAY, 2 * DAY), st.integers(1, 2 * DAY)).map(
    lambda span: (int(NOON) + span[0], int(NOON) + span[0] + span[1])
)
questions = st.builds(
    lambda account, span, by, only, kind: Question(
        account_id=account, start=span[0], stop=span[1], by=tuple(by), only=only, kind=kind
    ),
    st.sampled_from([None, "acct_a"]),
    spans,
    st.lists(st.sampled_from(sorted(VALUES)), unique=True, max_size=4),
    st.fixed_dictionaries(
        {},
        optional={
            name: st.lists(st.sampled_from([one for one in values if one is not None]), max_size=2)
            for name, values in VALUES.items()
        },
    ),
    st.sampled_from([None, "completions", "embeddings"]),
)


def counts(one: UsageRecord, question: Question) -> bool:
    """Whether a row is asked about, by the plainest reading of the question."""
    mine = question.account_id in (None, one.account_id)
    kind = (one.endpoint == EMBEDDINGS) == (question.kind == "embeddings") if question.kind else True
    return mine and kind and all(not only or getattr(one, name) in only for name, only in question.only.items())


def grouped(rows: list[UsageRecord], question: Question) -> list[Group]:
    groups: dict[tuple[Any, ...], list[UsageRecord]] = defaultdict(list)
    for one in rows:
        groups[tuple(getattr(one, name) for name in question.by)].append(one)
    ordered = sorted(groups.items(), key=lambda item: ["" if value is None else str(value) for value in item[0]])
    return [Group(values, summed(group)) for values, group in ordered]


def summed(rows: list[UsageRecord]) -> Sums:
    failed = sum(one.outcome == "failed" for one in rows)
    return Sums(len(rows), failed, *(sum(getattr(one, name) for one in rows) for name in COUNTED))


def naive(rows: list[UsageRecord], question: Question, seconds: int) -> list[Bucket]:
    first, last = question.start // seconds * seconds, -(-question.stop // seconds) * seconds
    asked = [one for one in rows if counts(one, question)]
    return [
        Bucket(at, at + seconds, grouped([one for one in asked if at <= one.created_at < at + seconds], question))
        for at in range(first, last, seconds)
    ]


LOOKING = settings(
    max_examples=40, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@LOOKING
@given(rows=rows_of_some, question=questions)
async def test_every_bucket_is_the_sum_of_its_rows(
    database: Database, rows: list[UsageRecord], question: Question
) -> None:
    await put(database, rows)
    report = UsageReport(database)
    for seconds in (MINUTE, HOUR, DAY):
        assert await report.buckets(question, seconds=seconds) == naive(rows, question, seconds)


@LOOKING
@given(rows=rows_of_some, question=questions)
async def test_totals_are_the_sum_of_all_hours(database: Database, rows: list[UsageRecord], question: Question) -> None:
    await put(database, rows)
    first, last = question.start // HOUR * HOUR, -(-question.stop // HOUR) * HOUR
    asked = [one for one in rows if counts(one, question) and first <= one.created_at < last]
    assert await UsageReport(database).totals(question) == grouped(asked, question)


async def test_an_empty_span_has_no_buckets(database: Database) -> None:
    report = UsageReport(database)
    nothing = Question(account_id=None, start=500, stop=500)
    assert (await report.buckets(nothing, seconds=DAY), await report.totals(nothing)) == ([], [])


async def test_buckets_without_use_are_there(database: Database) -> None:
    await put(database, [row(0, NOON)])
    report, noon = UsageReport(database), int(NOON)
    (before, with_use, after) = await report.buckets(
        Question(account_id=None, start=noon - 1, stop=noon + HOUR + 1), seconds=HOUR
    )
    assert (before.groups, after.groups) == ([], [])
    assert [astuple(group.sums) for group in with_use.groups] == [(1, 0, 10, 2, 5, 1, 350_000)]
    assert (before.stop, with_use.stop) == (with_use.start, after.start)


async def test_sums_are_larger_than_a_column_of_a_row(database: Database) -> None:
    most = 2**31 - 1
    await put(database, [row(number, prompt_tokens=most, cost=2**60) for number in range(7)])
    report = UsageReport(database)
    question = Question(account_id=None, start=int(NOON), stop=int(NOON) + 1)
    for seconds in (MINUTE, HOUR, DAY):
        (bucket,) = await report.buckets(question, seconds=seconds)
        assert (bucket.groups[0].sums.prompt_tokens, bucket.groups[0].sums.cost) == (7 * most, 7 * 2**60)


async def test_what_keys_and_accounts_are_called(database: Database) -> None:
    account = {"role": "user", "created_at": 1.0}
    async with database.write() as connection:
        await connection.execute(
            insert(accounts),
            [
                {"id": "acct_1", "email": "a@example.org", "name": "A", **account},
                {"id": "acct_2", "email": None, "name": "B", **account},
            ],
        )
        key = {"account_id": "acct_1", "name": "laptop", "digest": "d", "hint": "h", "created_at": 1.0}
        await connection.execute(insert(api_keys).values(id="key_1", **key))
    report = UsageReport(database)
    assert await report.names("key_id") == {"key_1": "laptop"}
    assert await report.names("account_id") == {"acct_1": "a@example.org", "acct_2": "B"}
    assert await report.names("model") == {}


@pytest.mark.parametrize("seconds", [MINUTE, HOUR, DAY])
async def test_another_accounts_use_is_never_seen(database: Database, seconds: int) -> None:
    await put(database, [row(number, account_id="acct_b", key_id="key_b") for number in range(3)])
    mine = Question(account_id="acct_a", start=int(NOON), stop=int(NOON) + 1, only={"key_id": ["key_b"]})
    (bucket,) = await UsageReport(database).buckets(mine, seconds=seconds)
    assert bucket.groups == []
