"""/v1/files over HTTP: what a client may rely on, and what is refused in which words."""

import re
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from postgres_server import PostgresServer
from running_server import RunningServer, serving
from uploads import BOUNDARY, END, LINE, TYPE, field, file_head, form, listed, post, stored, upload


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    config = '[[models]]\nid = "echo"\nengine = "echo"\ncontext_length = 64\n'
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        config = f'database_url = "{postgres.create("files", template="migrated")}"\n{config}'
    with serving(tmp_path_factory.mktemp("files"), "--model", "echo", config=config) as server:
        yield server


@pytest.fixture(autouse=True)
def _nothing_is_left_over(server: RunningServer) -> Iterator[None]:
    """Bodies are those of the files that are listed, and nothing else."""
    yield
    names = {path.rpartition("/")[2] for path in stored(server.data_dir / "files")}
    assert names == {file["id"] for file in listed(server)}


def test_the_official_client_uploads_lists_reads_and_deletes(server: RunningServer) -> None:
    client = server.client()
    made = client.files.create(file=("batch.jsonl", LINE), purpose="batch")
    assert re.fullmatch(r"file-[0-9a-f]{24}", made.id)
    assert (made.object, made.bytes, made.filename, made.purpose, made.status) == (
        *("file", len(LINE), "batch.jsonl", "batch", "processed"),
    )
    assert made.expires_at is None
    assert client.files.retrieve(made.id) == made
    assert next(iter(client.files.list())).id == made.id
    assert client.files.content(made.id).read() == LINE
    gone = client.files.delete(made.id)
    assert (gone.id, gone.object, gone.deleted) == (made.id, "file", True)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)
    with pytest.raises(openai.NotFoundError):
        client.files.delete(made.id)


def test_a_file_can_be_given_an_end(server: RunningServer) -> None:
    made = server.client().files.create(
        file=LINE, purpose="batch", expires_after={"anchor": "created_at", "seconds": 3600}
    )
    assert made.expires_at == made.created_at + 3600


def test_the_client_pages_through_everything(server: RunningServer) -> None:
    client = server.client()
    made = [client.files.create(file=LINE, purpose="batch").id for _ in range(7)]
    found = [file.id for file in client.files.list(limit=2)]
    assert found[:7] == made[::-1]
    assert len(set(found)) == len(found) == len(listed(server))
    oldest_first = [file.id for file in client.files.list(limit=3, order="asc")]
    assert oldest_first == found[::-1]
    page = server.request("GET", "/v1/files?limit=2").json
    assert (page["object"], page["has_more"], page["first_id"], page["last_id"]) == ("list", True, made[-1], made[-2])
    assert listed(server, query="?purpose=batch_output") == []


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("limit=0", "limit"),
        ("limit=10001", "limit"),
        ("limit=1e3", "limit"),
        ("order=up", "order"),
        ("purpose=fine-tune", "purpose"),
        ("after=file-000000000000000000000000", "after"),
        ("after=%00", "after"),
        ("before=x", "before"),
    ],
)
def test_a_wrong_page_is_told(server: RunningServer, query: str, param: str) -> None:
    answer = server.request("GET", f"/v1/files?{query}")
    assert (answer.status, answer.error["param"]) == (400, param)


def test_the_trailing_slash_of_the_reference_works(server: RunningServer) -> None:
    made = post(server, form(), path="/v1/files/").json
    assert server.request("GET", "/v1/files/?limit=1").json["data"] == [made]
    assert server.request("PUT", "/v1/files/").status == 405


def test_fields_come_in_any_order(server: RunningServer) -> None:
    before = field("expires_after[anchor]", "created_at") + field("purpose", "batch")
    body = before + file_head() + LINE + b"\r\n" + field("expires_after[seconds]", "7200") + END
    made = post(server, body).json
    assert made["expires_at"] == made["created_at"] + 7200


SECONDS: dict[str, Any] = {"expires_after[seconds]": "3600"}
ANCHOR: dict[str, Any] = {"expires_after[anchor]": "created_at"}
FILE = file_head() + LINE + b"\r\n"
REFUSED: dict[str, tuple[bytes, int, str, str | None]] = {
    "no file": (field("purpose", "batch") + END, 400, "missing_required_parameter", "file"),
    "no purpose": (FILE + END, 400, "missing_required_parameter", "purpose"),
    "another purpose": (form(purpose="assistants"), 400, "invalid_value", "purpose"),
    "an output": (form(purpose="batch_output"), 400, "invalid_value", "purpose"),
    "an empty file": (form(b""), 400, "invalid_value", "file"),
    "an unknown field": (form(colour="red"), 400, "unknown_parameter", "colour"),
    "two files": (FILE + form(), 400, "invalid_value", "file"),
    "two purposes": (field("purpose", "batch") + form(), 400, "invalid_value", "purpose"),
    "no anchor": (form(**SECONDS), 400, "missing_required_parameter", "expires_after[anchor]"),
    "no seconds": (form(**ANCHOR), 400, "missing_required_parameter", "expires_after[seconds]"),
    "a long field": (form(purpose="b" * 2000), 400, "invalid_value", "purpose"),
    "no UTF-8": (form().replace(b"\r\n\r\nbatch", b"\r\n\r\n\xff"), 400, "invalid_value", "purpose"),
    "no end": (form()[:-8], 400, "invalid_value", None),
    "cut in the file": (FILE[:-30], 400, "invalid_value", None),
    "nothing": (b"", 400, "invalid_value", None),
    "another boundary": (form().replace(BOUNDARY.encode(), b"x"), 400, "invalid_value", None),
    "no disposition": (f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END, 400, "invalid_value", None),
    "no name": (form().replace(b'name="file"; ', b""), 400, "invalid_value", None),
    "a long header": (form(filename=b"n" * 5000), 400, "invalid_value", None),
    "many headers": (form().replace(b"\r\n\r\n", b"\r\nx: y" * 9 + b"\r\n\r\n", 1), 400, "invalid_value", None),
    "many fields": (b"".join(field(f"f{at}", "x") for at in range(17)) + form(), 400, "invalid_value", None),
    "JSON": (b'{"purpose": "batch"}', 400, "invalid_value", None),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_form_is_told(server: RunningServer, case: str) -> None:
    body, status, code, param = REFUSED[case]
    answer = post(server, body)
    assert (answer.status, answer.error["code"], answer.error["param"]) == (status, code, param), answer.body
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("seconds", ["3599", "2592001", "1e4", "3600.0", "-3600", "", "٣٦٠٠", "9" * 30])
def test_a_life_has_its_bounds(server: RunningServer, seconds: str) -> None:
    answer = post(server, form(**ANCHOR, **{**SECONDS, "expires_after[seconds]": seconds}))
    assert (answer.status, answer.error["param"]) == (400, "expires_after[seconds]")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "application/json"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": f"{TYPE}", "content-encoding": "gzip"}, 415),
        ({"content-type": "multipart/form-data"}, 400),
        ({"content-type": f"multipart/form-data; boundary={'x' * 300}"}, 400),
        ({"content-type": "multipart/mixed; boundary=x"}, 415),
    ],
)
def test_another_type_is_refused(server: RunningServer, headers: dict[str, str], status: int) -> None:
    assert post(server, form(), **headers).status == status


