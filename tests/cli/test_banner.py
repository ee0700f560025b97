"""What the banner prints, whatever stands in names, paths and reasons."""

from pathlib import Path

import pytest

from penstock.catalogue.models import Model
from penstock.catalogue.pull import Progress
from penstock.catalogue.workers import State, Worker
from penstock.cli.banner import Banner
from penstock.engines.echo import Echo
from penstock.engines.relay import Relay
from penstock.settings import Settings


async def never_pulled(_progressed: object) -> Path | None:
    return None


@pytest.fixture
async def worker() -> Worker:
    """A worker that was never started."""
    model = Model(id="my/model", engine="echo", context_length=64)
    relay = Relay(stall_seconds=1)
    await relay.close()
    engine = Echo(context_length=64)
    return Worker(
        model, ("my/model", "gpt-4o"), engine, relay, pull=never_pulled, log_path=Path("x.log"), stall_seconds=1,
        changed=lambda worker: None,
    )  # fmt: skip


async def test_text_that_looks_like_markup_is_text(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    banner = Banner(Settings(data_dir="/tmp/[/b] [red]"), port=8484)
    banner.show(chats=True)
    worker.state, worker.reason = State.FAILED, "the last line was [/INST] [bold]"
    banner.changed(worker)
    worker.state = State.LOADING
    banner.changed(worker)
    said = capsys.readouterr().err
    assert said.count("/tmp/[/b] [red]") == 3
    assert said.count("[/INST] [bold]") == 2


@pytest.mark.parametrize(("port", "tried"), [(8484, "penstock chat\n"), (9000, "chat --url http://127.0.0.1:9000\n")])
async def test_what_it_proposes_reaches_this_server(port: int, tried: str, capsys: pytest.CaptureFixture[str]) -> None:
    Banner(Settings(), port=port).show(chats=True)
    assert tried in capsys.readouterr().err


async def test_a_model_that_is_ready_tells_its_names(worker: Worker, capsys: pytest.CaptureFixture[str]) -> None:
    banner = Banner(Settings(), port=8484)
    worker.state = State.READY
    banner.changed(worker)
    said = capsys.readouterr().err
    assert "my/model: ready" in said
    assert "also as gpt-4o" in said


async def test_a_download_is_announced_once_and_draws_no_bar_into_a_file(
    worker: Worker, capsys: pytest.CaptureFixture[str]
) -> None:
    banner = Banner(Settings(), port=8484)
    for received in (1, 2, 3):
        banner.pulling(worker.model, Progress(received, 3, "downloading"))
    worker.state = State.LOADING
    banner.changed(worker)
    banner.ended()
    assert capsys.readouterr().err.count("downloading") == 1


@pytest.mark.parametrize(("host", "base"), [("127.0.0.1", "http://127.0.0.1:1/v1"), ("::1", "http://[::1]:1/v1")])
def test_the_address_can_be_copied(host: str, base: str, capsys: pytest.CaptureFixture[str]) -> None:
    Banner(Settings(host=host), port=1).show(chats=True)
    assert base in capsys.readouterr().err


def test_a_chat_is_proposed_where_there_is_somebody_to_talk_to(capsys: pytest.CaptureFixture[str]) -> None:
    banner = Banner(Settings(), port=1)
    banner.show(chats=False)
    assert "penstock chat" not in capsys.readouterr().err
    banner.show(chats=True)
    assert "penstock chat" in capsys.readouterr().err


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:9464"), ("::1", "http://[::1]:9464")])
def test_it_tells_where_the_metrics_are(host: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    Banner(Settings(metrics_port=9464, metrics_host=host), port=8484).show(chats=True)
    assert f"Metrics      {url}/metrics\n" in capsys.readouterr().err
    Banner(Settings(), port=8484).show(chats=True)
    assert "Metrics" not in capsys.readouterr().err


def test_it_tells_where_to_set_up_while_that_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    banner = Banner(Settings(host="::1"), port=8484)
    banner.show(chats=True, setup_token="pset_x")
    said = capsys.readouterr().err
    assert "  Console      http://[::1]:8484\n" in said
    assert "\n  http://[::1]:8484/setup?token=pset_x\n" in said
    banner.show(chats=True)
    assert "/setup" not in capsys.readouterr().err
