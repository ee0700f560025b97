import logging
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from catalogue.small_models import GGUF, entry, sha256

from penstock.catalogue.engine import engine_for
from penstock.catalogue.machine import cpu_name, engine_build, usable_cpus
from penstock.catalogue.models import Model
from penstock.catalogue.tuning import Conditions, Tuning, TuningStore, tuning_of
from penstock.engines.knobs import Knobs
from penstock.engines.llama_cpp import LlamaCpp, untuned
from penstock.engines.llama_cpp_trial import Figures, Load
from penstock.errors import OperatorError

KNOBS = Knobs(threads=3, prompt_threads=5, prompt_batch=128, waiting="sleep", most_slots=2)
FIGURES = Figures(prompt=200, one=50, several=100, step_seconds=0.3)


@pytest.fixture
def model_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(GGUF)
    return path


@pytest.fixture
def model(model_file: Path) -> Model:
    return entry(f"file:{model_file}")


@pytest.fixture
def store(tmp_path: Path) -> TuningStore:
    return TuningStore(tmp_path / "tuning")


def tuned(model: Model, model_file: Path) -> Tuning:
    load = Load(prompt_tokens=128, answer_tokens=8, clients=2)
    return tuning_of(model, model_file, load, knobs=KNOBS, untuned=FIGURES, tuned=FIGURES)


def test_what_was_measured_is_what_the_engine_is_started_with(
    store: TuningStore, model: Model, model_file: Path
) -> None:
    written = tuned(model, model_file)
    path = store.write(written, model)
    assert path.name == "test--tiny.json"
    found = store.find(model, model_file)
    assert found.tuning == written
    assert found.unused == ""
    launch = engine_for(model, store).launch(served_name="m", api_key="k", model_file=model_file)
    expected = {"threads": 3, "prompt_threads": 5, "prompt_batch": 128, "poll": 0, "slots": 2}
    assert launch.config.items() >= expected.items()
    assert launch.environ["OMP_WAIT_POLICY"] == "passive"


def test_a_model_that_was_not_measured_is_started_as_ever(store: TuningStore, model: Model, model_file: Path) -> None:
    assert store.knobs_for(model, model_file) == untuned()
    launch = engine_for(model, store).launch(served_name="m", api_key="k", model_file=model_file)
    threads = untuned().threads
    assert launch.config.items() >= {"threads": threads, "prompt_threads": threads, "prompt_batch": 64}.items()
    assert "OMP_WAIT_POLICY" not in launch.environ


def test_slots_that_an_entry_names_are_its_own(model_file: Path) -> None:
    engine = LlamaCpp(context_length=64, slots=7, knobs_for=lambda _: KNOBS)
    assert engine.launch(served_name="m", api_key="k", model_file=model_file).slots == 7


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"cpu": "another"}, "measured on another"),
        ({"cpus": 1000}, "measured with 1000 hardware threads"),
        ({"engine": "xllamacpp 2020.1"}, "measured with xllamacpp 2020.1"),
    ],
)
def test_another_machine_or_engine_is_told_and_not_served(
    store: TuningStore,
    model: Model,
    model_file: Path,
    changes: dict[str, Any],
    why: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    there = msgspec.structs.replace(Conditions.here(), **changes)
    store.write(msgspec.structs.replace(tuned(model, model_file), conditions=there), model)
    assert why in store.find(model, model_file).unused
    with caplog.at_level(logging.WARNING):
        assert store.knobs_for(model, model_file) == untuned()
    assert why in caplog.text


def test_another_file_is_seen(store: TuningStore, model: Model, model_file: Path) -> None:
    store.write(tuned(model, model_file), model)
    os.utime(model_file, (1, 1))
    assert "file is another one" in store.find(model, model_file).unused
    model_file.write_bytes(GGUF + b"more")
    assert "file is another one" in store.find(model, model_file).unused
    model_file.unlink()
    assert "file is another one" in store.find(model, model_file).unused


def test_a_file_that_was_pulled_again_is_the_same_where_its_hash_is_known(store: TuningStore, model_file: Path) -> None:
    known = entry(f"file:{model_file}", sha256=sha256(GGUF))
    store.write(tuned(known, model_file), known)
    os.utime(model_file, (1, 1))
    assert store.find(known, model_file).unused == ""


@pytest.mark.parametrize("body", [b"", b"{}", b'{"object": "penstock.tuning", "knobs": {"threads": "many"}}'])
def test_what_cannot_be_read_is_not_used(store: TuningStore, model: Model, model_file: Path, body: bytes) -> None:
    store.root.mkdir()
    store.path_of(model).write_bytes(body)
    assert "cannot be read" in store.find(model, model_file).unused
    assert store.knobs_for(model, model_file) == untuned()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, model: Model, model_file: Path) -> None:
    (tmp_path / "tuning").write_text("")
    with pytest.raises(OperatorError, match="cannot be written"):
        TuningStore(tmp_path / "tuning").write(tuned(model, model_file), model)


def test_this_machine_has_a_name() -> None:
    here = Conditions.here()
    assert here.cpu
    assert here.cpus == usable_cpus() >= 1
    assert here.engine.startswith("xllamacpp 20")
    assert len(here.engine.split()) == 3, "version and build"


def test_names_of_processors_and_engines() -> None:
    info = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\nstepping\t: 1\n"
    assert cpu_name(info) == "AMD EPYC (25 17 1)"
    assert cpu_name(None)
    assert engine_build("no-such-package") == ""