NAMES: dict[bytes, str] = {
    b"../../etc/passwd": "../../etc/passwd",
    b"/etc/passwd": "/etc/passwd",
    b"..\\..\\x": "..\\..\\x",
    b"a\x00b.jsonl": "a\ufffdb.jsonl",
    b"a\x1b[31mb": "a\ufffd[31mb",
    b"\xff\xfe": "\ufffd\ufffd",
    "gr\u00fc\u00dfe \U0001f600.jsonl".encode(): "gr\u00fc\u00dfe \U0001f600.jsonl",
    "\u202etxt.exe".encode(): "\ufffdtxt.exe",
    b"": "upload",
    b"n" * 300: "n" * 255,
    b"a\xc2\x85b": "a\ufffdb",
    b"%00%0d%0aset-cookie: x=y": "%00%0d%0aset-cookie: x=y",
    b"a\\\"; filename*=UTF-8''b": "a\"; filename*=UTF-8''b",
}


@pytest.mark.parametrize("given", NAMES, ids=repr)
def test_a_name_is_text_and_nothing_else(server: RunningServer, given: bytes) -> None:
    made = upload(server, filename=given)
    assert made["filename"] == NAMES[given]
    content = server.request("GET", f"/v1/files/{made['id']}/content")
    assert (content.status, content.body) == (200, LINE)
    disposition = content.headers["content-disposition"]
    assert re.fullmatch(r"attachment; filename=\"[ !#-\[\]-~]*\"; filename\*=UTF-8''[\w.~%-]+", disposition)
    assert "set-cookie" not in content.headers


def test_content_comes_as_an_attachment(server: RunningServer) -> None:
    lines, other = upload(server, filename=b"a.jsonl"), upload(server, filename=b"a.html")
    for made, kind in ((lines, "application/jsonl"), (other, "application/octet-stream")):
        content = server.request("GET", f"/v1/files/{made['id']}/content")
        assert content.headers["content-type"] == kind
        assert content.headers["x-content-type-options"] == "nosniff"
        assert content.headers["content-length"] == str(len(LINE))
        assert content.headers["cache-control"] == "no-store"
        head = server.request("HEAD", f"/v1/files/{made['id']}/content")
        assert {**head.headers, "x": ""}.keys() == {**content.headers, "x": ""}.keys()
        assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(LINE)))


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 1 << 20, 5_000_001])
def test_every_byte_comes_back(server: RunningServer, size: int) -> None:
    """Also what looks like a piece of a boundary, wherever parts are cut."""
    almost = f"\r\n--{BOUNDARY}"[:-1].encode() + b"\r\r\n-\x00\xff"
    body = (almost * (size // len(almost) + 1))[:size]
    made = upload(server, body)
    assert made["bytes"] == size
    assert server.request("GET", f"/v1/files/{made['id']}/content").body == body


def test_an_inference_key_has_no_files(server: RunningServer) -> None:
    key = server.new_key("inference alone", "--scope", "inference")
    answer = post(server, form(), key=key)
    assert (answer.status, answer.error["code"]) == (403, "insufficient_permissions")


NO_IDS = ["file-0", "key_0123456789abcdef", "%00", "..%2f..", "'", "file-%F0%9F%98%80", "x" * 5000]


def routes_of(id_: str) -> Iterator[tuple[str, str]]:
    yield from (("GET", f"/v1/files/{id_}"), ("GET", f"/v1/files/{id_}/content"), ("DELETE", f"/v1/files/{id_}"))


@pytest.mark.parametrize(
    "id_", ["file-0", "key_0123456789abcdef", "%00", "..%2f..", "'", "file-%F0%9F%98%80", "x" * 5000]
)
def test_what_is_no_id_is_not_found(server: RunningServer, id_: str) -> None:
    of_nobody: Any = [server.request(*one) for one in routes_of("file-000000000000000000000000")]
    for one, nobodys in zip(routes_of(id_), of_nobody, strict=True):
        answer = server.request(*one)
        assert (answer.status, answer.body) in ((404, nobodys.body), (404, server.request("GET", "/nothing").body))
