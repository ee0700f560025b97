"""The playground: an answer as it comes, what can be done with it, and what is said where there is none."""

import json
import re
import signal
from pathlib import Path

from e2e.browser import Opened
from playwright.sync_api import Locator, Page, Request, expect
from running_server import SMOL, RunningServer, eventually, free_port, serving
from sign_in import Person, ask_json, bearer, settle

NUMBERS = re.compile(r"queue [\d.]+ m?s · TTFT [\d.]+ m?s · [\d,.]+ tok/s · [\d,]+ out / [\d,]+ in.* · (stop|length)")

HOSTILE = (
    "[a](javascript:window.hacked=1) [b](https://evil.example/) ![c](https://evil.example/c.png) **bold** "
    "<img src=x onerror=window.hacked=2> <svg onload=window.hacked=3> <iframe src=https://evil.example></iframe>\n\n"
    "<script>window.hacked=4</script> <style>*{display:none}</style>"
)


def ended(*, most: int) -> re.Pattern[str]:
    """How the answer of a real model ends, that draws its tokens: it may have said all before the bound."""
    return re.compile(rf"\b({most} out / \d+ in.* · length|\d+ out / \d+ in.* · stop)")


def say(page: Page, text: str) -> None:
    page.get_by_label("Message", exact=True).fill(text)
    page.keyboard.press("Enter")


def last_answer(page: Page, column: str = "") -> Locator:
    return page.get_by_role("log", name=f"Messages {column}".strip()).get_by_role("article", name="Answer of").last


def busy_slots(server: RunningServer, admin: Person, model: str) -> float:
    text = server.request("GET", "/metrics", headers=bearer(admin.key)).body.decode()
    found = re.search(rf'^penstock_slots_busy{{model="{re.escape(model)}"}} (\S+)$', text, re.MULTILINE)
    assert found, text
    return float(found[1])


def test_an_answer_streams_and_stop_keeps_it_and_frees_the_slot(open_page: Opened, real_server: RunningServer) -> None:
    cai = settle(real_server, "cai-at-the-playground", role="admin")
    page = open_page(real_server, cai, f"/playground?model={SMOL}")
    say(page, "Tell me a very long story about the sea.")
    answer = last_answer(page)
    expect(answer.locator(".markdown")).to_have_text(re.compile(r"\w+\s+\w+"))
    page.get_by_role("button", name="Stop").click()
    expect(answer).to_contain_text("Stopped. What had come is kept.")
    kept = answer.locator(".markdown").inner_text()
    assert kept
    eventually(lambda: busy_slots(real_server, cai, SMOL) == 0, seconds=10)
    assert answer.locator(".markdown").inner_text() == kept

    page.get_by_label("Max tokens", exact=True).fill("24")
    answer.hover()
    answer.get_by_role("button", name="Regenerate").click()
    expect(last_answer(page)).to_contain_text(NUMBERS)
    expect(last_answer(page)).to_contain_text(ended(most=24))
    expect(page.get_by_role("article", name="Answer of")).to_have_count(1)


def test_escape_stops_and_a_message_can_be_changed_and_taken_away(
    open_page: Opened, echo_server: RunningServer, ann: Person
) -> None:
    page = open_page(echo_server, ann, "/playground?model=slow")
    say(page, " ".join(f"word{number}" for number in range(400)))
    expect(last_answer(page)).to_contain_text("word2")
    page.keyboard.press("Escape")
    expect(last_answer(page)).to_contain_text("Stopped.")

    said = page.get_by_role("article", name="Your message")
    said.hover()
    said.get_by_role("button", name="Edit").click()
    page.get_by_label("Edit the message").fill("one two")
    page.get_by_role("button", name="Save and send").click()
    expect(last_answer(page)).to_contain_text("2 out / 2 in")
    page.reload()
    expect(last_answer(page)).to_contain_text("one two")

    last_answer(page).hover()
    last_answer(page).get_by_role("button", name="Delete").click()
    expect(page.get_by_role("article")).to_have_count(1)


