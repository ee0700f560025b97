"""Code to be copied: each does what it says, with this server's address and whatever is in the request."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from running_server import SMOL, RunningServer, penstock
from sign_in import Person, ask_json, settle
from snippet_calls import HOSTILE, PARAMETERS, TALK, call, filled_in

from penstock.console.code import Parameters
from penstock.console.snippets import PLACEHOLDER, SNIPPETS, VARIABLE, Call, Language

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
HERE: list[Any] = [pytest.param("curl", marks=needs_curl), "python", "cli"]
"""Those whose client the tests have themselves; tests/clients/test_snippets.py runs the others."""


def run(language: Language, code: str, folder: Path, **environ: str) -> str:
    """What the code prints, where it works: an answer of 400 and more fails it."""
    if SNIPPETS[language].syntax == "python":
        (folder / "snippet.py").write_text(code, encoding="utf-8")
        command = [sys.executable, "snippet.py"]
    else:
        curl = 'curl() { command curl --silent --show-error --fail-with-body "$@"; }\n'
        command = ["bash", "-euc", f"{curl}{code}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {"PATH": path, "HOME": str(folder), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    ran = subprocess.run(
        command, env={**kept, **environ}, cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, f"{code}\n{ran.stdout}{ran.stderr}"
    return ran.stdout


def said(language: Language, printed: str) -> str:
    content = json.loads(printed)["choices"][0]["message"]["content"] if language == "curl" else printed
    return str(content)


@pytest.mark.parametrize("language", HERE)
def test_each_asks_the_real_model(language: Language, real_server: RunningServer, tmp_path: Path) -> None:
    code = filled_in(language, call(real_server), real_server.key)
    assert said(language, run(language, code, tmp_path)).strip()


@pytest.mark.parametrize("language", HERE)
def test_whatever_is_said_arrives_as_it_was(language: Language, echo_server: RunningServer, tmp_path: Path) -> None:
    """The echo engine says it back, and nothing of it was run."""
    asked = Call(echo_server.base_url.removesuffix("/v1"), "echo", TALK)
    printed = run(language, filled_in(language, asked, echo_server.key), tmp_path)
    assert said(language, printed).rstrip("\n") == HOSTILE
    assert not (tmp_path / "planted").exists()


@pytest.mark.parametrize("language", HERE)
def test_the_command_prints_what_runs(language: Language, echo_server: RunningServer, tmp_path: Path) -> None:
    made = penstock(
        *("snippet", language, "--url", echo_server.base_url, "--model", "echo", "--message", HOSTILE),
        data_dir=tmp_path,
    )
    assert made.returncode == 0, made.stderr
    printed = run(language, made.stdout, tmp_path, **{VARIABLE: echo_server.key})
    assert said(language, printed).rstrip("\n") == HOSTILE


def test_the_command_says_what_to_install_and_knows_the_settings(tmp_path: Path) -> None:
    made = penstock("snippet", "javascript", data_dir=tmp_path, environ={"PENSTOCK_PORT": "9123"})
    assert made.stdout.startswith("// npm install openai\n")
    assert 'baseURL: "http://127.0.0.1:9123/v1"' in made.stdout
    assert f'model: "{SMOL}"' in made.stdout
    assert "process.env.PENSTOCK_API_KEY" in made.stdout
    assert penstock("snippet", "cobol", data_dir=tmp_path).returncode == 2


def test_the_command_line_tells_what_it_leaves_out() -> None:
    code = SNIPPETS["cli"].code(Call("http://localhost", "m", TALK, PARAMETERS))
    first = code.splitlines()[0]
    assert first.startswith("# Without what was said before the last prompt, top_p, seed, ")
    assert "temperature" not in first
    assert "--temperature 0.5" in code
    assert SNIPPETS["cli"].code(Call("http://localhost", "m")).startswith("export ")


@pytest.mark.parametrize("language", SNIPPETS)
def test_the_first_place_for_a_key_is_the_only_one(language: Language) -> None:
    """Else a key that is filled in would also land in what is said."""
    code = SNIPPETS[language].code(Call("http://localhost", "m", [{"role": "user", "content": PLACEHOLDER}]))
    before, _, after = code.partition(PLACEHOLDER)
    assert "messages" not in before
    assert PLACEHOLDER in after
    from_environment = SNIPPETS[language].code(Call("http://localhost", "m", from_environment=True))
    assert PLACEHOLDER not in from_environment


@pytest.fixture(scope="module")
def ann(echo_server: RunningServer) -> Person:
    return settle(echo_server, "ann-who-copies")


def test_the_console_gets_all_with_its_own_address(echo_server: RunningServer, ann: Person) -> None:
    listed = ask_json(echo_server, "GET", "/api/snippets", cookie=ann.cookie).json
    assert [each["id"] for each in listed["data"]] == list(SNIPPETS)
    assert listed["base_url"] == echo_server.base_url
    assert listed["model"] == "echo"
    for each in listed["data"]:
        assert f"127.0.0.1:{echo_server.port}" in each["code"]
        assert listed["placeholder"] in each["code"]
    named = ask_json(echo_server, "GET", "/api/snippets?model=org/other", cookie=ann.cookie).json
    assert all("org/other" in each["code"] for each in named["data"])


def test_the_console_gets_code_for_its_own_request(echo_server: RunningServer, ann: Person) -> None:
    body = {"model": "echo", "messages": TALK, "parameters": {**PARAMETERS, "reasoning_effort": None}}
    written = ask_json(echo_server, "POST", "/api/snippets", body, cookie=ann.cookie).json
    in_its_order = {name: PARAMETERS[name] for name in Parameters.__struct_fields__ if name in PARAMETERS}
    asked = Call(echo_server.base_url.removesuffix("/v1"), "echo", TALK, in_its_order)
    assert {each["id"]: each["code"] for each in written["data"]} == {
        language: snippet.code(asked) for language, snippet in SNIPPETS.items()
    }


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"parameters": {"temperature": 3}}, "parameters.temperature"),
        ({"parameters": {"grammar": "root"}}, "parameters.grammar"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"url": "http://elsewhere"}, "url"),
    ],
)
def test_what_is_no_request_is_refused(
    echo_server: RunningServer, ann: Person, body: dict[str, Any], param: str
) -> None:
    refused = ask_json(echo_server, "POST", "/api/snippets", body, cookie=ann.cookie)
    assert (refused.status, refused.error["param"]) == (400, param)


def test_the_address_is_the_one_that_was_asked(echo_server: RunningServer, ann: Person) -> None:
    def base_url(**headers: str) -> str:
        answer = ask_json(echo_server, "GET", "/api/snippets", **headers)
        return str(answer.json["base_url"]) if answer.status == 200 else f"{answer.status}"

    assert base_url(cookie=ann.cookie, host="models.example.org:8443") == "http://models.example.org:8443/v1"
    assert base_url(cookie=ann.cookie, host="[::1]:8484") == "http://[::1]:8484/v1"
    assert base_url(cookie=ann.cookie, host="a/?x=", origin="http://a") == "400"
    assert base_url(cookie=ann.cookie, host="a$(id)", origin="http://a") == "400"
    safe = f"__Host-{ann.cookie}"  # as the browser has it over https, whose GET says no Origin
    over_https = echo_server.request("GET", "/api/snippets", headers={"cookie": safe, "host": "models.example.org"})
    assert over_https.json["base_url"] == "https://models.example.org/v1"


def test_who_is_not_signed_in_gets_none(echo_server: RunningServer, ann: Person) -> None:
    assert ask_json(echo_server, "GET", "/api/snippets").status == 401
    assert ask_json(echo_server, "GET", "/api/snippets", authorization=f"Bearer {ann.key}").status == 401
