"""Takes a picture of every page, in both themes, at three widths, on a server where something has happened.

    PYTHONPATH=src:tests .venv/bin/python -m e2e.shots [PATH ...]

The pictures are for people to look at: build/shots/WIDTH-THEME-PAGE.png. Without paths it takes all pages.
"""

import json
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from debian import program
from e2e.browser import THEMES, WIDTHS, BrowserThread, Opened, settled
from e2e.site_map import Place, places
from playwright.sync_api import Error
from running_server import RunningServer, serving
from sign_in import Person, ask_json, bearer, settle
from uploads import form
from uploads import post as upload

SHOTS = Path(__file__).resolve().parents[2] / "build" / "shots"
CONFIG = """
signup = "open"

[[models]]
id = "meta-llama/Meta-Llama-3.1-8B-Instruct"
engine = "echo"
context_length = 8192
slots = 8
price = { input = 0.18, cached_input = 0.09, output = 0.18 }
[models.echo]
tokens_per_second = 120

[[models]]
id = "deepseek-ai/DeepSeek-R1"
engine = "echo"
context_length = 32768
slots = 4
price = { input = 1.75, output = 5.0 }
[models.echo]
tokens_per_second = 40

[[models]]
id = "BAAI/bge-m3"
engine = "echo"
kind = "embedding"
context_length = 8192
"""
FAST, SLOW, EMBEDDING = "meta-llama/Meta-Llama-3.1-8B-Instruct", "deepseek-ai/DeepSeek-R1", "BAAI/bge-m3"


def chat(server: RunningServer, key: str, model: str, content: str) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": 60}
    server.request("POST", "/v1/chat/completions", json.dumps(body).encode(), bearer(key))


def make_keys(server: RunningServer, who: Person) -> list[str]:
    """Six, of which one is disabled, and one expires soon."""
    secrets = []
    for name in ("laptop", "ci", "batch jobs of the analytics team", "experiments", "notebook", "old laptop"):
        expires = int(time.time()) + 3 * 86_400 if name == "ci" else None
        made = ask_json(server, "POST", "/api/keys", {"name": name, "expires_at": expires}, cookie=who.cookie).json
        secrets.append(made["key"])
        if name == "old laptop":
            ask_json(server, "PATCH", f"/api/keys/{made['id']}", {"disabled": True}, cookie=who.cookie)
    return secrets


def make_batches(server: RunningServer, key: str) -> None:
    """One that ends well, one with errors, one that is wrong, one that takes a while."""
    for name, model, lines in (("reviews", FAST, 12), ("tickets", FAST, 8), ("long-job", SLOW, 400)):
        texts = []
        for number in range(lines):
            messages = [{"role": "user", "content": f"Sum up {name} number {number}, please. " * 4}]
            wanted = "no-such/model" if name == "tickets" and number % 4 == 0 else model
            body = {"model": wanted, "messages": messages, "max_tokens": 40}
            url = "/v1/chat/completions"
            texts.append(json.dumps({"custom_id": f"{name}-{number}", "method": "POST", "url": url, "body": body}))
        content = "\n".join(texts).encode()
        begin_batch(server, key, f"{name}.jsonl", content)
    begin_batch(server, key, "broken.jsonl", b'{"custom_id": 1}\nnot JSON at all\n')


def begin_batch(server: RunningServer, key: str, filename: str, lines: bytes) -> None:
    sent = upload(server, form(lines, filename=filename.encode()), key=key).json
    body = {"input_file_id": sent["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    server.request("POST", "/v1/batches", json.dumps(body).encode(), bearer(key))


def lived_in(server: RunningServer) -> Person:
    """An administrator of a server that has been in use."""
    root = settle(server, "ada.lovelace", role="admin")
    for name in ("grace", "edsger", "barbara"):
        settle(server, name, plan="trial")
    ask_json(server, "POST", "/api/admin/invitations", {"email": "alan@example.org"}, cookie=root.cookie)
    keys = make_keys(server, root)
    for number in range(24):
        chat(server, keys[number % 5], SLOW if number % 4 == 0 else FAST, f"Tell me of river number {number}. " * 5)
    chat(server, keys[0], "no-such/model", "Hello")
    make_batches(server, keys[2])
    return root


def shoot(opened: Opened, server: RunningServer, who: Person, place: Place) -> None:
    for theme in THEMES:
        page = opened(server, None if place.outside else who, place.path, theme=theme, refusals=True)
        for width, height in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": height})
            with suppress(Error):
                settled(page)
            page.wait_for_timeout(400)
            name = place.path.strip("/").replace("/", "-") or "home"
            page.screenshot(path=SHOTS / f"{width}-{theme}-{name}.png", full_page=True)
        page.context.close()


def main() -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    wanted = [place for place in places() if not sys.argv[1:] or place.path in sys.argv[1:]]
    models = [argument for model in (FAST, SLOW, EMBEDDING) for argument in ("--model", model)]
    thread = BrowserThread(program("chromium", "chromium"))
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), *models, config=CONFIG) as server:
        root = lived_in(server)
        opened = Opened(thread.browser)
        for place in wanted:
            try:
                thread.run(lambda at=place: shoot(opened, server, root, at))  # type: ignore[misc]
            except Error as error:
                print(f"{place.path}: {error}", file=sys.stderr)
        print("\n".join(opened.wrong))
    thread.close()


if __name__ == "__main__":
    main()
