"""The hook of a release: it has the pages of the console in it, or there is none."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleHook(BuildHookInterface):  # type: ignore[type-arg]
    """Builds the pages before a wheel or a source distribution is packed; `make serve` does it for an editable one."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        if subprocess.run([sys.executable, Path(self.root) / "console" / "build.py"], check=False).returncode != 0:
            raise RuntimeError("A release has the console in it, and that could not be built; the reason is above.")
