"""The terminal's client against a server that says what the test wants."""

import socket
import threading

import pytest
from scripted_server import Reply, refusal, scripted

from penstock.cli.client import BrokenOff, Client, NoServer, Said, ServerSaid, Usage, when_loaded
from penstock.errors import OperatorError

ASK = {"model": "org/first", "messages": [{"role": "user", "content": "Hi"}]}


def test_an_answer_comes_in_pieces_with_its_figures() -> None:
    reply = Reply(("Hel", "lo", " there"), finish_reason="length")
    with scripted(reply) as server, Client(server.url, "key").stream(ASK) as answer:
        assert [*answer] == [Said("Hel"), Said("lo"), Said(" there")]
    assert answer.usage == Usage(prompt=31, completion=3)
    assert answer.finish_reason == "length"
    assert answer.pieces == 3
    assert answer.ttft_seconds is not None
    assert answer.ttft_seconds > 0
    assert answer.writing_seconds >= 0
    assert server.asked == [{**ASK, "stream": True, "stream_options": {"include_usage": True}}]


def test_reasoning_is_told_from_the_answer() -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "Hm", "reasoning": "Hm"}}]}
    with scripted(Reply((thought, "Yes"))) as server, Client(server.url, "key").stream(ASK) as answer:
        assert [*answer] == [Said("Hm", thought=True), Said("Yes")]


def test_pings_and_events_cut_anywhere_are_no_trouble() -> None:
    event = 'data: {"choices": [{"delta": {"content": "Grüße"}}]}\n\n'.encode()
    cut = event.index(b"\xbc")
    reply = Reply((b": ping\n\n", event[:cut], event[cut:-1], b"\n", b": ping\n\n"))
    with scripted(reply) as server, Client(server.url, "key").stream(ASK) as answer:
        assert [*answer] == [Said("Grüße")]


def test_an_error_in_the_stream_is_raised_after_what_came_before() -> None:
    failed = {"error": {"message": "The engine died.", "type": "server_error", "param": None, "code": "engine_error"}}
    heard: list[Said] = []
    with (
        scripted(Reply(("a", failed), ends=False)) as server,
        Client(server.url, "key").stream(ASK) as answer,
        pytest.raises(ServerSaid, match=r"The engine died\. Try again") as raised,
    ):
        heard.extend(answer)
    assert heard == [Said("a")]
    assert raised.value.status == 0
    assert raised.value.code == "engine_error"


@pytest.mark.parametrize("pieces", [("a", "b"), ()])
def test_a_stream_that_ends_without_done_is_an_error(pieces: tuple[str, ...]) -> None:
    with (
        scripted(Reply(pieces, ends=False)) as server,
        Client(server.url, "key").stream(ASK) as answer,
        pytest.raises(BrokenOff, match="broke off"),
    ):
        list(answer)


def test_a_clean_end_without_done_is_an_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(f"http://127.0.0.1:{listener.getsockname()[1]}", "key")
        listener.settimeout(5)

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with client.stream(ASK) as answer, pytest.raises(BrokenOff):
            list(answer)
        thread.join()


def test_leaving_the_block_tells_the_server() -> None:
    with scripted(Reply(("a",), holds=True)) as server:
        with Client(server.url, "key").stream(ASK) as answer:
            assert next(iter(answer)) == Said("a")
            assert not server.left.is_set()
        assert server.left.wait(5)


def test_an_error_has_the_servers_words_and_the_next_step() -> None:
    next_step = r"The key opens nothing\. Give a key in PENSTOCK_API_KEY or with --api-key; `penstock keys create"
    with (
        scripted(refusal(401, "invalid_api_key", "The key opens nothing.")) as server,
        pytest.raises(ServerSaid, match=next_step) as raised,
    ):
        Client(server.url, "key").stream(ASK)
    assert (raised.value.status, raised.value.code) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "no"}, "no"),
        ({"error": None}, "status 500"),
        ({"detail": "x"}, "status 500"),
        ({"error": {"message": "odd", "code": 7}}, "odd"),
    ],
)
def test_an_error_in_any_shape_is_an_error(body: dict[str, object], words: str) -> None:
    with scripted(Reply(status=500, body=body)) as server, pytest.raises(ServerSaid, match=words):
        Client(server.url, "key").complete(ASK)


def test_a_whole_answer_is_given_as_it_is() -> None:
    with scripted(Reply(body={"id": "chatcmpl-1", "choices": []})) as server:
        assert Client(server.url, "key").complete(ASK) == {"id": "chatcmpl-1", "choices": []}
    assert server.asked == [ASK]


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/"])
def test_models_are_listed_wherever_the_url_ends(ending: str) -> None:
    with scripted(models=("b", "a")) as server:
        client = Client(server.url + ending, "the-key")
        assert client.models() == {"b": "chat", "a": "chat"}
        assert client.url == server.url
    assert server.keys == ["the-key"]


def test_a_url_needs_no_scheme() -> None:
    with scripted() as server:
        assert Client(server.url.removeprefix("http://"), "key").models()


def test_no_server_says_how_to_start_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
    with pytest.raises(NoServer) as raised:
        Client(url, "key").models()
    assert raised.value.message == f"No server answers at {url}. Start one with: penstock serve"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "http://", "http://127.0.0.1:port", "http://127.0.0.1:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(OperatorError, match="no address of a server"):
        Client(url, "key")


def test_an_ipv6_address_needs_no_port() -> None:
    assert Client("http://[::1]", "key").url == "http://[::1]"


def test_while_a_model_loads_it_is_asked_again_when_the_server_says() -> None:
    loading = refusal(503, "model_loading", "The model is loading.", retry_after="0.05")
    told: list[str] = []
    with scripted(loading, loading, Reply(("ok",))) as server:
        client = Client(server.url, "key")
        with when_loaded(lambda: client.stream(ASK), told=told.append) as answer:
            assert [*answer] == [Said("ok")]
    assert told == ["The model is loading."]
    assert len(server.asked) == 3


def test_only_a_loading_model_is_waited_for() -> None:
    with scripted(refusal(503, "model_unavailable", "It failed.", retry_after="0.05")) as server:
        client = Client(server.url, "key")
        with pytest.raises(ServerSaid, match=r"It failed\. The terminal of `penstock serve` says why"):
            when_loaded(lambda: client.stream(ASK), told=print)
    assert len(server.asked) == 1
