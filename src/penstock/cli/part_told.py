"""What the supervisor tells each of its processes to be."""

from pathlib import Path

from msgspec import Struct

from penstock.settings import Origins, Settings

NO_USE = 78
"""The exit status of a process that cannot run with these settings on this machine: to start it again is of no use."""


class Part(Struct, frozen=True, kw_only=True):
    """One process."""

    name: str
    """`owner`, or `api 1` and so on."""
    settings: Settings
    port: int
    """That the API processes share."""
    folder: str
    """Where the owner's socket is."""
    secret: str
    """Opens the owner's listener inside."""
    again: bool = False
    """Whether it is started in the stead of one that ended."""
    file: str | None = None
    """Origins of the settings: see there."""
    flags: list[str] = []
    variables: list[str] = []
    keys: list[str] = []

    @property
    def is_owner(self) -> bool:
        return self.name == OWNER

    @property
    def socket(self) -> Path:
        """Where the owner takes API processes."""
        return Path(self.folder) / "owner.sock"

    @property
    def origins(self) -> Origins:
        """Where the settings come from."""
        file = None if self.file is None else Path(self.file)
        return Origins(file, frozenset(self.flags), frozenset(self.variables), frozenset(self.keys))


OWNER = "owner"
