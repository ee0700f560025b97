"""A terminal with a program in it: what a test types there, the program's user would have typed."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x01\x02\r]")


class Terminal:
    """The user's side. `seen` is everything shown so far, without colours."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self._master = master
        self._raw = b""
        self._read_to = 0
        self.process = process

    @property
    def seen(self) -> str:
        return _ESCAPES.sub("", self._raw.decode("utf-8", "replace"))

    def type(self, text: str) -> None:
        """Type, Enter included; `\\x03` is Ctrl-C and `\\x04` Ctrl-D."""
        os.write(self._master, text.encode())

    def wait_for(self, text: str, *, seconds: float = 15.0) -> str:
        """Wait until `text` is shown after what was last waited for; what is shown up to its end."""
        end = time.monotonic() + seconds
        while (at := self.seen.find(text, self._read_to)) < 0:
            assert time.monotonic() < end, f"{text!r} was not shown; there is: {self.seen[self._read_to :]!r}"
            assert self._read(), f"the program ended before {text!r}: {self.seen[self._read_to :]!r}"
        shown = self.seen[self._read_to : at + len(text)]
        self._read_to = at + len(text)
        return shown

    def press_ctrl_c(self, then: Callable[[], object]) -> None:
        """Press Ctrl-C until `then` is true.

        Python misses an interrupt that comes between its last look for one and a call that waits (readline's and a
        socket's alike), until something else ends that call. A person presses again, and so does this, after 2 s.
        """
        for _ in range(5):
            self.type("\x03")
            again = time.monotonic() + 2
            while time.monotonic() < again:
                if then():
                    return
                self._read()
        raise AssertionError(f"Ctrl-C had no effect; there is: {self.seen[self._read_to :]!r}")

    def has_shown(self, text: str) -> bool:
        """Whether `text` is there after what was last waited for."""
        return text in self.seen[self._read_to :]

    def ended(self, *, seconds: float = 15.0) -> int:
        """Wait for the program's end; its exit status."""
        end = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < end, f"the program goes on; there is: {self.seen[self._read_to :]!r}"
        return self.process.wait(timeout=seconds)

    def _read(self) -> bool:
        if not select.select([self._master], [], [], 0.1)[0]:
            return self.process.poll() is None
        try:
            received = os.read(self._master, 65536)
        except OSError:  # Linux's way of saying that the last program left the terminal
            return False
        self._raw += received
        return bool(received)


@contextmanager
def terminal(argv: list[str], env: dict[str, str], *, columns: int = 100) -> Iterator[Terminal]:
    """Run a program in a terminal of its own, so many columns wide; it is killed with the block."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))

    def own_it() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    # What says how wide some other terminal is would be believed before this one.
    own = {name: value for name, value in env.items() if name not in ("COLUMNS", "LINES")}
    process = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=own, start_new_session=True, preexec_fn=own_it
    )
    os.close(slave)
    try:
        yield Terminal(master, process)
    finally:
        process.kill()
        process.wait()
        os.close(master)
