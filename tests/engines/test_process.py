import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from running_server import ended, eventually

from penstock.engines import process
from penstock.engines.echo import Echo
from penstock.engines.engine import Launch, Pulse
from penstock.engines.process import EngineDied, engine_environment

ECHO = Echo(context_length=8).launch(served_name="echo", api_key="the-internal-key", model_file=None)

PARENT = """
import asyncio, pathlib, sys
from penstock.engines import process
from penstock.engines.echo import Echo

async def main():
    launch = Echo(context_length=8).launch(served_name="echo", api_key="k", model_file=None)
    running = await process.start(launch, log_path=pathlib.Path(sys.argv[1]))
    print(running.pid, flush=True)
    await running.wait()

asyncio.run(main())
"""


async def test_no_secret_is_in_the_arguments_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_DATABASE_URL", "canary-1")
    monkeypatch.setenv("OPENAI_API_KEY", "canary-2")
    running = await process.start(ECHO, log_path=tmp_path / "echo.log")
    try:
        child = psutil.Process(running.pid)
        seen = " ".join(child.cmdline()) + str(child.environ())
        assert "canary" not in seen
        assert "the-internal-key" not in seen
    finally:
        await running.kill()
    assert not psutil.pid_exists(running.pid)


def test_the_environment_is_a_list_of_what_is_needed() -> None:
    given = {"PATH": "/bin", "OMP_NUM_THREADS": "2", "HF_TOKEN": "x", "AWS_SECRET_ACCESS_KEY": "x", "LANG": "C"}
    assert engine_environment(given) == {"PATH": "/bin", "OMP_NUM_THREADS": "2", "LANG": "C"}


def test_an_engine_ends_with_its_parent_also_on_kill_9(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "log")], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        engine = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        eventually(lambda: ended(engine))


async def test_an_engine_that_does_not_start_says_why(tmp_path: Path) -> None:
    model = tmp_path / "bad.gguf"
    model.write_bytes(b"GGUF and then nothing that makes sense" * 10)
    config = {"model_file": str(model), "served_name": "m", "api_key": "k", "slots": 1}
    launch = Launch("penstock.engines.llama_cpp_process", {**config, "context_length": 64, "threads": 1}, 1)
    with pytest.raises(EngineDied) as caught:
        await process.start(launch, log_path=tmp_path / "bad.log")
    assert "bad.log" in str(caught.value)
    assert (tmp_path / "bad.log").read_text()


async def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "echo.log"
    log.write_bytes(b"x" * 5_000_001)
    running = await process.start(ECHO, log_path=log)
    await running.kill()
    assert (tmp_path / "echo.log.1").stat().st_size == 5_000_001
    assert log.stat().st_size < 5_000_000


def test_a_pulse_is_quiet_only_while_somebody_waits() -> None:
    pulse = Pulse()
    assert pulse.quiet_seconds() == 0
    pulse.wait()
    first = pulse.quiet_seconds()
    assert pulse.quiet_seconds() >= first > 0
    pulse.done()
    assert pulse.quiet_seconds() == 0
