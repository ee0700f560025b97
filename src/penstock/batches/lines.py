"""The lines of a batch's input, found and looked at without the whole of it in memory."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """One line that is well formed: what to run, and where its bytes are."""

    number: int
    """From 1; blank lines count."""
    custom_id: str
    model: str
    """As its body names it; empty where it names none, which is for the line to fail by."""
    prefix: int
    """The same for lines that begin alike: 63 bits."""
    position: int
    size: int
