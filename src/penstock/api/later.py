"""Files and batches, for keys and for sessions: put together, since they share all that they work with."""

from collections.abc import Callable

from fastapi import APIRouter

from penstock.api.batches import BatchRoutes
from penstock.api.files import FileRoutes
from penstock.api.own_batches import OwnBatches
from penstock.api.own_files import OwnFiles
from penstock.api.own_lines import OwnLines
from penstock.batches.batches import Batches
from penstock.batches.blobs import Blobs
from penstock.batches.failures import Failures
from penstock.batches.files import Files
from penstock.batches.input_lines import InputLines
from penstock.batches.line_results import LineResults
from penstock.database.connection import Database
from penstock.web.gate import Gate
from penstock.web.routing import Routing


def later_router(gate: Gate, database: Database, blobs: Blobs, changed: Callable[[], None]) -> APIRouter:
    """The routes; `changed` is told when there is something to do for whoever runs batches."""
    files, batches = Files(database, blobs), Batches(database, changed=changed)
    own = OwnBatches(batches, Failures(database, batches, files))
    lines = OwnLines(InputLines(batches, files), LineResults(database, batches, files))
    routing = Routing(gate)
    for part in (FileRoutes(files), OwnFiles(files), BatchRoutes(batches), own, lines):
        part.add_to(routing)
    return routing.router
