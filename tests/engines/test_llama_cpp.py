import json
from pathlib import Path
from typing import Any

import pytest

from penstock.engines.llama_cpp import LlamaCpp, available_memory, choose_slots, physical_cores
from penstock.errors import OperatorError
from penstock.protocol.chat import parse_chat_request
from penstock.protocol.completions import CompletionRequest

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


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}}
TOOL = {"type": "function", "function": {"name": "f", "description": "About f.", "parameters": PARAMETERS}}


def calling(arguments: str, **fields: Any) -> dict[str, Any]:
    call = {"id": "c1", "type": "function", "index": 0, "function": {"name": "f", "arguments": arguments}}
    return {"role": "assistant", "tool_calls": [call], **fields}


def test_a_plain_request_says_nothing_of_the_form_of_its_answer() -> None:
    special = {"tools", "parallel_tool_calls", "logprobs", "top_logprobs", "chat_template_kwargs", "grammar"}
    assert not special & set(body())
    assert not {"response_format", "tool_choice", "reasoning_effort"} & set(
        body(response_format={"type": "json_object"}, tool_choice="none", reasoning_effort="low")
    ), "the form is for the gateway to keep"


@pytest.mark.parametrize(("asked", "sent"), [(None, True), (True, True), (False, False)])
def test_tools_are_passed_on_as_they_are(asked: bool | None, sent: bool) -> None:
    made = body(tools=[TOOL], parallel_tool_calls=asked)
    assert made["tools"][0]["function"].items() >= TOOL["function"].items()  # type: ignore[attr-defined]
    assert made["parallel_tool_calls"] is sent


def test_a_grammar_goes_to_the_engine_as_it_was_compiled() -> None:
    request = parse_chat_request(b'{"model":"m","messages":[{"role":"user","content":"Hi"}]}')
    made = json.loads(LlamaCpp(context_length=64).chat_body(request, served_name="m", grammar="start: /x/"))
    assert made["grammar"] == "start: /x/"


@pytest.mark.parametrize(("top", "sent"), [(None, 1), (0, 1), (1, 1), (20, 20)])
def test_probabilities_are_asked_for_also_without_alternatives(top: int | None, sent: int) -> None:
    made = body(logprobs=True, top_logprobs=top)
    assert (made["logprobs"], made["top_logprobs"]) == (True, sent)


@pytest.mark.parametrize(
    ("effort", "template"),
    [("none", {"enable_thinking": False}), ("low", {"enable_thinking": True, "reasoning_effort": "low"})],
)
def test_how_much_to_think_is_for_the_template_to_say(effort: str, template: dict[str, Any]) -> None:
    assert body(reasoning_effort=effort)["chat_template_kwargs"] == template


def test_a_seed_gives_the_same_text_again_with_any_cache() -> None:
    assert body(seed=1)["cache_prompt"] is False
    assert "cache_prompt" not in body()


@pytest.mark.parametrize(
    ("arguments", "sent"),
    [
        ('{"city": "Oslo"}', {"city": "Oslo"}),
        ("", {"arguments": ""}),
        ("[1]", {"arguments": [1]}),
        ('{"city": "Os', {"arguments": '{"city": "Os'}),
    ],
)
def test_the_arguments_of_an_earlier_call_are_an_object(arguments: str, sent: Any) -> None:
    """Templates read them as one; the engine answers 500 where they are none."""
    result = {"role": "tool", "tool_call_id": "c1", "content": [{"type": "text", "text": "Snow"}], "name": "f"}
    called, told = body(messages=[calling(arguments, content="Let me see."), result])["messages"]
    (call,) = called.pop("tool_calls")
    assert called == {"role": "assistant", "content": "Let me see."}
    assert json.loads(call["function"].pop("arguments")) == sent
    assert call == {"id": "c1", "type": "function", "function": {"name": "f"}}
    assert told == {"role": "tool", "tool_call_id": "c1", "content": "Snow"}


@pytest.mark.parametrize(
    ("message", "sent"),
    [
        ({"role": "assistant", "refusal": "No."}, {"role": "assistant", "content": "No."}),
        ({"role": "user", "content": "x", "name": "Ada"}, {"role": "user", "content": "x"}),
        (
            {"role": "assistant", "content": "4", "reasoning_content": "2+2"},
            {"role": "assistant", "content": "4", "reasoning_content": "2+2"},
        ),
    ],
)
def test_what_is_said_besides_words(message: dict[str, Any], sent: dict[str, Any]) -> None:
    assert body(messages=[message])["messages"] == [sent]


def test_an_image_travels_beside_the_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}}
    (message,) = body(messages=[{"role": "user", "content": [{"type": "text", "text": "See"}, image]}])["messages"]
    assert message["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
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


def test_a_maker_of_embeddings_reads_one_input_at_a_time(tmp_path: Path) -> None:
    engine = LlamaCpp(context_length=64, slots=8, kv_bytes_per_token=1, pooling="mean")
    launch = engine.launch(served_name="m", api_key="k", model_file=tmp_path)
    assert (launch.slots, launch.config["slots"], launch.config["pooling"]) == (1, 1, "mean")


def test_a_model_without_a_file_cannot_be_launched() -> None:
    with pytest.raises(OperatorError, match="source"):
        LlamaCpp(context_length=8).launch(served_name="m", api_key="k", model_file=None)


def test_the_key_travels_in_the_configuration_alone(tmp_path: Path) -> None:
    launch = LlamaCpp(context_length=64, slots=2).launch(served_name="m", api_key="secret", model_file=tmp_path / "m")
    assert (launch.slots, launch.config["api_key"], launch.config["context_length"]) == (2, "secret", 64)
    assert "secret" not in str(launch.environ)


def test_raw_prompts_go_to_the_engine_as_they_are_all_in_one_request() -> None:
    request = CompletionRequest(model="m", prompt=[[1, 2], [3]], n=2, seed=5, max_tokens=9, top_k=3)
    made = json.loads(LlamaCpp(context_length=64).completion_body(request, served_name="served"))
    expected = {"model": "served", "prompt": [[1, 2], [3]], "n": 2, "seed": 5, "max_tokens": 9, "top_k": 3}
    assert {name: made[name] for name in expected} == expected
    assert made["stream"] is made["timings_per_token"] is made["return_progress"] is True
    assert made["cache_prompt"] is False
    assert "messages" not in made
