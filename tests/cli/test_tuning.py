"""`penstock doctor --tune`, with the real model."""

import asyncio
import json
from pathlib import Path

import psutil
import pytest
from running_server import SMOL, SMOL_EMBEDDING, free_port, penstock, serving
from turns import own_cores

from penstock.catalogue.engine import llama_cpp_of
from penstock.catalogue.models import load_catalogue
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp_trial import Figures, Load, trial
from penstock.errors import OperatorError

SMALL = f'[[models]]\nid = "{SMOL}"\ncontext_length = 128\nslots = 2\n'
"""So that a trial is short."""


@pytest.fixture
def data_dir(tmp_path: Path, models_dir: Path) -> Path:
    (tmp_path / "models").symlink_to(models_dir)
    (tmp_path / "penstock.toml").write_text(SMALL)
    return tmp_path


def test_a_model_is_measured_and_the_server_starts_it_as_was_chosen(data_dir: Path) -> None:
    ran = penstock("doctor", "--tune", "--json", data_dir=data_dir, seconds=400)
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    kept = data_dir / "tuning" / f"{SMOL.replace('/', '--')}.json"
    assert json.loads(kept.read_text()) == told
    assert (told["object"], told["model"], told["load"]["clients"]) == ("penstock.tuning", SMOL, 2)
    assert min(told["untuned"].values()) > 0
    assert told["tuned"]["step_seconds"] <= 0.35 or told["knobs"]["prompt_batch"] <= 64
    assert ran.stderr == "", "a bar is for a terminal"

    measured_with = told["conditions"]["cpus"]
    told["knobs"] |= {"prompt_batch": 32, "waiting": "sleep"}  # whatever was chosen: what stands there is used
    told["conditions"]["cpus"] = len(own_cores())
    kept.write_text(json.dumps(told))
    with serving(data_dir, config=SMALL) as server:
        (pid,) = server.engine_pids()
        assert psutil.Process(pid).environ()["OMP_WAIT_POLICY"] == "passive"
        assert server.chat(model=SMOL, max_tokens=2).status == 200
    told["conditions"]["cpus"] = measured_with
    kept.write_text(json.dumps(told))
    checks = penstock("doctor", data_dir=data_dir, environ={"PENSTOCK_PORT": str(free_port())}).stdout
    assert f"{SMOL}: {told['knobs']['threads']} thread" in checks
    assert "that sleep when they wait, 32 prompt tokens a step" in checks

    told["conditions"]["cpus"] = measured_with + 1
    kept.write_text(json.dumps(told))
    checks = penstock("doctor", data_dir=data_dir, environ={"PENSTOCK_PORT": str(free_port())}).stdout
    assert f"Measure anew: penstock doctor --tune {SMOL}" in checks


@pytest.mark.parametrize(
    ("model", "says"),
    [("echo", "nothing to tune"), (SMOL_EMBEDDING, "nothing to tune"), ("no/such", "catalogue"), (SMOL, "models pull")],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, model: str, says: str) -> None:
    ran = penstock("doctor", "--tune", model, data_dir=tmp_path)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert says in ran.stderr


def test_a_machine_that_was_not_measured_is_told_how(data_dir: Path) -> None:
    checks = penstock("doctor", data_dir=data_dir, environ={"PENSTOCK_PORT": str(free_port())}).stdout
    assert f"{SMOL} is not measured here" in checks
    assert f"penstock doctor --tune {SMOL}" in checks


def test_an_engine_that_does_not_start_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF and nothing else")
    engine = llama_cpp_of(load_catalogue([], {}).get(SMOL))

    async def measure() -> Figures:
        async with trial(engine, broken, Knobs(threads=1), clients=1, log_path=tmp_path / "log") as running:
            return await running.figures(Load(prompt_tokens=8, answer_tokens=1, clients=1))

    with pytest.raises(OperatorError, match="does not start"):
        asyncio.run(measure())
    assert (tmp_path / "log").stat().st_size
