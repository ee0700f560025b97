"""Who may ask a route: told once beside its code, obeyed at its door, and shown in the API's document."""

from dataclasses import dataclass
from typing import Literal

from penstock.tenants.caller import KeyScope

Role = Literal["user", "admin"]


@dataclass(frozen=True, kw_only=True)
class Access:
    """Whom a route lets in: nobody who is not named here."""

    everybody: bool = False
    """Whoever comes, without a credential."""
    scopes: tuple[KeyScope, ...] | None = None
    """An API key with one of these scopes; with (), any good key. None: a key is no credential here."""
    role: Role | None = None
    """The session of an account with this role; an admin may do what a user may. None: a cookie is no credential."""
    acts: bool = False
    """Whether who is signed in acts as a caller here, by the key of the account's console."""


OPEN = Access(everybody=True)
ANY_KEY = Access(scopes=())
INFERENCE = Access(scopes=("inference",))
BATCH = Access(scopes=("batch",))
ADMIN_KEY = Access(scopes=("admin",))
SIGNED_IN = Access(role="user")
ACTING = Access(role="user", acts=True)
ADMIN = Access(scopes=("admin",), role="admin")
