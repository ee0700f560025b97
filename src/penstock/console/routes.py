"""Every route of this room."""

from fastapi import APIRouter

from penstock.console.code import Snippets
from penstock.console.keys import OwnKeys
from penstock.console.log_in import SigningIn
from penstock.console.sessions import OwnSessions
from penstock.web.gate import Gate
from penstock.web.operation import Operation
from penstock.web.routing import Routing


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [*SigningIn.operations, *OwnSessions.operations, *OwnKeys.operations, *Snippets.operations]


def console_router(gate: Gate, *parts: SigningIn | OwnSessions | OwnKeys | Snippets) -> APIRouter:
    """The routes."""
    routing = Routing(gate)
    for part in parts:
        part.add_to(routing)
    return routing.router
