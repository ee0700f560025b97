"""Every setting: flags win over PENSTOCK_* variables, which win over penstock.toml, which wins over defaults."""

import ast
import inspect
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import platformdirs
from msgspec import Meta

from penstock.errors import OperatorError

CONFIG_NAME = "penstock.toml"
FILE_ONLY = ("models", "plans")
"""The settings that no variable can give: each is a table."""
FLAGS = {
    "host": "--host",
    "port": "--port",
    "data_dir": "--data-dir",
    "workers": "--workers",
    "access_log": "--access-log",
    "serve": "--model",
    "aliases": "--alias",
}
"""What `penstock serve` takes in place of a setting."""
MASK = "***"
"""What stands for a secret where a setting is shown."""
DEFAULT_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"

Port = Annotated[int, Meta(ge=0, le=65535)]
Days = Annotated[int, Meta(ge=0, le=36500)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One server's settings. A field `x_y` is the key `x_y` of penstock.toml and the variable PENSTOCK_X_Y."""

    data_dir: str = ""
    """Where everything is kept. Empty: the platform's own folder for application data."""
    host: str = "127.0.0.1"
    """Address that the API and the console listen on."""
    port: Port = 8484
    """Port of the API and the console; 0 takes a free one."""
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    """Processes that take requests; 1: the server is one process."""
    access_log: bool = True
    """Whether each request gets a line in the log."""
    database_url: str = ""
    """Empty: SQLite in the data folder."""
    files_url: str = ""
    """Where the bodies of files are kept: `s3://bucket/prefix`, `gs://`, `az://` or `file:///path`. Empty: the folder
    `files` in the data folder."""
    valkey_url: str = ""
    """Address of a Valkey or Redis that several servers share their limits by: `redis://host:6379/0`. Empty: each
    server counts for itself."""
    plans: dict[str, dict[str, Any]] = {}
    """The operator's own plans, and changes to the shipped ones: `[plans.NAME]` in penstock.toml."""
    default_plan: str = "free"
    """The plan of an account that nobody chose one for."""
    signup: Literal["closed", "invitation", "open"] = "closed"
    """Who may make an account: nobody, whoever was invited, or everybody."""
    currency: str = "USD"
    """What prices and budgets are in, by its ISO 4217 code."""
    usage_days: Days = 90
    """How long each request's row is kept; 0 is for ever. The hourly and daily sums are always kept."""
    metrics_port: Port = 0
    """Port of a listener for GET /metrics alone, without a key; 0: none. On the API's port it takes an admin key."""
    metrics_host: str = "127.0.0.1"
    """Address of that listener."""
    serve: tuple[str, ...] = (DEFAULT_MODEL,)
    """Ids of the models to serve (`--model`, repeatable)."""
    aliases: dict[str, str] = {}
    """More names for served models: name -> id (`--alias`, repeatable). Those of all sources hold together."""
    models: list[dict[str, Any]] = []
    """The operator's own catalogue entries, in the form of the shipped catalogue."""
    batch_lease_seconds: Annotated[float, Meta(ge=1, le=3600)] = 30
    """A server that gives no sign of life for so long loses the lines of batches that it had begun to others."""
    drain_seconds: Seconds = 30
    """How long streams may go on after SIGTERM."""
    ping_seconds: Seconds = 10
    """Silence after which a stream gets a comment line; also how long its status is held back."""
    stall_seconds: Seconds = 30
    """An engine with work that gives no token for so long is killed and started anew."""

    @property
    def data_path(self) -> Path:
        chosen = Path(self.data_dir or platformdirs.user_data_dir("penstock", appauthor=False))
        try:
            return chosen.expanduser().absolute()
        except RuntimeError as error:
            raise OperatorError(f"The data folder {chosen} is in the home of a user that does not exist.") from error

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the database."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_path / 'penstock.db'}"


Origin = Literal["flag", "environment", "file", "default"]


@dataclass(frozen=True)
class Origins:
    """Which settings were given where; what is in none of these has its default."""

    file: Path | None = None
    """The file that was read."""
    flags: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    keys: frozenset[str] = frozenset()

    def of(self, name: str) -> Origin:
        """Where the value that holds comes from."""
        if name in self.flags:
            return "flag"
        if name in self.variables:
            return "environment"
        return "file" if name in self.keys else "default"


def load_settings(flags: Mapping[str, Any], environ: Mapping[str, str], *, config: Path | None = None) -> Settings:
    """As `read_settings`, without where they come from."""
    return read_settings(flags, environ, config=config)[0]


def read_settings(
    flags: Mapping[str, Any], environ: Mapping[str, str], *, config: Path | None = None
) -> tuple[Settings, Origins]:
    """Merge flags (None means not given), PENSTOCK_* variables and the file.

    The file is `config`, else PENSTOCK_CONFIG, else ./penstock.toml, else penstock.toml in the data folder.
    Raises OperatorError naming the file or variable at fault.
    """
    given = {name: value for name, value in flags.items() if value is not None and value != ()}
    env = _from_environ(environ)
    if config is None and environ.get("PENSTOCK_CONFIG"):
        config = Path(environ["PENSTOCK_CONFIG"])
    if config is not None and not config.is_file():
        raise OperatorError(f"The configuration file {config} does not exist.")
    path = config or _find_config(given, env)
    file = _read_toml(path) if path else {}
    if not isinstance(file.get("aliases", {}), dict):
        raise OperatorError(f'aliases in {path} is a table: [aliases], then "name" = "id" on each line.')
    aliases = {**file.get("aliases", {}), **env.get("aliases", {}), **given.get("aliases", {})}
    try:
        settings = msgspec.convert({**file, **env, **given, "aliases": aliases}, Settings, strict=False)
    except msgspec.ValidationError as error:
        where = f"{path}, the environment or the flags" if path else "the environment or the flags"
        raise OperatorError(f"A setting in {where} is wrong: {error}") from error
    return settings, Origins(path, frozenset(given), frozenset(env), frozenset(file))


def _find_config(given: Mapping[str, Any], env: Mapping[str, Any]) -> Path | None:
    data_dir = given.get("data_dir") or env.get("data_dir") or ""
    for folder in (Path.cwd(), Settings(data_dir=str(data_dir)).data_path):
        if (folder / CONFIG_NAME).is_file():
            return folder / CONFIG_NAME
    return None


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise OperatorError(f"{path} cannot be read: {error}") from error


def _from_environ(environ: Mapping[str, str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        raw = environ.get(f"PENSTOCK_{field.name.upper()}")
        if not raw or field.name in FILE_ONLY:  # an empty variable is one that is not set
            continue
        if field.name == "serve":
            found["serve"] = [item.strip() for item in raw.split(",") if item.strip()]
        elif field.name == "aliases":
            found["aliases"] = parse_aliases(raw.split(","))
        else:
            found[field.name] = raw
    return found


def parse_aliases(pairs: list[str] | tuple[str, ...]) -> dict[str, str]:
    """`NAME=ID` strings as a mapping. Raises OperatorError on any other form."""
    aliases = {}
    for pair in pairs:
        name, equals, target = pair.strip().partition("=")
        if not (name and equals and target):
            raise OperatorError(f"An alias is NAME=ID, not {pair!r}.")
        aliases[name] = target
    return aliases


@dataclass(frozen=True)
class Setting:
    """One setting as it holds, to be shown: secrets in it are masked."""

    name: str
    """In penstock.toml."""
    value: Any
    default: Any
    meaning: str
    origin: Origin
    flag: str | None
    """Of `penstock serve`."""
    variable: str | None


def described(settings: Settings, origins: Origins) -> list[Setting]:
    """Every setting, in the order of `Settings`."""
    defaults, meanings = msgspec.to_builtins(Settings()), _meanings()
    return [
        Setting(
            name,
            masked(name, value),
            defaults[name],
            meanings.get(name, ""),
            origins.of(name),
            FLAGS.get(name),
            None if name in FILE_ONLY else f"PENSTOCK_{name.upper()}",
        )
        for name, value in msgspec.to_builtins(settings).items()
    ]


def masked(name: str, value: Any) -> Any:
    """The value of a setting, or of something in it, without passwords: those in URLs, and what is called a secret."""
    if isinstance(value, Mapping):
        return {key: masked(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [masked(name, one) for one in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET.search(name):
        return MASK
    if "://" not in value:
        return MASK if name.endswith("_url") else value
    return _masked_url(value)


_SECRET = re.compile(r"(password|passwd|secret|token|credential|api_?key|access_?key)s?$", re.IGNORECASE)
_PLAIN_OPTIONS = ("region", "sslmode", "connect_timeout", "application_name", "target_session_attrs")


def _masked_url(url: str) -> str:
    """Without password and without what its query says, but for what is known to be no secret."""
    scheme, _, rest = url.partition("://")
    # The last @, as a password may have one, and ? and / too, where nobody has written them as %40 and so on.
    who, at, where = rest.rpartition("@")
    user = f"{who.partition(':')[0]}:" if ":" in who else ""
    place, mark, query = where.partition("?")
    options = (pair.partition("=") for pair in query.split("&"))
    shown = [f"{name}={value if name in _PLAIN_OPTIONS else MASK}" for name, _, value in options]
    return f"{scheme}://{f'{user}{MASK}@' if at else ''}{place}{mark}{'&'.join(shown) if mark else ''}"


def _meanings() -> dict[str, str]:
    """Name -> what is written under it in `Settings`, on one line."""
    (described,) = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(described, ast.ClassDef)
    found: dict[str, str] = {}
    for field, text in zip(described.body, described.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
            found[field.target.id] = " ".join(str(ast.literal_eval(text.value)).split())
    return found
