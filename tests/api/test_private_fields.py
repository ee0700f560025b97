"""What belongs to engines stays theirs: no field of theirs and no header of a client's gets through the gateway.

The names are those of llama.cpp's server (server-schema.cpp, server-common.cpp) and of vLLM's (chat_completion and
completion protocol.py, sampling_params.py), less those that this API has as well. Some of them run code, read files,
break an answer's bounds or let one tenant see another's prompt.
"""

import copy
import itertools
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from spy_engine import SpiedGateway, spied_gateway

LLAMA_CPP = [
    *("adaptive_decay", "adaptive_target", "add_generation_prompt", "backend_sampling", "cache_prompt", "chat_format"),
    *("chat_parser", "chat_template", "chat_template_kwargs", "continue_final_message", "dry_allowed_length"),
    *("dry_base", "dry_multiplier", "dry_penalty_last_n", "dry_sequence_breakers", "dynatemp_exponent"),
    *("dynatemp_range", "enable_thinking", "generation_prompt", "grammar", "grammar_lazy", "grammar_triggers"),
    *("grammar_type", "id_slot", "ignore_eos", "image_data", "input_extra", "input_prefix", "input_suffix"),
    *("json_schema", "lora", "min_keep", "mirostat", "mirostat_eta", "mirostat_tau", "multimodal_data"),
    *("n_cache_reuse", "n_cmpl", "n_discard", "n_indent", "n_keep", "n_predict", "n_probs", "parse_tool_calls"),
    *("post_sampling_probs", "preserved_tokens", "reasoning_budget", "reasoning_budget_tokens", "reasoning_format"),
    *("reasoning_in_content", "repeat_last_n", "repeat_penalty", "response_fields", "return_progress"),
    *("return_tokens", "samplers", "slot_id", "speculative.n_max", "sse_ping_interval", "t_max_predict_ms"),
    *("t_max_prompt_ms", "thinking_forced_open", "timings_per_token", "top_n_sigma", "typical_p", "verbose"),
    *("xtc_probability", "xtc_threshold", "__verbose"),
]
VLLM = [
    *("add_special_tokens", "allowed_token_ids", "bad_words", "cache_salt", "data_parallel_rank", "detokenize"),
    *("documents", "ec_transfer_params", "guided_choice", "guided_decoding_backend", "guided_grammar", "guided_json"),
    *("guided_regex", "guided_whitespace_pattern", "include_reasoning", "include_stop_str_in_output"),
    *("kv_transfer_params", "length_penalty", "logits_processor", "logits_processors", "logprob_token_ids"),
    *("lora_request", "media_io_kwargs", "min_tokens", "mm_processor_kwargs", "output_kind", "priority"),
    *("prompt_embeds", "prompt_logprobs", "prompt_token_ids", "repetition_detection", "request_id"),
    *("return_prompt_text", "return_token_ids", "return_tokens_as_token_ids", "skip_special_tokens"),
    *("spaces_between_special_tokens", "stop_token_ids", "structural_tag", "structured_outputs"),
    *("thinking_token_budget", "truncate_prompt_tokens", "truncation_side", "use_beam_search", "vllm_xargs"),
    *("watermarking", "best_of"),
]
PRIVATE = {*LLAMA_CPP, *VLLM}
VALUES: list[Any] = [True, 1, "canary", ["canary"], {"canary": "canary"}]

# Headers of clients and proxies; some servers read commands, tenants and addresses out of such.
CLIENT_HEADERS = [
    *("user-agent", "cookie", "x-request-id", "x-forwarded-for", "x-real-ip", "forwarded", "via", "traceparent"),
    *("openai-organization", "openai-project", "x-stainless-lang", "http-referer", "origin", "x-title", "baggage"),
    *("x-session-id", "x-data-parallel-rank", "x-lora-adapter", "proxy-authorization", "accept-language", "range"),
]
# What the gateway sends to an engine: headers of its own, and these fields.
RELAYED = {"host", "authorization", "accept", "accept-encoding", "user-agent", "content-type", "content-length"}
SENT = {
    *("model", "messages", "stream", "timings_per_token", "return_progress", "temperature", "top_p", "top_k", "min_p"),
    *("repeat_penalty", "presence_penalty", "frequency_penalty", "n", "max_tokens", "seed", "cache_prompt"),
    *(
        "prompt",
        "logit_bias",
        "grammar",
        "tools",
        "parallel_tool_calls",
        "logprobs",
        "top_logprobs",
        "chat_template_kwargs",
    ),
}

