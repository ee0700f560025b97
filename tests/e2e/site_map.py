"""Every page that there is, as the console's own sources list them."""

import re
from dataclasses import dataclass
from pathlib import Path

CONSOLE = Path(__file__).resolve().parents[2] / "console" / "src"


@dataclass(frozen=True)
class Place:
    """One page."""

    path: str
    outside: bool = False
    """Whether nobody is signed in there."""


def places() -> list[Place]:
    """All of them, those for nobody last."""
    inside = re.findall(r'\bpath: "(/[^"]*)"', (CONSOLE / "shell" / "nav.ts").read_text(encoding="utf-8"))
    outside = re.findall(r'^\s*"(/[^"]*)": ', (CONSOLE / "router.tsx").read_text(encoding="utf-8"), re.MULTILINE)
    return [*map(Place, inside), *(Place(path, outside=True) for path in outside)]
