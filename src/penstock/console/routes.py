"""Every route of this room."""

from typing import Protocol

from fastapi import APIRouter

from penstock.console.code import Snippets
from penstock.console.engines import Engines
from penstock.console.home import Home
from penstock.console.keys import OwnKeys
from penstock.console.limits import OwnLimits
from penstock.console.live import Live
from penstock.console.log_in import SigningIn
from penstock.console.models import ServedModels
from penstock.console.password import OwnPassword
from penstock.console.requests import RequestLog
from penstock.console.sessions import OwnSessions
from penstock.console.setup import SettingUp
from penstock.web.gate import Gate
from penstock.web.operation import Operation
from penstock.web.routing import Routing


class Part(Protocol):
    """Some routes that belong together."""

    def add_to(self, routing: Routing) -> None:
        """Add them."""


_PARTS = (
    SettingUp,
    RequestLog,
    SigningIn,
    OwnSessions,
    OwnPassword,
    OwnKeys,
    Snippets,
    OwnLimits,
    Home,
    ServedModels,
    Live,
    Engines,
)


def operations() -> list[Operation]:
    """What these routes tell of themselves."""
    return [operation for part in _PARTS for operation in part.operations]


def console_router(gate: Gate, *parts: Part) -> APIRouter:
    """The routes."""
    routing = Routing(gate)
    for part in parts:
        part.add_to(routing)
    return routing.router
