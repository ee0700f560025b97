"""`penstock usage`: its table, its totals, and what it says where there is nothing."""

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import insert
from usage_rows import NOON, put, row

from penstock.cli.usage import _span, command
from penstock.database.connection import Database
from penstock.database.tables import accounts, api_keys
from penstock.tenants.usage_report import DAY, HOUR

ROWS = [
    row(0, NOON, cost=1_234_567_890_123_456),
    row(1, NOON, model="a/large-model", key_id="key_b", prompt_tokens=1_234_567, cost=1),
    row(2, NOON + HOUR, key_id="key_gone", outcome="failed", prompt_tokens=0, cached_tokens=0, completion_tokens=0,
        cost=0),
    row(3, NOON - DAY, model="=cmd", account_id="acct_b", key_id="key_c", cost=10**11),
]  # fmt: skip
SPAN = ("--since", "2026-11-17", "--until", "2026-11-19")


async def _fill(url: str) -> None:
    database = Database(url)
    await database.connect()
    await put(database, ROWS)
    account = {"role": "user", "created_at": 1.0}
    key = {"account_id": "acct_a", "hint": "h", "created_at": 1.0}
    async with database.write() as connection:
        people = [("acct_a", "ada@example.org"), ("acct_b", "ben@example.org")]
        await connection.execute(
            insert(accounts), [{"id": one, "email": email, "name": "N", **account} for one, email in people]
        )
        names = [("key_a", "laptop"), ("key_b", "laptop"), ("key_c", "phone")]
        await connection.execute(insert(api_keys), [{"id": one, "name": n, "digest": one, **key} for one, n in names])
    await database.close()


@pytest.fixture
def folder(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PENSTOCK_CURRENCY", "EUR")
    monkeypatch.chdir(tmp_path)
    asyncio.run(_fill(sqlite_url))
    return tmp_path


def usage(folder: Path, *arguments: str) -> tuple[list[str], str]:
    done = CliRunner().invoke(command, [*SPAN, *arguments, "--data-dir", str(folder)])
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout.splitlines(), done.stderr


def test_the_dearest_model_stands_first_and_all_are_summed(folder: Path) -> None:
    lines, err = usage(folder)
    assert err == "Usage from 2026-11-17 00:00 to 2026-11-19 00:00 UTC\n"
    assert [line.split() for line in lines if line.strip()] == [
        ["Model", "Requests", "Failed", "Input", "Cached", "Output", "Cost", "EUR"],
        ["m", "2", "1", "10", "2", "5", "1,234.5679"],
        ["=cmd", "1", "0", "10", "2", "5", "0.1000"],
        ["a/large-model", "1", "0", "1,234,567", "2", "5", "<0.0001"],
        ["Total", "4", "1", "1,234,587", "6", "15", "1,234.6679"],
    ]
    ends = {len(line.rstrip()) for line in lines if line.strip()}
    assert len(ends) == 1, "figures stand on the right"
    assert ends.pop() <= 80


@pytest.mark.parametrize(
    ("by", "first"),
    [
        ("key", ["laptop key_a", "phone", "laptop key_b", "key_gone"]),
        ("account", ["ada@example.org", "ben@example.org"]),
        ("day", ["2026-11-17", "2026-11-18"]),
        ("hour", ["2026-11-17 12:00", "2026-11-18 12:00", "2026-11-18 13:00"]),
    ],
)
def test_a_line_for_each(folder: Path, by: str, first: list[str]) -> None:
    lines, _ = usage(folder, "--by", by)
    shown = [line for line in lines[1:] if line.strip()]
    assert [line[: len(name)] for line, name in zip(shown, first, strict=False)] == first
    assert len(shown) == len(first) + 1
    assert shown[-1].startswith("Total")


def test_json_and_csv_have_everything(folder: Path) -> None:
    told: list[dict[str, Any]] = json.loads("\n".join(usage(folder, "--by", "key", "--json")[0]))
    assert told[0] == {
        "key": "key_a", "name": "laptop key_a", "requests": 1, "failed": 0, "prompt_tokens": 10, "cached_tokens": 2,
        "completion_tokens": 5, "reasoning_tokens": 1, "cost": "1234.567890123456", "currency": "EUR",
    }  # fmt: skip
    read = list(csv.DictReader(io.StringIO("\n".join(usage(folder, "--by", "key", "--csv")[0]))))
    assert read == [{name: str(value) for name, value in one.items()} for one in told]
    assert "'=cmd,1" in "\n".join(usage(folder, "--csv")[0])


def test_one_account_alone(folder: Path) -> None:
    lines, _ = usage(folder, "--account", "ben@example.org")
    assert len(lines) == 2  # one line needs no total
    assert lines[1].split() == ["=cmd", "1", "0", "10", "2", "5", "0.1000"]
    assert usage(folder, "--account", "ben@example.org", "--by", "hour", "--json")[0][1:3] == [
        "  {",
        '    "hour": "2026-11-17 12:00",',
    ]


def test_nothing_tells_the_next_step(folder: Path) -> None:
    nothing = ("--since", "2020-01-01", "--until", "2020-01-02")
    assert usage(folder, *nothing) == (
        [],
        "Nothing was used from 2020-01-01 00:00 to 2020-01-02 00:00 UTC. Ask a model something: penstock chat\n",
    )
    assert usage(folder, *nothing, "--json") == (["[]"], "")
    assert usage(folder, *nothing, "--csv")[0][0].startswith("model,requests,")


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        ("7d", None, (NOON - DAY // 2 - 6 * DAY, NOON + HOUR)),
        ("1w", None, (NOON - DAY // 2 - 6 * DAY, NOON + HOUR)),
        ("1d", None, (NOON - DAY // 2, NOON + HOUR)),
        ("1h", None, (NOON, NOON + HOUR)),
        ("5m", None, (NOON, NOON + HOUR)),
        ("24h", None, (NOON - 23 * HOUR, NOON + HOUR)),
        ("2026-11-01", "2026-11-02", (NOON - 17.5 * DAY, NOON - 16.5 * DAY)),
        ("2026-11-18", "2030-01-01", (NOON - DAY // 2, NOON + HOUR)),
    ],
)
def test_spans(since: str, until: str | None, expected: tuple[float, float]) -> None:
    assert _span(since, until, NOON + 1) == expected


@pytest.mark.parametrize(
    ("since", "until"),
    [
        ("yesterday", None),
        ("", None),
        ("d", None),
        ("0d", None),
        ("2026-13-01", None),
        ("2026-11-18", "2026-11-18"),
        ("2026-11-19", "2026-11-18"),
        ("2026-11-19", None),
        ("1969-01-01", None),
        ("7d", "soon"),
    ],
)
def test_what_is_no_span(since: str, until: str | None) -> None:
    with pytest.raises(click.UsageError):
        _span(since, until, NOON + 1)


def test_one_form_at_a_time(folder: Path) -> None:
    done = CliRunner().invoke(command, ["--json", "--csv", "--data-dir", str(folder)])
    assert done.exit_code == 2
