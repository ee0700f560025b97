"""Every place of every route that takes a text, with what PostgreSQL keeps in none: a NUL, or half of a character."""

import itertools
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from msgspec import inspect
from postgres_server import PostgresServer
from running_server import Answer, RunningServer, eventually, serving
from sign_in import Person, ask_json, bearer, own_origin, settle
from uploads import field, form, post, upload

from penstock.app import operations
from penstock.web.operation import Operation

NUL = "a\0b"
_DEEPEST = 8
CONFIG = """
database_url = "{url}"
signup = "open"
[[models]]
id = "echo"
engine = "echo"
context_length = 400
"""


@dataclass(frozen=True)
class World:
    """A server on PostgreSQL, an administrator, and what there is to be named in a path or in a body."""

    server: RunningServer
    admin: Person
    there: dict[str, str]
    """`keys` of `/api/keys/{id}` -> the id of one."""
    numbers: Iterator[int]


@pytest.fixture(scope="module")
def world(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    url = postgres.create("no_nul", template="migrated")
    with serving(tmp_path_factory.mktemp("nul"), "--model", "echo", config=CONFIG.format(url=url)) as server:
        admin, other = settle(server, "admin", role="admin"), settle(server, "other")
        key = ask_json(server, "POST", "/api/keys", {"name": "spare"}, cookie=admin.cookie).json["id"]
        there = {"keys": key, "accounts": other.id, "plans": "trial", "files": upload(server)["id"]}
        yield World(server, admin, there, itertools.count())
        assert "Traceback" not in server.log.read_text()
    postgres.drop("no_nul")


def plain(name: str, text: inspect.StrType, world: World) -> str:
    """A good text for the field of this name."""
    known = {
        "model": "echo",
        "email": f"ann{next(world.numbers)}@example.org",
        "password": "correct horse battery staple",
        "completion_window": "24h",
        "input_file_id": world.there["files"],
        "account_id": world.there["accounts"],
        "plan": "trial",
    }
    return known.get(name, "a" * max(1, text.min_length or 1))


def good(name: str, type_: inspect.Type, world: World) -> Any:
    """A value of this type, with nothing in it that may be left out."""
    match type_:
        case inspect.StrType():
            return plain(name, type_, world)
        case inspect.LiteralType(values):
            return values[0]
        case inspect.BoolType():
            return True
        case inspect.IntType(ge=least) | inspect.FloatType(ge=least):
            return least or 1
        case inspect.ListType(item) | inspect.VarTupleType(item) | inspect.SetType(item):
            return [good(name, item, world)]
        case inspect.DictType():
            return {}
        case inspect.UnionType(types):
            return good(name, types[0], world)
        case inspect.Metadata(inner):
            return good(name, inner, world)
        case inspect.StructType(fields=fields):
            needed = {one.encode_name: good(one.name, one.type, world) for one in fields if one.required}
            return {**tag(type_), **needed}
    return None


def tag(struct: inspect.StructType) -> dict[str, Any]:
    return {struct.tag_field: struct.tag} if struct.tag_field else {}


def bad(name: str, type_: inspect.Type, world: World, depth: int = 0) -> Iterator[Any]:
    """Values of this type, each good but for one text."""
    if depth > _DEEPEST:
        return
    match type_:
        case inspect.StrType():
            yield NUL
        case inspect.AnyType() | inspect.RawType():
            yield from ({"a": NUL}, {NUL: "a"}, NUL)
        case inspect.ListType(item) | inspect.VarTupleType(item) | inspect.SetType(item):
            yield from ([one] for one in bad(name, item, world, depth + 1))
        case inspect.UnionType(types):
            for inner in types:
                yield from bad(name, inner, world, depth + 1)
        case inspect.Metadata(inner):
            yield from bad(name, inner, world, depth + 1)
        case inspect.DictType() | inspect.StructType():
            yield from bad_object(name, type_, world, depth + 1)


def bad_object(
    name: str, type_: inspect.DictType | inspect.StructType, world: World, depth: int
) -> Iterator[dict[str, Any]]:
    if isinstance(type_, inspect.StructType):
        for one in type_.fields:
            for value in bad(one.name, one.type, world, depth):
                yield {**good(name, type_, world), one.encode_name: value}
        return
    for key in bad(name, type_.key_type, world, depth):
        yield {key: good(name, type_.value_type, world)}
    for value in bad(name, type_.value_type, world, depth):
        yield {"a": value}


def bodies(operation: Operation, world: World) -> Iterator[bytes]:
    for body in bad("", inspect.type_info(operation.request), world):
        encoded = msgspec.json.encode(body)
        yield encoded
        yield encoded.replace(rb"\u0000", rb"\ud800")


def path_of(operation: Operation, value: str) -> str:
    return operation.path.partition("{")[0] + value + operation.path.partition("}")[2]


def headers(operation: Operation, world: World) -> dict[str, str]:
    """What is let in."""
    access = operation.access
    if access.everybody:
        return own_origin(world.server)
    if access.role is not None:
        return {**own_origin(world.server), "cookie": world.admin.cookie}
    return bearer(world.admin.key)


def send(world: World, operation: Operation, path: str, body: bytes | None = None) -> Answer:
    return world.server.request(operation.method, path, body, headers(operation, world))


def every(has: Callable[[Operation], Any]) -> pytest.MarkDecorator:
    found = [operation for operation in operations() if has(operation)]
    return pytest.mark.parametrize("operation", found, ids=lambda operation: operation.name)


@every(lambda operation: operation.parameters)
@pytest.mark.parametrize("text", ["%00", "a%00b", "key_%00", "%ED%A0%80", "key_a%ED%A0%80"])
def test_in_a_path(world: World, operation: Operation, text: str) -> None:
    body = None if operation.request is None else b"{}"
    assert send(world, operation, path_of(operation, text), body).status in (400, 404)


@every(lambda operation: operation.query)
def test_in_a_query(world: World, operation: Operation) -> None:
    described = inspect.type_info(operation.query)
    assert isinstance(described, inspect.StructType)
    needed = {one.encode_name: good(one.name, one.type, world) for one in described.fields if one.required}
    for one in described.fields:
        for text in ("%00", "a%00b", "a%ED%A0%80b"):
            others = urllib.parse.urlencode({name: value for name, value in needed.items() if name != one.encode_name})
            answer = send(world, operation, f"{operation.path}?{one.encode_name}={text}&{others}")
            assert answer.status in (200, 400), (one.encode_name, text)
            assert answer.status == 400 or answer.json["data"] == []


@every(lambda operation: operation.request and operation.request_media == "application/json")
def test_in_a_body(world: World, operation: Operation) -> None:
    noun = operation.path.partition("/{")[0].rpartition("/")[2]
    path = path_of(operation, world.there[noun]) if operation.parameters else operation.path
    tried = 0
    for body in bodies(operation, world):
        tried += 1
        assert send(world, operation, path, body).status < 500, body
    assert tried or operation.name in {"rotateKey", "rotateAnyKey"}


def test_in_a_form(world: World) -> None:
    taken = [operation.path for operation in operations() if operation.request_media == "multipart/form-data"]
    assert taken == ["/v1/files", "/api/files"]  # which one handler reads
    assert post(world.server, form(filename=b"a\0b.jsonl"), key=world.admin.key).status == 200
    for name in ("purpose", "expires_after[anchor]", "expires_after[seconds]", "a\0b"):
        spoilt = field(name, "a\0b") + form()
        assert post(world.server, spoilt, key=world.admin.key).status == 400


def test_the_ledger_goes_on(world: World) -> None:
    body = {"model": "echo", "messages": [{"role": "user", "content": NUL}]}
    asked = ask_json(world.server, "POST", "/v1/chat/completions", body, **bearer(world.admin.key))
    assert asked.status == 200

    def used() -> bool:
        shown = ask_json(world.server, "GET", "/v1/usage?limit=1", **bearer(world.admin.key)).json["data"]
        return bool(shown[0]["results"])

    eventually(used)
