"""CSV: the same figures as the pages, in columns that stay, and nothing that a spreadsheet would run."""

import csv
import io
from typing import Any

import httpx2
import pytest
from msgspec import Raw
from usage_client import MIDNIGHT, asking
from usage_rows import NOON, put, row

from penstock.api import usage_csv
from penstock.api.usage import COMPLETIONS, COSTS, OWN
from penstock.database.connection import Database
from penstock.protocol.usage_pages import Amount, CostsBucket, CostsResult, OwnResult
from penstock.tenants.usage_report import DAY, HOUR
from penstock.web.csv_lines import wants_csv

OWN_COLUMNS = [
    *("start_time", "end_time", "requests", "failed", "input_tokens", "cached_input_tokens", "output_tokens"),
    *("reasoning_tokens", "cost", "currency", "model", "api_key_id", "endpoint"),
]


def lines_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("text/csv", True),
        ("TEXT/CSV; charset=utf-8, */*;q=0.1", True),
        ("text/csv, application/json", False),
        ("application/json", False),
        ("*/*", False),
        ("", False),
        ("text/csvx", False),
    ],
)
def test_who_wants_csv(accept: str, wanted: bool) -> None:
    assert wants_csv(accept) is wanted


def test_columns_are_those_of_the_result() -> None:
    assert usage_csv.columns(OwnResult) == OWN_COLUMNS
    assert usage_csv.columns(CostsResult) == (
        [
            *("start_time", "end_time", "amount_value", "amount_currency", "line_item"),
            *("project_id", "user_id", "api_key_id"),
        ]
    )


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_is_a_formula(begin: str) -> None:
    name = f'{begin}cmd|"/c calc"!A1,'
    cost = CostsResult(amount=Amount(value=Raw(b"0.5"), currency="usd"), line_item=name)
    (read,) = lines_of(
        usage_csv.head(CostsResult) + usage_csv.rows([CostsBucket(start_time=0, end_time=86_400, results=[cost])])
    )
    assert read["line_item"] == f"'{name}"
    assert (read["amount_value"], read["start_time"]) == ("0.5", "1970-01-01T00:00:00Z")


async def fetched(client: httpx2.AsyncClient, path: str, query: str, **headers: str) -> list[dict[str, str]]:
    answer = await client.get(f"{path}?{query}", headers={"authorization": "Bearer admin", **headers})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["content-disposition"]
    return lines_of(answer.text)


async def test_csv_is_all_pages_at_once(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.connect()
    rows = [row(day, NOON - day * DAY, model=f"m{day % 3}", cost=day) for day in range(70)]
    await put(database, rows)
    async with asking(database) as client:
        query = f"start_time={MIDNIGHT - 69 * DAY}&group_by=model"
        read = await fetched(client, COMPLETIONS, f"{query}&format=csv")
        assert await fetched(client, COMPLETIONS, query, accept="text/csv") == read
        assert (await client.get(f"{COMPLETIONS}?{query}&format=json", headers=_json())).json()["object"] == "page"
        costs = await fetched(client, COSTS, f"start_time={MIDNIGHT - 69 * DAY}&format=csv")
        empty = await fetched(client, OWN, f"start_time={MIDNIGHT + DAY}&format=csv")
    assert [one["model"] for one in read] == [f"m{day % 3}" for day in reversed(range(70))]
    assert [one["start_time"][:10] for one in read][-1] == "2026-11-18"
    assert {one["num_model_requests"] for one in read} == {"1"}
    assert len(costs) == 70
    assert costs[0]["amount_value"] == "0.000000000069"
    assert empty == []
    await database.close()


def _json() -> dict[str, Any]:
    return {"authorization": "Bearer admin", "accept": "text/csv"}


async def test_truths_are_written_as_in_json(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.connect()
    await put(database, [row(0, NOON, batch=True), row(1, NOON)])
    async with asking(database) as client:
        query = f"start_time={int(NOON)}&bucket_width=1h&group_by=batch&format=csv&end_time={int(NOON) + HOUR}"
        assert [one["batch"] for one in await fetched(client, COMPLETIONS, query)] == ["false", "true"]
    await database.close()
