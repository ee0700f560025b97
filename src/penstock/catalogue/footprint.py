"""What a process and this machine use, as Linux tells it in /proc; elsewhere nothing is told."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Footprint:
    """Of one process: bytes that it holds in memory, and seconds of CPU since it began."""

    memory_bytes: int
    cpu_seconds: float


def footprint_of(pid: int) -> Footprint | None:
    """None for a process that has ended, and where there is no /proc. See proc(5), statm and stat."""
    folder = Path("/proc") / str(pid)
    try:
        resident = int((folder / "statm").read_text().split()[1])
        # The name of the program, in brackets, may hold anything.
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, IndexError, ValueError):
        return None
    ticks = int(fields[11]) + int(fields[12])
    return Footprint(resident * os.sysconf("SC_PAGE_SIZE"), ticks / os.sysconf("SC_CLK_TCK"))


def memory_of_machine() -> tuple[int, int] | None:
    """Bytes in all and bytes that programs could have; None where there is no /proc."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return None
    told = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    return told["MemTotal"], told["MemAvailable"]
