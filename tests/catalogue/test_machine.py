import sqlite3
from pathlib import Path

import pytest
from catalogue.small_models import entry

from penstock.catalogue import machine
from penstock.catalogue.models import load_catalogue

ROOT = Path(__file__).resolve().parents[2]
CPUINFO = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse4_2 {flags}\nbugs\t\t:\n"


@pytest.mark.parametrize(
    ("flags", "mark", "says"),
    [
        ("avx f16c", "fail", "no AVX2"),
        ("avx512f", "fail", "no AVX2"),
        ("avx2 fma", "ok", "AVX2, which the engine is built for"),
        ("avx2 avx512f", "ok", "and AVX-512, which a build"),
        ("avx2 avx512f amx_int8", "ok", "AVX-512 and AMX, which a build"),
    ],
)
def test_the_cpu_against_the_engines_build(flags: str, mark: str, says: str) -> None:
    check = machine.check_cpu(CPUINFO.format(flags=flags), architecture="x86_64")
    assert check.mark == mark
    assert says in check.fact
    assert ("--no-binary xllamacpp" in check.fix) is (mark == "fail")


def test_what_a_build_from_source_would_use_is_told_with_the_way_there() -> None:
    info = CPUINFO.format(flags="avx2 avx512f amx_int8")
    wheel = machine.check_cpu(info, architecture="x86_64")
    assert "AVX-512 and AMX" in wheel.fact
    assert (ROOT / machine.GUIDE).is_file()
    assert machine.GUIDE in wheel.fix
    assert "## Build it for your processor" in (ROOT / machine.GUIDE).read_text(encoding="utf-8")
    built = machine.check_cpu(info, from_source=True, architecture="x86_64")
    assert (built.mark, built.fix) == ("ok", "")
    assert "built from source" in built.fact


@pytest.mark.parametrize(
    ("tag", "built"), [("cp310-abi3-manylinux_2_17_x86_64", False), ("cp310-abi3-linux_x86_64", True)]
)
def test_a_build_from_source_is_known_by_its_tag(
    tag: str, built: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "own_engine-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: own-engine\nVersion: 1.0\n")
    (about / "WHEEL").write_text(f"Wheel-Version: 1.0\nTag: {tag}\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert machine.built_from_source("own-engine") is built
    assert machine.built_from_source("no-such-package") is False


def test_a_cpu_that_cannot_be_asked_is_unknown() -> None:
    assert machine.check_cpu(None, architecture="x86_64").mark == "warn"
    assert "unknown" in machine.check_cpu(None, architecture="AMD64").fact
    assert machine.check_cpu(None, architecture="arm64").mark == "ok"


def test_this_machine_can_be_asked() -> None:
    assert machine.check_python().mark == "ok"
    assert machine.check_cpu(machine.read_cpuinfo()).fact
    assert sqlite3.sqlite_version in machine.check_sqlite().fact


@pytest.mark.parametrize(
    ("version", "mark"), [((3, 34, 1), "fail"), ((3, 40, 1), "warn"), ((3, 51, 2), "warn"), ((3, 51, 3), "ok")]
)
def test_the_versions_of_sqlite(version: tuple[int, int, int], mark: str) -> None:
    check = machine.check_sqlite(version)
    assert check.mark == mark
    assert bool(check.fix) is (mark != "ok")


@pytest.mark.parametrize(("version", "mark"), [((3, 10, 9), "fail"), ((3, 11, 0), "ok"), ((3, 14, 1), "ok")])
def test_the_versions_of_python(version: tuple[int, int, int], mark: str) -> None:
    assert machine.check_python(version).mark == mark


def test_an_engine_that_is_missing_is_told_with_the_command() -> None:
    assert machine.check_engine().mark == "ok"
    check = machine.check_engine("no-such-engine")
    assert check.mark == "fail"
    assert "-m pip install no-such-engine" in check.fix


def test_memory_is_weights_and_caches_and_room_to_work() -> None:
    model = entry("hf:o/r", size_bytes=1_000_000_000, kv_bytes_per_token=1_000_000)  # a context of 512 tokens
    echo = load_catalogue([], {}).get("echo")
    need = 1_000_000_000 + 512_000_000 + 300_000_000
    assert machine.check_memory([model, echo], need).mark == "ok"
    check = machine.check_memory([model, echo], need - 1)
    assert check.mark == "fail"
    assert "1.8 GB needed" in check.fact
    assert check.fix
    assert machine.check_memory([echo], 0).mark == "ok"
