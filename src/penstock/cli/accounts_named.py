"""The account that somebody means."""

from penstock.tenants.accounts import Account
from penstock.tenants.tenants import Tenants

OPERATOR = "operator"


async def account_named(tenants: Tenants, which: str | None) -> Account:
    """The account with this e-mail or id; without one, and by `operator`, the operator's own.

    Raises NotFound, or InvalidRequest for what is no e-mail.
    """
    if which in (None, OPERATOR):
        return await tenants.accounts.operator()
    if "@" in which:
        return await tenants.accounts.find_by_email(which)
    return await tenants.accounts.get(which)
