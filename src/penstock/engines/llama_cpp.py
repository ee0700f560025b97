"""The embedded engine: llama.cpp's own HTTP server, out of the xllamacpp wheel, in a process of its own.

Nothing of xllamacpp is imported here; llama_cpp_process.py is what runs over there.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from penstock.engines.engine import Launch
from penstock.engines.knobs import Knobs
from penstock.errors import OperatorError
from penstock.protocol.chat import ChatRequest
from penstock.protocol.completions import CompletionRequest
from penstock.protocol.messages import (
    AssistantMessage,
    FunctionCall,
    ImagePart,
    Message,
    Part,
    ToolMessage,
    UserMessage,
    arguments_of,
    text_of,
)
from penstock.protocol.sampling import SamplingRequest

_MAX_SLOTS = 16
_KV_SHARE = 0.25
"""The part of the memory that is free now which the slots' caches may take together."""

_HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""The caches in pages of 2 MB where Linux grants them on request: a third of the time to load, and faster steps."""


def untuned(model_file: Path | None = None) -> Knobs:
    """The settings for any model on a machine that was not measured: a thread for each core."""
    return Knobs(threads=physical_cores())


@dataclass(frozen=True)
class LlamaCpp:
    """One GGUF model on llama.cpp."""

    context_length: int
    slots: int = 0
    """0 chooses: as many as a quarter of the free memory holds, and no more than gain anything."""
    kv_bytes_per_token: int = 0
    chat_template: str = ""
    """A Jinja template in place of the model file's own; empty: that one."""
    pooling: str = ""
    """For a maker of embeddings: how the vectors of the tokens become one, `mean`, `cls` or `last`."""
    knobs_for: Callable[[Path], Knobs] = untuned
    """What was measured to be best for a model file on this machine."""

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        if model_file is None:
            raise OperatorError(f"{served_name} has no model file; give its entry a source.")
        knobs = self.knobs_for(model_file)
        slots = 1 if self.pooling else self.slots
        slots = slots or min(self._slots_that_fit(), knobs.most_slots)
        config = {
            "model_file": str(model_file),
            "served_name": served_name,
            "api_key": api_key,
            "slots": slots,
            "context_length": self.context_length,
            "threads": knobs.threads,
            "prompt_threads": knobs.prompt_threads or knobs.threads,
            "prompt_batch": knobs.prompt_batch,
            "poll": knobs.poll,
            "chat_template": self.chat_template,
            "pooling": self.pooling,
        }
        environ = {"GLIBC_TUNABLES": _HUGE_PAGES, **knobs.environ}
        return Launch("penstock.engines.llama_cpp_process", config, slots, environ)

    def _slots_that_fit(self) -> int:
        return choose_slots(self.context_length * self.kv_bytes_per_token, available_memory())

    def chat_body(self, request: ChatRequest, *, served_name: str, grammar: str | None = None) -> bytes:
        messages = [_message(message) for message in request.messages]
        return msgspec.json.encode(
            {"model": served_name, "messages": messages, **_sampling(request), **_form(request, grammar)}
        )

    def completion_body(self, request: CompletionRequest, *, served_name: str) -> bytes:
        return msgspec.json.encode({"model": served_name, "prompt": request.prompts, **_sampling(request)})


