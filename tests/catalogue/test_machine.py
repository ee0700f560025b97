import sqlite3

import pytest
from catalogue.small_models import entry

from penstock.catalogue import machine
from penstock.catalogue.models import load_catalogue

CPUINFO = "processor\t: 0\nmodel name\t: Some CPU\nflags\t\t: fpu sse4_2 {flags}\nbugs\t\t:\n"


@pytest.mark.parametrize(
    ("flags", "mark", "says"),
    [
        ("avx f16c", "fail", "no AVX2"),
        ("avx512f", "fail", "no AVX2"),
        ("avx2 fma", "ok", "AVX2, which the engine is built for"),
        ("avx2 avx512f", "ok", "faster with AVX-512"),
        ("avx2 avx512f amx_int8", "ok", "faster with AVX-512 and AMX"),
    ],
)
def test_the_cpu_against_the_engines_build(flags: str, mark: str, says: str) -> None:
    check = machine.check_cpu(CPUINFO.format(flags=flags), architecture="x86_64")
    assert check.mark == mark
    assert says in check.fact
    assert ("--no-binary xllamacpp" in check.fix) is (mark == "fail")


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
