"""A server as it is after weeks of use: people, keys, plans, batches, refusals, and the real model that answers."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from e2e.past import Use, age, age_audit, live_through, selected
from running_server import SMOL, SMOL_EMBEDDING, RunningServer, eventually
from sign_in import PASSWORD, Person, ask_json, bearer, in_database
from uploads import form
from uploads import post as upload

from penstock.tenants.audit import Actor

TICKETS = "acme/ticket-writer"
"""A model of the house's own: the same weights, with less room."""
_CONFIG = f"""
signup = "open"

[[models]]
id = "{SMOL}"
max_output = 512
slots = 4
price = {{ input = 0.05, cached_input = 0.01, output = 0.1 }}

[[models]]
id = "{TICKETS}"
engine = "llama_cpp"
source = "file:@WEIGHTS@"
context_length = 2048
max_output = 256
slots = 2
parameters = "135M"
quantization = "Q4_1"
price = {{ input = 0.05, cached_input = 0.01, output = 0.1 }}

[[models]]
id = "{SMOL_EMBEDDING}"
price = {{ input = 0.02, output = 0.0 }}

[plans.team]
description = "For everybody at Acme"
concurrency = 8
max_output = 1024
requests_per_minute = 120
monthly_budget = 25
priority = "high"
"""


def config(models: Path) -> str:
    """The settings, for a folder that has the default model."""
    (weights,) = (models / SMOL.replace("/", "--")).glob("*.gguf")
    return _CONFIG.replace("@WEIGHTS@", str(weights.resolve()))


SERVED = (SMOL, TICKETS, SMOL_EMBEDDING)
_PRICES = (50_000, 10_000, 100_000)
_WINDOW = "24h"
_MOMENTS = ("in_progress_at", "finalizing_at", "completed_at", "failed_at", "cancelling_at", "cancelled_at")
_AGED = ("created_at", "expires_at", *_MOMENTS)


@dataclass(frozen=True)
class Scene:
    """Who and what there is to be shown."""

    root: Person
    secret: str
    """Of a key of hers."""
    newcomer: Person
    """Has an account, and nothing else."""
    batches: dict[str, str]
    """The ids, by the names of the files."""
    refused: str
    """The id of a request that met a limit."""
    done: str
    """The id of one that was answered."""


def lived_in(server: RunningServer) -> Scene:
    """The scene. It takes a minute."""
    root = person(server, "Ada Lovelace", role="admin", plan="team", days=41)
    grace, edsger = (
        person(server, "Grace Hopper", by=root, plan="team", days=33),
        person(server, "Edsger Dijkstra", days=27),
    )
    barbara = person(server, "Barbara Liskov", by=root, plan="standard", days=19)
    newcomer = person(server, "Alan Kay", days=0.1)
    keys = {name: make_key(server, root, name, days=days) for name, days in _KEYS.items()}
    web, nightly = make_key(server, grace, "web shop", days=30), make_key(server, barbara, "nightly", days=18)
    slides = make_key(server, edsger, "slides", days=20)
    of_root = [
        Use(root.id, key[0], _MODELS[name], share, name == "search index", _PRICES)
        for (name, key), share in zip(keys.items(), _SHARES, strict=True)
        if share
    ]
    of_others = [
        Use(grace.id, web[0], SMOL, 0.2, prices=_PRICES),
        Use(barbara.id, nightly[0], TICKETS, 0.1, prices=_PRICES),
        Use(edsger.id, slides[0], SMOL, 0.05, prices=_PRICES),
    ]
    live_through(server, [*of_root, *of_others])
    administrate(server, root, keys, edsger)
    age_audit(server, days=26)
    eventually(lambda: _all_ready(server, root), seconds=240)
    secret = keys["help desk"][1]
    hello = {"model": SMOL, "messages": [{"role": "user", "content": _QUESTIONS[-1]}], "max_tokens": 16}
    ask_json(server, "POST", "/api/chat/completions", hello, cookie=root.cookie)
    for question in _QUESTIONS:
        chat(server, secret, question)
    chat(server, secret, "Hello", model="acme/no-such-model")
    for _ in range(3):
        chat(server, slides[1], "One more", max_tokens=4)
    embed(server, keys["search index"][1])
    return Scene(root, secret, newcomer, make_batches(server, keys["reviews"][1]), **_two_requests(server, root))


