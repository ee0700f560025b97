"""An administrator stops a model and starts it again, and everybody is told."""

import json

from e2e.browser import Opened
from playwright.sync_api import expect
from running_server import SMOL, Answer, RunningServer, eventually
from sign_in import Person, bearer, settle

SECONDS = 60_000


def ask(server: RunningServer, who: Person) -> Answer:
    body = {"model": SMOL, "messages": [{"role": "user", "content": "Say a word."}], "max_tokens": 4}
    return server.request("POST", "/v1/chat/completions", json.dumps(body).encode(), bearer(who.key))


def test_a_model_is_stopped_and_started_again(open_page: Opened, workshop: RunningServer, foreman: Person) -> None:
    mia = settle(workshop, "mia-who-asks")
    theirs = open_page(workshop, mia, f"/playground?model={SMOL}", outages=True)
    page = open_page(workshop, foreman, "/models")
    model = page.get_by_role("article", name=SMOL)
    expect(model).to_contain_text("Ready")
    model.get_by_role("button", name="Stop").click()
    page.get_by_role("dialog", name=f"Stop {SMOL}?").get_by_role("button", name="Stop").click()
    expect(model).to_contain_text("Stopped")
    expect(model).not_to_contain_text("at once")

    refused = ask(workshop, mia)
    assert (refused.status, refused.error["code"], refused.error["param"]) == (503, "model_unavailable", "model")
    assert 0 < int(refused.headers["retry-after"]) <= 120
    theirs.get_by_label("Message", exact=True).fill("Say a word.")
    theirs.keyboard.press("Enter")
    alert = theirs.get_by_role("alert")
    expect(alert).to_contain_text("The model does not run")
    expect(alert).to_contain_text(f"{SMOL} is stopped.")
    alert.get_by_role("link", name="See the models").click()
    shown = theirs.get_by_role("article", name=SMOL)
    expect(shown).to_contain_text("Stopped")
    expect(shown.get_by_role("button", name="Start")).to_have_count(0)

    model.get_by_role("button", name="Start").click()
    expect(model).to_contain_text("Ready", timeout=SECONDS)
    expect(shown).to_contain_text("Ready")
    eventually(lambda: ask(workshop, mia).status == 200)
    page.goto(f"/audit?target={SMOL}")
    acts = page.get_by_role("region", name="Acts").get_by_role("row")
    expect(acts.filter(has_text="model.stop")).to_contain_text(foreman.email)
    expect(acts.filter(has_text="model.start")).to_contain_text(foreman.email)