CHAT = {"model": "spied", "messages": [{"role": "user", "content": "canary"}]}
PARTS = [{"role": "user", "content": [{"type": "text", "text": "canary"}]}]
CALLED = [
    {
        "role": "assistant",
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
    },
    {"role": "tool", "tool_call_id": "c", "content": "canary"},
]
TOOLS = [{"type": "function", "function": {"name": "f"}}]
NAMED = {"type": "function", "function": {"name": "f"}}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}

# path -> (a good body, where in it a field may be hidden)
ROUTES: dict[str, tuple[dict[str, Any], list[str]]] = {
    "/v1/chat/completions": (
        {
            **CHAT,
            "messages": [*PARTS, *CALLED],
            "tools": TOOLS,
            "tool_choice": NAMED,
            "response_format": SCHEMA,
            "stream": True,
            "stream_options": {},
        },
        [
            *("", "messages[0]", "messages[0].content[0]", "messages[1]", "messages[1].tool_calls[0]"),
            *("messages[1].tool_calls[0].function", "messages[2]", "tools[0]", "tools[0].function", "tool_choice"),
            *("tool_choice.function", "response_format", "response_format.json_schema", "stream_options"),
        ],
    ),
    "/v1/completions": (
        {"model": "spied", "prompt": "canary", "stream": True, "stream_options": {}, "best_of": 1},
        ["", "stream_options"],
    ),
    "/v1/embeddings": ({"model": "spied", "input": "canary"}, [""]),
    "/v1/responses": (
        {
            "model": "spied",
            "input": [
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "canary"}]},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "c", "output": "canary"},
            ],
            "tools": [{"type": "function", "name": "f"}],
            "tool_choice": {"type": "function", "name": "f"},
            "text": {"format": {"type": "json_schema", "name": "s", "schema": {}}},
            "reasoning": {"effort": "low"},
        },
        [
            *("", "input[0]", "input[0].content[0]", "input[1]", "input[2]", "tools[0]", "tool_choice", "text"),
            *("text.format", "reasoning"),
        ],
    ),
    "/v1/messages": (
        {
            "model": "spied",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "canary"}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "canary"}]},
                {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
                {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": "canary"}]},
            ],
            "tools": [{"name": "f", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "tool", "name": "f"},
        },
        [
            *("", "system[0]", "messages[0]", "messages[0].content[0]", "messages[1].content[0]"),
            *("messages[2].content[0]", "tools[0]", "tool_choice"),
        ],
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SpiedGateway]:
    async with spied_gateway(tmp_path_factory.mktemp("spied")) as running:
        yield running


def canaries(gateway: SpiedGateway) -> list[dict[str, Any]]:
    """What the spy saw of clients' requests; the gateway's own questions have no canary in them."""
    return [seen for seen in gateway.spy.seen() if "canary" in json.dumps(seen)]


def at(body: Any, place: str) -> Any:
    """The object at that place of the body."""
    for step in re.findall(r"\w+", place):
        body = body[int(step) if step.isdigit() else step]
    return body


PLACES = [(path, place) for path, (_, places) in ROUTES.items() for place in places]


@pytest.mark.parametrize(("path", "place"), PLACES)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_private_field_is_refused_by_name_and_no_engine_sees_it(
    gateway: SpiedGateway, path: str, place: str
) -> None:
    own = at(ROUTES[path][0], place).keys()
    for field, value in zip(sorted(PRIVATE - own), itertools.cycle(VALUES), strict=False):
        body = copy.deepcopy(ROUTES[path][0])
        at(body, place)[field] = value
        status, answer = await gateway.post(path, body)
        error = json.loads(answer)["error"]
        param = f"{place}.{field}" if place else field
        assert status == 400, (field, value, answer)
        if path == "/v1/messages":  # Anthropic's errors have no param and no code
            assert (error["type"], param in error["message"]) == ("invalid_request_error", True), error
        else:
            assert error["param"] == param, error
            assert error["code"] in {"unknown_parameter", "unsupported_parameter"}
    assert canaries(gateway) == []


@pytest.mark.parametrize("path", sorted(ROUTES.keys() - {"/v1/embeddings"}))
@pytest.mark.asyncio(loop_scope="module")
async def test_of_an_honest_request_the_engine_sees_what_it_needs_and_no_header(
    gateway: SpiedGateway, path: str
) -> None:
    """Also the proof that the spy sees what is sent."""
    headers = dict.fromkeys(CLIENT_HEADERS, "canary")
    status, answer = await gateway.post(path, ROUTES[path][0], **headers)
    assert status == 200, answer
    (seen,) = canaries(gateway)
    assert set(seen["body"]) <= SENT
    assert {name.lower() for name, _ in seen["headers"]} <= RELAYED
    assert "canary" not in json.dumps(seen["headers"])
    assert gateway.key not in json.dumps(seen)
    gateway.spy.notes.write_text("")
