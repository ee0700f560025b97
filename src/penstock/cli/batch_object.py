"""A batch as the server tells of it, in words."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any
from urllib.parse import quote

from penstock.cli.client import Client
from penstock.cli.screen import printable
from penstock.cli.transfer import parts_of

Batch = dict[str, Any]
"""The object of the wire."""

OVER = ("completed", "failed", "expired", "cancelled")
"""The states that nothing changes in any more."""

FAULTS_SHOWN = 10
"""Of those that the input has, or lines that failed."""

_LINES_LOOKED_AT = 10_000
_LONGEST_LINE = 1 << 20
_LONGEST_MESSAGE = 300
_DROPPED = ("batch_expired", "batch_cancelled")


def fetch(client: Client, batch_id: str) -> Batch:
    """Raises as Client does."""
    return client.get(f"/v1/batches/{quote(batch_id, safe='')}")


def done_of(batch: Batch) -> tuple[int, int, int]:
    """Lines: those that are over, those of them that failed, and all."""
    counts = batch["request_counts"]
    return counts["completed"] + counts["failed"], counts["failed"], counts["total"]


def lines_of(batch: Batch) -> str:
    """`1,234 of 5,000 lines answered, 3 failed`; empty as long as they are not counted."""
    done, failed, total = done_of(batch)
    if not total:
        return ""
    lines = f"{done - failed:,} of {total:,} line{'s' * (total != 1)} answered"
    return f"{lines}, {failed:,} failed" if failed else lines


def tokens_of(batch: Batch) -> str:
    """`1,234 tokens in, 567 of them cached, 89 out`; empty as long as there are none."""
    usage = batch.get("usage") or {}
    if not usage.get("total_tokens"):
        return ""
    cached = usage["input_tokens_details"]["cached_tokens"]
    read = f"{usage['input_tokens']:,} tokens in" + (f", {cached:,} of them cached" if cached else "")
    return f"{read}, {usage['output_tokens']:,} out"


def span(seconds: float) -> str:
    """`7 s`, `3 min 20 s`, `2 h 5 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def ended_at(batch: Batch) -> int | None:
    """When it was over; None as long as it is not."""
    moment: int | None = batch.get(f"{batch['status']}_at") if batch["status"] in OVER else None
    return moment


def faults_of(batch: Batch) -> list[str]:
    """What is wrong with its input, a line of text for each of the first of them."""
    faults = (batch.get("errors") or {}).get("data") or []
    told = [_fault(fault) for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        told.append(f"and {len(faults) - FAULTS_SHOWN} more: penstock batch show {batch['id']} --json")
    return told


def failures_of(client: Client, batch: Batch) -> list[str]:
    """The first of its lines that failed, with their numbers; those that were only dropped at the end are left out."""
    if not batch["error_file_id"]:
        return []
    lines = islice(_json_lines(client, batch["error_file_id"]), _LINES_LOOKED_AT)
    failed = (line for line in lines if (line.get("error") or {}).get("code") not in _DROPPED)
    return [_failure(line) for line in islice(failed, FAULTS_SHOWN)]


def _fault(fault: dict[str, Any]) -> str:
    place = f"line {fault['line']}: " if fault.get("line") else ""
    field = f" ({fault['param']})" if fault.get("param") else ""
    return _one_line(f"{place}{fault['code']}{field}: {fault['message']}")


def _failure(line: dict[str, Any]) -> str:
    """The id of a line of the output ends with its number."""
    number = str(line.get("id")).rpartition("_")[2]
    response = line.get("response")
    if response:
        error = response["body"].get("error") or {}
        why = f"{response['status_code']} {error.get('code')}: {error.get('message')}"
    else:
        error = line.get("error") or {}
        why = f"{error.get('code')}: {error.get('message')}"
    return _one_line(f"line {number} ({line.get('custom_id')}): {why}")


def _one_line(text: str) -> str:
    shown = " ".join(printable(text).split())
    return shown if len(shown) <= _LONGEST_MESSAGE else f"{shown[: _LONGEST_MESSAGE - 1]}…"


def _json_lines(client: Client, file_id: str) -> Iterator[dict[str, Any]]:
    """The objects of a file, as they come; no more of it is fetched than is looked at."""
    rest = b""
    for part in parts_of(client, file_id):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            yield json.loads(line)
        if len(rest) > _LONGEST_LINE:
            return