_KEYS = {
    "help desk": 40.0,
    "search index": 33.0,
    "reviews": 26.0,
    "staging": 12.0,
    "laptop of Ada": 6.0,
    "workshop in May": 38.0,
}
_SHARES = (0.34, 0.14, 0.12, 0.07, 0.03, 0.0)
_MODELS = {
    "help desk": SMOL,
    "search index": SMOL_EMBEDDING,
    "reviews": TICKETS,
    "staging": SMOL,
    "laptop of Ada": SMOL,
}
_QUESTIONS = (
    "How do I reset the password of my account?",
    "My parcel has not arrived. What can I do?",
    "Which sizes does the blue jacket come in?",
    "Write a short answer to a customer who wants a refund.",
    "What is the most famous street in Paris?",
)


def person(
    server: RunningServer, name: str, *, days: float, by: Person | None = None, role: Any = "user", plan: str = "free"
) -> Person:
    """An account since `days` ago, signed in; `by` gives it its plan."""
    email = f"{name.lower().replace(' ', '.')}@example.org"

    async def make(tenants: Any) -> str:
        made = await tenants.accounts.create(email, by=Actor.operator(), name=name, role=role, password=PASSWORD)
        account_id: str = made.id
        return account_id

    account_id = in_database(server, make)
    made = Person(account_id, email, "", _log_in(server, email))
    if plan != "free":
        ask_json(server, "PATCH", f"/api/admin/accounts/{account_id}", {"plan": plan}, cookie=(by or made).cookie)
    age(server, "accounts", account_id, hours=24 * days, columns=("created_at",))
    return made


def _log_in(server: RunningServer, email: str) -> str:
    who = {"email": email, "password": PASSWORD}
    answer = ask_json(server, "POST", "/api/login", who, user_agent=_FIREFOX)
    assert answer.status == 200, answer.body
    return answer.headers["set-cookie"].partition(";")[0]


_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


def make_key(server: RunningServer, who: Person, name: str, *, days: float) -> tuple[str, str]:
    """Its id and its secret."""
    made = ask_json(server, "POST", "/api/keys", {"name": name}, cookie=who.cookie).json
    age(server, "api_keys", made["id"], hours=24 * days, columns=("created_at",))
    return made["id"], made["key"]


def administrate(server: RunningServer, root: Person, keys: dict[str, tuple[str, str]], edsger: Person) -> None:
    """What an administrator does in a month."""
    limits = {"requests_per_minute": 30, "monthly_budget": 5}
    ask_json(server, "PATCH", f"/api/keys/{keys['staging'][0]}", {"limits": limits}, cookie=root.cookie)
    soon = int(time.time()) + 3 * 86_400
    ask_json(server, "PATCH", f"/api/keys/{keys['laptop of Ada'][0]}", {"expires_at": soon}, cookie=root.cookie)
    ask_json(server, "PATCH", f"/api/keys/{keys['workshop in May'][0]}", {"disabled": True}, cookie=root.cookie)
    for name in ("donald.knuth", "frances.allen"):
        invited = {"email": f"{name}@example.org", "plan": "team"}
        ask_json(server, "POST", "/api/admin/invitations", invited, cookie=root.cookie)
    tony = person(server, "Tony Hoare", by=root, plan="trial", days=24)
    for change in ({"plan": "standard"}, {"disabled": True}):
        ask_json(server, "PATCH", f"/api/admin/accounts/{tony.id}", change, cookie=root.cookie)
    ask_json(server, "PATCH", f"/api/admin/accounts/{edsger.id}", {"plan": "trial"}, cookie=root.cookie)
    ask_json(server, "PATCH", f"/api/admin/accounts/{edsger.id}", {"plan": "free"}, cookie=root.cookie)


def _all_ready(server: RunningServer, who: Person) -> bool:
    models = ask_json(server, "GET", "/api/models", cookie=who.cookie).json["data"]
    return all(model["state"] == "ready" for model in models)


def chat(server: RunningServer, secret: str, content: str, *, model: str = SMOL, max_tokens: int = 48) -> None:
    body = {"model": model, "messages": [{"role": "user", "content": content}], "max_tokens": max_tokens}
    with suppress(TimeoutError):  # a machine that is busy with other things
        server.request("POST", "/v1/chat/completions", json.dumps(body).encode(), bearer(secret))


def embed(server: RunningServer, secret: str) -> None:
    body = {"model": SMOL_EMBEDDING, "input": ["Blue jacket, size M", "Green scarf of wool"]}
    server.request("POST", "/v1/embeddings", json.dumps(body).encode(), bearer(secret))


