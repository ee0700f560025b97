"""The house rules, as tests. Each says in its docstring why it stands; a page in docs/decisions is what changes one."""

import ast
import os
import re
import resource
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SRC = ROOT / "src" / "penstock"

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 50
VAGUE = re.compile(r"(util|helper|manager|common|misc)s?$", re.IGNORECASE)

# Where an `except Exception` may stand, and why nothing narrower would do.
BROAD_EXCEPTS = {
    "src/penstock/api/asgi.py": "the outermost handler: whatever went wrong, the client gets an answer in our form",
    "src/penstock/catalogue/workers.py": "the loop that keeps engines alive must outlive anything one start can raise",
}

# Classes whose instances are values: they hold no connection, no task and nothing that one request could leave behind.
VALUES = {
    *("Access", "Decoder", "Encoder", "Meta", "MetaData", "NewType", "Operation", "ParamSpec"),
    *("Path", "Table", "TypeVar", "Version"),
}
FACTORIES = {"create_engine", "create_async_engine", "connect", "open", "new_event_loop", "dict", "list", "set"}

# What `--help` must not load: each costs more than the whole rest of it.
HEAVY = {
    "aiohttp", "alembic", "argon2", "asyncio", "fastapi", "huggingface_hub", "httptools", "msgspec", "obstore",
    "prometheus_client", "psycopg", "pydantic", "python_multipart", "redis", "rich", "sqlalchemy", "starlette",
    "uvicorn", "uvloop", "xllamacpp",
}  # fmt: skip


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def line_count(paths: list[Path]) -> int:
    return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in paths)


def test_no_file_is_longer_than_400_lines() -> None:
    """A file is one noun. What outgrows two screens of thought is two nouns, and splits along them."""
    long = {name(path): line_count([path]) for path in python_files("src", "tests", "bench")}
    assert {path: lines for path, lines in long.items() if lines > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """What fits one screen can be read without scrolling back; it is the tail that makes code hard."""
    long = [
        f"{name(path)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in python_files("src", "tests", "bench")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= MAX_FUNCTION_LINES
    ]
    assert long == []


def test_no_name_says_nothing() -> None:
    """Such a name does not tell what belongs behind it, so everything ends up there."""
    paths = python_files("src", "tests", "bench")
    modules = [
        name(path) for path in paths if any(VAGUE.search(part) for part in path.relative_to(ROOT).with_suffix("").parts)
    ]
    classes = [
        f"{name(path)}: {node.name}"
        for path in paths
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and VAGUE.search(node.name)
    ]
    assert modules + classes == []


def catches_everything(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
        return any(one is None or ast.unparse(one) in {"Exception", "BaseException"} for one in caught)
    if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == "suppress":
        return any(ast.unparse(one) in {"Exception", "BaseException"} for one in node.args)
    return False


def test_everything_is_caught_in_two_places_only() -> None:
    """A broad except hides the bug it meets; two loops must go on whatever happens, and both log what they caught."""
    found = {
        name(path) for path in python_files("src") if any(catches_everything(node) for node in ast.walk(parse(path)))
    }
    assert found == set(BROAD_EXCEPTS)


def module_level(tree: ast.Module) -> Iterator[ast.Assign | ast.AnnAssign]:
    """The assignments that run at import, those inside a top-level `if`, `try` or `with` too."""
    waiting: list[ast.stmt] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Assign | ast.AnnAssign):
            yield node
        elif isinstance(node, ast.If | ast.Try | ast.With):
            waiting += [child for child in ast.walk(node) if isinstance(child, ast.Assign | ast.AnnAssign)]


def holds_state(value: ast.expr | None) -> bool:
    if isinstance(value, ast.Dict):
        return not value.keys
    if isinstance(value, ast.List | ast.Set):
        return not value.elts
    if not isinstance(value, ast.Call):
        return False
    called = ast.unparse(value.func).split(".")[-1]
    return called in FACTORIES or (called.lstrip("_")[:1].isupper() and called not in VALUES)


def test_no_module_holds_an_instance() -> None:
    """Only app.py constructs. State that a module owns is shared by every test and by two servers in one process."""
    found = [
        f"{name(path)}:{node.lineno}: {ast.unparse(node)}"
        for path in python_files("src")
        for node in module_level(parse(path))
        if holds_state(node.value)
    ]
    assert found == []


def test_nothing_is_global() -> None:
    """A name that a function rebinds for everybody cannot be given, replaced or read alone."""
    found = [
        f"{name(path)}:{node.lineno}"
        for path in python_files("src", "tests", "bench")
        for node in ast.walk(parse(path))
        if isinstance(node, ast.Global)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("pool = aiohttp.ClientSession()", True),
        ("seen: dict[str, int] = {}", True),
        ("if debug:\n    engine = create_engine('sqlite://')", True),
        ("lock = asyncio.Lock()", True),
        ("log = logging.getLogger(__name__)", False),
        ("NAME = re.compile('a')\nT = TypeVar('T')\nRANKS = {'a': 1}", False),
        ("_decode = msgspec.json.Decoder(Chat).decode\nusers = Table('users', metadata)", False),
        ("def build():\n    pool = ClientSession()\n    return pool", False),
    ],
)
def test_the_rule_on_instances_sees_them(code: str, bad: bool) -> None:
    """A rule that cannot fail guards nothing."""
    assert any(holds_state(node.value) for node in module_level(ast.parse(code))) is bad


