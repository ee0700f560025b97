"""What the pages are made of: types that are the API's own, and few packages, which are locked."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CONSOLE = Path(__file__).resolve().parents[2] / "console"

FEWER_THAN = 12
"""Packages that pages load; each is one more that could go wrong."""


@pytest.fixture(scope="module")
def package() -> dict[str, Any]:
    return json.loads((CONSOLE / "package.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def lock() -> dict[str, dict[str, Any]]:
    text = (CONSOLE / "package-lock.json").read_text(encoding="utf-8")
    return json.loads(text)["packages"]  # type: ignore[no-any-return]


def test_the_types_are_those_of_the_api(console_build: object, tmp_path: Path) -> None:
    """`make console-types` takes them anew."""
    fresh = tmp_path / "schema.d.ts"
    made = subprocess.run(
        [sys.executable, CONSOLE / "build.py", "types", fresh], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert (CONSOLE / "src" / "api" / "schema.d.ts").read_text() == fresh.read_text()


def test_few_packages_are_loaded_by_pages(package: dict[str, Any]) -> None:
    assert len(package["dependencies"]) < FEWER_THAN


def test_the_lock_is_of_these_packages(package: dict[str, Any], lock: dict[str, dict[str, Any]]) -> None:
    for kind in ("dependencies", "devDependencies"):
        assert lock[""][kind] == package[kind]


def test_every_locked_package_has_its_hash_and_no_address(lock: dict[str, dict[str, Any]]) -> None:
    """Where packages come from is npm's own setting."""
    assert [place for place, one in lock.items() if place and "integrity" not in one] == []
    assert [place for place, one in lock.items() if "resolved" in one] == []


def test_the_lock_has_the_programs_of_every_platform(lock: dict[str, dict[str, Any]]) -> None:
    """npm leaves those out in silence that it does not find; then `npm ci` dies on the machine that wants one."""
    missing = [
        f"{place}: {name}"
        for place, one in lock.items()
        for name in one.get("optionalDependencies", {})
        if f"node_modules/{name}" not in lock and f"{place}/node_modules/{name}" not in lock
    ]
    assert missing == []
