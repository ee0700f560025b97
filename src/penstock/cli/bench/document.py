"""A run as one JSON document. Its form is told in the guide; a field is never taken out of it, only added."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from penstock.cli.bench.run import Run

VERSION = 1


def document(run: Run, warnings: Sequence[str]) -> dict[str, Any]:
    """Everything that was measured, and under which conditions."""
    return {
        "object": "penstock.bench",
        "version": VERSION,
        "interrupted": run.interrupted,
        "conditions": dataclasses.asdict(run.conditions) if run.conditions else None,
        "steps": [{**dataclasses.asdict(step), "failed": step.failed} for step in run.steps],
        "warnings": list(warnings),
    }