def _sampling(request: SamplingRequest) -> dict[str, Any]:
    body: dict[str, Any] = {
        "stream": True,
        # Every chunk says how many tokens there are: counts stay exact when a client leaves.
        "timings_per_token": True,
        # Signs of life while a long prompt is read.
        "return_progress": True,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "presence_penalty": request.presence_penalty or 0.0,
        "frequency_penalty": request.frequency_penalty or 0.0,
        "n": request.n or 1,
    }
    # OpenAI's API does not know these; where a request is silent, llama.cpp's own defaults hold (40, 0.05, 1).
    # They suit small models, and cutting off the tail before sampling saves a tenth of the time of a step.
    for name, value in (
        ("top_k", request.top_k),
        ("min_p", request.min_p),
        ("repeat_penalty", request.repetition_penalty),
    ):
        if value is not None:
            body[name] = value
    if request.output_limit is not None:
        body["max_tokens"] = request.output_limit
    if request.seed is not None:
        body["seed"] = request.seed % 2**32 if request.seed % 2**32 != 2**32 - 1 else 0  # 2^32-1 means random
        # A prompt read from the cache is computed in other batches, whose sums differ in the last digits: enough
        # for another token now and then. Who names a seed wants the same text again.
        body["cache_prompt"] = False
    if request.logit_bias:
        body["logit_bias"] = [[int(token), bias] for token, bias in request.logit_bias.items()]
    return body


def _form(request: ChatRequest, grammar: str | None) -> dict[str, Any]:
    """What the request says about the form of the answer, beyond its sampling."""
    body: dict[str, Any] = {}
    if grammar is not None:
        body["grammar"] = grammar
    if request.tools:
        body["tools"] = request.tools
        body["parallel_tool_calls"] = request.parallel_tool_calls is not False
    if request.logprobs:
        body["logprobs"] = True
        body["top_logprobs"] = max(1, request.top_logprobs or 0)  # 0 would turn them off over there
    if request.reasoning_effort is not None:
        thinks = request.reasoning_effort != "none"
        effort = {"reasoning_effort": request.reasoning_effort} if thinks else {}
        body["chat_template_kwargs"] = {"enable_thinking": thinks, **effort}
    return body


def _message(message: Message) -> dict[str, Any]:
    if isinstance(message, AssistantMessage):
        return _assistant(message)
    if isinstance(message, ToolMessage):
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": text_of(message.content)}
    role = "user" if isinstance(message, UserMessage) else "system"
    content = message.content
    return {"role": role, "content": content if isinstance(content, str) else _content(content)}


def _assistant(message: AssistantMessage) -> dict[str, Any]:
    content = message.content if isinstance(message.content, str) else text_of(message.content)
    form: dict[str, Any] = {"role": "assistant", "content": content or message.refusal or ""}
    if reasoning := message.reasoning_content or message.reasoning:
        form["reasoning_content"] = reasoning
    if message.tool_calls:
        form["tool_calls"] = [
            {"id": call.id, "type": "function", "function": _called(call.function)} for call in message.tool_calls
        ]
    return form


def _called(call: FunctionCall) -> dict[str, str]:
    # Templates read the arguments as an object, and the engine fails on others; a model may have been cut off in them.
    arguments = arguments_of(call)
    arguments = arguments if isinstance(arguments, dict) else {"arguments": arguments}
    return {"name": call.name, "arguments": msgspec.json.encode(arguments).decode()}


def _content(content: list[Part]) -> str | list[dict[str, Any]]:
    if not any(isinstance(part, ImagePart) for part in content):
        return text_of(content)
    return [
        {"type": "image_url", "image_url": {"url": part.image_url.url}}
        if isinstance(part, ImagePart)
        else {"type": "text", "text": text_of([part])}
        for part in content
    ]


def choose_slots(bytes_per_slot: int, free_bytes: int) -> int:
    """How many requests to work on at once: a power of two whose caches fit a quarter of the free memory."""
    if bytes_per_slot == 0:
        return 4
    slots = _MAX_SLOTS
    while slots > 1 and slots * bytes_per_slot > free_bytes * _KV_SHARE:
        slots //= 2
    return slots


def available_memory() -> int:
    """Bytes that a new process could take without swapping; half of all memory where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def physical_cores() -> int:
    """Cores this process may use, counting two hardware threads as one: llama.cpp gains nothing from the second."""
    usable = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    siblings = set()
    for cpu in usable:
        path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
        siblings.add(path.read_text(encoding="ascii") if path.exists() else str(cpu))
    return max(1, len(siblings))
