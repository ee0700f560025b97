"""What is typed as options, as a plan."""

import json
import re
import secrets
from typing import Any

import click

from penstock.cli.bench.plan import Load, Plan, Slo

CONCURRENCY = "1,2,4,8,16"
SECONDS = 8.0
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}
_MOST_STEPS = 20
_MOST_CLIENTS = 2000


class Duration(click.ParamType):  # type: ignore[type-arg]  # click 8.3 has none
    """`500ms`, `2s` or `1m`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | None:
        if isinstance(value, float) or value is None or value == "none":
            return None if value == "none" else value
        found = _DURATION.fullmatch(value)
        if not found or not float(found[1]):
            self.fail(f"{value!r} is no duration; 500ms, 2s or 1m would be one.", param, ctx)
        return float(found[1]) * _UNITS[found[2]]


class Numbers(click.ParamType):  # type: ignore[type-arg]  # click 8.3 has none
    """`1,2,4`: numbers above zero, in the order in which they are run."""

    name = "numbers"

    def __init__(self, *, whole: bool) -> None:
        self._whole = whole

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        form = r"[1-9][0-9]{0,5}" if self._whole else r"[0-9]{1,6}(?:\.[0-9]{1,6})?"
        parts = [part.strip() for part in value.split(",")]
        numbers = tuple(float(part) for part in parts if re.fullmatch(form, part))
        if len(numbers) < len(parts) or not all(numbers):
            example = "1,2,4,8" if self._whole else "0.5,1,2"
            self.fail(f"{value!r} is no list of numbers; {example} would be one.", param, ctx)
        if len(numbers) > _MOST_STEPS or max(numbers) > _MOST_CLIENTS:
            self.fail(f"{_MOST_STEPS} steps at most, each of {_MOST_CLIENTS} at most.", param, ctx)
        return numbers


def plan_of(model: str, loads: tuple[Load, ...], extra: dict[str, Any], **given: Any) -> Plan:
    """The plan of what was given as options, by their names. Raises click's UsageError."""
    seconds, requests = given.pop("seconds"), given.pop("requests")
    ttft, itl, seed = given.pop("slo_ttft"), given.pop("slo_itl"), given.pop("seed")
    if given["timeout"] is None:
        raise click.UsageError("--timeout has to be a duration.")
    return Plan(
        model=model,
        loads=loads,
        seconds=SECONDS if seconds is None and requests is None else seconds,
        requests=requests,
        slo=Slo(ttft, itl),
        seed=secrets.randbelow(1 << 31) if seed is None else seed,
        extra=extra,
        **given,
    )


def loads_of(concurrency: tuple[float, ...] | None, rate: tuple[float, ...] | None) -> tuple[Load, ...]:
    """The steps. Raises click's UsageError where two kinds of load are asked for."""
    if concurrency and rate:
        raise click.UsageError("--concurrency and --rate are two kinds of load: give one of them.")
    if rate:
        return tuple(Load("rate", value) for value in rate)
    return tuple(Load("clients", value) for value in concurrency or map(float, CONCURRENCY.split(",")))


def fields_of(body: str) -> dict[str, Any]:
    """The fields of `--body`. Raises click's UsageError."""
    try:
        extra = json.loads(body)
    except ValueError:
        extra = None
    if not isinstance(extra, dict) or {"messages", "n", "stream"} & extra.keys():
        raise click.UsageError("--body is a JSON object of fields beside `messages`, `n` and `stream`.")
    return extra
