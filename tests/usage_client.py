"""A client of the usage pages, in one process with them."""

from collections.abc import Mapping
from typing import Any

import httpx2
from usage_rows import NOON

from penstock.api.cold import build_cold_plane
from penstock.api.usage import usage_router
from penstock.database.connection import Database
from penstock.errors import MissingKey
from penstock.tenants.caller import Caller
from penstock.tenants.usage_report import DAY, HOUR, UsageReport
from penstock.web.access import Access

NOW = NOON + HOUR + 1
MIDNIGHT = int(NOON) - DAY // 2
CALLERS = {
    "user": Caller("acct_a", "key_a", "a"),
    "other": Caller("acct_b", "key_c", "b"),
    "admin": Caller("acct_z", "key_z", "z", role="admin", scopes=frozenset({"admin"})),
}


async def known(scope: Mapping[str, Any], access: Access) -> Caller:
    """As the authenticator: the key is the name of one of the callers."""
    secret = dict(scope["headers"]).get(b"authorization", b"").decode().removeprefix("Bearer ")
    if secret not in CALLERS:
        raise MissingKey("Send your API key.")
    if access.scopes:
        CALLERS[secret].require(*access.scopes)
    return CALLERS[secret]


def asking(database: Database, **how: Any) -> httpx2.AsyncClient:
    """A client of the routes on this database."""
    how = {"currency": "EUR", "row_days": 0, "now": lambda: NOW, **how}
    app = build_cold_plane(usage_router(UsageReport(database), known, **how))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://penstock")
