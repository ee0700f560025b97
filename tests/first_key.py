"""A key as `penstock keys create` makes it, without a process to wait for: every server of the tests has one."""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penstock.cli.data_folder import opened
from penstock.settings import load_settings
from penstock.tenants.audit import Actor


def first_key(data_dir: Path, environ: Mapping[str, str]) -> str:
    """The secret of a new key of the operator's, on the database that a command would take."""
    settings = load_settings({"data_dir": str(data_dir)}, {**os.environ, **environ})

    async def make() -> str:
        async with opened(settings) as tenants:
            operator = await tenants.accounts.operator()
            _, secret = await tenants.keys.create("tests", account_id=operator.id, by=Actor.operator())
            return secret

    with ThreadPoolExecutor(1) as apart:  # whoever asks may have a loop
        return apart.submit(asyncio.run, make()).result()
