"""That a server spares the garbage collector what it loaded before its first request."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from running_server import eventually, serving

_FREEZES = """
import gc, os, pathlib

def freeze():
    frozen()
    pathlib.Path(os.environ["TOLD"], str(os.getpid())).write_text(str(gc.get_freeze_count()))

frozen, gc.freeze = gc.freeze, freeze
"""

_GARBAGE = """
import gc, weakref
from penstock.cli.garbage import leave_out_what_stays

class Node:
    pass

gc.disable()
kept, node = [Node() for _ in range(1000)], Node()
node.itself, seen = node, weakref.ref(node)
del node
leave_out_what_stays()
assert seen() is None, "garbage stays for ever"
assert gc.get_freeze_count() > 1000
"""


def test_what_is_garbage_already_does_not_stay() -> None:
    subprocess.run([sys.executable, "-c", _GARBAGE], check=True)


@pytest.mark.parametrize("processes", [1, 3])
def test_every_process_of_a_server_leaves_out_what_it_loaded(tmp_path: Path, processes: int) -> None:
    told, site = tmp_path / "told", tmp_path / "site"
    told.mkdir()
    site.mkdir()
    (site / "sitecustomize.py").write_text(_FREEZES, encoding="utf-8")
    paths = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    config = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
    arguments = ["--model", "echo", *(["--workers", "2"] if processes > 1 else [])]
    with serving(tmp_path, *arguments, config=config, environ={"PYTHONPATH": paths, "TOLD": str(told)}):
        eventually(lambda: len([*told.iterdir()]) == processes)
        assert all(int(path.read_text(encoding="utf-8") or 0) > 50_000 for path in told.iterdir())
