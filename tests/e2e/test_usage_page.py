"""What the page of Usage shows in numbers is what the ledger has and what the metrics count."""

import json
import re
from collections import Counter

from console.test_usage_adds_up import chat, counted, leave
from e2e.browser import Opened
from playwright.sync_api import Locator, Page, expect
from running_server import SMOL, RunningServer, eventually, penstock
from sign_in import Person, settle

NAMES = ("requests", "failed", "input_tokens", "cached_input_tokens", "output_tokens")


def number(text: str) -> int:
    found = re.search(r"[\d,]+", text)
    assert found, text
    return int(found[0].replace(",", ""))


def tile(page: Page, name: str) -> list[int]:
    """The numbers of one tile: the large one, and the one below it where there is one."""
    tiles = page.get_by_role("region", name="Totals").locator("> div")
    _, *shown = tiles.filter(has=page.get_by_text(name, exact=True)).locator("> p").all_inner_texts()
    return [number(one) for one in shown]


def totals(page: Page) -> Counter[str]:
    (requests, failed), (read, cached), (written,) = (
        tile(page, name) for name in ("Requests", "Input tokens", "Output tokens")
    )
    return Counter(dict(zip(NAMES, (requests, failed, read, cached, written), strict=True)))


def by_column(table: Locator) -> list[dict[str, str]]:
    heads = table.get_by_role("columnheader").all_inner_texts()
    rows = table.locator("tbody tr").all()
    return [dict(zip(heads, row.get_by_role("cell").all_inner_texts(), strict=True)) for row in rows]


def of_ledger(server: RunningServer) -> dict[str, Counter[str]]:
    """Model -> what `penstock usage` tells of it."""
    told = penstock("usage", "--since", "2d", "--json", data_dir=server.data_dir)
    assert told.returncode == 0, told.stderr
    names = dict(zip(NAMES, ("requests", "failed", "prompt_tokens", "cached_tokens", "completion_tokens"), strict=True))
    return {
        line["model"]: Counter({name: line[field] for name, field in names.items()}) for line in json.loads(told.stdout)
    }


def test_the_numbers_shown_are_those_of_the_ledger_and_of_the_metrics(
    open_page: Opened, workshop: RunningServer, foreman: Person
) -> None:
    una = settle(workshop, "una-who-uses")
    before = len(workshop.ledger())
    assert chat(workshop, una.key, "Say a word.", model=SMOL, max_tokens=6) == 200
    assert chat(workshop, una.key, "Say a word.", model=SMOL, max_tokens=6, stream=True) == 200
    assert chat(workshop, una.key, "one two three four") == 200
    assert chat(workshop, una.key, "!error", model="echo") in (500, 502)
    assert chat(workshop, una.key, "word " * 99) == 400
    leave(workshop, una.key)
    eventually(lambda: len(workshop.ledger()) == before + 6)
    rows = workshop.ledger()
    assert {row["outcome"] for row in rows[before:]} == {"completed", "failed", "aborted"}

    page = open_page(workshop, foreman, "/usage?account=all&range=24h&by=model")
    models = page.get_by_role("region", name="Usage by Model")
    expect(models.get_by_role("row").filter(has_text="slow")).to_be_visible()
    ledger = of_ledger(workshop)
    summed = sum(ledger.values(), Counter[str]())
    assert totals(page) == summed == counted(workshop)
    assert summed["requests"] == len(rows)
    columns = ("Requests", "Failed", "Input", "Cached", "Output")
    shown = {
        row["Model"]: Counter({name: number(row[column]) for name, column in zip(NAMES, columns, strict=True)})
        for row in by_column(models)
    }
    assert shown == ledger

    failed = Counter(row["error_code"] for row in rows if row["outcome"] == "failed")
    errors = by_column(page.get_by_role("region", name="Errors by code"))
    assert {row["Error"]: number(row["Requests"]) for row in errors} == failed
    page.get_by_role("combobox", name="Account").select_option(una.id)
    expect(page).to_have_url(re.compile(una.id))
    expect(page.get_by_role("region", name="Totals")).to_contain_text(re.compile("^Requests6"))
    assert tile(page, "Requests") == [6, 2]
