"""Lists in pages, the newest first unless asked otherwise."""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, Table, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from penstock.errors import InvalidRequest
from penstock.tenants.names import looks_like_id

PAGE = 100
LONGEST_PAGE = 1000

T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some rows of a list, and whether there are more behind the last one."""

    rows: list[T]
    has_more: bool


async def read_page(
    connection: AsyncConnection,
    query: Select[Any],
    table: Table,
    *conditions: ColumnElement[bool],
    after: str | None,
    limit: int,
    by: ColumnElement[Any] | None = None,
    most: int = LONGEST_PAGE,
    oldest_first: bool = False,
) -> Page[tuple[Any, ...]]:
    """Up to `limit` rows (1 to `most`) of `table` after the one with the id `after`, by what `by` gives, never null,
    and then by id; as a rule by `created_at`. What is the least comes first with `oldest_first`.

    Raises InvalidRequest for a cursor that is not among the rows that the conditions let through.
    """
    if not 1 <= limit <= most:
        raise InvalidRequest(f"`limit` is a number from 1 to {most}.", param="limit")
    at, by_id = table.c.created_at if by is None else by, table.c.id
    order = (at.asc(), by_id.asc()) if oldest_first else (at.desc(), by_id.desc())
    query = query.where(*conditions).order_by(*order).limit(limit + 1)
    if after is not None:
        passed = None
        if looks_like_id(after):
            passed = (await connection.execute(select(at).where(by_id == after, *conditions))).one_or_none()
        if passed is None:
            raise InvalidRequest("`after` is the id of a row in this list.", param="after")
        next_ = (at > passed[0], by_id > after) if oldest_first else (at < passed[0], by_id < after)
        query = query.where(or_(next_[0], and_(at == passed[0], next_[1])))
    found = list(await connection.execute(query))
    return Page([tuple(row) for row in found[:limit]], len(found) > limit)
