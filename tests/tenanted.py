"""Accounts with plans, and keys to them, made in a data folder whether or not a server runs on it."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from penstock.database.connection import Database
from penstock.database.schema import migrate
from penstock.tenants.audit import Actor
from penstock.tenants.pepper import load_pepper
from penstock.tenants.plans import Limits
from penstock.tenants.tenants import Tenants


def key_on(data_dir: Path, plan: str, *, email: str, models: list[str] | None = None, **limits: Any) -> str:
    """The secret of a key with these limits, of a new account on a plan of the folder's penstock.toml."""
    return asyncio.run(_key_on(data_dir, plan, email, models, msgspec.convert(limits, Limits)))


async def _key_on(data_dir: Path, plan: str, email: str, models: list[str] | None, limits: Limits) -> str:
    own = tomllib.loads((data_dir / "penstock.toml").read_text()).get("plans", {})
    database = Database(f"sqlite+aiosqlite:///{data_dir / 'penstock.db'}")
    await database.connect()
    try:
        await migrate(database)
        tenants = Tenants.of(database, load_pepper(data_dir), own_plans=own, default_plan="free")
        account = await tenants.accounts.create(email, by=Actor.operator(), plan=plan)
        _, secret = await tenants.keys.create(
            "tests", account_id=account.id, by=Actor.operator(), models=models, limits=limits
        )
        return secret
    finally:
        await database.close()
