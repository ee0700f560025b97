"""How the embedded engine is set on a machine: what changes its speed and not its answers."""

from typing import Literal

import msgspec

Waiting = Literal["spin", "sleep"]


class Knobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The defaults are those of a machine that nobody has measured."""

    threads: int
    """Threads that write tokens."""
    prompt_threads: int = 0
    """Threads that read prompts; 0: as many as write."""
    prompt_batch: int = 64
    """Prompt tokens read per step. Small steps keep other streams flowing while a long prompt is read, and let what
    nobody waits for any more end soon; smaller ones cost speed: decisions 26 and 35 have the figures."""
    waiting: Waiting = "spin"
    """What a thread does for others of its step: look again and again, or sleep. Sleeping is faster where other work
    takes the cores."""
    most_slots: int = 16
    """Requests at once, where memory allows as many; more of them gain nothing here."""

    @property
    def environ(self) -> dict[str, str]:
        """Variables of the engine's process. The wheel for Linux has its threads from OpenMP, which reads this one."""
        return {"OMP_WAIT_POLICY": "passive"} if self.waiting == "sleep" else {}

    @property
    def poll(self) -> int:
        """The same for builds with threads of their own: how much of a wait is polled, from 0 to 100."""
        return 50 if self.waiting == "spin" else 0
