"""`penstock bench` as a user runs it, and outcomes as it would have seen them."""

import json
import os
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from penstock.cli import penstock
from penstock.cli.bench.lag import Lag
from penstock.cli.bench.load import Step
from penstock.cli.bench.outcome import Failure, Outcome
from penstock.cli.bench.plan import Load, Plan, Slo
from penstock.errors import OperatorError


def command_line(url: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "penstock", "bench", "--url", url, *arguments]


def environment(tmp_path: Path, key: str = "the-key") -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return {**kept, "PENSTOCK_DATA_DIR": str(tmp_path / "data"), **({"PENSTOCK_API_KEY": key} if key else {})}


def bench(url: str, tmp_path: Path, *arguments: str, key: str = "the-key") -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command_line(url, *arguments),
        env=environment(tmp_path, key),
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def bench_here(url: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The same within this process, which saves the start of one."""
    env = {name: None for name in os.environ if name.startswith("PENSTOCK_")} | environment(tmp_path)
    ran = CliRunner().invoke(penstock, ["bench", "--url", url, *arguments], env=env, standalone_mode=False)
    if isinstance(ran.exception, click.UsageError):
        return subprocess.CompletedProcess(arguments, 2, ran.stdout, ran.exception.format_message())
    if isinstance(ran.exception, OperatorError):
        return subprocess.CompletedProcess(arguments, 1, ran.stdout, f"Error: {ran.exception.message}\n")
    if ran.exception is not None:
        raise ran.exception
    return subprocess.CompletedProcess(arguments, ran.return_value or 0, ran.stdout, ran.stderr)


def document(ran: subprocess.CompletedProcess[str]) -> Any:
    """What `--json` printed."""
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def answer(*texts: float, due: float = 0.0, tokens: int | None = None, **fields: Any) -> Outcome:
    """An answer with a chunk of text at each of these moments, ended with the last."""
    return Outcome(due, ended=texts[-1], texts=array("d", texts), told_tokens=tokens, finish_reason="stop", **fields)


def failed(code: str, message: str = "No.", *, retry_after: float | None = None) -> Outcome:
    return Outcome(0.0, ended=0.1, failure=Failure(code, message, retry_after))


def step(*outcomes: Outcome, clients: float = 2, until: float = 10.0, rate: float | None = None) -> Step:
    """A step from 0 to `until` with these outcomes."""
    load = Load("clients", clients) if rate is None else Load("rate", rate)
    return Step(load, 0.0, until, list(outcomes), started=len(outcomes), lag=Lag(wall_seconds=until))


def plan(*loads: Load, **changes: Any) -> Plan:
    """The default plan, with some changed."""
    given: dict[str, Any] = {
        "model": "org/first",
        "seconds": 8.0,
        "requests": None,
        "prompt_tokens": 128,
        "shared_prefix_tokens": 0,
        "max_tokens": 4,
        "warmup": 4,
        "seed": 7,
        "slo": Slo(0.5, 0.05),
        "timeout": 120.0,
    }
    return Plan(loads=loads or (Load("clients", 1), Load("clients", 2)), **{**given, **changes})
