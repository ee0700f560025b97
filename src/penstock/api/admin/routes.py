"""Every route under /api/admin."""

from fastapi import APIRouter

from penstock.api.admin.accounts import AdminAccounts
from penstock.api.admin.audit import AdminAudit
from penstock.api.admin.invitations import AdminInvitations
from penstock.api.admin.keys import AdminKeys
from penstock.api.admin.plans import AdminPlans
from penstock.api.admin.settings import AdminSettings
from penstock.tenants.tenants import Tenants
from penstock.web.gate import Gate
from penstock.web.operation import Operation
from penstock.web.routing import Routing

_PARTS = (AdminAccounts, AdminKeys, AdminPlans, AdminInvitations, AdminAudit, AdminSettings)


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [operation for part in _PARTS for operation in part.operations]


def admin_router(gate: Gate, tenants: Tenants, settings: AdminSettings) -> APIRouter:
    """The routes."""
    routing = Routing(gate)
    AdminAccounts(tenants.accounts).add_to(routing)
    AdminKeys(tenants.keys).add_to(routing)
    AdminPlans(tenants.plans).add_to(routing)
    AdminInvitations(tenants.invitations).add_to(routing)
    AdminAudit(tenants.audit).add_to(routing)
    settings.add_to(routing)
    return routing.router
