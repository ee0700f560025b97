"""Runs the file that SNIPPET names as it is, and tells what it printed."""

import contextlib
import io
import os
import runpy

from telling import tell


def printed() -> str:
    with contextlib.redirect_stdout(io.StringIO()) as output:
        runpy.run_path(os.environ["SNIPPET"], run_name="__main__")
    return output.getvalue()


tell(printed)
