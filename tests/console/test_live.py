"""What is under way, watched as the console does; and broken off."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from running_server import RunningServer, eventually
from sign_in import Person, ask_json, bearer, settle

from penstock.tenants.speed import TELLING_STEPS


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    return settle(echo_server, "ann-who-watches")


@pytest.fixture(scope="module")
def bob(echo_server: RunningServer) -> Person:
    return settle(echo_server, "bob-who-watches")


@pytest.fixture(scope="module")
def root(echo_server: RunningServer) -> Person:
    return settle(echo_server, "root-who-watches", role="admin")


@contextmanager
def watching(server: RunningServer, person: Person) -> Iterator[Callable[[], dict[str, Any]]]:
    """Gives the next event, each time it is called."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("GET", "/api/live", headers={"cookie": person.cookie})
    answer = connection.getresponse()
    assert answer.status == 200, answer.read()
    assert answer.headers["content-type"].startswith("text/event-stream")

    def event() -> dict[str, Any]:
        while True:
            line = answer.readline()
            assert line, "the stream ended"
            if line.startswith(b"data: "):
                found: dict[str, Any] = json.loads(line[6:])
                return found

    try:
        yield event
    finally:
        connection.close()


@contextmanager
def streaming(server: RunningServer, person: Person) -> Iterator[list[bytes]]:
    """A slow stream of this person's key; gives what has come of it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    body = {"model": "slow", "messages": [{"role": "user", "content": "word " * 200}], "stream": True}
    headers = {"content-type": "application/json", **bearer(person.key)}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
    got: list[bytes] = []

    def read() -> None:
        answer = connection.getresponse()
        try:
            while line := answer.readline():
                got.append(line)
        except (OSError, http.client.HTTPException):
            pass
        got.append(b"cut")

    reading = threading.Thread(target=read)
    reading.start()
    try:
        eventually(lambda: got)
        yield got
    finally:
        if connection.sock is not None:
            connection.sock.shutdown(2)
        reading.join(timeout=30)
        connection.close()


def until(event: Callable[[], dict[str, Any]], holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    for _ in range(200):
        if holds(now := event()):
            return now
    raise AssertionError("it was not seen in 200 events")


def test_a_stream_is_seen_by_its_account_and_by_administrators_alone(
    echo_server: RunningServer, ann: Person, bob: Person, root: Person
) -> None:
    with streaming(echo_server, ann), watching(echo_server, ann) as event:
        now = until(event, lambda now: any(one["output_tokens"] > TELLING_STEPS for one in now["requests"]))
        (mine,) = now["requests"]
        assert (mine["model"], mine["stage"], mine["batch"]) == ("slow", "decoding", False)
        assert mine["account_id"] == ann.id
        assert 0 < mine["tokens_per_second"] < 40
        assert next(model for model in now["models"] if model["id"] == "slow")["busy"] >= 1
        with watching(echo_server, bob) as other:
            assert other()["requests"] == []
        with watching(echo_server, root) as other:
            assert mine["id"] in [one["id"] for one in other()["requests"]]


def test_events_are_no_more_than_four_a_second(echo_server: RunningServer, ann: Person) -> None:
    with streaming(echo_server, ann), watching(echo_server, ann) as event:
        now = until(event, lambda now: now["requests"])
        first = now["requests"][0]["output_tokens"]
        seen = 0
        # At 20 tokens a second 40 of them take two seconds, in which a second can have four events and one at its edge.
        while now["requests"] and now["requests"][0]["output_tokens"] < first + 40:
            now = event()
            seen += 1
        assert 1 <= seen <= 10


def test_one_that_is_cancelled_breaks_off_and_frees_its_place(
    echo_server: RunningServer, ann: Person, bob: Person
) -> None:
    with streaming(echo_server, ann) as got, watching(echo_server, ann) as event:
        (mine,) = until(event, lambda now: now["requests"])["requests"]
        path = f"/api/requests/{mine['id']}/cancel"
        assert ask_json(echo_server, "POST", path, cookie=bob.cookie).status == 404
        answer = ask_json(echo_server, "POST", path, cookie=ann.cookie)
        assert answer.status == 200, answer.body
        until(event, lambda now: not now["requests"])
        eventually(lambda: b"cut" in got)
        told = [json.loads(line[6:]) for line in got if line.startswith(b"data: {")]
        assert told[-1]["error"]["code"] == "request_cancelled"
        assert b"data: [DONE]\n" not in got
        assert ask_json(echo_server, "POST", path, cookie=ann.cookie).status == 404


def test_watching_ends_with_the_session(echo_server: RunningServer) -> None:
    carol = settle(echo_server, "carol-who-watches")
    with watching(echo_server, carol) as event:
        event()
        assert ask_json(echo_server, "POST", "/api/logout", cookie=carol.cookie).status == 200
        with pytest.raises(AssertionError, match="the stream ended"):
            until(event, lambda _: False)
