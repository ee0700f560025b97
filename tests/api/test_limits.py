"""Limits over the wire: a real server, accounts on small plans, and what their clients see."""

import asyncio
import re
import socket
from collections.abc import Iterator
from typing import Any

import aiohttp
import openai
import pytest
from running_server import Answer, RunningServer, eventually, serving
from tenanted import key_on

CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 1000
slots = 32
price = { input = 1, output = 2 }

[[models]]
id = "slow"
engine = "echo"
context_length = 1000
slots = 4
[models.slow]

[plans.minute]
requests_per_minute = 5
[plans.tokens]
output_tokens_per_minute = 60
[plans.reading]
input_tokens_per_minute = 12
[plans.one]
concurrency = 1
[plans.bounded]
context = 50
max_output = 8
[plans.poor]
monthly_budget = 0.00003
"""
CONFIG = CONFIG.replace("[models.slow]", "[models.echo]\ntokens_per_second = 5")
HEADERS = [f"x-ratelimit-{what}-{of}" for of in ("requests", "tokens") for what in ("limit", "remaining", "reset")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with small plans; each test makes accounts of its own."""
    folder = tmp_path_factory.mktemp("limits")
    with serving(folder, "--model", "echo", "--model", "slow", config=CONFIG) as running:
        yield running


@pytest.fixture
def key(server: RunningServer, request: pytest.FixtureRequest) -> str:
    """A key of a new account on the plan that the test is marked with."""
    return new_key(server, request, request.param)


def new_key(server: RunningServer, request: pytest.FixtureRequest, plan: str, **of_key: Any) -> str:
    email = re.sub(r"\W+", "-", request.node.name) + "@example.com"
    return key_on(server.data_dir, plan, email=email, **of_key)


def on(plan: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("key", [plan], indirect=True)


def ask(server: RunningServer, key: str, body: str | None = None, path: str = "/v1/chat/completions") -> Answer:
    body = body or '{"model": "echo", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5}'
    return server.request("POST", path, body.encode(), {"authorization": f"Bearer {key}"})


async def burst(server: RunningServer, key: str, requests: int, **fields: Any) -> list[int]:
    """The statuses of so many requests at once."""
    body = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 5, **fields}
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {key}"}) as session:

        async def one() -> int:
            async with session.post(f"{server.base_url}/chat/completions", json=body) as answer:
                await answer.read()
                return answer.status

        return list(await asyncio.gather(*(one() for _ in range(requests))))


@on("minute")
def test_of_many_at_once_as_many_get_in_as_the_plan_allows(server: RunningServer, key: str) -> None:
    statuses = asyncio.run(burst(server, key, 60))
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 5
    refused = ask(server, key)
    assert (refused.status, refused.headers["x-should-retry"]) == (429, "true")
    assert refused.error["type"] == "rate_limit_error"
    assert refused.error["code"] == "rate_limit_exceeded"
    assert "requests per minute: The plan minute allows 5; 5 used" in refused.error["message"]
    assert 30 < int(refused.headers["retry-after"]) <= 61
    assert 0 <= int(refused.headers["retry-after"]) * 1000 - int(refused.headers["retry-after-ms"]) < 1000
    assert refused.headers["x-ratelimit-limit-requests"] == "5"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert refused.headers["x-ratelimit-limit-tokens"] == "2147483647"


@on("minute")
def test_a_stream_that_is_refused_has_its_status(server: RunningServer, key: str) -> None:
    assert asyncio.run(burst(server, key, 6, stream=True)).count(429) == 1


@on("minute")
def test_the_official_client_raises_its_own_error(server: RunningServer, key: str) -> None:
    asyncio.run(burst(server, key, 5))
    with pytest.raises(openai.RateLimitError) as refused:
        server.client(key).chat.completions.create(model="echo", messages=[{"role": "user", "content": "Hi"}])
    assert refused.value.code == "rate_limit_exceeded"


@on("minute")
def test_every_answer_to_a_known_key_tells_what_is_left(server: RunningServer, key: str) -> None:
    for method, path, body, status in (
        ("POST", "/v1/chat/completions", '{"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}', 200),
        ("POST", "/v1/chat/completions", "{}", 400),
        ("POST", "/v1/chat/completions", '{"model": "none", "messages": [{"role": "user", "content": "Hi"}]}', 404),
        ("POST", "/v1/messages", '{"model": "echo"}', 400),
        ("GET", "/v1/models", "", 200),
        ("GET", "/v1/models/none", "", 404),
    ):
        answer = server.request(method, path, body.encode() or None, {"authorization": f"Bearer {key}"})
        assert answer.status == status
        assert [name for name in HEADERS if name not in answer.headers] == [], path
        assert answer.headers["x-ratelimit-remaining-requests"] == "4"  # only the first of them ran
    assert re.fullmatch(r"\d+s|1m0s", answer.headers["x-ratelimit-reset-requests"])
    unknown = server.request("GET", "/v1/models", None, {"authorization": "Bearer x"})
    assert not any(name.startswith("x-ratelimit") for name in unknown.headers)


