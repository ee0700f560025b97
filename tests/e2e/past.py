"""Days of use that lie behind a server: rows of the ledger, as its own code writes them, and times moved back."""

import asyncio
import math
import random
import secrets
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from running_server import RunningServer
from sign_in import sql

from penstock.cli.data_folder import settings_of
from penstock.database.connection import Database
from penstock.tenants.sums import settle
from penstock.tenants.usage import UsageRecord

DAYS = 30
_A_DAY = 62
"""Requests of the last days; there were fewer at the beginning."""
_CHAT, _EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
_GROUP = 500


@dataclass(frozen=True)
class Use:
    """One key and what it is used for. `share` is its part of all requests."""

    account_id: str
    key_id: str
    model: str
    share: float
    embedding: bool = False
    prices: tuple[int, int, int] = (0, 0, 0)
    """Picos for a token: input, cached input, output."""


_REFUSED: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.020, {"status": 429, "error_code": "rate_limit_exceeded", "limit_hit": "requests_per_minute"}),
    (0.008, {"status": 400, "error_code": "context_length_exceeded"}),
    (0.005, {"status": 503, "error_code": "model_loading"}),
)


def live_through(server: RunningServer, uses: Sequence[Use]) -> None:
    """Write the rows of `DAYS` days, up to an hour ago."""
    chance = random.Random(8484)
    rows = list(_rows(uses, chance, until=time.time() - 3600))

    async def write() -> None:
        database = Database(settings_of(str(server.data_dir), None).database)
        await database.connect()
        try:
            for first in range(0, len(rows), _GROUP):
                async with database.write() as connection:
                    await settle(connection, rows[first : first + _GROUP])
        finally:
            await database.close()

    asyncio.run(write())


def _rows(uses: Sequence[Use], chance: random.Random, *, until: float) -> Iterator[UsageRecord]:
    for day in range(DAYS):
        grown = 0.35 + 0.65 * day / DAYS
        weekend = 0.4 if time.gmtime(until - (DAYS - day) * 86_400).tm_wday > 4 else 1.0
        for _ in range(round(_A_DAY * grown * weekend * chance.uniform(0.8, 1.2))):
            # Most of it by day: the hours lie around two in the afternoon.
            hour = chance.gauss(14, 3.6) % 24
            at = (until // 86_400 - DAYS + 1 + day) * 86_400 + hour * 3600
            if at < until:
                (use,) = chance.choices(uses, [one.share for one in uses])
                yield _row(use, at, chance)


def _row(use: Use, at: float, chance: random.Random) -> UsageRecord:
    endpoint = _EMBEDDINGS if use.embedding else _CHAT
    prompt = round(chance.lognormvariate(5.0 if use.embedding else 4.9, 0.7))
    told: dict[str, Any] = {
        **{"request_id": f"req_{secrets.token_hex(16)}", "account_id": use.account_id, "key_id": use.key_id},
        **{"model": use.model, "endpoint": endpoint, "created_at": at, "streamed": not use.embedding},
        **dict(zip(("input_price", "cached_input_price", "output_price"), use.prices, strict=True)),
    }
    drawn = chance.random()
    for share, refusal in _REFUSED:
        if drawn < share:
            frees: dict[str, Any] = {"frees_at": at + chance.uniform(4, 50)} if refusal["status"] == 429 else {}
            return UsageRecord(
                **told, **refusal, **frees, **_NOTHING, outcome="failed", total_ms=chance.uniform(0.6, 3)
            )
        drawn -= share
    left = drawn < 0.012 and not use.embedding
    ended: dict[str, Any] = {"status": 499, "outcome": "aborted"} if left else {"status": 200, "outcome": "completed"}
    reason = None if left or use.embedding else chance.choices(("stop", "length"), (5, 1))[0]
    return UsageRecord(**told, **_answer(use, prompt, chance), **ended, finish_reason=reason)


_NOTHING: dict[str, Any] = {
    **{"prompt_tokens": 0, "cached_tokens": 0, "completion_tokens": 0, "reasoning_tokens": 0},
    **{"finish_reason": None, "queue_ms": 0.0, "ttft_ms": None},
}


def _answer(use: Use, prompt: int, chance: random.Random) -> dict[str, Any]:
    """Tokens and times as the small model has them on a few cores."""
    cached = 0 if use.embedding else round(prompt * chance.choice((0, 0, 0.3, 0.6)))
    out = 0 if use.embedding else round(min(512, chance.lognormvariate(4.3, 0.8)))
    queue = chance.expovariate(1 / 400) if chance.random() < 0.12 else chance.uniform(0.2, 2)
    prefill = 18 + (prompt - cached) * chance.uniform(0.9, 1.5)
    decode = 1000 * max(0, out - 1) / chance.uniform(38, 74)
    input_price, cached_price, output_price = use.prices
    return {
        **{"prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": out, "reasoning_tokens": 0},
        **{"queue_ms": queue, "prefill_ms": prefill, "decode_ms": decode if out else None},
        **{"ttft_ms": None if use.embedding else queue + prefill, "total_ms": math.fsum((queue, prefill, decode, 2))},
        "cost": (prompt - cached) * input_price + cached * cached_price + out * output_price,
    }


def age(server: RunningServer, table: str, row_id: str, *, hours: float, columns: Sequence[str]) -> None:
    """Move the moments of a row back."""
    moved = ", ".join(f"{column} = {column} - ?" for column in columns)
    sql(server, f"UPDATE {table} SET {moved} WHERE id = ?", *[hours * 3600] * len(columns), row_id)


def age_audit(server: RunningServer, *, days: float) -> None:
    """Spread the acts so far over the last `days`, in order. The log only grows: its guard is away for that."""
    ids = selected(server, "SELECT id FROM audit ORDER BY at, rowid")
    (guard,) = selected(server, "SELECT sql FROM sqlite_master WHERE name = 'audit_no_update'")
    sql(server, "DROP TRIGGER audit_no_update")
    chance = random.Random(len(ids))
    spans = sorted((chance.uniform(1200, days * 86_400) for _ in ids), reverse=True)
    for act_id, span in zip(ids, spans, strict=True):
        sql(server, "UPDATE audit SET at = ? WHERE id = ?", time.time() - span, act_id)
    sql(server, guard)


def selected(server: RunningServer, statement: str, *values: Any) -> list[Any]:
    """The first column of what a statement gives."""
    database = sqlite3.connect(server.data_dir / "penstock.db", timeout=30)
    try:
        return [row[0] for row in database.execute(statement, values)]
    finally:
        database.close()
