import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from catalogue.small_models import GGUF, sha256
from running_server import LLAMA, SMOL, RunningServer, free_port, penstock

from penstock.cli import doctor
from penstock.settings import Settings

OWN = """
serve = ["own"]
[[models]]
id = "own"
engine = "llama_cpp"
source = "file:{path}"
sha256 = "{digest}"
context_length = 64
"""


@pytest.fixture
def taken_port() -> Iterator[int]:
    """Held by a program that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as held:
        yield held.getsockname()[1]


def examined(ran: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The checks by name, of a run with --json."""
    return {check["name"]: check for check in json.loads(ran.stdout)}


def test_a_machine_that_can_serve_is_told_so(tmp_path: Path, models_dir: Path) -> None:
    port = free_port()
    (tmp_path / "models").symlink_to(models_dir)
    ran = penstock("doctor", "--deep", data_dir=tmp_path, environ={"PENSTOCK_PORT": str(port)})
    assert ran.returncode == 0, ran.stdout
    for fact in ("Python", "SQLite", "CPU", "Engine", "Memory", "Data folder", "Disk", f"{port} on 127.0.0.1"):
        assert fact in ran.stdout
    assert f"{SMOL} is here (98.4 MB, hash verified)" in ran.stdout
    assert "fail" not in ran.stdout


def test_a_machine_without_the_model_is_warned_and_left_as_it_was(tmp_path: Path) -> None:
    ran = penstock("doctor", "--json", data_dir=tmp_path / "none", environ={"PENSTOCK_PORT": str(free_port())})
    checks = examined(ran)
    assert ran.returncode == 0
    assert checks["Model"]["mark"] == "warn"
    assert f"penstock models pull {SMOL}" in checks["Model"]["fix"]
    assert "does not exist yet" in checks["Data folder"]["fact"]
    assert not (tmp_path / "none").exists()


def test_what_is_wrong_comes_with_its_fix_and_status_1(tmp_path: Path, taken_port: int) -> None:
    serve = f"{LLAMA},no/such,echo"
    ran = penstock("doctor", data_dir=tmp_path, environ={"PENSTOCK_PORT": str(taken_port), "PENSTOCK_SERVE": serve})
    assert ran.returncode == 1
    assert f"{taken_port} is held by another program" in ran.stdout
    assert f"{LLAMA} cannot run here" in ran.stdout
    assert f"--alias {LLAMA}={SMOL}" in ran.stdout
    assert "no/such is not in the catalogue" in ran.stdout
    assert "echo needs no file" in ran.stdout


def test_a_running_penstock_is_known(echo_server: RunningServer) -> None:
    check = doctor.check_port("127.0.0.1", echo_server.port)
    assert (check.mark, check.fact) == ("ok", f"{echo_server.port} is held by a Penstock that is running")
    assert doctor.check_port("0.0.0.0", echo_server.port).mark == "ok"


def test_an_address_that_is_not_ours_is_told() -> None:
    check = doctor.check_port("192.0.2.1", 8484)
    assert check.mark == "fail"
    assert "--host" in check.fix
    assert doctor.check_port("127.0.0.1", 0).mark == "ok"


def test_a_data_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        check = doctor.check_data_folder(folder)
        assert check.mark == "fail"
        assert "--data-dir" in check.fix


def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    entry = {"id": SMOL, "size_bytes": 10**15}
    settings = Settings(data_dir=str(tmp_path / "data"), models=[entry])
    checks = {check.name: check for check in doctor.examine(settings, deep=False)}
    assert checks["Disk"].mark == "fail"
    assert "2000000.2 GB needed" in checks["Disk"].fact
    assert checks["Memory"].mark == "fail"


@pytest.mark.parametrize(
    ("body", "deep", "mark", "says"),
    [
        (GGUF, True, "ok", "hash verified"),
        (GGUF + b"more", False, "ok", "own is here"),
        (GGUF + b"more", True, "fail", "is not the one"),
        (b"text", True, "fail", "is not a GGUF file"),
        (None, False, "fail", "is not there"),
    ],
)
def test_model_files(tmp_path: Path, body: bytes | None, deep: bool, mark: str, says: str) -> None:
    path = tmp_path / "own.gguf"
    if body is not None:
        path.write_bytes(body)
    (tmp_path / "penstock.toml").write_text(OWN.format(path=path, digest=sha256(GGUF)))
    ran = penstock("doctor", "--json", *(["--deep"] if deep else []), data_dir=tmp_path, environ={"PENSTOCK_PORT": "0"})
    check = examined(ran)["Model"]
    assert (check["mark"], ran.returncode) == (mark, 1 if mark == "fail" else 0)
    assert says in check["fact"]
    assert body is None or path.read_bytes() == body


