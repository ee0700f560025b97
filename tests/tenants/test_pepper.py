import stat
import subprocess
import sys
from pathlib import Path

import pytest

from penstock.errors import OperatorError
from penstock.tenants.pepper import load_pepper

MAKE = (
    "import sys, pathlib; from penstock.tenants.pepper import load_pepper; "
    "sys.stdin.read(); print(load_pepper(pathlib.Path(sys.argv[1])).hex())"
)


def test_it_is_made_once_and_private(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    pepper = load_pepper(folder)
    assert len(pepper) == 32
    assert load_pepper(folder) == pepper
    assert stat.S_IMODE((folder / "pepper").stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["pepper"]


def test_processes_that_make_one_at_once_get_the_same(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, "-c", MAKE, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(4)
    ]
    for process in processes:  # all wait for the end of their input, so all start at once
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    peppers = {process.communicate()[0] for process in processes}
    assert len(peppers) == 1


def test_a_damaged_pepper_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "pepper").write_bytes(b"short")
    with pytest.raises(OperatorError, match="backup"):
        load_pepper(tmp_path)
    assert (tmp_path / "pepper").read_bytes() == b"short"


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatorError, match="--data-dir"):
        load_pepper(tmp_path / "file" / "below")
