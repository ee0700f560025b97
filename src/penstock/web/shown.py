"""What may be shown of accounts, keys, sessions, plans and acts, as it looks on the wire. Times are whole seconds."""

from typing import Any, Literal, Self

from msgspec import UNSET, Struct, UnsetType, to_builtins

from penstock.tenants.accounts import Account
from penstock.tenants.audit import Act
from penstock.tenants.caller import KeyScope
from penstock.tenants.invitations import Invitation
from penstock.tenants.key import Key, KeyState
from penstock.tenants.plans import Limits, NamedPlan, Plan
from penstock.tenants.sessions import Session
from penstock.web.access import Role


class AccountShown(Struct, kw_only=True):
    """One account."""

    id: str
    object: Literal["account"] = "account"
    email: str | None
    name: str
    role: Role
    plan: str
    state: Literal["active", "disabled"]
    created_at: int
    disabled_at: int | None

    @classmethod
    def of(cls, account: Account) -> Self:
        return cls(
            id=account.id,
            email=account.email,
            name=account.name,
            role=account.role,
            plan=account.plan,
            state=account.state,
            created_at=int(account.created_at),
            disabled_at=_moment(account.disabled_at),
        )


class AccountListed(AccountShown, kw_only=True):
    """One account in the list of all of them."""

    last_active_at: int | None
    """When a session or a key of it was used last, as far as that is known."""

    @classmethod
    def at(cls, account: Account, last_active_at: float | None) -> Self:
        shown = to_builtins(AccountShown.of(account))
        return cls(**shown, last_active_at=_moment(last_active_at))


class KeyShown(Struct, kw_only=True):
    """One API key, without its secret."""

    id: str
    object: Literal["api_key"] = "api_key"
    account_id: str
    name: str
    hint: str
    """The secret's beginning and end."""
    state: KeyState
    scopes: tuple[KeyScope, ...]
    models: tuple[str, ...] | None
    """Ids of the models that it may use; null: all that its account and its maker may."""
    limits: Limits
    """Its own; those of its account, and of the key that made it, hold as well."""
    created_at: int
    expires_at: int | None
    disabled_at: int | None
    revoked_at: int | None
    last_used_at: int | None
    maker_key_id: str | None
    """The key that made it; null where a person did."""
    previous_secret_until: int | None
    """Until when the secret before the last rotation opens it."""
    of_console: bool
    """Whether it is the one that its account's console acts by; nobody has its secret."""
    key: str | UnsetType = UNSET
    """The secret; only there in the answer that made it, and never again."""

    @classmethod
    def of(cls, key: Key, *, now: float, secret: str | UnsetType = UNSET) -> Self:
        return cls(
            id=key.id,
            account_id=key.account_id,
            name=key.name,
            hint=key.hint,
            state=key.state(now),
            scopes=key.scopes,
            models=key.models,
            limits=key.limits,
            created_at=int(key.created_at),
            expires_at=_moment(key.expires_at),
            disabled_at=_moment(key.disabled_at),
            revoked_at=_moment(key.revoked_at),
            last_used_at=_moment(key.last_used_at),
            maker_key_id=key.maker_key_id,
            previous_secret_until=_moment(key.previous_until),
            of_console=key.of_console,
            key=secret,
        )


class SessionShown(Struct, kw_only=True):
    """One session of a browser, without its token."""

    id: str
    object: Literal["session"] = "session"
    client: str
    """What the browser said of itself."""
    current: bool
    """Whether it is the one that asks."""
    created_at: int
    last_seen_at: int
    expires_at: int

    @classmethod
    def of(cls, session: Session, *, current: str) -> Self:
        return cls(
            id=session.id,
            client=session.client,
            current=session.id == current,
            created_at=int(session.created_at),
            last_seen_at=int(session.last_seen_at),
            expires_at=int(session.expires_at),
        )


class PlanShown(Struct, kw_only=True):
    """One plan."""

    id: str
    object: Literal["plan"] = "plan"
    origin: Literal["shipped", "penstock.toml", "changed"]
    """Where its figures come from; `changed` is by an administrator."""
    definition: Plan

    @classmethod
    def of(cls, plan: NamedPlan) -> Self:
        return cls(id=plan.name, origin=plan.origin, definition=plan.plan)


class InvitationShown(Struct, kw_only=True):
    """One invitation."""

    id: str
    object: Literal["invitation"] = "invitation"
    email: str | None
    """The address that it is for; null: any."""
    role: Role
    plan: str
    state: Literal["open", "used", "expired"]
    created_by: str
    created_at: int
    expires_at: int
    used_at: int | None
    used_by: str | None
    token: str | UnsetType = UNSET
    """What opens it; only there in the answer that made it."""

    @classmethod
    def of(cls, invitation: Invitation, *, now: float, token: str | UnsetType = UNSET) -> Self:
        return cls(
            id=invitation.id,
            email=invitation.email,
            role=invitation.role,
            plan=invitation.plan,
            state=invitation.state(now),
            created_by=invitation.created_by,
            created_at=int(invitation.created_at),
            expires_at=int(invitation.expires_at),
            used_at=_moment(invitation.used_at),
            used_by=invitation.used_by,
            token=token,
        )


class ActShown(Struct, kw_only=True):
    """One row of the audit log."""

    id: str
    object: Literal["audit"] = "audit"
    at: int
    actor: str
    account_id: str | None
    key_id: str | None
    action: str
    target: str
    details: dict[str, Any]
    request_id: str | None

    @classmethod
    def of(cls, act: Act) -> Self:
        return cls(**{**act.__dict__, "at": int(act.at)})


class Deleted(Struct, kw_only=True):
    """What was ended or taken back."""

    id: str
    object: str
    deleted: Literal[True] = True


def _moment(at: float | None) -> int | None:
    return None if at is None else int(at)
