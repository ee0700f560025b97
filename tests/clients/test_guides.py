"""The guides to other people's clients do what they say, each in the environment of its client."""

from pathlib import Path

import pytest
from clients.environments import python_environment
from following import follow
from guides import FOLLOWED
from running_server import RunningServer


@pytest.mark.parametrize("page", [page for page, environment in FOLLOWED.items() if environment])
def test_a_guide_can_be_followed(page: str, real_server: RunningServer, tmp_path: Path) -> None:
    follow(page, real_server, tmp_path, python=str(python_environment(FOLLOWED[page])))
