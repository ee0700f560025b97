"""What may be asked for of accounts and keys, within bounds; whether it may be had, the room of tenants says."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.protocol.validation import NO_NUL
from penstock.tenants.accounts import AccountChanges
from penstock.tenants.caller import KeyScope
from penstock.tenants.invitations import LIFE_SECONDS, LONGEST_LIFE_SECONDS
from penstock.tenants.key import KeyChanges
from penstock.tenants.keys import LONGEST_KEEP_SECONDS
from penstock.tenants.plans import Limits
from penstock.web.access import Role

Moment = Annotated[int, Meta(ge=0, le=253_402_300_799)]
"""Seconds since 1970, until the year 9999."""
Name = Annotated[str, Meta(min_length=1, max_length=200)]
Email = Annotated[str, Meta(min_length=3, max_length=320)]
Password = Annotated[str, Meta(min_length=1, max_length=1024)]
Id = Annotated[str, Meta(min_length=1, max_length=200, pattern=NO_NUL)]
Models = Annotated[tuple[Id, ...], Meta(min_length=1, max_length=200)]
Scopes = Annotated[tuple[KeyScope, ...], Meta(min_length=1, max_length=10)]


class NewKey(Struct, forbid_unknown_fields=True, kw_only=True):
    """A key to make."""

    name: Name
    expires_at: Moment | None = None
    scopes: Scopes | None = None
    """By default those for inference and batches."""
    models: Models | None = None
    limits: Limits | None = None


class ChangedKey(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of a key; what is not there stays."""

    name: Name | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET
    expires_at: Moment | UnsetType | None = UNSET
    scopes: Scopes | UnsetType = UNSET
    models: Models | UnsetType | None = UNSET
    limits: Limits | UnsetType = UNSET

    def changes(self) -> KeyChanges:
        return KeyChanges(
            name=self.name,
            disabled=self.disabled,
            expires_at=self.expires_at,
            scopes=self.scopes,
            models=self.models,
            limits=self.limits,
        )


class Rotation(Struct, forbid_unknown_fields=True, kw_only=True):
    """How a key gets another secret."""

    keep_seconds: Annotated[int, Meta(ge=0, le=LONGEST_KEEP_SECONDS)] = 86_400
    """How long the secret before stays good."""


class NewAccount(Struct, forbid_unknown_fields=True, kw_only=True):
    """An account to make."""

    email: Email
    name: Annotated[str, Meta(max_length=200)] = ""
    role: Role = "user"
    plan: Id | None = None
    password: Password | None = None
    """Without one nobody can sign in to it yet."""


class ChangedAccount(Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change of an account; what is not there stays."""

    name: Name | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    role: Role | UnsetType = UNSET
    plan: Id | UnsetType = UNSET
    disabled: bool | UnsetType = UNSET

    def changes(self) -> AccountChanges:
        return AccountChanges(name=self.name, email=self.email, role=self.role, plan=self.plan, disabled=self.disabled)


class NewPassword(Struct, forbid_unknown_fields=True, kw_only=True):
    """Another password."""

    password: Password


class NewInvitation(Struct, forbid_unknown_fields=True, kw_only=True):
    """An invitation to make."""

    email: Email | None = None
    """The address that it is for; without one it is for any."""
    role: Role = "user"
    plan: Id | None = None
    expires_in: Annotated[int, Meta(ge=60, le=int(LONGEST_LIFE_SECONDS))] = int(LIFE_SECONDS)
    """In seconds."""


class LogIn(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who signs in."""

    email: Annotated[str, Meta(max_length=320)]
    password: Annotated[str, Meta(max_length=1024)]


class SignUp(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who makes an account for themselves."""

    email: Email
    password: Password
    name: Annotated[str, Meta(max_length=200)] = ""
    invitation: Id | None = None
    """The token of an invitation."""


class FirstAdmin(Struct, forbid_unknown_fields=True, kw_only=True):
    """Who sets a new server up."""

    token: Annotated[str, Meta(max_length=200)]
    """What `penstock serve` printed, as part of a URL."""
    name: Name
    email: Email
    password: Password


class ChangedPassword(Struct, forbid_unknown_fields=True, kw_only=True):
    """One's own password, and what it is to be."""

    current: Annotated[str, Meta(max_length=1024)]
    new: Password
