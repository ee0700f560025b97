"""Under which conditions it was measured: what somebody needs who wants to see the same figures."""

import json
import os
import platform
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from penstock import __version__
from penstock.catalogue.machine import read_cpuinfo
from penstock.cli.bench.plan import Plan

_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class Conditions:
    """All of it. `load_average` is that of the client's machine before the first step."""

    at: str
    penstock: str
    url: str
    server: str
    model: str
    steps: str
    bound: str
    prompt: str
    max_tokens: int
    request: dict[str, Any]
    """The request without its messages."""
    warmup: int
    seed: int
    slo: str
    timeout_seconds: float
    client: str
    same_machine: bool
    load_average: float
    command: str
    """What to type to measure the same again, without the key."""


def conditions(plan: Plan, *, url: str, server: str, fields: dict[str, Any], words: int) -> Conditions:
    """Those of a run that begins now."""
    bounds = [
        f"{plan.seconds:g} s" if plan.seconds is not None else "",
        f"{plan.requests} requests" * bool(plan.requests),
    ]
    shared = f", {plan.shared_prefix_tokens} of them the same in all" if plan.shared_prefix_tokens else ", none alike"
    return Conditions(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        penstock=__version__,
        url=url,
        server=server,
        model=plan.model,
        steps=", ".join(map(str, plan.loads)),
        bound=" or ".join(filter(None, bounds)) + " a step",
        prompt=f"about {plan.prompt_tokens + plan.shared_prefix_tokens} tokens{shared}; {words} words after the task",
        max_tokens=plan.max_tokens,
        request=fields,
        warmup=plan.warmup,
        seed=plan.seed,
        slo=str(plan.slo),
        timeout_seconds=plan.timeout,
        client=f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, aiohttp {aiohttp.__version__}; connections are kept open",
        same_machine=urlsplit(url).hostname in _LOOPBACK,
        load_average=round(os.getloadavg()[0], 2),
        command=repeated(plan, url),
    )


def repeated(plan: Plan, url: str) -> str:
    """The command line that does the same again."""
    loads = ",".join(f"{load.value:g}" for load in plan.loads)
    words = ["penstock", "bench", "--url", url, "--model", plan.model]
    words += ["--concurrency" if plan.loads[0].closed else "--rate", loads]
    words += ["--seconds", f"{plan.seconds:g}"] if plan.seconds is not None else []
    words += ["--requests", str(plan.requests)] if plan.requests is not None else []
    words += ["--prompt-tokens", str(plan.prompt_tokens), "--max-tokens", str(plan.max_tokens)]
    words += ["--shared-prefix-tokens", str(plan.shared_prefix_tokens)] if plan.shared_prefix_tokens else []
    for name, seconds in (("ttft", plan.slo.ttft), ("itl", plan.slo.itl)):
        words += [f"--slo-{name}", "none" if seconds is None else f"{seconds * 1000:g}ms"]
    words += ["--warmup", str(plan.warmup), "--timeout", f"{plan.timeout:g}s", "--seed", str(plan.seed)]
    words += ["--body", json.dumps(dict(plan.extra))] if plan.extra else []
    return shlex.join(words)


def _processor() -> str:
    for line in (read_cpuinfo() or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
