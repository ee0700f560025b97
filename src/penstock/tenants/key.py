"""One API key as it is kept and may be shown."""

from dataclasses import dataclass, fields
from typing import Any, Literal, Self

import msgspec
from msgspec import UNSET, Struct, UnsetType
from sqlalchemy.engine import Row

from penstock.database.tables import api_keys
from penstock.tenants.caller import KeyScope
from penstock.tenants.plans import Limits

KeyState = Literal["active", "disabled", "expired", "revoked"]


@dataclass(frozen=True)
class Key:
    """One key; times in seconds since 1970. What it may do is what its row and its makers' rows allow together."""

    id: str
    account_id: str
    name: str
    hint: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    scopes: tuple[KeyScope, ...]
    models: tuple[str, ...] | None
    """Ids of the models that it may use; None: those of its maker, or all."""
    limits: Limits
    disabled_at: float | None
    last_used_at: float | None
    maker_key_id: str | None
    """The key that made it; None where a person did."""
    previous_until: float | None
    """Until when the secret before the last rotation opens it."""
    of_console: bool = False
    """Whether it is the one that its account's console acts by; nobody has its secret."""

    @classmethod
    def of(cls, row: Row[Any] | tuple[Any, ...]) -> Self:
        """From a row of the columns `SHOWN`."""
        named = dict(zip(_NAMES, row, strict=True))
        named["scopes"] = tuple(named["scopes"])
        named["models"] = None if named["models"] is None else tuple(named["models"])
        named["limits"] = msgspec.convert(named["limits"], Limits)
        return cls(**named)

    def values(self) -> dict[str, Any]:
        """As the table takes it."""
        return {**self.__dict__, "limits": msgspec.to_builtins(self.limits)}

    def state(self, now: float) -> KeyState:
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "active" if self.disabled_at is None else "disabled"


class KeyChanges(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to change of a key; what is unset stays."""

    name: str | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    expires_at: float | UnsetType | None = UNSET
    scopes: tuple[KeyScope, ...] | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType | None = UNSET
    limits: Limits | UnsetType = UNSET


_NAMES = tuple(field.name for field in fields(Key))
SHOWN = [api_keys.c[name] for name in _NAMES]
