"""`penstock batch watch`: how a batch goes, until it is over."""

import sys
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from penstock.cli.access import open_access, server_options
from penstock.cli.batch_bar import Bar, bar_for
from penstock.cli.batch_object import (
    OVER,
    Batch,
    done_of,
    ended_at,
    failures_of,
    faults_of,
    fetch,
    lines_of,
    span,
    tokens_of,
)
from penstock.cli.client import BrokenOff, Client, NoServer, ServerSaid
from penstock.cli.screen import printable
from penstock.cli.tables import day
from penstock.errors import OperatorError

_LOOK_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 5.0
_PACE_SECONDS = 30.0
_KEY_SECONDS = 9 * 86_400.0
"""The life of a key made to watch, which is longer than any window."""
_PASSING = (429, 500, 502, 503)
"""What a server may answer for a while, and then no more."""
INTERRUPTED = 130


@click.command("watch")
@click.argument("batch_id", metavar="ID")
@server_options
def command(batch_id: str, **server: Any) -> int:
    """Show how a batch goes, until it is over. Ctrl-C ends the watching, not the batch.

    The exit code is 0 where it was completed, whether or not single lines failed, and 1 where it failed, expired or was
    cancelled. A server that does not answer is asked again until it does.
    """
    with open_access("penstock batch watch", life_seconds=_KEY_SECONDS, **server) as access:
        return watched(access.client, batch_id)


def watched(client: Client, batch_id: str) -> int:
    """Watch a batch to its end, and tell of it; the exit code. Raises as Client does for what waiting does not mend."""
    with bar_for(sys.stderr, sys.stdout) as bar:
        try:
            batch = Watch(client, bar).run(batch_id)
        except KeyboardInterrupt:
            bar.clear()
            bar.say(f"The batch goes on. Watch it again with: penstock batch watch {batch_id}")
            bar.say(f"To end it: penstock batch cancel {batch_id}")
            return INTERRUPTED
        bar.clear()
        for line in _ending(client, batch):
            bar.say(line)
    return 0 if batch["status"] == "completed" else 1


class Pace:
    """Lines a second, as seen over the last half minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque()

    def see(self, done: int, at: float) -> None:
        """`done` lines are over at this moment, in seconds of any clock."""
        self._seen.append((at, done))
        while at - self._seen[0][0] > _PACE_SECONDS and len(self._seen) > 2:
            self._seen.popleft()

    @property
    def lines_per_second(self) -> float | None:
        """None as long as there is nothing to tell it from."""
        if len(self._seen) < 2:
            return None
        (began, before), (now, after) = self._seen[0], self._seen[-1]
        return (after - before) / (now - began) if now > began else None


class Watch:
    """Asks for a batch again and again, and tells the bar what it sees."""

    def __init__(self, client: Client, bar: Bar, *, pause: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._bar = bar
        self._pause = pause
        self._pace = Pace()
        self._status = ""

    def run(self, batch_id: str) -> Batch:
        """The batch when it is over."""
        batch = fetch(self._client, batch_id)  # here a server that is not there is a mistake, and nothing to wait for
        self._bar.say(_heading(batch))
        while True:
            self._see(batch)
            if batch["status"] in OVER:
                return batch
            self._pause(_LOOK_SECONDS)
            batch = self._fetch(batch_id)

    def _see(self, batch: Batch) -> None:
        done, _, _ = done_of(batch)
        if batch["status"] == "in_progress":
            self._pace.see(done, time.monotonic())
        if batch["status"] != self._status:
            self._status = batch["status"]
            lines = lines_of(batch)
            self._bar.say(f"{_now()}  {self._status}" + (f": {lines}" if lines else ""))
        self._bar.show(batch, self._pace.lines_per_second)

    def _fetch(self, batch_id: str) -> Batch:
        away = False
        while True:
            try:
                batch = fetch(self._client, batch_id)
            except (NoServer, BrokenOff):
                complaint, seconds = "The server does not answer.", 1.0
            except ServerSaid as error:
                if error.status not in _PASSING:
                    raise
                complaint, seconds = printable(error.message), error.retry_after or 1.0
            else:
                if away:
                    self._bar.say(f"{_now()}  the server answers again")
                return batch
            if not away:
                self._bar.say(f"{_now()}  {complaint} Trying again; the batch is safe with it.")
            away = True
            self._pause(min(seconds, _LONGEST_PAUSE_SECONDS))


def _now() -> str:
    return datetime.now().astimezone().strftime("%H:%M:%S")


def _heading(batch: Batch) -> str:
    return f"{batch['id']} · {batch['endpoint']} · {batch['completion_window']}, until {day(batch['expires_at'])}"


def _ending(client: Client, batch: Batch) -> list[str]:
    """What to say of a batch that is over."""
    if faults := faults_of(batch):
        return ["Nothing of it was run: its input is wrong.", *(f"  {fault}" for fault in faults)]
    told = [f"{batch['status'].capitalize()}: {lines_of(batch) or 'no line answered'}{_time_of(batch)}."]
    if tokens := tokens_of(batch):
        told.append(f"{tokens[0].upper()}{tokens[1:]}.")
    if failures := _failures(client, batch):
        told += ["The first lines that failed:", *(f"  {failure}" for failure in failures)]
    if batch["output_file_id"] or batch["error_file_id"]:
        errors = " --errors errors.jsonl" if batch["error_file_id"] else ""
        told.append(f"Fetch the results with: penstock batch results {batch['id']} -o results.jsonl{errors}")
    return told


def _time_of(batch: Batch) -> str:
    """` in 2 min 3 s, 40 lines/s`, counted in whole seconds as the server tells them."""
    ended, begun = ended_at(batch), batch["in_progress_at"]
    if ended is None or begun is None:
        return ""
    seconds, (done, _, _) = ended - begun, done_of(batch)
    return f" in {span(seconds)}, {done / seconds:,.1f} lines/s" if seconds and done else f" in {span(seconds)}"


def _failures(client: Client, batch: Batch) -> list[str]:
    try:
        return failures_of(client, batch)
    except OperatorError as error:  # the batch is over all the same, and its exit code is known
        return [printable(error.message)]
