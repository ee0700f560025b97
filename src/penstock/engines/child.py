"""The engine's side of the pact between the server and an engine process.

The server writes one line of JSON, the configuration, to the child's standard input and then keeps that pipe open for
as long as it lives. The child answers with one line of JSON on its standard output once it listens. When the pipe
closes, whatever the reason, the child ends at once: no engine outlives its server, kill -9 included.
"""

import ctypes
import os
import signal
import sys
import threading
from typing import Any

import msgspec

_PR_SET_PDEATHSIG = 1


def begin() -> dict[str, Any]:
    """Read the configuration, and end this process as soon as the server is gone."""
    end_with_parent()
    line = sys.stdin.buffer.readline()
    if not line:
        os._exit(0)
    threading.Thread(target=_end_with_server, name="server-watch", daemon=True).start()
    config: dict[str, Any] = msgspec.json.decode(line)
    return config


def end_with_parent() -> None:
    """Let the kernel end this process with its parent, where it can: also while native code holds the lock."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def claim_stdout() -> int:
    """A descriptor for the answer line; from now on everything printed goes to standard error, the log."""
    answer = os.dup(1)
    os.dup2(2, 1)
    return answer


def announce(answer: int, url: str, abilities: dict[str, bool | int] | None = None) -> None:
    """Tell the server where this engine listens, and what it can do (the fields of `Abilities`)."""
    os.write(answer, msgspec.json.encode({"url": url, "abilities": abilities or {}}) + b"\n")
    os.close(answer)


def _end_with_server() -> None:
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)
