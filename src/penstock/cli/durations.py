"""Spans of time, as they are typed."""

import re

import click

_UNITS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_LONGEST_SECONDS = 100 * 365 * 86_400


def seconds_of(duration: str) -> int:
    """`90m`, `12h`, `30d` or `2w` in seconds. Raises click's UsageError."""
    found = re.fullmatch(r"([1-9][0-9]{0,9})([mhdw])", duration)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_SECONDS:
        raise click.UsageError(f"{duration!r} is no duration; 12h, 30d or 2w would be one.")
    return seconds
