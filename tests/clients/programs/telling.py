"""What the Python programs beside this file share: where the server is, and how they tell what they got.

They run in the environments of their clients, so this file needs nothing but the standard library.
"""

import ipaddress
import json
import os
import sys
from collections.abc import Callable
from typing import Any

BASE_URL = os.environ["OPENAI_BASE_URL"]
API_KEY = os.environ["OPENAI_API_KEY"]
MODEL = os.environ["MODEL"]

reached: list[str] = []
"""Hosts outside this machine that somebody tried to find or to reach; nobody came through."""


def _outside(host: Any) -> bool:
    if isinstance(host, bytes):
        host = host.decode()
    if host in (None, "", "localhost"):
        return False
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return True


def _stay_inside(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if _outside(host):
        reached.append(str(host))
        raise PermissionError(f"{host} is outside this machine")


sys.addaudithook(_stay_inside)


def say(got: Any) -> None:
    """Print `got` on a line of its own, with what was reached."""
    print("\n" + json.dumps({"got": got, "reached": reached}), flush=True)


def tell(*tasks: Callable[[], Any]) -> None:
    """Do the task that the command line names, and say what it gives."""
    named = {task.__name__: task for task in tasks}
    say(named[sys.argv[1]]())
