"""The usage pages as clients ask for them, the official one too."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx2
import openai
import pytest
from msgspec.structs import replace
from openai.types.admin.organization import usage_completions_response, usage_costs_response
from running_server import RunningServer
from usage_client import MIDNIGHT, NOW, asking
from usage_rows import NOON, put, row

from penstock.api.usage import COMPLETIONS, COSTS, EMBEDDINGS, MOST_RESULTS, OWN
from penstock.database.connection import Database
from penstock.errors import DatabaseAway
from penstock.tenants.usage_report import DAY, HOUR, MINUTE

ROWS = [
    row(0, NOON, project_id="proj_a"),
    row(1, NOON + 59, key_id="key_b", model="n", tier="flex", batch=True),
    row(2, NOON + HOUR, account_id="acct_b", key_id="key_c", outcome="failed", status=502, prompt_tokens=0,
        cached_tokens=0, completion_tokens=0, reasoning_tokens=0, cost=0),
    row(3, NOON - 3 * DAY, endpoint="/v1/embeddings", model="vectors", completion_tokens=0, reasoning_tokens=0),
    row(4, NOON, account_id="acct_b", key_id="key_c", endpoint="/v1/messages", cost=123_456_789_012_345_678),
]  # fmt: skip


@pytest.fixture
async def client(sqlite_url: str) -> AsyncIterator[httpx2.AsyncClient]:
    database = Database(sqlite_url)
    await database.connect()
    await put(database, ROWS)
    async with asking(database) as opened:
        yield opened
    await database.close()


async def get(client: httpx2.AsyncClient, path: str, query: str = "", *, key: str = "admin") -> Any:
    answer = await client.get(f"{path}?{query}", headers={"authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(client: httpx2.AsyncClient, path: str, query: str, *, key: str = "admin") -> tuple[Any, ...]:
    answer = await client.get(f"{path}?{query}", headers={"authorization": f"Bearer {key}"})
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


async def test_a_page_of_completions_is_openais(client: httpx2.AsyncClient) -> None:
    page = await get(client, COMPLETIONS, f"start_time={MIDNIGHT}")
    assert page == {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": MIDNIGHT,
                "end_time": MIDNIGHT + DAY,
                "results": [
                    {
                        "object": "organization.usage.completions.result",
                        "input_tokens": 30,
                        "output_tokens": 15,
                        "input_cached_tokens": 6,
                        "input_audio_tokens": 0,
                        "output_audio_tokens": 0,
                        "num_model_requests": 3,
                        "project_id": None,
                        "user_id": None,
                        "api_key_id": None,
                        "model": None,
                        "batch": None,
                        "service_tier": None,
                    }
                ],
            }
        ],
        "has_more": False,
        "next_page": None,
    }


@pytest.mark.parametrize("how", ["group_by={}", "group_by[]={}", "group_by%5B%5D={}"])
async def test_groups(client: httpx2.AsyncClient, how: str) -> None:
    names = ["user_id", "model", "batch", "service_tier", "project_id", "api_key_id"]
    query = "&".join([f"start_time={MIDNIGHT}", *(how.format(name) for name in names)])
    (bucket,) = (await get(client, COMPLETIONS, query))["data"]
    assert [[result[name] for name in names] for result in bucket["results"]] == [
        ["acct_a", "m", False, "default", "proj_a", "key_a"],
        ["acct_a", "n", True, "flex", None, "key_b"],
        ["acct_b", "m", False, "default", None, "key_c"],
    ]


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ("models=n", 1),
        ("models=m&models=n", 3),
        ("models[]=nothing", 0),
        ("user_ids=acct_b", 1),
        ("api_key_ids=key_a&user_ids=acct_b", 0),
        ("project_ids=proj_a", 1),
        ("batch=true", 1),
        ("batch=false", 2),
    ],
)
async def test_filters(client: httpx2.AsyncClient, query: str, requests: int) -> None:
    (bucket,) = (await get(client, COMPLETIONS, f"start_time={MIDNIGHT}&{query}"))["data"]
    assert sum(result["num_model_requests"] for result in bucket["results"]) == requests


async def test_embeddings_are_apart(client: httpx2.AsyncClient) -> None:
    page = await get(client, EMBEDDINGS, f"start_time={MIDNIGHT - 3 * DAY}&group_by=model")
    assert [bucket["results"] for bucket in page["data"]] == [
        [
            {
                "object": "organization.usage.embeddings.result",
                "input_tokens": 10,
                "num_model_requests": 1,
                "project_id": None,
                "user_id": None,
                "api_key_id": None,
                "model": "vectors",
            }
        ],
        *[[]] * 3,
    ]


async def test_costs_have_all_their_digits(client: httpx2.AsyncClient) -> None:
    query = f"start_time={MIDNIGHT}&group_by=line_item&group_by=user_id"
    answer = await client.get(f"{COSTS}?{query}", headers={"authorization": "Bearer admin"})
    (bucket,) = json.loads(answer.text, parse_float=Decimal)["data"]
    amounts = {(one["line_item"], one["user_id"]): one["amount"] for one in bucket["results"]}
    assert amounts == {
        ("m", "acct_a"): {"value": Decimal("0.00000035"), "currency": "eur"},
        ("n", "acct_a"): {"value": Decimal("0.00000035"), "currency": "eur"},
        ("m", "acct_b"): {"value": Decimal("123456.789012345678"), "currency": "eur"},
    }
    assert set(bucket["results"][0]) == {"object", "amount", "line_item", "project_id", "user_id", "api_key_id"}


async def test_ones_own_usage_is_that_of_the_account(client: httpx2.AsyncClient) -> None:
    page = await get(client, OWN, "group_by=endpoint&group_by=model&group_by=api_key_id", key="other")
    assert len(page["data"]) == 7
    assert [len(bucket["results"]) for bucket in page["data"]] == [0] * 6 + [2]
    assert page["data"][-1]["results"][1] == {
        "object": "usage.result",
        "requests": 1,
        "failed": 0,
        "input_tokens": 10,
        "cached_input_tokens": 2,
        "output_tokens": 5,
        "reasoning_tokens": 1,
        "cost": "123456.789012345678",
        "currency": "eur",
        "model": "m",
        "api_key_id": "key_c",
        "endpoint": "/v1/messages",
    }
    assert page["data"][-1]["results"][0]["failed"] == 1


async def test_the_keys_of_others_are_as_keys_of_nobody(client: httpx2.AsyncClient) -> None:
    others, nobodys = [await get(client, OWN, f"api_key_ids={key}", key="other") for key in ("key_a", "key_no")]
    assert others == nobodys
    admin_without_use = await get(client, OWN, key="admin")
    assert all(bucket["results"] == [] for bucket in admin_without_use["data"])


@pytest.mark.parametrize("path", [COMPLETIONS, EMBEDDINGS, COSTS])
async def test_the_organization_is_for_admins(client: httpx2.AsyncClient, path: str) -> None:
    query = f"start_time={MIDNIGHT}"
    assert await refused(client, path, query, key="user") == (403, "insufficient_permissions", None)
    assert await refused(client, path, "nonsense=1", key="user") == (403, "insufficient_permissions", None)
    assert await refused(client, path, query, key="nobody") == (401, "missing_api_key", None)


@pytest.mark.parametrize(("width", "seconds", "limit"), [("1m", MINUTE, 60), ("1h", HOUR, 24), ("1d", DAY, 7)])
async def test_pages_follow_each_other_without_a_gap(
    client: httpx2.AsyncClient, width: str, seconds: int, limit: int
) -> None:
    start = int(NOON) // seconds * seconds - limit * seconds
    query = f"start_time={start}&end_time={start + 2 * limit * seconds}&bucket_width={width}&group_by=model"
    whole = await get(client, OWN, f"{query}&limit={2 * limit}", key="user")
    first = await get(client, OWN, query, key="user")
    assert len(first["data"]) == limit
    pages, page = [first], first
    while page["has_more"]:
        page = await get(client, OWN, f"{query}&page={page['next_page']}", key="user")
        pages.append(page)
    assert page["next_page"] is None
    assert [bucket for page in pages for bucket in page["data"]] == whole["data"]
    starts = [bucket["start_time"] for bucket in whole["data"]]
    assert starts == list(range(start, starts[-1] + 1, seconds))


async def test_a_page_ends_early_with_too_many_results(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.connect()
    rows = [row(n, NOON - n // 150 * DAY, key_id=f"key_{n % 150:03}") for n in range(150 * 70)]
    await put(database, rows)
    async with asking(database) as client:
        query = f"start_time={MIDNIGHT - 69 * DAY}&group_by=api_key_id&limit=31"
        data, page = [], await get(client, COMPLETIONS, query)
        while True:
            data += page["data"]
            if not page["has_more"]:
                break
            page = await get(client, COMPLETIONS, f"{query}&page={page['next_page']}")
        costs = f"start_time={MIDNIGHT - 69 * DAY}&group_by=api_key_id&limit=180"
        first = await get(client, COSTS, costs)
    assert [len(bucket["results"]) for bucket in data] == [150] * 70
    assert MOST_RESULTS <= 150 * len(first["data"]) <= 2 * MOST_RESULTS
    await database.close()


async def test_what_has_not_begun_has_no_buckets(client: httpx2.AsyncClient) -> None:
    last = (await get(client, OWN, "bucket_width=1h&end_time=32503680000&start_time=1794999600", key="user"))["data"]
    assert last[-1]["end_time"] == int(NOON) + 2 * HOUR
    assert (await get(client, OWN, f"start_time={MIDNIGHT + 9 * DAY}", key="user"))["data"] == []


async def test_a_bucket_counts_whole(client: httpx2.AsyncClient) -> None:
    query = f"bucket_width=1h&start_time={int(NOON) + 1800}&end_time={int(NOON) + 1801}"
    (bucket,) = (await get(client, OWN, query, key="user"))["data"]
    assert (bucket["start_time"], bucket["end_time"]) == (int(NOON), int(NOON) + HOUR)
    assert bucket["results"][0]["requests"] == 2


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("", "missing_required_parameter", "start_time"),
        ("start_time=", "invalid_type", "start_time"),
        ("start_time=yesterday", "invalid_type", "start_time"),
        ("start_time=1795003200.0", "invalid_type", "start_time"),
        ("start_time=1e9", "invalid_type", "start_time"),
        ("start_time=NaN", "invalid_type", "start_time"),
        ("start_time=-1", "invalid_value", "start_time"),
        ("start_time=1795003200000", "invalid_value", "start_time"),  # milliseconds
        ("start_time=5&start_time=6", "invalid_value", "start_time"),
        ("start_time[]=5", "unknown_parameter", "start_time[]"),
        ("start_time=5&end_time=5", "invalid_value", "start_time"),
        ("start_time=6&end_time=5", "invalid_value", "start_time"),
        ("start_time=5&width=1d", "unknown_parameter", "width"),
        ("start_time=5&api_key=psk_secret", "unknown_parameter", "api_key"),
        ("start_time=5&bucket_width=1w", "invalid_value", "bucket_width"),
        ("start_time=5&bucket_width=1m", "invalid_value", "start_time"),  # too many buckets
        ("start_time=1795003200&limit=0", "invalid_value", "limit"),
        ("start_time=1795003200&limit=32", "invalid_value", "limit"),
        ("start_time=1795003200&limit=169&bucket_width=1h", "invalid_value", "limit"),
        ("start_time=1795003200&limit=1441&bucket_width=1m", "invalid_value", "limit"),
        ("start_time=1795003200&limit=1.0", "invalid_type", "limit"),
        ("start_time=1795003200&page=nonsense", "invalid_value", "page"),
        ("start_time=1794960000&end_time=1795132800&page=page_6afcfa81", "invalid_value", "page"),
        ("start_time=1794960000&end_time=1795132800&page=page_6AFDD400", "invalid_value", "page"),
        ("start_time=1795003200&page=page_-1", "invalid_value", "page"),
        ("start_time=1795003200&page=", "invalid_value", "page"),
        ("start_time=1795003200&group_by=colour", "invalid_value", "group_by[0]"),
        ("start_time=1795003200&group_by=model&group_by=model", "invalid_value", "group_by"),
        ("start_time=1795003200&batch=perhaps", "invalid_type", "batch"),
        ("start_time=1795003200&models=", "invalid_value", "models[0]"),
        ("start_time=1795003200&models=%00", "invalid_value", "models[0]"),
        ("start_time=1795003200&models=%ff", "invalid_value", None),
        ("start_time=1795003200&format=xml", "invalid_value", "format"),
        ("start_time=1795003200&format=csv&limit=5", "invalid_value", "limit"),
        ("start_time=1795003200&format=csv&page=page_0", "invalid_value", "page"),
    ],
)
async def test_what_is_wrong_is_named(client: httpx2.AsyncClient, query: str, code: str, param: str | None) -> None:
    assert await refused(client, COMPLETIONS, query) == (400, code, param)


@pytest.mark.parametrize(
    ("query", "code", "param"),
    [
        ("bucket_width=1h", "invalid_value", "bucket_width"),
        ("group_by=model", "invalid_value", "group_by[0]"),
        ("limit=181", "invalid_value", "limit"),
        ("user_ids=acct_a", "unknown_parameter", "user_ids"),
    ],
)
async def test_costs_take_less(client: httpx2.AsyncClient, query: str, code: str, param: str) -> None:
    assert await refused(client, COSTS, f"start_time=1795003200&{query}") == (400, code, param)
    assert len((await get(client, COSTS, f"start_time={MIDNIGHT - 179 * DAY}&limit=180"))["data"]) == 180


async def test_sql_is_text(client: httpx2.AsyncClient) -> None:
    for text in ("'; DROP TABLE usage; --", '" OR 1=1 --', "m' OR 'a'='a", "%", "_"):
        answer = await client.get(OWN, params={"models": text}, headers={"authorization": "Bearer user"})
        assert all(bucket["results"] == [] for bucket in answer.json()["data"])
    assert (await get(client, OWN, key="user"))["data"][-1]["results"][0]["requests"] == 2


async def test_minutes_of_rows_that_are_gone_are_refused(sqlite_url: str) -> None:
    database = Database(sqlite_url)
    await database.connect()
    async with asking(database, row_days=1) as client:
        query = f"bucket_width=1m&start_time={int(NOW) - DAY - MINUTE}"
        assert await refused(client, OWN, query) == (400, "invalid_value", "start_time")
        assert len((await get(client, OWN, f"bucket_width=1m&start_time={int(NOW) - DAY}"))["data"]) == 60
        assert await get(client, OWN, f"bucket_width=1h&start_time={int(NOW) - 2 * DAY}")
    await database.close()


async def test_a_database_that_is_away_is_503(sqlite_url: str, tmp_path: Any) -> None:
    database = Database(sqlite_url)
    await database.connect()
    (tmp_path / "penstock.db").write_bytes(b"no database" * 1000)
    async with asking(database) as client:
        for query in ("", "format=csv"):
            answer = await client.get(f"{OWN}?{query}", headers={"authorization": "Bearer user"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (503, DatabaseAway.code)
            assert answer.headers["retry-after"]
    await database.close()


async def test_the_official_client_reads_them(client: httpx2.AsyncClient) -> None:
    official = openai.AsyncOpenAI(
        base_url="http://penstock/v1", api_key="user", admin_api_key="admin", http_client=client, max_retries=0
    )
    usage = official.admin.organization.usage
    page = await usage.completions(
        start_time=MIDNIGHT, group_by=["model", "batch"], models=["n"], batch=True, bucket_width="1d", limit=31
    )
    (result,) = page.data[0].results
    assert isinstance(result, usage_completions_response.DataResultOrganizationUsageCompletionsResult)
    assert (result.object, result.model, result.batch, result.input_tokens) == (
        "organization.usage.completions.result", "n", True, 10,
    )  # fmt: skip
    embeddings = await usage.embeddings(start_time=MIDNIGHT - 3 * DAY, limit=1)
    assert embeddings.data[0].results[0].object == "organization.usage.embeddings.result"
    assert embeddings.has_more
    again = await usage.embeddings(start_time=MIDNIGHT - 3 * DAY, page=embeddings.next_page or "")
    assert [bucket.start_time for bucket in again.data] == [MIDNIGHT - day * DAY for day in (2, 1, 0)]
    costs = await usage.costs(start_time=MIDNIGHT, group_by=["line_item"], api_key_ids=["key_b"])
    (cost,) = costs.data[0].results
    assert isinstance(cost, usage_costs_response.DataResultOrganizationCostsResult)
    assert cost.amount is not None
    assert (cost.amount.value, cost.amount.currency, cost.line_item) == (0.00000035, "eur", "n")


def test_a_running_server_tells_what_a_key_used(echo_server: RunningServer, stranger: str) -> None:
    answer = echo_server.request("GET", f"{OWN}?group_by=model", headers={"authorization": f"Bearer {stranger}"})
    assert (answer.status, answer.json["object"], len(answer.json["data"])) == (200, "page", 7)
    for path in (COMPLETIONS, EMBEDDINGS, COSTS):
        answer = echo_server.request("GET", f"{path}?start_time={MIDNIGHT}")
        assert (answer.status, answer.error["code"]) == (403, "insufficient_permissions")


def test_rows_are_as_the_tests_mean_them() -> None:
    assert replace(ROWS[0], project_id=None) == row(0, NOON)
