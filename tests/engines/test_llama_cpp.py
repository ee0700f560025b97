import json
from pathlib import Path
from typing import Any

import pytest

from penstock.engines.llama_cpp import LlamaCpp, available_memory, choose_slots, physical_cores
from penstock.errors import OperatorError
from penstock.protocol.chat import parse_chat_request

GIB = 1 << 30
SLOT = 8192 * 23040


def body(**fields: Any) -> dict[str, Any]:
    request = {"model": "alias", "messages": [{"role": "user", "content": "Hi"}], **fields}
    parsed = parse_chat_request(json.dumps(request).encode())
    made: dict[str, Any] = json.loads(LlamaCpp(context_length=8192).chat_body(parsed, served_name="served"))
    return made


def test_the_engine_gets_its_own_name_of_the_model_and_openais_defaults() -> None:
    made = body()
    assert made["model"] == "served"
    assert made["messages"] == [{"role": "user", "content": "Hi"}]
    assert (made["temperature"], made["top_p"]) == (1.0, 1.0)
    assert not {"top_k", "min_p", "repeat_penalty"} & set(made), "what OpenAI does not know is left to the engine"
    assert made["stream"] is made["timings_per_token"] is made["return_progress"] is True
    assert "max_tokens" not in made
    assert "stop" not in made


def test_every_sampling_parameter_is_passed_on() -> None:
    given = {
        "temperature": 0,
        "top_p": 0.5,
        "top_k": 7,
        "min_p": 0.1,
        "presence_penalty": 1,
        "frequency_penalty": -1,
        "n": 3,
    }
    made = body(**given, repetition_penalty=1.2, seed=7, max_completion_tokens=9, logit_bias={"5": -100})
    assert {name: made[name] for name in given} == given
    assert (made["repeat_penalty"], made["seed"], made["max_tokens"]) == (1.2, 7, 9)
    assert made["logit_bias"] == [[5, -100]]


@pytest.mark.parametrize(("seed", "sent"), [(0, 0), (-1, 0), (2**32, 0), (2**32 + 5, 5), (2**32 - 1, 0)])
def test_any_64_bit_seed_is_one_that_the_engine_keeps(seed: int, sent: int) -> None:
    assert body(seed=seed)["seed"] == sent  # 2**32 - 1 would mean a random seed over there


def test_nothing_that_is_the_gateways_own_is_sent() -> None:
    made = body(stop="END", user="u", metadata={"a": "b"}, store=True, service_tier="flex", prompt_cache_key="k")
    assert not {"stop", "user", "metadata", "store", "service_tier", "prompt_cache_key"} & set(made)


def test_roles_and_parts_become_what_templates_know() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    messages = [
        {"role": "developer", "content": "d"},
        {"role": "assistant", "content": "x", "reasoning": "r"},
        {"role": "user", "content": parts},
    ]
    assert body(messages=messages)["messages"] == [
        {"role": "system", "content": "d"},
        {"role": "assistant", "content": "x", "reasoning_content": "r"},
        {"role": "user", "content": "ab"},
    ]


@pytest.mark.parametrize(
    ("free", "slots"), [(64 * GIB, 16), (12 * GIB, 16), (8 * GIB, 8), (4 * GIB, 4), (1 * GIB, 1), (0, 1)]
)
def test_slots_fit_a_quarter_of_the_free_memory(free: int, slots: int) -> None:
    assert choose_slots(SLOT, free) == slots


def test_a_model_of_unknown_cache_size_gets_four_slots() -> None:
    assert choose_slots(0, 64 * GIB) == 4


def test_this_machine_has_memory_and_cores() -> None:
    assert available_memory() > 0
    assert physical_cores() >= 1


def test_a_model_without_a_file_cannot_be_launched() -> None:
    with pytest.raises(OperatorError, match="source"):
        LlamaCpp(context_length=8).launch(served_name="m", api_key="k", model_file=None)


def test_the_key_travels_in_the_configuration_alone(tmp_path: Path) -> None:
    launch = LlamaCpp(context_length=64, slots=2).launch(served_name="m", api_key="secret", model_file=tmp_path / "m")
    assert (launch.slots, launch.config["api_key"], launch.config["context_length"]) == (2, "secret", 64)
    assert "secret" not in str(launch.environ)
