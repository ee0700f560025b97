"""Service tiers: what the answer and the ledger say of them, in each API that has them."""

import json

import pytest
from running_server import RunningServer, eventually

TIERS = [(None, None), ("auto", "default"), ("default", "default"), ("flex", "flex"), ("priority", "priority")]


@pytest.mark.parametrize(("asked", "told"), TIERS)
def test_a_chat_says_which_tier_was_used_where_one_was_named(
    echo_server: RunningServer, asked: str | None, told: str | None
) -> None:
    answer = echo_server.chat("one two", service_tier=asked)
    assert answer.json["service_tier"] == told
    request_id = answer.headers["x-request-id"]
    assert echo_server.usage_of(request_id)["tier"] == (told or "default")


@pytest.mark.parametrize(("asked", "told"), TIERS)
def test_so_do_the_chunks_of_a_stream(echo_server: RunningServer, asked: str | None, told: str | None) -> None:
    text = echo_server.chat("one two", stream=True, service_tier=asked).body.decode()
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    assert {chunk.get("service_tier") for chunk in chunks} == {told}


@pytest.mark.parametrize(("asked", "told"), TIERS)
def test_so_does_a_response(echo_server: RunningServer, asked: str | None, told: str | None) -> None:
    body = json.dumps({"model": "echo", "input": "one two", "service_tier": asked}).encode()
    answer = echo_server.request("POST", "/v1/responses", body)
    assert (answer.status, answer.json["service_tier"]) == (200, told)
    assert echo_server.usage_of(answer.headers["x-request-id"])["tier"] == (told or "default")


def test_flex_has_a_class_of_its_own_in_the_queue(echo_server: RunningServer) -> None:
    assert echo_server.chat("one", service_tier="flex").status == 200
    text = 'penstock_queue_seconds_count{class="flex",model="echo"}'
    eventually(lambda: any(line.startswith(text) for line in echo_server.metrics().body.decode().splitlines()))
