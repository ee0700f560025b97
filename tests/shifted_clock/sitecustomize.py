"""A wall clock that is wrong by as many seconds as the file that SHIFTED_CLOCK names says, whenever it is looked at.

Python imports this at its start where the folder is on its path; it stands in for Debian's faketime.
"""

import os
import time
from pathlib import Path

right, shift = time.time, Path(os.environ.get("SHIFTED_CLOCK", "/dev/null"))


def shifted() -> float:
    return right() + float(shift.read_text() or 0)


if "SHIFTED_CLOCK" in os.environ:
    time.time = shifted