def make_batches(server: RunningServer, secret: str) -> dict[str, str]:
    """One that ended well, one with errors, one that is wrong and one that was cancelled."""
    batches = {}
    for name, hours, lines in (("reviews-october.jsonl", 52.0, 12), ("tickets.jsonl", 27.0, 9)):
        batches[name] = begin_batch(server, secret, name, _lines(name.removesuffix(".jsonl"), lines))
        eventually(lambda at=batches[name]: _status(server, at) == "completed", seconds=240)  # type: ignore[misc]
        age_batch(server, batches[name], hours=hours)
    wrong = b'{"custom_id": "a", "method": "POST", "url": "/v1/embeddings", "body": {}}\n{"custom_id": "a"\n'
    batches["draft.jsonl"] = begin_batch(server, secret, "draft.jsonl", wrong)
    eventually(lambda: _status(server, batches["draft.jsonl"]) == "failed")
    age_batch(server, batches["draft.jsonl"], hours=5)
    batches["catalogue.jsonl"] = begin_batch(server, secret, "catalogue.jsonl", _lines("catalogue", 240))
    server.request("POST", f"/v1/batches/{batches['catalogue.jsonl']}/cancel", b"", bearer(secret))
    eventually(lambda: _status(server, batches["catalogue.jsonl"]) == "cancelled")
    age_batch(server, batches["catalogue.jsonl"], hours=3)
    return batches


def _status(server: RunningServer, batch_id: str) -> str:
    (status,) = selected(server, "SELECT status FROM batches WHERE id = ?", batch_id)
    return str(status)


def _lines(name: str, count: int) -> bytes:
    texts = []
    for number in range(count):
        system = "You sort what customers write. Answer with one sentence."
        messages = [{"role": "system", "content": system}, {"role": "user", "content": _SAID[number % len(_SAID)]}]
        model = "acme/ticket-writer-2" if name == "tickets" and number % 4 == 0 else TICKETS
        body = {"model": model, "messages": messages, "max_tokens": 24}
        line = {"custom_id": f"{name}-{number:04}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        texts.append(json.dumps(line))
    return "\n".join(texts).encode()


_SAID = (
    "The jacket fits well, but the zip broke after a week.",
    "Fast delivery, and just what I wanted.",
    "The colour is not that of the picture. I want to send it back.",
    "My second pair, and I would buy a third.",
    "The parcel came open, and one glove is missing.",
)


def begin_batch(server: RunningServer, secret: str, filename: str, lines: bytes) -> str:
    sent = upload(server, form(lines, filename=filename.encode()), key=secret).json
    metadata = {"team": "customer care"}
    body = {
        "input_file_id": sent["id"],
        "endpoint": "/v1/chat/completions",
        "completion_window": _WINDOW,
        "metadata": metadata,
    }
    made = server.request("POST", "/v1/batches", json.dumps(body).encode(), bearer(secret)).json
    batch_id: str = made["id"]
    return batch_id


def age_batch(server: RunningServer, batch_id: str, *, hours: float) -> None:
    """Move the batch and its files back."""
    age(server, "batches", batch_id, hours=hours, columns=_AGED)
    for column in ("input_file_id", "output_file_id", "error_file_id"):
        for file_id in selected(server, f"SELECT {column} FROM batches WHERE id = ?", batch_id):
            if file_id:
                age(server, "files", file_id, hours=hours, columns=("created_at",))


def _two_requests(server: RunningServer, root: Person) -> dict[str, str]:
    found = {}
    for name, query in (("refused", "status=429"), ("done", "outcome=completed&batch=false&model=" + SMOL)):
        rows = ask_json(server, "GET", f"/api/requests?{query}", cookie=root.cookie).json["data"]
        found[name] = rows[0]["id"]
    return found


@contextmanager
def busy(server: RunningServer, scene: Scene) -> Iterator[str]:
    """Requests run and wait, over and over, and so do the lines of a batch, whose id this gives."""
    over = threading.Event()

    def go_on(number: int) -> None:
        while not over.is_set():
            chat(server, scene.secret, f"Write a long letter to customer number {number}.", max_tokens=300)

    for number in range(6):  # what runs at the end of it ends by itself, or with the server
        threading.Thread(target=go_on, args=(number,), daemon=True).start()
    batch_id = begin_batch(server, scene.secret, "reviews-november.jsonl", _lines("reviews", 400))
    try:
        eventually(
            lambda: selected(server, "SELECT 1 FROM batches WHERE id = ? AND completed > 8", batch_id), seconds=240
        )
        yield batch_id
    finally:
        over.set()
        server.request("POST", f"/v1/batches/{batch_id}/cancel", b"", bearer(scene.secret))
