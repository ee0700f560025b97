import platform
import subprocess
import sys

import pytest

_BODIES = """
import resource, sys
from penstock.api.transport.freed_memory import keep_freed_memory

def faults_of_bodies():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(50):
        copies = [bytes([at]) * (256 << 10) for at in range(5)]
        del copies
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if sys.argv[1] == "keep":
    keep_freed_memory()
faults_of_bodies()
print(faults_of_bodies())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="an option of glibc")
def test_the_pages_of_one_long_body_serve_the_next() -> None:
    def faults(mode: str) -> int:
        done = subprocess.run([sys.executable, "-c", _BODIES, mode], capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("keep") < 100
    assert faults("give back") > 1000
