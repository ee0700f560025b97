"""The guides to other people's clients do what they say, each in the environment of its client."""

from pathlib import Path

import pytest
from clients.environments import LOCKS, python_environment
from clients.node import node_environment
from following import follow
from guides import FOLLOWED
from running_server import RunningServer


@pytest.mark.parametrize("page", [page for page, environment in FOLLOWED.items() if environment])
def test_a_guide_can_be_followed(page: str, real_server: RunningServer, tmp_path: Path) -> None:
    environment = FOLLOWED[page]
    if (LOCKS / environment).is_dir():
        (tmp_path / "node_modules").symlink_to(node_environment(environment) / "node_modules")
        follow(page, real_server, tmp_path)
    else:
        follow(page, real_server, tmp_path, python=str(python_environment(environment)))