def test_two_models_answer_one_message(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/playground?model=echo")
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Model B").select_option("short")
    say(page, "one two three four")
    expect(last_answer(page, "A")).to_contain_text("4 out / 4 in · stop")
    expect(last_answer(page, "B")).to_contain_text("3 out / 4 in · length")

    page.get_by_role("button", name="End the comparison").click()
    expect(page.get_by_role("log")).to_have_count(1)


def test_the_real_model_is_compared_with_another(open_page: Opened, workshop: RunningServer) -> None:
    cor = settle(workshop, "cor-who-compares")
    page = open_page(workshop, cor, f"/playground?model={SMOL}")
    page.get_by_label("Max tokens", exact=True).fill("8")
    page.get_by_role("button", name="Compare").click()
    page.get_by_label("Model B").select_option("echo")
    say(page, "What is the capital of France?")
    expect(last_answer(page, "A")).to_contain_text(ended(most=8))
    expect(last_answer(page, "B")).to_contain_text("What is the capital of France?")
    expect(last_answer(page, "B")).to_contain_text("6 out / 6 in · stop")


def test_only_parameters_that_are_set_are_sent(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/playground?model=echo")
    bodies: list[dict[str, object]] = []

    def note(asked: Request) -> None:
        if "/chat/" in asked.url:
            bodies.append(json.loads(asked.post_data or ""))

    page.on("request", note)
    page.get_by_label("Top P, slider").press("ArrowLeft")
    page.get_by_label("Temperature", exact=True).fill("0.2")
    page.get_by_label("System prompt").fill("Be brief.")
    page.get_by_role("button", name="Do not set Temperature").click()
    say(page, "one two")
    expect(last_answer(page)).to_contain_text("2 out / 4 in")
    page.get_by_role("button", name="Reset").click()
    say(page, "three")
    expect(last_answer(page)).to_contain_text("1 out / 7 in")
    first, second = bodies
    assert first["top_p"] == 0.95
    assert first["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "one two"}]
    usual = {"model", "messages", "stream", "stream_options"}
    assert first.keys() == {*usual, "top_p"}
    assert second.keys() == usual


def test_a_limit_is_explained_and_counted_down(open_page: Opened, echo_server: RunningServer) -> None:
    dee = settle(echo_server, "dee-at-the-playground")
    page = open_page(echo_server, dee, "/playground?model=echo", refusals=True)
    say(page, "one")
    expect(last_answer(page)).to_contain_text("1 out")
    (key,) = (
        key for key in ask_json(echo_server, "GET", "/api/keys", cookie=dee.cookie).json["data"] if key["of_console"]
    )
    limits = {"limits": {"requests_per_minute": 1}}
    changed = ask_json(echo_server, "PATCH", f"/api/keys/{key['id']}", limits, cookie=dee.cookie)
    assert changed.status == 200, changed.body
    say(page, "two")
    expect(last_answer(page)).to_contain_text("out / 3 in")  # until then Enter sends nothing
    say(page, "three")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("A limit is reached")
    expect(alert).to_contain_text("There is room again when the time is up.")
    expect(alert).to_contain_text("req_")
    expect(alert).to_contain_text("on requests per minute: ")
    expect(alert).to_contain_text("allows 1; 1 used, 1 asked for.")
    expect(alert.get_by_role("button", name=re.compile(r"Retry in \d+ s"))).to_be_disabled()
    alert.get_by_role("link", name="See your limits").click()
    standing = page.get_by_role("listitem").filter(has_text="Requests per minute of the console's key")
    expect(standing).to_contain_text("1 of 1")
    expect(standing).to_contain_text(re.compile(r"All of it is free in \d+ s\."))


def test_a_request_that_is_not_taken_is_explained(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/playground?model=echo", refusals=True)
    say(page, " ".join(["word"] * 200))
    expect(page.get_by_role("alert")).to_contain_text("The conversation is too long for this model")


def test_what_a_model_says_can_do_nothing(open_page: Opened, echo_server: RunningServer, ann: Person) -> None:
    page = open_page(echo_server, ann, "/playground?model=echo")
    say(page, HOSTILE)
    answer = last_answer(page).locator(".markdown")
    expect(answer.locator("strong")).to_have_text("bold")
    expect(answer).to_contain_text("<script>window.hacked=4</script>")
    assert page.evaluate("window.hacked") is None
    tags = answer.locator("*").evaluate_all("all => all.map(one => one.tagName.toLowerCase())")
    assert set(tags) <= {"div", "p", "a", "strong"}
    links = answer.locator("a").evaluate_all("all => all.map(one => [one.href, one.rel, one.target])")
    safe = ["noopener noreferrer", "_blank"]
    assert links == [["https://evil.example/", *safe], ["https://evil.example/c.png", *safe]]


def test_a_stream_that_breaks_off_keeps_its_text_and_says_so(open_page: Opened, tmp_path: Path) -> None:
    port = str(free_port())
    config = '[[models]]\nid = "slow"\nengine = "echo"\ncontext_length = 9000\n[models.echo]\ntokens_per_second = 20\n'
    arguments = ("--model", "slow", "--port", port)
    with serving(tmp_path, *arguments, config=config) as server:
        eve = settle(server, "eve")
        page = open_page(server, eve, "/playground?model=slow", outages=True)
        say(page, " ".join(f"word{number}" for number in range(4000)))
        expect(last_answer(page)).to_contain_text("word3")
        server.stop(signal.SIGKILL)
        alert = page.get_by_role("alert").filter(has_text="The answer broke off")
        expect(alert).to_contain_text("What had come is kept.")
        expect(last_answer(page)).to_contain_text("word3")
        said = page.get_by_role("article", name="Your message")
        said.hover()
        said.get_by_role("button", name="Edit").click()
        page.get_by_label("Edit the message").fill("back again")
        page.get_by_role("button", name="Save", exact=True).click()
    with serving(tmp_path, *arguments, config=config):
        alert.get_by_role("button", name="Retry").click()
        expect(last_answer(page)).to_contain_text("2 out / 2 in · stop")
