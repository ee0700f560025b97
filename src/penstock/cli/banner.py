"""What `penstock serve` tells its terminal."""

import sys
import time
from collections.abc import Callable
from contextlib import suppress

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from penstock import __version__
from penstock.catalogue.models import Model
from penstock.catalogue.pull import Progress as PullProgress
from penstock.catalogue.workers import State, Worker
from penstock.settings import Settings


class _Terminal(Console):
    """A console that falls silent when nobody reads it any more."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


class Banner:
    """Prints where the server is and what its models are doing; a progress bar only to a terminal."""

    def __init__(self, settings: Settings, *, port: int) -> None:
        self._origin = _url(settings.host, port)
        self._base = f"{self._origin}/v1"
        self._settings = settings
        self._console = _Terminal(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("  {task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._pulls: dict[str, TaskID] = {}
        self._loading_since: dict[str, float] = {}

    def _print(self, text: str) -> None:
        with suppress(OSError):  # a terminal that is gone must not take the server along
            self._console.print(text)

    def show(self, *, chats: bool, setup_token: str | None = None) -> None:
        """The banner itself, once the server listens; `chats`: whether one of its models can be talked to.

        With `setup_token` nobody can log in yet, and it tells where whoever reads it can change that.
        """
        self._print(f"\n[bold]Penstock {__version__}[/]\n")
        self._print(f"  Console      [bold]{self._origin}[/]")
        self._print(f"  API base     [bold]{self._base}[/]")
        if self._settings.metrics_port:
            self._print(f"  Metrics      {_url(self._settings.metrics_host, self._settings.metrics_port)}/metrics")
        self._print(f"  Data folder  {escape(str(self._settings.data_path))}")
        self._print("  Make a key   penstock keys create my-key" + self._data_flag())
        if chats:
            self._print("  Try it       penstock chat" + self._url_flag() + self._data_flag())
        if setup_token is not None:
            self._print("\n  Nobody can log in yet. Make the administrator here; the link works once:")
            self._print(f"  [bold]{self._origin}/setup?token={setup_token}[/]")
        self._print("")

    def _url_flag(self) -> str:
        usual = f":{Settings().port}/v1"
        return "" if self._base.endswith(usual) else f" --url {self._base.removesuffix('/v1')}"

    def _data_flag(self) -> str:
        return f" --data-dir {escape(self._settings.data_dir)}" if self._settings.data_dir else ""

    def pulling(self, model: Model, progress: PullProgress) -> None:
        """Progress of a download; called from the thread that downloads."""
        if model.id not in self._pulls:
            self._print(f"  {model.id}: downloading from {escape(model.source)}")
            self._bar.start()
            self._pulls[model.id] = self._bar.add_task(model.id, total=None)
        self._bar.update(self._pulls[model.id], completed=progress.received_bytes, total=progress.total_bytes or None)

    def changed(self, worker: Worker) -> None:
        """A model is in another state."""
        name = worker.model.id
        if name in self._pulls:
            self._bar.remove_task(self._pulls.pop(name))
            if not self._pulls:
                self._bar.stop()
        said: dict[State, Callable[[], str]] = {
            State.LOADING: lambda: self._loading(worker),
            State.READY: lambda: self._ready(worker),
            State.FAILED: lambda: f"  [red]{name}: failed[/]: {escape(worker.reason)}",
        }
        if worker.state in said:
            self._print(said[worker.state]())

    def _loading(self, worker: Worker) -> str:
        self._loading_since[worker.model.id] = time.monotonic()
        because = f" again: {escape(worker.reason)}" if worker.reason else ""
        return f"  {worker.model.id}: loading{because}"

    def _ready(self, worker: Worker) -> str:
        took = time.monotonic() - self._loading_since.get(worker.model.id, time.monotonic())
        slots = worker.endpoint.slots if worker.endpoint else 0
        others = [name for name in worker.names if name != worker.model.id]
        also = f", also as {escape(', '.join(others))}" if others else ""
        return (
            f"  [green]{worker.model.id}: ready[/] after {took:.1f} s "
            f"({slots} requests at once, context {worker.model.context_length}{also})"
        )

    def draining(self, under_way: int) -> None:
        """The first Ctrl-C or SIGTERM came."""
        if under_way:
            seconds = f"{self._settings.drain_seconds:.0f}"
            self._print(
                f"  Shutting down: {under_way} running answers have up to {seconds} s (Ctrl-C breaks them off)."
            )
        else:
            self._print("  Shutting down.")

    def ended(self) -> None:
        self._bar.stop()


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
