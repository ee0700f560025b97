"""GET /v1/models and /v1/models/{id}: names with slashes, aliases, and what is told beyond OpenAI's fields."""

import pytest
from running_server import RunningServer


def test_every_name_is_listed_with_what_it_can_do(echo_server: RunningServer) -> None:
    answer = echo_server.request("GET", "/v1/models").json
    models = {model["id"]: model for model in answer["data"]}
    assert answer["object"] == "list"
    assert set(models) == {"echo", "slow", "short", "org/vectors", "text-embedding-3-small"}
    for model in models.values():
        assert set(model) == {"id", "object", "created", "owned_by", "penstock"}
        assert (model["object"], model["owned_by"]) == ("model", "penstock")
        assert isinstance(model["created"], int)
    assert models["short"]["penstock"] == {
        "kind": "chat",
        "state": "ready",
        "context_length": 64,
        "max_output": 3,
        "abilities": ["token_prompts"],
        "dimensions": None,
        "alias_of": None,
        "slots": 64,
        "price": {"currency": "USD", "input": 0.35, "cached_input": 0.1, "output": 0.4},
    }
    assert models["text-embedding-3-small"]["penstock"] == {
        "kind": "embedding",
        "state": "ready",
        "context_length": 64,
        "max_output": None,
        "abilities": ["token_prompts"],
        "dimensions": 64,
        "alias_of": "org/vectors",
        "slots": 4,
        "price": None,
    }


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("echo", "echo"),
        ("org/vectors", "org/vectors"),
        ("org%2Fvectors", "org/vectors"),
        ("org%2fvectors", "org/vectors"),
        ("text-embedding-3-small", "text-embedding-3-small"),
    ],
)
def test_one_model_is_what_the_list_says_of_it(echo_server: RunningServer, path: str, name: str) -> None:
    listed = {model["id"]: model for model in echo_server.request("GET", "/v1/models").json["data"]}
    answer = echo_server.request("GET", f"/v1/models/{path}")
    assert (answer.status, answer.json) == (200, listed[name])


@pytest.mark.parametrize("name", ["no", "org/no", "org", "org%2Fno", "vectors", "org/vectors/", "ECHO", "echo%00"])
def test_an_unknown_name(echo_server: RunningServer, name: str) -> None:
    answer = echo_server.request("GET", f"/v1/models/{name}")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (404, "model_not_found", "model")


def test_what_a_real_engine_can_do(real_server: RunningServer) -> None:
    (model, _) = real_server.request("GET", "/v1/models").json["data"]
    assert model["penstock"]["abilities"] == ["structured_output", "tools", "logprobs", "token_prompts"]
    assert (model["penstock"]["kind"], model["penstock"]["dimensions"]) == ("chat", None)