def test_a_file_of_the_wrong_size_is_seen_without_reading_it(tmp_path: Path) -> None:
    folder = tmp_path / "models" / "HuggingFaceTB--SmolLM2-135M-Instruct"
    folder.mkdir(parents=True)
    (folder / "SmolLM2-135M-Instruct.Q4_1.gguf").write_bytes(GGUF)
    checks = {check.name: check for check in doctor.examine(Settings(data_dir=str(tmp_path)), deep=False)}
    assert checks["Model"].mark == "fail"
    assert "wrong size" in checks["Model"].fact
    assert f"penstock models rm {SMOL} && penstock models pull {SMOL}" in checks["Model"].fix


def test_the_engine_is_never_imported(tmp_path: Path) -> None:
    """On a CPU that the wheel is not built for, importing it is the end of the process."""
    ran = penstock("doctor", data_dir=tmp_path, environ={"PYTHONPROFILEIMPORTTIME": "1", "PENSTOCK_PORT": "0"})
    assert "penstock.catalogue.machine" in ran.stderr
    assert "xllamacpp" not in ran.stderr


def test_the_store_of_shared_limits_is_tried(redis_url: str) -> None:
    assert doctor.check_valkey(redis_url).mark == "ok"
    away = doctor.check_valkey(f"redis://:canary@127.0.0.1:{free_port()}/0")
    assert (away.mark, "canary" in away.fact) == ("fail", False)
    assert doctor.check_valkey("canary://x").mark == "fail"


def test_postgresql_is_looked_at(postgres_url: str, tmp_path: Path) -> None:
    environ = {"PENSTOCK_PORT": str(free_port()), "PENSTOCK_DATABASE_URL": postgres_url, "PENSTOCK_SERVE": "echo"}
    check = examined(penstock("doctor", "--json", data_dir=tmp_path, environ=environ))["Database"]
    assert check["mark"] == "ok"
    assert "PostgreSQL" in check["fact"]


def test_a_database_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://ann:canary-7f3a@127.0.0.1:{free_port()}/penstock"
    environ = {"PENSTOCK_PORT": str(free_port()), "PENSTOCK_DATABASE_URL": url, "PENSTOCK_SERVE": "echo"}
    ran = penstock("doctor", "--json", data_dir=tmp_path, environ=environ)
    assert ran.returncode == 1
    assert examined(ran)["Database"]["mark"] == "fail"
    assert "canary-7f3a" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_store_of_files_that_does_not_answer_is_told(tmp_path: Path) -> None:
    environ = {
        "PENSTOCK_PORT": str(free_port()),
        "PENSTOCK_FILES_URL": "s3://bucket/prefix",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "an-id",
        "AWS_SECRET_ACCESS_KEY": "a-secret",
    }
    ran = penstock("doctor", "--json", data_dir=tmp_path, environ=environ)
    assert ran.returncode == 1
    assert examined(ran)["Files"]["mark"] == "fail"
    assert "files_url" in examined(ran)["Files"]["fix"]
    assert "a-secret" not in ran.stdout + ran.stderr


def test_a_folder_of_files_is_looked_at_and_not_made(tmp_path: Path) -> None:
    environ = {"PENSTOCK_PORT": str(free_port()), "PENSTOCK_FILES_URL": f"file://{tmp_path / 'files'}"}
    ran = penstock("doctor", "--json", data_dir=tmp_path, environ=environ)
    assert examined(ran)["Files"]["mark"] == "ok"
    assert not (tmp_path / "files").exists()


def test_no_store_of_files_at_all_is_told(tmp_path: Path) -> None:
    ran = penstock("doctor", "--json", data_dir=tmp_path, environ={"PENSTOCK_FILES_URL": "what://x"})
    assert examined(ran)["Files"]["mark"] == "fail"
    assert "PENSTOCK_FILES_URL" in examined(ran)["Files"]["fix"]
