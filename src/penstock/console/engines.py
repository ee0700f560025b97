"""/api/admin/workers: the processes behind the models, and the machine that they share."""

import os
import shutil
from pathlib import Path
from typing import Literal

from msgspec import Struct

from penstock.catalogue.footprint import footprint_of, memory_of_machine
from penstock.catalogue.workers import Worker, Workers
from penstock.inference.admission import Admission, Load
from penstock.web.access import ADMIN
from penstock.web.routing import Asked, Routing, route


class WorkerShown(Struct, kw_only=True):
    """One worker: it keeps one model's engine running. Null is what is not known."""

    object: Literal["worker"] = "worker"
    model: str
    engine: str
    state: Literal["pulling", "loading", "ready", "failed", "stopped"]
    reason: str
    """What went wrong last; empty where nothing did."""
    pid: int | None
    memory_bytes: int | None
    cpu_seconds: float | None
    deaths: int
    """Of its engine, within the last five minutes; after five the model is given up."""
    slots: int
    busy: int
    lines: int
    """Of the busy ones, those with lines of batches."""
    waiting: int
    waiting_flex: int
    waiting_lines: int


class MachineShown(Struct, kw_only=True):
    """What all workers of this server share."""

    cores: int
    load: float | None
    """Of the last minute: processes that run or would."""
    memory_bytes: int | None
    free_memory_bytes: int | None
    disk_bytes: int
    """Of the disk that the data folder is on."""
    free_disk_bytes: int
    memory_of_server_bytes: int | None
    """What this very process has."""


class WorkerList(Struct, kw_only=True):
    """All workers of this server; no pages."""

    object: Literal["list"] = "list"
    data: list[WorkerShown]
    machine: MachineShown


LIST = route(
    "GET", "/api/admin/workers", "listWorkers", "Show the engines of this server", answer=WorkerList, access=ADMIN
)


class Engines:
    """The route."""

    operations = (LIST,)

    def __init__(self, workers: Workers, admission: Admission, data_path: Path) -> None:
        self._workers = workers
        self._admission = admission
        self._data_path = data_path

    def add_to(self, routing: Routing) -> None:
        routing.add(LIST, self.list)

    async def list(self, asked: Asked) -> Struct:
        return WorkerList(data=[self._shown(worker) for worker in self._workers.all()], machine=self._machine())

    def _shown(self, worker: Worker) -> WorkerShown:
        used = None if worker.pid is None else footprint_of(worker.pid)
        load = Load() if worker.endpoint is None else self._admission.load(worker.endpoint)
        return WorkerShown(
            model=worker.model.id,
            engine=worker.model.engine,
            state=worker.state.value,
            reason=worker.reason,
            pid=worker.pid,
            memory_bytes=None if used is None else used.memory_bytes,
            cpu_seconds=None if used is None else round(used.cpu_seconds, 1),
            deaths=worker.deaths,
            slots=load.slots,
            busy=load.busy,
            lines=load.lines,
            waiting=load.waiting[0],
            waiting_flex=load.waiting[1],
            waiting_lines=load.waiting[2],
        )

    def _machine(self) -> MachineShown:
        memory, disk, own = memory_of_machine(), shutil.disk_usage(self._data_path), footprint_of(os.getpid())
        return MachineShown(
            cores=os.cpu_count() or 1,
            load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            memory_bytes=None if memory is None else memory[0],
            free_memory_bytes=None if memory is None else memory[1],
            disk_bytes=disk.total,
            free_disk_bytes=disk.free,
            memory_of_server_bytes=None if own is None else own.memory_bytes,
        )
