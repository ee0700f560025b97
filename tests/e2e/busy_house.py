"""A server on which every list has rows, and on which something runs for as long as it does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from e2e.site_map import places
from running_server import RunningServer, eventually, serving
from sign_in import Person, ask_json, bearer, settle, sign_in
from uploads import form
from uploads import post as upload

QUICK, SLOW = "meta-llama/Meta-Llama-3.1-8B-Instruct", "deepseek-ai/DeepSeek-R1-of-the-second-floor"
"""Names as long as real ones are."""
_CONFIG = f"""
signup = "invitation"

[[models]]
id = "{QUICK}"
engine = "echo"
context_length = 8192
price = {{ input = 0.18, cached_input = 0.09, output = 0.18 }}

[[models]]
id = "{SLOW}"
engine = "echo"
context_length = 100000
slots = 2
[models.echo]
tokens_per_second = 2
"""
_LONG = " ".join(f"word{number}" for number in range(10_000))
"""What the slow model repeats for longer than any test takes."""


@dataclass(frozen=True)
class House:
    """What there is, for the addresses of pages that show one thing."""

    server: RunningServer
    root: Person
    lodger: Person
    barred: str
    """An account that is disabled."""
    running: str
    """A batch that does not end."""
    failed: str
    """A batch of which some lines failed."""

    def addresses(self) -> list[str]:
        """Every page for whoever is signed in, and what else they show."""
        return [place.path for place in places() if not place.outside] + self.more_addresses()

    def more_addresses(self) -> list[str]:
        """What pages show by what stands in the URL."""
        return [
            "/users?tab=invitations",
            f"/users?account={self.lodger.id}",
            "/settings?tab=plans",
            f"/batch?id={self.running}",
            f"/batch?id={self.failed}",
            "/requests?tab=history",
            "/requests?tab=history&account=all",
            "/usage?by=model",
            "/limits?plan=free",
            "/playground?tab=api",
        ]


@contextmanager
def busy_house(folder: Path) -> Iterator[House]:
    """It, running."""
    with serving(folder, "--model", QUICK, "--model", SLOW, config=_CONFIG) as server:
        root = settle(server, "ada-who-runs-all-of-this", role="admin", plan="enterprise")
        sign_in(server, root.email)
        lodger, barred = settle(server, "grace"), settle(server, "barred").id
        ask_json(server, "PATCH", f"/api/admin/accounts/{barred}", {"disabled": True}, cookie=root.cookie)
        _make_keys(server, root)
        _administrate(server, root)
        for model in (QUICK, QUICK, "no-such/model"):
            server.request("POST", "/v1/chat/completions", _chat(model, "one two three"), bearer(root.key))
        # Before the lines of the batch, which would take all slots.
        asked = HTTPConnection("127.0.0.1", server.port, timeout=60)
        asked.request("POST", "/v1/chat/completions", _chat(SLOW, _LONG), {**bearer(root.key), **_JSON})
        failed = _begin_batch(server, root, "tickets of last week.jsonl", (QUICK, "no-such/model"))
        eventually(lambda: _status(server, root, failed) == "completed")
        _begin_batch(server, root, "draft.jsonl", ())
        running = _begin_batch(server, root, "reviews.jsonl", (SLOW, SLOW))
        eventually(lambda: _status(server, root, running) == "in_progress")
        yield House(server, root, lodger, barred, running, failed)
        asked.close()


_JSON = {"content-type": "application/json"}


def _chat(model: str, content: str) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": content}]}).encode()


def _make_keys(server: RunningServer, who: Person) -> None:
    """One of each kind that is shown in a way of its own."""
    limits = {"requests_per_minute": 60, "output_tokens_per_minute": 100_000}
    wanted = {"name": "batch jobs of the analytics team", "limits": limits, "expires_at": 4_000_000_000}
    for given in (wanted, {"name": "old laptop"}):
        made = ask_json(server, "POST", "/api/keys", given, cookie=who.cookie).json
    ask_json(server, "PATCH", f"/api/keys/{made['id']}", {"disabled": True}, cookie=who.cookie)


def _administrate(server: RunningServer, root: Person) -> None:
    """An invitation, an account with a name, and a plan that was changed."""
    for path, body in (
        ("/api/admin/invitations", {"email": "alan.turing.of.the.first.floor@example.org"}),
        ("/api/admin/accounts", {"email": "edsger@example.org", "name": "Edsger W. Dijkstra"}),
    ):
        assert ask_json(server, "POST", path, body, cookie=root.cookie).status == 200
    plan = {"requests_per_minute": 7, "context": 32_768, "max_output": 4096, "description": "For a trial"}
    assert ask_json(server, "PUT", "/api/admin/plans/trial", plan, cookie=root.cookie).status == 200


def _begin_batch(server: RunningServer, who: Person, filename: str, models: tuple[str, ...]) -> str:
    """A batch of one line for each model; of none it is a wrong one."""
    lines = [
        json.dumps(
            {"custom_id": f"{number}", "method": "POST", "url": "/v1/chat/completions"}
            | {"body": json.loads(_chat(model, _LONG if model == SLOW else "one two"))}
        )
        for number, model in enumerate(models)
    ]
    sent = upload(server, form("\n".join(lines or ["not JSON"]).encode(), filename=filename.encode()), key=who.key)
    begun = {"input_file_id": sent.json["id"], "endpoint": "/v1/chat/completions", "completion_window": "24h"}
    batch_id: str = ask_json(server, "POST", "/v1/batches", begun, **bearer(who.key)).json["id"]
    return batch_id


def _status(server: RunningServer, who: Person, batch_id: str) -> str:
    status: str = server.request("GET", f"/v1/batches/{batch_id}", headers=bearer(who.key)).json["status"]
    return status
