"""LiteLLM's proxy: the one that most people use."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateways.peer import INSTALLS, KEY, LOCKS, LOGS, Running, free_port, in_venv, until_it_answers
from gateways.processes import started

_CONFIG = """
model_list:
  - model_name: mock
    litellm_params:
      model: openai/mock
      api_base: http://127.0.0.1:{mock_port}/v1
      api_key: none
litellm_settings:
  num_retries: 0
  request_timeout: 600
general_settings:
  master_key: {key}
"""

_ENVIRON = {
    "LITELLM_LOG": "ERROR",
    "LITELLM_MODE": "PRODUCTION",
    "AIOHTTP_CONNECTOR_LIMIT": "0",  # else it opens 500 streams of one upstream at once, and the others wait for these
    "AIOHTTP_CONNECTOR_LIMIT_PER_HOST": "0",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # its prices come from the package; it would fetch them otherwise
}


class LiteLlm:
    """With a master key and without a database: it records nothing and holds no limits here."""

    name = "litellm"
    title = "LiteLLM proxy (Python)"
    _venv = INSTALLS / "litellm"

    def install(self) -> str:
        return in_venv(self._venv, "litellm", lock=LOCKS / "clients" / "litellm-proxy.txt")

    @contextmanager
    def running(self, mock_port: int) -> Iterator[Running]:
        port, log, config = free_port(), LOGS / "litellm.log", self._venv / "config.yaml"
        config.write_text(_CONFIG.format(mock_port=mock_port, key=KEY), encoding="utf-8")
        serve: list[str | Path] = [
            self._venv / "bin" / "litellm",
            "--config",
            config,
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
        ]
        with started([*serve, "--num_workers", "1"], log=log, environ=_ENVIRON) as process:
            until_it_answers(port, "/health/liveliness", process, log)
            yield Running(port, process.pid)
