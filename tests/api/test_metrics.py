"""GET /metrics on a real server: who may see it, in which form, and that its numbers are the ledger's."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable

import pytest
from guides import DOCS
from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families
from raw_http import ask
from running_server import RunningServer, eventually, penstock

Parser = Callable[[str], Iterable[Metric]]
OPEN_METRICS = "application/openmetrics-text"


def read(server: RunningServer) -> list[Metric]:
    answer = server.metrics()
    assert answer.status == 200
    return list(text_string_to_metric_families(answer.body.decode()))


def told(server: RunningServer, name: str, *labels: str) -> dict[tuple[str, ...], float]:
    """Values of these labels -> number, of the samples with this name."""
    samples = [sample for family in read(server) for sample in family.samples if sample.name == name]
    return {tuple(sample.labels[label] for label in labels): sample.value for sample in samples}


def use(server: RunningServer) -> None:
    """A little of everything: whole and streamed answers, embeddings, refusals, a client that is not known."""
    assert server.chat("one two three", n=2).status == 200
    assert server.chat("one two", stream=True).status == 200
    assert server.chat("word " * 100).status == 400
    assert server.chat("!crash@0 x", model="nothing").status == 404
    body = json.dumps({"model": "text-embedding-3-small", "input": ["a b", "c"]}).encode()
    assert server.request("POST", "/v1/embeddings", body).status == 200
    assert server.request("GET", "/v1/models", headers={}).status == 401


def test_the_numbers_are_those_of_the_ledger(echo_server: RunningServer) -> None:
    use(echo_server)
    labels = ("model", "endpoint", "status", "outcome", "tier")
    kinds = {"input": "prompt", "cached_input": "cached", "output": "completion", "reasoning": "reasoning"}

    def agree() -> bool:
        rows = echo_server.ledger()
        requests = Counter(tuple(str(row[label]) for label in labels) for row in rows)
        tokens = {
            (model, kind): sum(row[f"{column}_tokens"] for row in rows if row["model"] == model)
            for model in {row["model"] for row in rows}
            for kind, column in kinds.items()
        }
        shown = told(echo_server, "penstock_tokens_total", "model", "kind")
        assert shown.keys() >= tokens.keys()
        return requests == told(echo_server, "penstock_requests_total", *labels) and shown.items() >= tokens.items()

    eventually(agree)


def test_the_ledgers_own_numbers_end_where_its_rows_do(echo_server: RunningServer) -> None:
    names = ("rows_total", "waiting_rows", "lag_seconds")

    def shown() -> list[float]:
        return [told(echo_server, f"penstock_ledger_{name}")[()] for name in names]

    eventually(lambda: shown()[1:] == [0, 0])
    others = shown()[0] - len(echo_server.ledger())  # rows of batches, which come there by another way
    assert echo_server.chat("one two three").status == 200
    eventually(lambda: shown() == [len(echo_server.ledger()) + others, 0, 0])


def test_every_span_of_a_request_that_ran_is_told(echo_server: RunningServer) -> None:
    def counts() -> list[float]:
        names = ("request", "time_to_first_token")
        queued = told(echo_server, "penstock_queue_seconds_count", "model", "class")["echo", "real_time"]
        return [queued, *(told(echo_server, f"penstock_{name}_seconds_count", "model")["echo",] for name in names)]

    before = counts()
    assert echo_server.chat("one two three").status == 200
    eventually(lambda: counts() == [number + 1 for number in before])


def test_label_values_are_words_of_our_own(echo_server: RunningServer) -> None:
    use(echo_server)
    echo_server.chat("Hi", model='x"y\n', user="mallory", metadata={"a": "mallory"})
    ask(echo_server, "GET", "/mallory", "authorization: Bearer mallory", "user-agent: mallory", host="mallory")
    names = {"model", "endpoint", "status", "outcome", "tier", "kind", "le", "limit", "state", "version", "class"}
    labels = [sample.labels for family in read(echo_server) for sample in family.samples]
    assert set().union(*labels) == names
    models = {values["model"] for values in labels if "model" in values}
    assert models == {"echo", "slow", "short", "org/vectors"}, "an alias counts as its model"
    text = echo_server.metrics().body.decode()
    assert "mallory" not in text
    assert echo_server.key not in text
    assert {row["key_id"] for row in echo_server.ledger()} & set(text.split()) == set()


@pytest.mark.parametrize(
    ("accept", "media_type", "parse"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", text_string_to_metric_families),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", text_string_to_metric_families),
        ('text/plain;version=x;escaping="', "text/plain; version=0.0.4; charset=utf-8", text_string_to_metric_families),
        (OPEN_METRICS, f"{OPEN_METRICS}; version=1.0.0;", openmetrics.text_string_to_metric_families),
        (
            f"{OPEN_METRICS};version=1.0.0;q=0.5,*/*",
            f"{OPEN_METRICS}; version=1.0.0;",
            openmetrics.text_string_to_metric_families,
        ),
        (
            f"{OPEN_METRICS};version=9.9.9",
            f"{OPEN_METRICS}; version=1.0.0;",
            openmetrics.text_string_to_metric_families,
        ),
        (f"{OPEN_METRICS};version=zero", f"{OPEN_METRICS}; version=1.0.0;", openmetrics.text_string_to_metric_families),
    ],
)
def test_both_formats_are_what_the_library_reads(
    echo_server: RunningServer, accept: str, media_type: str, parse: Parser
) -> None:
    answer = echo_server.metrics(accept=accept)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith(media_type)
    names = {family.name for family in parse(answer.body.decode())}
    assert names >= {"penstock_requests", "penstock_time_to_first_token_seconds", "penstock_queue_waiting"}


def test_the_own_listener_has_nothing_else(echo_server: RunningServer) -> None:
    for path in ("/", "/v1/models", "/health", "/metrics/", "/v1/chat/completions"):
        answer = echo_server.metrics(path=path)
        assert (answer.status, answer.error["code"]) == (404, "unknown_url"), path
    answer = echo_server.metrics("POST")
    assert (answer.status, answer.error["code"], answer.headers["allow"]) == (405, "method_not_allowed", "GET, HEAD")
    head = echo_server.metrics("HEAD")
    assert (head.status, head.body) == (200, b"")


def test_the_api_shows_it_to_no_stranger(echo_server: RunningServer) -> None:
    assert ask(echo_server, "GET", "/metrics").status == 401
    answer = echo_server.request("GET", "/metrics")
    assert (answer.status, answer.error["code"]) == (403, "insufficient_permissions")
    assert b"penstock_" not in answer.body


def test_the_api_shows_it_to_a_key_of_an_administrator(echo_server: RunningServer) -> None:
    made = penstock("keys", "create", "watch", "--scope", "admin", data_dir=echo_server.data_dir)
    for headers in ({"authorization": f"Bearer {made.stdout.strip()}"}, {"x-api-key": made.stdout.strip()}):
        answer = echo_server.request("GET", "/metrics", headers=headers)
        assert answer.status == 200
        families = {family.name for family in text_string_to_metric_families(answer.body.decode())}
        assert families == {family.name for family in read(echo_server)}
        assert echo_server.request("HEAD", "/metrics", headers=headers).status == 200


def test_the_guide_lists_every_metric_and_no_other(echo_server: RunningServer) -> None:
    guide = (DOCS / "operate" / "metrics.md").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^\| `((?:penstock|process)_\w+)` \| (\w+)", guide, re.MULTILINE))
    families = {family.name: family for family in read(echo_server)}
    shown = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert sorted(listed) == sorted(shown)
    for name, family in families.items():
        if family.type != "histogram":
            assert listed[f"{name}_total" if family.type == "counter" else name] == family.type
    used = set(re.findall(r"\b(?:penstock|process)_\w+", guide.partition("## What to ask")[2]))
    assert used
    assert {re.sub("_(bucket|sum|count)$", "", name) for name in used} <= shown


def test_the_guide_tells_the_labels(echo_server: RunningServer) -> None:
    guide = (DOCS / "operate" / "metrics.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(penstock_\w+)` \| (?:counter|gauge) \| ([^|]*) \|", guide, re.MULTILINE)
    listed = {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows}
    for family in read(echo_server):
        for sample in family.samples:
            if sample.name in listed:
                assert set(sample.labels) == listed[sample.name], sample.name
    assert listed
