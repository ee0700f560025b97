"""The listener for metrics, as `penstock serve` starts and ends it."""

import signal
import socket
from pathlib import Path

from running_server import eventually, free_port, penstock, serving

ECHO = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'


def test_a_port_that_is_taken_is_told_by_its_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = penstock("serve", "--port", "0", data_dir=tmp_path, environ={"PENSTOCK_METRICS_PORT": str(port)})
    assert ran.returncode == 1
    assert f"Port {port} on 127.0.0.1 cannot be used" in ran.stderr
    assert "Choose another port with metrics_port." in ran.stderr


def test_it_tells_of_a_model_that_is_not_ready_and_ends_with_the_server(tmp_path: Path) -> None:
    config = f"metrics_port = {free_port()}\n{ECHO}[models.echo]\nload_seconds = 60\n"
    with serving(tmp_path, "--model", "echo", config=config, ready=False) as server:

        def loading() -> bool:
            text = server.metrics().body.decode()
            assert 'penstock_slots{model="echo"} 0.0' in text
            return 'penstock_model_state{model="echo",state="loading"} 1.0' in text

        eventually(loading)
        assert server.stop(signal.SIGTERM) == 0
