"""One cell of the benchmark: one gateway under one workload for a few seconds, and whether its answers were right."""

import json
import subprocess
import time
import urllib.request
import zlib
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gateways.compiled import program
from gateways.peer import LOGS, Running
from gateways.peers.penstock import recorded
from gateways.processes import OTHER_CORE, cpu_seconds, memory, started
from gateways.workloads import Load, Workload

SETTLE_SECONDS = 0.2
LEDGER_SECONDS = 10.0
CELLS = 65536
"""That the mock tells apart."""
LIMIT_SECONDS, OPENING_SECONDS = 60, 180
"""For which a load may last beyond its own time, and for which a thousand streams may take to open; what is not
answered by then makes the cell void."""

Told = dict[str, Any]
"""What `load` or the mock tells, as load.c and mock.c have it."""


GAVE_UP = "unfinished"
"""In the reason of a cell that was void because the gateway could not keep up: it is not tried again."""


@dataclass(frozen=True)
class Cell:
    """What was measured. `void` says why it counts for nothing; empty: it counts."""

    peer: str
    workload: str
    round: int
    void: str
    asked: int
    seconds: float
    rate: float
    """Requests a second."""
    cpu_us_per_request: float
    """Of the gateway's process tree."""
    cpu_us_per_event: float
    gateway_busy: float
    """The share of one core that the gateway took; at 1 it could not have done more."""
    mock_cpu_us_per_request: float
    load_cpu_us_per_request: float
    ttft_ms: dict[str, Any]
    gap_ms: dict[str, Any]
    memory: dict[str, int] = field(default_factory=dict)
    """Bytes, with all connections open; `rss_more` is how much more than before the first one was."""


def mock_tells(port: int, path: str = "/stats") -> Told:
    """What the mock has answered since it was started."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        told: Told = json.load(answer)
        return told


def measure(peer: str, running: Running, workload: Workload, *, mock_port: int, number: int, seconds: float) -> Cell:
    """Run the workload once. A short burst of the same goes before it and is not measured."""
    if not any(load.hold for load in workload.loads):
        _checked(peer, running, workload, mock_port=mock_port, seconds=min(0.5, seconds), seed=2 * number)
    before, spent, began = mock_tells(mock_port), _spent(running), time.monotonic()
    told, held, void = _checked(peer, running, workload, mock_port=mock_port, seconds=seconds, seed=2 * number + 1)
    lasted = max(one["elapsed"] for one in told)
    time.sleep(max(0.0, began + lasted + SETTLE_SECONDS - time.monotonic()))
    spent, after = _spent(running) - spent, mock_tells(mock_port)
    asked, events = sum(one["asked"] for one in told), sum(one["completion_tokens"] for one in told)
    return Cell(
        peer=peer,
        workload=workload.name,
        round=number,
        void=void,
        asked=asked,
        seconds=lasted,
        rate=sum(one["right"] / one["elapsed"] for one in told),
        cpu_us_per_request=spent / max(1, asked) * 1e6,
        cpu_us_per_event=spent / max(1, events) * 1e6,
        gateway_busy=spent / lasted,
        mock_cpu_us_per_request=(after["cpu_seconds"] - before["cpu_seconds"]) / max(1, asked) * 1e6,
        load_cpu_us_per_request=sum(one["cpu_seconds"] for one in told) / max(1, asked) * 1e6,
        ttft_ms=told[0]["ttft_ms"],
        gap_ms=told[0]["gap_ms"],
        memory=held,
    )


def _spent(running: Running) -> float:
    return cpu_seconds(running.pid) if running.pid else 0.0


def _checked(
    peer: str, running: Running, workload: Workload, *, mock_port: int, seconds: float, seed: int
) -> tuple[list[Told], dict[str, int], str]:
    """As `_run`, and why its answers do not count; it waits until the gateway has recorded them."""
    written = recorded(running.ledger) if running.ledger else None
    cell = zlib.crc32(f"{peer} {workload.name} {seed}".encode()) % (CELLS - 1) + 1
    stats = f"/stats?cell={cell}"
    before = mock_tells(mock_port, stats)
    told, held = _run(running, workload, mock_port=mock_port, seconds=seconds, seed=seed, cell=cell)
    void = _wrong(told) or _unlike(told, before, mock_tells(mock_port, stats))
    if running.ledger and written:
        void = void or _unrecorded(running.ledger, written, told)
    return told, held, void


def _run(
    running: Running, workload: Workload, *, mock_port: int, seconds: float, seed: int, cell: int
) -> tuple[list[Told], dict[str, int]]:
    """All loads at once; what each tells, and the gateway's memory with everything open where the workload waits."""
    told, held = list[Told](), dict[str, int]()
    before = memory(running.pid) if running.pid else None
    with ExitStack() as stack:
        loads = []
        for place, load in enumerate(workload.loads):
            command = _command(running, load, seconds=seconds, seed=seed * 16 + place, cell=cell)
            log = LOGS / f"load-{place}.log"
            loads.append(stack.enter_context(started(command, log=log, core=OTHER_CORE, pipe=True)))
        for process in loads:
            line = _line(process)
            if line == b"all begun\n":
                time.sleep(SETTLE_SECONDS)
                if running.pid and before:
                    now = memory(running.pid)
                    held = {**asdict(now), "rss_more": now.rss - before.rss}
                mock_tells(mock_port, "/release")
                line = _line(process)
            told.append(json.loads(line))
    return told, held


def _line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    return process.stdout.readline()


def _command(running: Running, load: Load, *, seconds: float, seed: int, cell: int) -> list[str | Path]:
    asked: dict[str, object] = {**load.arguments(seconds=seconds), "port": running.port, "key": running.key}
    asked |= {"header": running.header, "seed": seed, "cell": cell}
    asked["limit_s"] = int(seconds + load.stream_seconds) + (OPENING_SECONDS if load.hold else LIMIT_SECONDS)
    return [program("load"), *(f"{name}={value}" for name, value in asked.items())]


def _wrong(told: list[Told]) -> str:
    """Why the answers as the clients saw them do not count."""
    for one in told:
        if one["right"] != one["asked"]:
            kinds = (GAVE_UP, "refused", "broken", "wrong_text", "undone", "wrong_usage")
            counted = ", ".join(f"{one[kind]} {kind.replace('_', ' ')}" for kind in kinds if one[kind])
            return f"of {one['asked']} answers {counted or 'none came'}: {one['fault'][:200]}".rstrip(": ")
        if not one["asked"]:
            return "nothing was asked"
    return ""


def _unlike(told: list[Told], before: Told, after: Told) -> str:
    """Why they are not the answers that the mock gave: nothing may be asked twice, cached or left over."""
    for name in ("prompt_tokens", "completion_tokens"):
        came, gone = sum(one[name] for one in told), after[name] - before[name]
        if came != gone:
            return f"the mock gave {gone} {name.replace('_', ' ')}, and {came} came"
    return ""


def _unrecorded(ledger: Path, before: tuple[int, int, int], told: list[Told]) -> str:
    """Why the gateway's own records are wrong; it has some seconds to write them."""
    wanted = tuple(sum(one[name] for one in told) for name in ("asked", "prompt_tokens", "completion_tokens"))
    deadline = time.monotonic() + LEDGER_SECONDS
    while True:
        found = tuple(now - then for now, then in zip(recorded(ledger), before, strict=True))
        if found == wanted:
            return ""
        if time.monotonic() > deadline:
            return f"the ledger has {found} (requests, prompt and completion tokens), and {wanted} were sent"
        time.sleep(0.05)
