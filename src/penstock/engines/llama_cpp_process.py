"""The process that hosts llama.cpp's HTTP server: `python -m penstock.engines.llama_cpp_process`."""

import threading
from http.client import HTTPConnection
from typing import Any

import msgspec
import xllamacpp

from penstock.engines import child

_PROMPT_CACHE_MIB = 256
"""Host memory for prompts that left their slot; the engine's own default is 8 GiB."""
_LOG_WARNINGS = 2
_POOLING = {
    "mean": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN,
    "cls": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_CLS,
    "last": xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_LAST,
}
_ASK_SECONDS = 30


def parameters(config: dict[str, object]) -> xllamacpp.CommonParams:
    """llama.cpp's parameters for one model on loopback."""
    slots, context = int(str(config["slots"])), int(str(config["context_length"]))
    params = xllamacpp.CommonParams()
    params.model.path = config["model_file"]
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.model_alias = {config["served_name"]}
    params.api_keys = [config["api_key"]]
    params.n_parallel = slots
    params.n_ctx = slots * context  # each slot has the whole context, so no request can starve another of cache
    params.kv_unified = False
    params.n_batch = params.n_ubatch = int(str(config["prompt_batch"]))
    params.cache_ram_mib = _PROMPT_CACHE_MIB
    _set_threads(params, config)
    params.n_threads_http = slots + 4  # counting, probing and health go on while all slots stream
    params.verbosity = _LOG_WARNINGS
    params.fit_params = False  # it would load the model once more to see what fits; the slots were chosen to fit
    if config["chat_template"]:
        params.chat_template = str(config["chat_template"])
    params.warmup = False  # the first token, which the server asks for before it calls a model ready, warms up as well
    if config["pooling"]:
        _make_embeddings(params, str(config["pooling"]), context)
    params.ui = False
    params.endpoint_slots = False
    return params


def _set_threads(params: xllamacpp.CommonParams, config: dict[str, object]) -> None:
    params.cpuparams.n_threads = int(str(config["threads"]))
    params.cpuparams_batch.n_threads = int(str(config["prompt_threads"]))
    params.cpuparams.poll = params.cpuparams_batch.poll = int(str(config["poll"]))


def _make_embeddings(params: xllamacpp.CommonParams, pooling: str, context: int) -> None:
    # One input at a time, in one batch, with an empty cache: with several slots this build of llama.cpp gives an input
    # another vector among others than alone, by up to 0.2 where the numbers are 0.04, and is no faster.
    params.embedding = True
    params.pooling_type = _POOLING[pooling]
    params.n_batch = params.n_ubatch = context
    params.cache_prompt = False
    params.cache_ram_mib = 0


def abilities(url: str, api_key: str, *, pooling: str) -> dict[str, bool | int]:
    """What this model can do, as far as its file and template tell. Source: the server's own answers."""
    props, models = (_ask(url, api_key, path) for path in ("/props", "/v1/models"))
    about = models["data"][0]["meta"]
    if pooling:
        return {"chat": False, "embeddings": True, "dimensions": about["n_embd"], "vocabulary": about["n_vocab"]}
    caps = props.get("chat_template_caps", {})
    return {
        "goes_on": _goes_on(url, api_key),
        "grammar": True,
        "logprobs": True,
        "tools": bool(caps.get("supports_tools") and caps.get("supports_tool_calls")),
        "reasoning_effort": bool(caps.get("supports_reasoning_effort")),
        "images": bool(props.get("modalities", {}).get("vision")),
        "vocabulary": about["n_vocab"],
    }


def _goes_on(url: str, api_key: str) -> bool:
    """Whether the model's template lets an answer have a beginning: those of models that reason first do not."""
    beginning = "The answer begins"
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": beginning}]
    prompt = _ask(url, api_key, "/apply-template", msgspec.json.encode({"messages": messages})).get("prompt", "")
    return isinstance(prompt, str) and prompt.endswith(beginning)


def _ask(url: str, api_key: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    server = HTTPConnection(url.removeprefix("http://"), timeout=_ASK_SECONDS)
    method = "GET" if body is None else "POST"
    server.request(method, path, body, {"authorization": f"Bearer {api_key}", "content-type": "application/json"})
    answer: dict[str, Any] = msgspec.json.decode(server.getresponse().read())
    server.close()
    return answer


def main() -> None:
    """Serve until the server that started this process is gone."""
    config = child.begin()
    answer = child.claim_stdout()
    server = xllamacpp.Server(parameters(config))
    url = str(server.listening_address)
    child.announce(answer, url, abilities(url, config["api_key"], pooling=config["pooling"]))
    threading.Event().wait()


if __name__ == "__main__":
    main()
