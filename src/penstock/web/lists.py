"""Lists in pages, in the form that the clients page through: `after` the last id, as long as there is more."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct

from penstock.tenants.paging import LONGEST_PAGE, PAGE
from penstock.web.shown import AccountListed, ActShown, InvitationShown, KeyShown, PlanShown, SessionShown
from penstock.web.wanted import Id

Shown = AccountListed | ActShown | InvitationShown | KeyShown | PlanShown | SessionShown


class PageQuery(Struct, forbid_unknown_fields=True, kw_only=True):
    """Which part of a list."""

    after: Id | None = None
    limit: Annotated[int, Meta(ge=1, le=LONGEST_PAGE)] = PAGE


class List(Struct, kw_only=True):
    """What every list has beside its rows."""

    object: Literal["list"] = "list"
    first_id: str | None
    last_id: str | None
    has_more: bool


class AccountList(List, kw_only=True):
    """Accounts, the newest first unless asked otherwise."""

    data: list[AccountListed]


class KeyList(List, kw_only=True):
    """Keys, the newest first."""

    data: list[KeyShown]


class SessionList(List, kw_only=True):
    """The sessions of one account, the newest first."""

    data: list[SessionShown]


class PlanList(List, kw_only=True):
    """All plans."""

    data: list[PlanShown]


class InvitationList(List, kw_only=True):
    """Invitations, the newest first unless asked otherwise."""

    data: list[InvitationShown]


class ActList(List, kw_only=True):
    """The audit log, the newest first unless asked otherwise."""

    data: list[ActShown]


L = TypeVar("L", AccountList, KeyList, SessionList, PlanList, InvitationList, ActList)


def list_of(kind: type[L], data: Sequence[Shown], *, has_more: bool = False) -> L:
    """A list of this kind."""
    first, last = (data[0].id, data[-1].id) if data else (None, None)
    return kind(first_id=first, last_id=last, has_more=has_more, data=list(data))  # type: ignore[arg-type]


def order_of(sort: str) -> tuple[Any, bool]:
    """What `name` or `-name` asks a list to be sorted by, and whether what is the least comes first."""
    return sort.removeprefix("-"), not sort.startswith("-")
