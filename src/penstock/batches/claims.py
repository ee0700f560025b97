"""Lines that this server has taken to run, and their way back: who claims, in what order, in which blocks."""

from collections.abc import Collection
from dataclasses import dataclass, fields

from sqlalchemy import ColumnElement, and_, exists, select, tuple_, update

from penstock.batches.ids import request_id
from penstock.database.connection import Database
from penstock.database.tables import batch_lines, batches, files
from penstock.protocol.batches import BatchEndpoint


@dataclass(frozen=True)
class Work:
    """A batch that has lines to run."""

    batch_id: str
    account_id: str
    key_id: str
    endpoint: BatchEndpoint
    blob: str
    """The body of its input."""


@dataclass(frozen=True)
class Claim:
    """One line that is ours as long as nobody claims it after us."""

    batch_id: str
    line: int
    generation: int
    custom_id: str
    model: str
    position: int
    size: int
    suspect: bool
    deaths: int

    @property
    def request_id(self) -> str:
        """That of the one request that the line is."""
        return request_id(self.batch_id, self.line)


@dataclass(frozen=True)
class Models:
    """Which lines a lane runs: those with one of these names, or those with none of them."""

    names: frozenset[str]
    excluded: bool = False

    @property
    def condition(self) -> ColumnElement[bool]:
        named = batch_lines.c.model.in_(sorted(self.names))
        return ~named if self.excluded else named


_KEY = (batch_lines.c.batch_id, batch_lines.c.line)


class Claims:
    """Takes lines for one runner."""

    def __init__(self, database: Database, runner_id: str) -> None:
        self._database = database
        self._runner_id = runner_id

    async def work(self, models: Models, *, suspects: bool = False) -> list[Work]:
        """The batches with lines that wait for these models, the oldest first."""
        waits = and_(
            batch_lines.c.batch_id == batches.c.id,
            batch_lines.c.state == "waiting",
            batch_lines.c.suspect.is_(suspects),
            models.condition,
        )
        query = (
            select(batches.c.id, batches.c.account_id, batches.c.key_id, batches.c.endpoint, files.c.blob)
            .join_from(batches, files, files.c.id == batches.c.input_file_id)
            .where(batches.c.status == "in_progress", exists().where(waits))
            .order_by(batches.c.created_at, batches.c.id)
        )
        async with self._database.read() as connection:
            return [Work(*row) for row in await connection.execute(query)]

    async def take(self, work: Work, models: Models, *, limit: int, suspects: bool = False) -> list[Claim]:
        """Claim up to `limit` lines of a batch: those that begin alike together, so that the engine's cache is used."""
        order = [batch_lines.c.model, batch_lines.c.prefix, batch_lines.c.line]
        if suspects:  # those that no engine has died under while they were alone are most likely innocent
            order.insert(0, batch_lines.c.deaths)
        waiting = (
            select(*_KEY)
            .where(
                batch_lines.c.batch_id == work.batch_id,
                batch_lines.c.state == "waiting",
                batch_lines.c.suspect.is_(suspects),
                models.condition,
                exists().where(batches.c.id == work.batch_id, batches.c.status == "in_progress"),
            )
            .order_by(*order)
            .limit(limit)
            .with_for_update(skip_locked=True, of=batch_lines)
        )
        claimed = (
            update(batch_lines)
            .where(tuple_(*_KEY).in_(waiting))
            .values(state="running", runner_id=self._runner_id, generation=batch_lines.c.generation + 1)
            .returning(batch_lines.c.prefix, *(batch_lines.c[field.name] for field in fields(Claim)))
        )
        async with self._database.write() as connection:
            rows = (await connection.execute(claimed)).all()
        # What RETURNING gives has no order.
        return [Claim(*row[1:]) for row in sorted(rows, key=lambda row: (row.model, row.prefix, row.line))]

    async def still_run(self, batch_ids: Collection[str]) -> set[str]:
        """Those of these batches that go on: neither cancelled nor expired, nor over."""
        query = select(batches.c.id).where(batches.c.id.in_(batch_ids), batches.c.status == "in_progress")
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())
