"""What one may use, and how much of it is used now, as the console asks for it."""

from typing import Any

import pytest
from running_server import RunningServer, eventually, serving
from sign_in import Person, ask_json, bearer, settle, sql

PLANS = """
[[models]]
id = "echo"
engine = "echo"
context_length = 64
price = { input = 1000, cached_input = 1000, output = 1000 }

[plans.counted]
requests_per_minute = 60
output_tokens_per_day = 1000
concurrency = 4
monthly_budget = 5
[plans.counted.models.echo]
requests_per_minute = 3
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with serving(tmp_path_factory.mktemp("limits"), "--model", "echo", config=PLANS) as server:
        yield server


def on_the_plan(server: RunningServer, name: str) -> Person:
    person = settle(server, name)
    sql(server, "UPDATE accounts SET plan = 'counted' WHERE id = ?", person.id)
    return person


@pytest.fixture(scope="module")
def ann(server: RunningServer) -> Person:
    return on_the_plan(server, "ann")


@pytest.fixture(scope="module")
def bob(server: RunningServer) -> Person:
    return on_the_plan(server, "bob")


def figures(server: RunningServer, person: Person) -> dict[tuple[str | None, str], dict[str, Any]]:
    answer = ask_json(server, "GET", "/api/limits", cookie=person.cookie)
    assert answer.status == 200, answer.body
    assert (answer.json["plan"], answer.json["currency"]) == ("counted", "USD")
    return {(figure["model"], figure["name"]): figure for figure in answer.json["data"]}


def say(server: RunningServer, person: Person) -> int:
    body = {"model": "echo", "messages": [{"role": "user", "content": "one two three"}]}
    return ask_json(server, "POST", "/v1/chat/completions", body, **bearer(person.key)).status


def test_every_figure_of_the_plan_moves_with_what_is_asked(server: RunningServer, ann: Person, bob: Person) -> None:
    begun = figures(server, ann)
    assert {key: figure["limit"] for key, figure in begun.items()} == {
        (None, "requests_per_minute"): 60,
        (None, "output_tokens_per_day"): 1000,
        (None, "concurrency"): 4,
        (None, "monthly_budget"): 5,
        ("echo", "requests_per_minute"): 3,
    }
    assert all(figure["used"] == figure["held"] == 0 for figure in begun.values())
    assert [say(server, ann) for _ in range(4)] == [200, 200, 200, 429]
    now = eventually(lambda: (found := figures(server, ann))[None, "output_tokens_per_day"]["used"] == 9 and found)
    own = now["echo", "requests_per_minute"]
    assert own["used"] == own["limit"] == 3
    assert own["window_seconds"] == 60
    assert 0 < own["reset_seconds"] <= 61
    assert now[None, "requests_per_minute"]["used"] == 0, "the model has its own figure"
    assert now[None, "concurrency"]["held"] == 0
    assert now[None, "monthly_budget"]["used"] == pytest.approx(18 * 1000 / 1e6)
    assert all(figure["used"] == 0 for figure in figures(server, bob).values()), "nobody else's count"


def test_a_plan_without_limits_has_no_figures(server: RunningServer) -> None:
    free = settle(server, "free-of-limits", plan="unlimited")
    answer = ask_json(server, "GET", "/api/limits", cookie=free.cookie)
    assert (answer.json["plan"], answer.json["data"]) == ("unlimited", [])


def test_plans_that_an_administrator_made_are_seen_by_who_has_them(server: RunningServer, bob: Person) -> None:
    root = settle(server, "root", role="admin")
    assert ask_json(server, "PUT", "/api/admin/plans/secret", {}, cookie=root.cookie).status == 200

    def seen(person: Person) -> set[str]:
        return {plan["id"] for plan in ask_json(server, "GET", "/api/plans", cookie=person.cookie).json["data"]}

    assert "secret" in seen(root)
    assert {"free", "counted", "unlimited"} <= seen(bob)
    assert "secret" not in seen(bob)
    sql(server, "UPDATE accounts SET plan = 'secret' WHERE id = ?", bob.id)
    eventually(lambda: "secret" in seen(bob))


def test_no_key_asks_here(server: RunningServer, ann: Person) -> None:
    for path in ("/api/limits", "/api/plans", "/api/key-activity"):
        assert ask_json(server, "GET", path).status == 401
        assert ask_json(server, "GET", path, **bearer(ann.key)).status == 401