@on("minute")
def test_anthropics_form_of_the_refusal(server: RunningServer, key: str) -> None:
    asyncio.run(burst(server, key, 5))
    body = '{"model": "echo", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}'
    refused = ask(server, key, body, "/v1/messages")
    assert (refused.status, refused.error["type"]) == (429, "rate_limit_error")
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"


@on("tokens")
def test_tokens_are_given_back_as_far_as_they_were_not_used(server: RunningServer, key: str) -> None:
    body = '{"model": "echo", "messages": [{"role": "user", "content": "a b"}], "max_tokens": 40}'
    left = 60
    while (answer := ask(server, key, body)).status == 200:
        left -= answer.json["usage"]["completion_tokens"]
        assert answer.headers["x-ratelimit-remaining-tokens"] == str(left)
    assert (answer.status, left < 40) == (429, True)
    assert "output tokens per minute" in answer.error["message"]
    never = ask(server, key, body.replace("40", "61"))
    assert (never.status, never.headers["x-should-retry"], "retry-after" in never.headers) == (429, "false", False)


@on("reading")
def test_nobody_is_refused_for_bytes_that_are_no_tokens(server: RunningServer, key: str) -> None:
    words = " ".join(["antidisestablishmentarianism"] * 5)
    body = f'{{"model": "echo", "prompt": "{words}", "max_tokens": 1}}'
    first, second = (ask(server, key, body, "/v1/completions") for _ in range(2))
    assert [first.status, second.status, first.json["usage"]["prompt_tokens"]] == [200, 200, 5]
    third = ask(server, key, body, "/v1/completions")
    assert third.status == 429
    assert "input tokens per minute: The plan reading allows 12; 10 used, 5 asked for" in third.error["message"]


@on("one")
def test_a_client_that_leaves_frees_its_place(server: RunningServer, key: str) -> None:
    body = b'{"model": "slow", "stream": true, "messages": [{"role": "user", "content": "%b"}]}' % (b"w " * 400)
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    head += b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n" % (key.encode(), len(body))
    with socket.create_connection(("127.0.0.1", server.port)) as leaving:
        leaving.sendall(head + body)
        assert eventually(lambda: ask(server, key).status == 429)
        refused = ask(server, key)
        assert (refused.headers["retry-after"], "requests at once" in refused.error["message"]) == ("1", True)
    assert eventually(lambda: ask(server, key).status == 200)


@on("poor")
def test_when_the_budget_is_spent_only_money_helps(server: RunningServer, key: str) -> None:
    body = '{"model": "echo", "messages": [{"role": "user", "content": "a b c"}], "max_tokens": 4}'
    for _ in range(20):
        if (answer := ask(server, key, body)).status != 200:
            break
    assert answer.status == 429
    assert (answer.error["type"], answer.error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers


@on("bounded")
def test_a_plan_bounds_the_answer_and_the_context(server: RunningServer, key: str) -> None:
    chat = '{"model": "echo", "messages": [{"role": "user", "content": "%s"}]%s}'
    bounded = ask(server, key, chat % ("w " * 20, ""))
    assert (bounded.json["usage"]["completion_tokens"], bounded.json["choices"][0]["finish_reason"]) == (8, "length")
    asked = ask(server, key, chat % ("Hi", ', "max_tokens": 9'))
    assert (asked.status, asked.error["code"], asked.error["param"]) == (400, "invalid_value", "max_tokens")
    assert "max_tokens is 9; the plan bounded gives 8 tokens at most" in asked.error["message"]
    long = ask(server, key, chat % ("w " * 60, ""))
    assert (long.status, long.error["code"]) == (400, "context_length_exceeded")
    says = "This model's maximum context length is 50 tokens with the plan bounded. The prompt is too long: it has 60"
    assert says in long.error["message"]


def test_a_model_that_a_key_may_not_use_is_not_there(server: RunningServer, request: pytest.FixtureRequest) -> None:
    key = new_key(server, request, "unlimited", models=["slow"])
    refused = ask(server, key)
    assert (refused.status, refused.error["code"]) == (404, "model_not_found")
    headers = {"authorization": f"Bearer {key}"}
    listed = server.request("GET", "/v1/models", None, headers).json["data"]
    assert [model["id"] for model in listed] == ["slow"]
    assert server.request("GET", "/v1/models/echo", None, headers).status == 404


def test_a_key_has_limits_of_its_own(server: RunningServer, request: pytest.FixtureRequest) -> None:
    key = new_key(server, request, "unlimited", requests_per_minute=2)
    assert asyncio.run(burst(server, key, 4)).count(200) == 2
    assert "This API key allows 2; 2 used" in ask(server, key).error["message"]
