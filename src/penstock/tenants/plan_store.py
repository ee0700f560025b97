"""The plans as they stand: those of the package, changed by penstock.toml, changed by an administrator."""

import logging
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.database.connection import Database
from penstock.database.tables import accounts, plans
from penstock.errors import InvalidRequest, NotFound, OperatorError
from penstock.tenants.audit import Actor, append, differences
from penstock.tenants.names import clean_plan_name
from penstock.tenants.plans import NamedPlan, Plan, read_plan

log = logging.getLogger(__name__)

SAFE_PLAN = "free"
"""What holds where even the default plan is gone; the package always has it."""


class PlanStore:
    """Every plan of this server. `configured` are those of the package and of penstock.toml."""

    def __init__(self, database: Database, configured: Mapping[str, NamedPlan], *, default: str) -> None:
        self._database = database
        self._configured = configured
        self.default = default
        """The name of the plan of an account that nobody chose one for."""
        self._missed: set[str] = set()

    async def list(self) -> list[NamedPlan]:
        """All of them: the configured ones in their order, then those that an administrator made."""
        async with self._database.read() as connection:
            changes = await _changes(connection)
        names = [*self._configured, *sorted(set(changes) - set(self._configured))]
        return [plan for name in names if (plan := self._plan(name, changes.get(name)))]

    async def seen_by(self, own: str) -> tuple[NamedPlan, ...]:
        """Those that an account with the plan `own` may see: the configured ones, and its own."""
        return tuple(plan for plan in await self.list() if plan.name in self._configured or plan.name == own)

    async def get(self, name: str) -> NamedPlan:
        """Raises NotFound where there is no such plan."""
        async with self._database.read() as connection:
            return await self.known(connection, name)

    async def check_default(self) -> None:
        """Raises OperatorError where the default plan of the settings does not exist."""
        try:
            await self.get(self.default)
        except NotFound as error:
            raise OperatorError(f"The setting default_plan is wrong. {error.message}") from error

    async def known(self, connection: AsyncConnection, name: str) -> NamedPlan:
        """As `get`, on a connection that is at hand."""
        changes = await _changes(connection)
        plan = self._plan(name, changes.get(name))
        if plan is None:
            names = ", ".join(sorted({*self._configured, *changes}))
            raise NotFound(f"There is no such plan. The plans are: {names}.", param="plan")
        return plan

    async def of(self, connection: AsyncConnection, names: Iterable[str]) -> dict[str, NamedPlan]:
        """Name -> the plan that holds for accounts with it: the default plan where it is gone, with a warning."""
        wanted = set(names)
        changes = await _changes(connection, {*wanted, self.default})
        return {name: self._plan(name, changes.get(name)) or self._instead_of(name, changes) for name in wanted}

    async def set(self, name: str, changes: Mapping[str, Any], *, by: Actor, new: bool = False) -> NamedPlan:
        """Change some keys of a plan; None takes a limit away. Holds within 5 s, in every process.

        With `new` the plan must not be there yet. Raises NotFound for an unknown plan and InvalidRequest for a
        definition that is none.
        """
        async with self._database.write() as connection:
            if new:
                before = await self._room_for(connection, name)
            else:
                before = await self.known(connection, name)
            stored = (await _changes(connection, {name})).get(name)
            definition = {**(stored or {}), **changes}
            after = self._merged(name, definition)
            await self._keep(connection, name, definition, is_there=stored is not None)
            details = differences(msgspec.to_builtins(before.plan), _whole(after.plan, changes))
            await append(connection, by, "plan.create" if new else "plan.set", name, details)
        return after

    async def reset(self, name: str, *, by: Actor) -> NamedPlan | None:
        """Take back what administrators changed; a plan that they made is gone then, and None is given.

        Raises NotFound where there is no such plan, and InvalidRequest where accounts have the one that would be gone.
        """
        async with self._database.write() as connection:
            before = await self.known(connection, name)
            after = self._configured.get(name)
            if after is None:
                await _refuse_where_used(connection, name)
            await connection.execute(delete(plans).where(plans.c.name == name))
            left = _whole(after.plan if after else Plan(), msgspec.to_builtins(before.plan))
            await append(connection, by, "plan.reset", name, differences(msgspec.to_builtins(before.plan), left))
        return after

    async def _room_for(self, connection: AsyncConnection, name: str) -> NamedPlan:
        clean_plan_name(name)
        try:
            await self.known(connection, name)
        except NotFound:
            return NamedPlan(name, Plan(), "changed")
        raise InvalidRequest(f"There is a plan {name} already; change that.", param="name")

    async def _keep(
        self, connection: AsyncConnection, name: str, definition: dict[str, Any], *, is_there: bool
    ) -> None:
        values = {"definition": definition, "updated_at": time.time()}
        if is_there:
            await connection.execute(update(plans).where(plans.c.name == name).values(values))
        else:
            await connection.execute(plans.insert().values(name=name, **values))

    def _plan(self, name: str, changes: Mapping[str, Any] | None) -> NamedPlan | None:
        configured = self._configured.get(name)
        if changes is None:
            return configured
        try:
            return self._merged(name, changes)
        except InvalidRequest as error:
            self._warn(name, f"what was changed of the plan {name} is not understood: {error.message}")
            return configured

    def _merged(self, name: str, changes: Mapping[str, Any]) -> NamedPlan:
        configured = self._configured.get(name)
        base = msgspec.to_builtins(configured.plan) if configured else {}
        try:
            return NamedPlan(name, read_plan(name, {**base, **changes}), "changed")
        except OperatorError as error:
            path = re.search(r"`\$\.([\w.\[\]-]+)`", error.message)
            raise InvalidRequest(error.message, param=path[1] if path else None) from error

    def _instead_of(self, name: str, changes: Mapping[str, Mapping[str, Any]]) -> NamedPlan:
        default = self._plan(self.default, changes.get(self.default)) or self._configured[SAFE_PLAN]
        self._warn(name, f"the plan {name} is gone: its accounts are on the plan {default.name} until given another")
        return default

    def _warn(self, name: str, message: str) -> None:
        if name not in self._missed:
            self._missed.add(name)
            log.warning("%s", message)


async def _changes(connection: AsyncConnection, names: set[str] | None = None) -> dict[str, dict[str, Any]]:
    query = select(plans.c.name, plans.c.definition)
    if names is not None:
        query = query.where(plans.c.name.in_(names))
    return {row.name: row.definition for row in await connection.execute(query)}


async def _refuse_where_used(connection: AsyncConnection, name: str) -> None:
    count = (await connection.execute(select(func.count()).where(accounts.c.plan == name))).scalar_one()
    if count:
        have = "1 account has" if count == 1 else f"{count} accounts have"
        raise InvalidRequest(f"{have} the plan {name}. Give them another first.", param="name")


def _whole(plan: Plan, changes: Mapping[str, Any]) -> dict[str, Any]:
    shown = msgspec.to_builtins(plan)
    return {name: shown.get(name) for name in changes}
