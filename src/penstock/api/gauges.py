"""What the server is doing at the moment: read when somebody asks, so that it costs requests nothing."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock import __version__
from penstock.api.drain import Drain
from penstock.catalogue.workers import State, Worker, Workers
from penstock.inference.admission import Admission, Load
from penstock.inference.ticket import Tier
from penstock.tenants.ledger import Ledger


@dataclass(frozen=True)
class Elsewhere:
    """What other processes of this server have together, as they said last."""

    connections: int = 0
    under_way: int = 0
    waiting_rows: int = 0
    lag_seconds: float = 0.0


class Gauges(Collector):
    """Connections, queues, slots, models and the ledger, as they are now."""

    def __init__(
        self,
        workers: Workers,
        admission: Admission,
        drain: Drain,
        *,
        connections: Collection[object],
        ledger: Ledger,
        others: Callable[[], Elsewhere] | None = None,
    ) -> None:
        self._workers = workers
        self._admission = admission
        self._drain = drain
        self._connections = connections
        self._ledger = ledger
        self._others = others or Elsewhere

    def collect(self) -> Iterator[Metric]:
        """One look at everything."""
        build = GaugeMetricFamily("penstock_build_info", "Always 1; its labels say what runs", labels=("version",))
        build.add_metric([__version__], 1)
        yield build
        elsewhere = self._others()
        connections = len(self._connections) + elsewhere.connections
        yield GaugeMetricFamily("penstock_connections", "Open connections to the API", connections)
        says = "Requests under way that ask a model"
        yield GaugeMetricFamily("penstock_requests_in_flight", says, self._drain.under_way + elsewhere.under_way)
        workers = {worker.model.id: worker for _, worker in self._workers.named()}
        yield self._states(workers)
        loads = {name: self._load(worker) for name, worker in workers.items()}
        yield _by_model("penstock_slots", "Requests that the engine takes at once", loads, "slots")
        yield _by_model("penstock_slots_busy", "Of these, how many are taken", loads, "busy")
        yield _by_model("penstock_lines_running", "Of these, how many lines of batches have", loads, "lines")
        says = "Slots that lines of batches may have while other requests run, as it was measured"
        yield _by_model("penstock_lines_beside", says, loads, "beside")
        says = "Slots that lines of batches may have while no other request runs, as it was measured"
        yield _by_model("penstock_lines_alone", says, loads, "alone")
        says = "Lines of batches that were at work and made way for other requests"
        family = CounterMetricFamily("penstock_lines_put_back", says, labels=("model",))
        for model, load in loads.items():
            family.add_metric([model], load.put_backs)
        yield family
        yield _waiting(loads)
        yield from self._behind(elsewhere)

    def _behind(self, elsewhere: Elsewhere) -> Iterator[Metric]:
        says = "Rows that the ledger has brought into the database since the server was started"
        yield CounterMetricFamily("penstock_ledger_rows", says, self._ledger.committed)
        try:
            lag = self._ledger.lag()
        except OSError:  # the spool cannot be read; a gap in a graph says more than a number that is made up
            return
        says = "Rows of the ledger that wait for the database"
        yield GaugeMetricFamily("penstock_ledger_waiting_rows", says, lag.rows + elsewhere.waiting_rows)
        seconds = max(lag.seconds, elsewhere.lag_seconds)
        yield GaugeMetricFamily("penstock_ledger_lag_seconds", "How long the oldest of them has waited", seconds)

    def _load(self, worker: Worker) -> Load:
        return Load() if worker.endpoint is None else self._admission.load(worker.endpoint)

    def _states(self, workers: dict[str, Worker]) -> Metric:
        says = "1 for the state that the model is in, 0 for the others"
        family = GaugeMetricFamily("penstock_model_state", says, labels=("model", "state"))
        for name, worker in workers.items():
            for state in State:
                family.add_metric([name, state.value], float(worker.state is state))
        return family


def _waiting(loads: dict[str, Load]) -> Metric:
    family = GaugeMetricFamily("penstock_queue_waiting", "Requests that wait for a slot", labels=("model", "class"))
    for model, load in loads.items():
        for tier, waiting in zip(Tier, load.waiting, strict=True):
            family.add_metric([model, tier.name.lower()], waiting)
    return family


def _by_model(name: str, says: str, loads: dict[str, Load], attribute: str) -> Metric:
    family = GaugeMetricFamily(name, says, labels=("model",))
    for model, load in loads.items():
        family.add_metric([model], getattr(load, attribute))
    return family
