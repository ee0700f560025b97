"""/api/admin/accounts."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct

from penstock.errors import NotFound
from penstock.tenants.account_order import AccountFilter
from penstock.tenants.accounts import Accounts
from penstock.web.access import ADMIN, Role
from penstock.web.lists import AccountList, PageQuery, list_of, order_of
from penstock.web.routing import Asked, Routing, route
from penstock.web.shown import AccountListed, AccountShown
from penstock.web.wanted import ChangedAccount, Id, NewAccount, NewPassword

_PATH, _ONE = "/api/admin/accounts", "/api/admin/accounts/{id}"
_ID = {"id": "The account's id."}


AccountOrder = Literal[
    "created_at",
    "-created_at",
    "name",
    "-name",
    "email",
    "-email",
    "last_active_at",
    "-last_active_at",
]


class AccountsQuery(PageQuery, forbid_unknown_fields=True, kw_only=True):
    """Which accounts."""

    search: Annotated[str, Meta(max_length=200)] = ""
    """Part of an e-mail or of a name, or a whole id."""
    role: Role | None = None
    plan: Id | None = None
    state: Literal["active", "disabled"] | None = None
    sort: AccountOrder = "-created_at"
    """What the list is sorted by; with `-` the largest comes first."""


LIST = route("GET", _PATH, "listAccounts", "List accounts", query=AccountsQuery, answer=AccountList, access=ADMIN)
CREATE = route(
    "POST",
    _PATH,
    "createAccount",
    "Make an account",
    request=NewAccount,
    answer=AccountShown,
    access=ADMIN,
    errors=(NotFound,),
)
SHOW = route(
    "GET",
    _ONE,
    "showAccount",
    "Show an account",
    answer=AccountShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)
CHANGE = route(
    "PATCH",
    _ONE,
    "changeAccount",
    "Change an account; disabling it ends its sessions and its keys",
    request=ChangedAccount,
    answer=AccountShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)
SET_PASSWORD = route(
    "POST",
    f"{_ONE}/password",
    "setPassword",
    "Give an account another password, which ends its sessions",
    request=NewPassword,
    answer=AccountShown,
    access=ADMIN,
    parameters=_ID,
    errors=(NotFound,),
)


class AdminAccounts:
    """The routes."""

    operations = (LIST, CREATE, SHOW, CHANGE, SET_PASSWORD)

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)
        routing.add(CREATE, self.create)
        routing.add(SHOW, self.show)
        routing.add(CHANGE, self.change)
        routing.add(SET_PASSWORD, self.set_password)

    async def list(self, asked: Asked) -> Struct:
        wanted = asked.query(AccountsQuery)
        which = AccountFilter(search=wanted.search, role=wanted.role, plan=wanted.plan, state=wanted.state)
        sort, ascending = order_of(wanted.sort)
        page = await self._accounts.page(
            after=wanted.after, limit=wanted.limit, which=which, sort=sort, ascending=ascending
        )
        active = await self._accounts.last_active([account.id for account in page.rows])
        shown = [AccountListed.at(account, active.get(account.id)) for account in page.rows]
        return list_of(AccountList, shown, has_more=page.has_more)

    async def create(self, asked: Asked) -> Struct:
        wanted = await asked.body(NewAccount)
        if wanted.role == "admin":
            asked.visitor.in_person()
        account = await self._accounts.create(
            wanted.email,
            by=asked.visitor.actor,
            name=wanted.name,
            role=wanted.role,
            plan=wanted.plan,
            password=wanted.password,
        )
        return AccountShown.of(account)

    async def show(self, asked: Asked) -> Struct:
        return AccountShown.of(await self._accounts.get(asked.named("id")))

    async def change(self, asked: Asked) -> Struct:
        wanted = await asked.body(ChangedAccount)
        await self._in_person_for_admins(asked, wants_admin=wanted.role not in (UNSET, "user"))
        account = await self._accounts.update(asked.named("id"), wanted.changes(), by=asked.visitor.actor)
        return AccountShown.of(account)

    async def set_password(self, asked: Asked) -> Struct:
        wanted = await asked.body(NewPassword)
        await self._in_person_for_admins(asked)
        account = await self._accounts.set_password(
            asked.named("id"), wanted.password, by=asked.visitor.actor, keep_session=asked.visitor.session_id
        )
        return AccountShown.of(account)

    async def _in_person_for_admins(self, asked: Asked, *, wants_admin: bool = False) -> None:
        account = await self._accounts.get(asked.named("id"))
        if wants_admin or account.role == "admin":
            asked.visitor.in_person()
