"""The embedded engine: llama.cpp's own HTTP server, out of the xllamacpp wheel, in a process of its own.

Nothing of xllamacpp is imported here; llama_cpp_process.py is what runs over there.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from penstock.engines.engine import Launch
from penstock.errors import OperatorError
from penstock.protocol.chat import AssistantMessage, ChatRequest, Content, Message, TextPart

MAX_SLOTS = 16
_KV_SHARE = 0.25
"""The part of the memory that is free now which the slots' caches may take together."""

_HUGE_PAGES = "glibc.malloc.hugetlb=1"
"""The caches in pages of 2 MB where Linux grants them on request: a third of the time to load, and faster steps."""


@dataclass(frozen=True)
class LlamaCpp:
    """One GGUF model on llama.cpp."""

    context_length: int
    slots: int = 0
    """0 chooses: as many as a quarter of the free memory holds, MAX_SLOTS at most."""
    kv_bytes_per_token: int = 0

    def launch(self, *, served_name: str, api_key: str, model_file: Path | None) -> Launch:
        if model_file is None:
            raise OperatorError(f"{served_name} has no model file; give its entry a source.")
        slots = self.slots or choose_slots(self.context_length * self.kv_bytes_per_token, available_memory())
        config = {
            "model_file": str(model_file),
            "served_name": served_name,
            "api_key": api_key,
            "slots": slots,
            "context_length": self.context_length,
            "threads": physical_cores(),
        }
        return Launch("penstock.engines.llama_cpp_process", config, slots, {"GLIBC_TUNABLES": _HUGE_PAGES})

    def chat_body(self, request: ChatRequest, *, served_name: str) -> bytes:
        body: dict[str, Any] = {
            "model": served_name,
            "messages": [_message(message) for message in request.messages],
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
        if request.logit_bias:
            body["logit_bias"] = [[int(token), bias] for token, bias in request.logit_bias.items()]
        return msgspec.json.encode(body)


def _message(message: Message) -> dict[str, str]:
    if isinstance(message, AssistantMessage):
        return _assistant(message)
    role = message.__struct_config__.tag
    return {"role": "system" if role == "developer" else str(role), "content": _text(message.content)}


def _assistant(message: AssistantMessage) -> dict[str, str]:
    form = {"role": "assistant", "content": _text(message.content)}
    if reasoning := message.reasoning_content or message.reasoning:
        form["reasoning_content"] = reasoning
    return form


def _text(content: Content) -> str:
    if isinstance(content, str):
        return content
    return "".join(part.text if isinstance(part, TextPart) else part.refusal for part in content)


def choose_slots(bytes_per_slot: int, free_bytes: int) -> int:
    """How many requests to work on at once: a power of two whose caches fit a quarter of the free memory."""
    if bytes_per_slot == 0:
        return 4
    slots = MAX_SLOTS
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
