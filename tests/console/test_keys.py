"""One's own keys as the console lists them: sorted, searched and in pages, with what each was used for in a week."""

from typing import Any

import pytest
from running_server import RunningServer, eventually
from sign_in import Person, ask_json, bearer, settle

HOSTILE = "<img src=x onerror=alert(1)> %_\\ '; DROP TABLE api_keys; --"


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    return settle(echo_server, "ann-of-many-keys")


@pytest.fixture(scope="module")
def bob(echo_server: RunningServer) -> Person:
    return settle(echo_server, "bob-of-one-key")


def make(server: RunningServer, person: Person, name: str, **more: Any) -> dict[str, Any]:
    made = ask_json(server, "POST", "/api/keys", {"name": name, **more}, cookie=person.cookie)
    assert made.status == 200, made.body
    return dict(made.json)


@pytest.fixture(scope="module")
def made(echo_server: RunningServer, ann: Person) -> list[dict[str, Any]]:
    return [
        make(echo_server, ann, "beta", expires_at=4_000_000_000),
        make(echo_server, ann, "Alpha", limits={"requests_per_minute": 5}),
        make(echo_server, ann, HOSTILE, models=["echo"]),
    ]


def names(server: RunningServer, person: Person, query: str = "") -> list[str]:
    listed = ask_json(server, "GET", f"/api/keys?{query}", cookie=person.cookie)
    assert listed.status == 200, listed.body
    return [key["name"] for key in listed.json["data"]]


def test_they_are_sorted_by_the_server(echo_server: RunningServer, ann: Person, made: list[dict[str, Any]]) -> None:
    own = "ann-of-many-keys's"
    assert names(echo_server, ann) == [HOSTILE, "Alpha", "beta", own]
    assert names(echo_server, ann, "order=asc") == [own, "beta", "Alpha", HOSTILE]
    assert names(echo_server, ann, "sort=name&order=asc") == [HOSTILE, "Alpha", own, "beta"]
    assert names(echo_server, ann, "sort=expires_at&order=asc")[0] == "beta"
    assert ask_json(echo_server, "GET", "/api/keys?sort=digest", cookie=ann.cookie).status == 400


def test_a_search_takes_every_character_for_itself(
    echo_server: RunningServer, ann: Person, made: list[dict[str, Any]]
) -> None:
    assert names(echo_server, ann, "search=ALPHA") == ["Alpha"]
    assert names(echo_server, ann, "search=%25_") == [HOSTILE]
    assert names(echo_server, ann, "search=drop%20table") == [HOSTILE]
    assert names(echo_server, ann, "search=nobody") == []


def test_pages_follow_each_other_in_any_order(
    echo_server: RunningServer, ann: Person, made: list[dict[str, Any]]
) -> None:
    seen: list[str] = []
    after = ""
    while True:
        query = f"sort=name&order=asc&limit=1{after}"
        page = ask_json(echo_server, "GET", f"/api/keys?{query}", cookie=ann.cookie).json
        seen += [key["name"] for key in page["data"]]
        if not page["has_more"]:
            break
        after = f"&after={page['last_id']}"
    assert seen == names(echo_server, ann, "sort=name&order=asc")


def test_anothers_keys_are_in_no_list(
    echo_server: RunningServer, ann: Person, bob: Person, made: list[dict[str, Any]]
) -> None:
    assert names(echo_server, bob) == ["bob-of-one-key's"]
    assert names(echo_server, bob, "search=alpha") == []
    cursor = ask_json(echo_server, "GET", f"/api/keys?after={made[0]['id']}", cookie=bob.cookie)
    nobodys = ask_json(echo_server, "GET", "/api/keys?after=key_0123456789abcdef", cookie=bob.cookie)
    assert (cursor.status, cursor.body) == (nobodys.status, nobodys.body)
    assert cursor.status == 400


def test_deleted_ones_can_be_left_out(echo_server: RunningServer, ann: Person) -> None:
    gone = make(echo_server, ann, "to be deleted")
    assert ask_json(echo_server, "DELETE", f"/api/keys/{gone['id']}", cookie=ann.cookie).status == 200
    assert "to be deleted" in names(echo_server, ann)
    assert "to be deleted" not in names(echo_server, ann, "revoked=false")


def test_a_secret_is_in_no_list(echo_server: RunningServer, ann: Person, made: list[dict[str, Any]]) -> None:
    listed = ask_json(echo_server, "GET", "/api/keys", cookie=ann.cookie)
    assert all(key["key"].encode() not in listed.body for key in made)
    assert all("key" not in key for key in listed.json["data"])


@pytest.fixture(scope="module")
def used(echo_server: RunningServer, ann: Person) -> dict[str, Any]:
    """A key that made three requests."""
    key = make(echo_server, ann, "used")
    body = b'{"model": "echo", "messages": [{"role": "user", "content": "one two"}]}'
    for _ in range(3):
        assert echo_server.request("POST", "/v1/chat/completions", body, bearer(key["key"])).status == 200
    return key


def test_a_week_of_each_key(
    echo_server: RunningServer, ann: Person, bob: Person, made: list[dict[str, Any]], used: dict[str, Any]
) -> None:
    def week(person: Person, *ids: str) -> dict[str, Any]:
        query = "&".join(f"ids={id_}" for id_ in ids)
        return dict(ask_json(echo_server, "GET", f"/api/key-activity?{query}", cookie=person.cookie).json)

    def counted(found: dict[str, Any]) -> dict[str, Any] | None:
        return found if found["data"] and found["data"][0]["requests"][-1] == 3 else None

    told = eventually(lambda: counted(week(ann, used["id"], made[0]["id"])))
    assert told["data"] == [{"key_id": used["id"], "requests": [0, 0, 0, 0, 0, 0, 3]}]
    assert [after - before for before, after in zip(told["days"], told["days"][1:], strict=False)] == [86_400] * 6
    assert week(bob, used["id"])["data"] == []
    assert [each["key_id"] for each in week(ann)["data"]] == [used["id"]]


def test_the_consoles_own_key_can_be_disabled_and_nothing_more(echo_server: RunningServer) -> None:
    eve = settle(echo_server, "eve-without-console")

    def say_hello() -> int:
        body = {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]}
        return ask_json(echo_server, "POST", "/api/chat/completions", body, cookie=eve.cookie).status

    assert say_hello() == 200
    listed = ask_json(echo_server, "GET", "/api/keys", cookie=eve.cookie).json["data"]
    (own,) = [key["id"] for key in listed if key["of_console"]]
    assert ask_json(echo_server, "DELETE", f"/api/keys/{own}", cookie=eve.cookie).status == 400
    assert ask_json(echo_server, "POST", f"/api/keys/{own}/rotate", {}, cookie=eve.cookie).status == 400
    assert ask_json(echo_server, "PATCH", f"/api/keys/{own}", {"disabled": True}, cookie=eve.cookie).status == 200
    eventually(lambda: say_hello() == 403)
    assert ask_json(echo_server, "PATCH", f"/api/keys/{own}", {"disabled": False}, cookie=eve.cookie).status == 200
    eventually(lambda: say_hello() == 200)
