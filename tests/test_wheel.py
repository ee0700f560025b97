"""A release: a wheel that has the console in it, and needs no Node.js where it is installed."""

import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from raw_http import ask
from running_server import serving

ROOT = Path(__file__).resolve().parents[1]
NOT_IN_A_CHECKOUT = shutil.ignore_patterns(
    *(".git", ".venv", "node_modules", "__pycache__", "build", "dist", "static"),
    *(".cache", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".import_linter_cache"),
)
ECHO = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
NOWHERE = {f"{kind}_proxy": "http://127.0.0.1:9" for kind in ("http", "https", "all")}
"""Variables by which whoever asks another machine asks a port where nobody listens."""


def cut_off() -> list[str]:
    """What runs a command where there is no network at all; nothing where the system does not let us."""
    unshare = shutil.which("unshare")
    command = [str(unshare), "--map-root-user", "--net"]
    if unshare is None or subprocess.run([*command, "true"], capture_output=True).returncode != 0:
        return []
    return command


@pytest.fixture
def checkout(tmp_path: Path, console_build: subprocess.CompletedProcess[str]) -> Path:
    """One in which nothing has been built yet; the packages to build with are at hand."""
    assert console_build.returncode == 0, console_build.stderr
    copy = tmp_path / "checkout"
    shutil.copytree(ROOT, copy, ignore=NOT_IN_A_CHECKOUT)
    (copy / "console" / "node_modules").symlink_to(ROOT / "console" / "node_modules")
    return copy


def wheel_of(checkout: Path) -> subprocess.CompletedProcess[str]:
    """What making one says; it lies in `wheels` beside the checkout then."""
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel")
    options = ("--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", str(checkout.parent / "wheels"))
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | NOWHERE
    command = [*cut_off(), *pip, *options, str(checkout)]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=300, check=False)


def fresh_environment(folder: Path, wheel: Path) -> Path:
    """The Python of an environment with this wheel, which shares the requirements of the tests' own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(python), "install", "--quiet")
    command = [*cut_off(), *pip, "--no-deps", "--no-index", str(wheel)]
    subprocess.run(command, env={"PATH": str(folder / "bin"), **NOWHERE}, check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    # A path from a .pth has no .pth of its own read: what is installed there to be edited does not come in.
    (site / "requirements.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    return python


def test_a_wheel_has_the_console_in_it(checkout: Path, tmp_path: Path) -> None:
    made = wheel_of(checkout)
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = (tmp_path / "wheels").glob("penstock-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name in names if "node_modules" in name or not name.startswith("penstock")] == []
    static = {name.removeprefix("penstock/console/static/") for name in names if "/console/static/" in name}
    assert static >= {"index.html", "index.html.br", "index.html.gz", "theme.js", "mark.svg"}

    python = fresh_environment(tmp_path / "environment", wheel)
    bare = {"PATH": str(python.parent), "PYTHONPATH": "", **NOWHERE}
    assert shutil.which("node", path=bare["PATH"]) is None
    where = [str(python), "-c", "import penstock; print(penstock.__file__)"]
    at = subprocess.run(where, env=bare, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert Path(at.strip()).is_relative_to(tmp_path / "environment")
    with serving(tmp_path / "data", "--model", "echo", config=ECHO, environ=bare, python=python) as server:
        document = ask(server, "GET", "/apikeys")
        assert document.status == 200
        scripts = [name for name in static if name.startswith("assets/index-") and name.endswith(".js")]
        assert any(name.encode() in document.body for name in scripts)
        assert {ask(server, "GET", f"/{name}").status for name in scripts} == {200}


def test_there_is_no_wheel_without_the_console(checkout: Path) -> None:
    (checkout / "console" / "src" / "main.tsx").write_text("const of = ;\n")
    made = wheel_of(checkout)
    assert made.returncode != 0
    assert "A release has the console in it" in made.stdout + made.stderr
    assert not list((checkout.parent / "wheels").glob("*.whl"))
