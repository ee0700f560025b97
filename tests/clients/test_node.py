"""Locks that say what, and not where from; and programs that cannot reach outside the machine unseen."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from clients.client import PROGRAMS
from clients.environments import LOCKS
from clients.node import locked_npm_version, locked_packages

ENVIRONMENTS = sorted(path.parent.name for path in LOCKS.glob("*/package.json"))

REACHES = """
import { reached } from "{inside}";
import http from "node:http";
import net from "node:net";
const failed = (promise) => promise.then(() => "came through", (error) => error.cause?.message ?? error.message);
const server = http.createServer((_, response) => response.end("here")).listen(0, "127.0.0.1");
await new Promise((resolve) => server.on("listening", resolve));
const inside = await (await fetch(`http://127.0.0.1:${server.address().port}/`)).text();
const outside = [
  await failed(fetch("http://prices.invalid/")),
  await failed(fetch("https://192.0.2.1/")),
  await failed(new Promise((resolve, reject) => net.connect(80, "192.0.2.2", resolve).on("error", reject))),
];
console.log(JSON.stringify({ inside, outside, reached }));
process.exit();
"""


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_lock_holds_every_package_by_its_hash_and_no_address(environment: str) -> None:
    packages = locked_packages(environment)
    assert packages
    for place, package in packages.items():
        assert str(package.get("integrity", "")).startswith("sha512-"), place
        assert "resolved" not in package, place


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_what_is_asked_for_is_pinned(environment: str) -> None:
    asked = json.loads((LOCKS / environment / "package.json").read_text(encoding="utf-8"))["dependencies"]
    assert {package: locked_npm_version(environment, package) for package in asked} == asked


def test_who_reaches_outside_is_seen_and_does_not_come_through(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is missing")
    program = tmp_path / "reaches.mjs"
    program.write_text(REACHES.replace("{inside}", (PROGRAMS / "inside.mjs").as_uri()))
    ran = subprocess.run(["node", program], capture_output=True, text=True, timeout=60, check=True)
    hosts = ["prices.invalid", "192.0.2.1", "192.0.2.2"]
    assert json.loads(ran.stdout) == {
        "inside": "here",
        "outside": [f"{host} is outside this machine" for host in hosts],
        "reached": hosts,
    }
