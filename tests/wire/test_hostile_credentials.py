"""Credentials where they do not belong, and secrets that must not turn up where they do not belong either."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from raw_http import ask
from running_server import Answer, RunningServer, eventually, free_port, penstock, serving

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE api_keys; --",
    '" UNION SELECT digest FROM api_keys --',
    "psk_' OR digest IS NOT NULL --",
    "1); DELETE FROM usage; --",
    "%27%20OR%201=1",
    "\\'; SELECT pg_sleep(60); --",
]
HEADERS = [
    *("authorization", "x-api-key", "cookie", "origin", "referer", "user-agent", "accept", "accept-language"),
    *("x-request-id", "x-client-request-id", "x-forwarded-for", "forwarded", "idempotency-key", "anthropic-version"),
    *("openai-organization", "openai-project", "if-none-match", "range", "traceparent", "x-stainless-lang"),
]


def tables(server: RunningServer) -> dict[str, int]:
    """Every table and its rows; usage, which grows by itself, only by its name."""
    with closing(sqlite3.connect(server.data_dir / "penstock.db")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        growing = {name: -1 for name in names if name.startswith("usage")}
        return growing | {
            name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in names
            if name not in growing
        }


@pytest.mark.parametrize("name", ["api_key", "api-key", "key", "access_token", "token", "authorization"])
def test_a_key_in_the_query_opens_nothing_and_is_not_logged(echo_server: RunningServer, name: str) -> None:
    key = echo_server.key
    for target in (f"/v1/models?{name}={key}", f"/metrics?{name}=Bearer%20{key}", f"/v1/models?x=1&{name}={key}"):
        assert ask(echo_server, "GET", target).status == 401
    body = b'{"model":"echo","messages":[{"role":"user","content":"x"}]}'
    posted = ask(echo_server, "POST", f"/v1/chat/completions?{name}={key}", "content-type: application/json", body=body)
    assert (posted.status, posted.error["code"]) == (401, "missing_api_key")
    log = echo_server.log.read_text()
    assert key not in log
    assert key[8:24] not in log


@pytest.mark.parametrize("other", ["psk_other", SQL[0], "sk-1234"])
def test_two_credentials_are_no_credential(echo_server: RunningServer, other: str) -> None:
    mine = f"Bearer {echo_server.key}"
    for lines in (
        (f"authorization: {mine}", f"x-api-key: {other}"),
        (f"authorization: Bearer {other}", f"x-api-key: {echo_server.key}"),
        (f"authorization: {mine}", f"authorization: Bearer {other}"),
        (f"x-api-key: {echo_server.key}", f"x-api-key: {other}"),
    ):
        answer = ask(echo_server, "GET", "/v1/models", *lines)
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error"), lines
        assert other not in answer.error["message"]


@pytest.mark.usefixtures("canary")
@pytest.mark.parametrize("header", HEADERS)
def test_sql_in_a_header_is_text(echo_server: RunningServer, header: str) -> None:
    before = tables(echo_server)
    credential = f"authorization: Bearer {echo_server.key}"
    for sql in SQL:
        lines = [f"{header}: {sql}"] if header in ("authorization", "x-api-key") else [credential, f"{header}: {sql}"]
        answer = ask(echo_server, "GET", "/v1/models", *lines)
        assert answer.status == (401 if len(lines) == 1 else 200), (header, sql, answer.body)
        for word in (b"SELECT", b"sqlite", b"api_keys", b"Traceback"):
            assert word not in answer.body or answer.status == 200
    assert tables(echo_server) == before


CONFIG = """
[[models]]
id = "echo"
engine = "echo"
context_length = 64
[models.echo]
directives = true
[[models]]
id = "vectors"
engine = "echo"
kind = "embedding"
context_length = 64
"""
PROMPT = "canary-prompt-5f1c"
PASSWORD = "canary-password-77"
ENVIRON = {
    "OPENAI_API_KEY": "canary-environ-a1",
    "AWS_SECRET_ACCESS_KEY": "canary-environ-b2",
    "HF_TOKEN": "canary-environ-c3",
}


@dataclass
class Planted:
    """A server that knows secrets, the errors it has answered, and one of the secrets, which it made itself."""

    server: RunningServer
    errors: list[Answer]
    invitation: str

    @property
    def secrets(self) -> list[bytes]:
        """What must not be found: whole keys, and the part of ours that no hint shows."""
        key = self.server.key
        words = [key, key[12:-6], "canarykeycanarykey", PROMPT, PASSWORD, self.invitation]
        assert all(len(word) > 12 for word in words)
        return [word.encode() for word in words]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    """A server that has been given prompts and keys in every way that a client has, a password and an invitation."""
    config = f"metrics_port = {free_port()}\n{CONFIG}"
    folder = tmp_path_factory.mktemp("canaries")
    with serving(folder, "--model", "echo", "--model", "vectors", config=config, environ=ENVIRON) as server:
        invited = penstock("users", "invite", "ann@example.org", data_dir=folder)
        created = subprocess.run(
            [sys.executable, "-m", "penstock", "users", "create", "bob@example.org", "--password-stdin"],
            env={**os.environ, "PENSTOCK_DATA_DIR": str(folder)}, input=f"{PASSWORD}\n", text=True, check=True
        )  # fmt: skip
        assert (invited.returncode, created.returncode) == (0, 0), invited.stderr
        errors = [answer for answer in plant(server) if answer.status >= 400]
        eventually(lambda: len(server.ledger()) >= 4)
        yield Planted(server, errors, invited.stdout.strip())


def plant(server: RunningServer) -> Iterator[Answer]:
    def post(path: str, **body: Any) -> Answer:
        return server.request("POST", path, json.dumps(body).encode())

    # An error names the path to what is wrong, and with it a property; what it holds is not told.
    schema = {"type": "object", "properties": {"x": {"type": PROMPT, "description": PROMPT}}}
    yield server.chat(PROMPT)
    yield server.chat(PROMPT, stream=True)
    yield server.chat(f"!crash@0 {PROMPT}")
    yield server.chat(f"{PROMPT} " * 90)
    yield server.chat("x", metadata={PROMPT: PROMPT}, user=PROMPT)
    yield server.chat("x", response_format={"type": "json_schema", "json_schema": {"name": "s", "schema": schema}})
    yield server.chat("x", temperature=PROMPT)
    yield server.chat([{"type": "text", "text": PROMPT, "x": PROMPT}])  # type: ignore[arg-type]
    yield post("/v1/completions", model="echo", prompt=f"{PROMPT} " * 90)
    yield post("/v1/responses", model="echo", input=PROMPT, instructions=PROMPT)
    yield post("/v1/messages", model="echo", max_tokens=5, messages=[{"role": "user", "content": PROMPT}])
    yield post("/v1/embeddings", model="vectors", input=[PROMPT, f"{PROMPT} " * 90])
    yield server.request("POST", "/v1/chat/completions", f'{{"model": "echo", "messages": "{PROMPT}'.encode())
    for key in (server.key[:-1] + "x", "psk_" + "canarykey" * 4, "canarykey"):
        yield server.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        yield server.request("GET", f"/v1/models/{key}", headers={"x-api-key": key, "x-request-id": key})


def files_under(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def test_no_secret_and_no_prompt_is_kept_or_logged(planted: Planted) -> None:
    """Neither in the log, nor in that of an engine, nor in the database, its journal or the spool of usage."""
    files = list(files_under(planted.server.data_dir))
    assert {"penstock.db", "serve.log", "echo.log"} <= {path.name for path, _ in files}
    found = [(path.name, secret) for path, data in files for secret in planted.secrets if secret in data]
    assert found == []


def test_no_secret_and_no_prompt_is_told(planted: Planted) -> None:
    """Neither by the metrics nor by an error."""
    errors = planted.errors
    assert len(errors) > 10
    told = [planted.server.metrics().body, *(answer.body for answer in errors)]
    told += [json.dumps(answer.headers).encode() for answer in errors]
    assert [(secret, body) for body in told for secret in planted.secrets if secret in body] == []


def test_nothing_secret_is_in_a_command_line_or_an_engines_environment(
    planted: Planted,
) -> None:
    server = planted.server
    pepper = (server.data_dir / "pepper").read_bytes().strip()
    hidden = [*planted.secrets, *(value.encode() for value in ENVIRON.values()), pepper]
    everywhere = [server.process.pid, *server.engine_pids()]
    assert len(everywhere) == 3
    for pid in everywhere:
        line = "\0".join(psutil.Process(pid).cmdline()).encode()
        assert [secret for secret in hidden if secret in line] == []
    for pid in server.engine_pids():
        environ = Path(f"/proc/{pid}/environ").read_bytes()
        assert [secret for secret in hidden if secret in environ] == []
        assert not re.search(rb"(?i)^[^=\0]*(key|secret|token|password)[^=\0]*=", environ.replace(b"\0", b"\n"), re.M)