@pytest.mark.parametrize(
    ("code", "bad"),
    [
        ("try:\n    f()\nexcept Exception:\n    pass", True),
        ("try:\n    f()\nexcept:\n    pass", True),
        ("try:\n    f()\nexcept (OSError, BaseException):\n    pass", True),
        ("with contextlib.suppress(Exception):\n    f()", True),
        ("try:\n    f()\nexcept OSError:\n    pass", False),
    ],
)
def test_the_rule_on_broad_excepts_sees_them(code: str, bad: bool) -> None:
    """A rule that cannot fail guards nothing."""
    assert any(catches_everything(node) for node in ast.walk(ast.parse(code))) is bad


def test_imports_go_down_the_list_of_rooms_only() -> None:
    """Every change has one address, and a room can be read without those above it. The list is in pyproject.toml."""
    ran = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_every_room_asks_its_question() -> None:
    """A folder answers one question. Who looks for a place to put something reads the questions, not the files."""
    rooms = {path.parent for path in SRC.rglob("*.py")} - {SRC}
    # Alembic reads migrations as loose scripts, by path.
    rooms = {room for room in rooms if "migrations" not in room.relative_to(SRC).parts}
    silent = [
        name(room)
        for room in sorted(rooms)
        if not (room / "__init__.py").is_file() or "?" not in (ast.get_docstring(parse(room / "__init__.py")) or "")
    ]
    assert silent == []


def test_help_loads_no_framework(tmp_path: Path) -> None:
    """`penstock --help` is what a new user types first and what a shell completes with; 0.2 s of CPU is its budget."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ran = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "penstock", "--help"],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "PENSTOCK_DATA_DIR": str(tmp_path / "data")},
        capture_output=True,
        text=True,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"penstock --help took {spent:.3f} s of CPU, import timing included")
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in ran.stderr.splitlines()}
    assert "click" in loaded
    assert loaded & HEAVY == set()
    assert "serve" in ran.stdout
    assert not (tmp_path / "data").exists()


def committed_text() -> Iterator[tuple[Path, str]]:
    """Every file that a checkout consists of, read as text."""
    folders = [ROOT / one for one in (".ci", "bench", "console", "docs", "requirements", "src", "tests")]
    files = [path for path in ROOT.iterdir() if path.is_file() and path.name != ".git"]  # a file in a worktree
    files += [path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()]
    for path in files:
        if {"__pycache__", "node_modules", "static"} & set(path.parts):
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


# Written in pieces, so that this file does not hold what it looks for.
ADDRESSES = re.compile(
    "|".join(["py" + r"pi\.org", "python" + r"hosted\.", "npm" + r"js\.", "crates" + r"\.io", r"deb\.deb" + "ian"])
)
PATHS = re.compile(
    r"(?<![\w.}])/(?:" + "|".join(["ho" + "me", "ro" + "ot", "wo" + "rk", "Us" + "ers", "op" + "t"]) + r")/\w"
)


@pytest.mark.parametrize("pattern", [ADDRESSES, PATHS], ids=["registry addresses", "paths of one machine"])
def test_the_repository_names_no(pattern: re.Pattern[str]) -> None:
    """Where packages come from is the user's own index setting, and a path of one machine is wrong on the next."""
    found = [f"{name(path)}: {hit.group()}" for path, text in committed_text() for hit in pattern.finditer(text)]
    assert found == []


def locked(file: str) -> dict[str, tuple[Requirement, list[str]]]:
    """Canonical name -> the pinned requirement and its hashes."""
    pins: dict[str, tuple[Requirement, list[str]]] = {}
    text = (ROOT / "requirements" / file).read_text(encoding="utf-8").replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        requirement, *hashes = re.split(r"\s+--hash=", line)
        pin = Requirement(requirement)
        pins[canonicalize_name(pin.name)] = (pin, hashes)
    return pins


LOCKS = sorted(path.relative_to(ROOT / "requirements").as_posix() for path in (ROOT / "requirements").rglob("*.txt"))


@pytest.mark.parametrize("file", LOCKS)
def test_requirements_are_pinned_by_hash_and_nothing_else(file: str) -> None:
    """What is installed is what was locked, wherever it is fetched from: so hashes, and no word on an index."""
    for pin, hashes in locked(file).values():
        assert re.fullmatch(r"==[^,*]+", str(pin.specifier)), str(pin)
        assert pin.url is None, str(pin)
        assert hashes, str(pin)
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", one) for one in hashes), str(pin)


def declared() -> dict[str, list[str]]:
    """The direct requirements of pyproject.toml by the lock that must hold them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    groups = project["dependency-groups"]
    runtime = project["project"]["dependencies"] + groups["build"]
    return {"serve.txt": runtime, "dev.txt": runtime + [one for one in groups["dev"] if isinstance(one, str)]}


@pytest.mark.parametrize("file", ["serve.txt", "dev.txt"])
def test_requirements_follow_pyproject(file: str) -> None:
    """What is declared but not locked is missing on every machine but its author's; `make lock` mends it."""
    pins = locked(file)
    wanted = {canonicalize_name(Requirement(one).name): Requirement(one) for one in declared()[file]}
    missing = [
        str(requirement)
        for key, requirement in wanted.items()
        if key not in pins or not requirement.specifier.contains(str(pins[key][0].specifier).removeprefix("=="))
    ]
    assert missing == []


def test_both_locks_agree() -> None:
    """`make serve` and `make test` share .venv; two pins of one package would take turns there."""
    serve, dev = locked("serve.txt"), locked("dev.txt")
    assert {key: pin for key, (pin, _) in serve.items()}.items() <= {key: pin for key, (pin, _) in dev.items()}.items()


def test_tests_are_as_long_as_the_code() -> None:
    """Where good code bases of this size differ from the others is here, and in the length of the longest function."""
    code, tests = line_count(python_files("src")), line_count(python_files("tests"))
    print(f"{code} lines of code, {tests} of tests")
    assert tests >= code
