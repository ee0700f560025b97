"""`penstock chat`, typed at from a list of lines, and in a real terminal."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scripted_server import MODELS, Reply, Script, refusal, scripted
from terminal import Terminal, terminal

from penstock.cli.chat import Chat
from penstock.cli.client import Client
from penstock.errors import OperatorError


def talk(server: Script, *lines: str, model: str | None = None, system: str = "", **sampling: Any) -> str:
    """Type `lines`, then Ctrl-D; what the screen shows."""
    waiting = list(lines)

    def read() -> str:
        if not waiting:
            raise EOFError
        return waiting.pop(0)

    screen = Console(file=io.StringIO(), highlight=False, markup=False, soft_wrap=True)
    chat = Chat(Client(server.url, "key"), screen, read, sampling=sampling)
    chat.start(model, system=system)
    chat.run()
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def messages(server: Script) -> list[list[tuple[str, str]]]:
    """Of every request, who said what."""
    return [[(said["role"], said["content"]) for said in asked["messages"]] for asked in server.asked]


def test_the_conversation_goes_along_with_every_question() -> None:
    with scripted(Reply(("Hel", "lo")), Reply(("Fine",))) as server:
        shown = talk(server, "Hi", "", "How are you?", system="Be kind.", temperature=0.5)
    assert "Hello\n" in shown
    assert "Fine\n" in shown
    first = [("system", "Be kind."), ("user", "Hi")]
    assert messages(server) == [first, [*first, ("assistant", "Hello"), ("user", "How are you?")]]
    assert all(asked["temperature"] == 0.5 for asked in server.asked)
    assert {asked["model"] for asked in server.asked} == {MODELS[0]}


def test_the_figures_stand_under_the_answer() -> None:
    with scripted(Reply(("a", "b", "c"))) as server:
        shown = talk(server, "Hi")
    (line,) = [line for line in shown.splitlines() if line.startswith("TTFT")]
    assert line.endswith("3 out / 31 in · stop")
    assert "tok/s" not in line, "three tokens tell no rate"


@pytest.mark.parametrize(("given", "asked"), [(None, MODELS[0]), ("FIRST", MODELS[0]), ("org/second-large", MODELS[1])])
def test_a_model_is_found_by_a_part_of_its_name(given: str | None, asked: str) -> None:
    with scripted(Reply(("ok",))) as server:
        talk(server, "Hi", model=given)
    assert server.asked[0]["model"] == asked


def test_a_whole_name_wins_over_longer_ones_that_hold_it() -> None:
    with scripted(Reply(("ok",)), models=("org/a-b", "org/a")) as server:
        talk(server, "Hi", model="org/a")
    assert server.asked[0]["model"] == "org/a"


@pytest.mark.parametrize(
    ("models", "model", "words"),
    [
        (MODELS, "second", "Several models match 'second'"),
        (MODELS, "nothing", "No model here is called 'nothing'. There are: org/first"),
        ((), None, "serves no model"),
    ],
)
def test_a_model_that_is_not_there_ends_the_chat(models: tuple[str, ...], model: str | None, words: str) -> None:
    with scripted(models=models) as server, pytest.raises(OperatorError, match=words):
        talk(server, model=model)


def test_a_model_for_embeddings_is_nothing_to_talk_to() -> None:
    with scripted(Reply(("ok",))) as server:
        server.about = {MODELS[0]: {"penstock": {"kind": "embedding"}}}
        shown = talk(server, "Hi", f"/model {MODELS[0]}", "/model")
        assert server.asked[0]["model"] == MODELS[1]
        assert f"{MODELS[0]} makes embeddings" in shown
        assert f"  {MODELS[0]}\n" not in shown
        with pytest.raises(OperatorError, match="it does not talk"):
            talk(server, model=MODELS[0])
        server.about |= {name: {"penstock": {"kind": "embedding"}} for name in MODELS}
        with pytest.raises(OperatorError, match="serves no model that talks"):
            talk(server)


def test_the_model_can_be_changed_on_the_way() -> None:
    with scripted(Reply(("ok",))) as server:
        shown = talk(server, "/model", "Hi", "/model small", "Hi again", "/model nothing", "/model")
    assert [asked["model"] for asked in server.asked] == [MODELS[0], MODELS[2]]
    assert len(messages(server)[1]) == 3
    assert f"* {MODELS[0]}" in shown
    assert f"* {MODELS[2]}" in shown
    assert "No model here is called 'nothing'" in shown


def test_instructions_can_be_set_shown_and_dropped() -> None:
    with scripted(Reply(("ok",))) as server:
        shown = talk(server, "/system", "/system Be brief.", "/system", "One", "/clear", "/system off", "Two")
    assert messages(server) == [[("system", "Be brief."), ("user", "One")], [("user", "Two")]]
    assert shown.count("Instructions: Be brief.") == 2
    assert shown.count("No instructions.") == 2


def test_clear_forgets_what_was_said_and_keeps_the_instructions() -> None:
    with scripted(Reply(("ok",))) as server:
        talk(server, "One", "/clear", "Two", system="Be brief.")
    assert messages(server)[1] == [("system", "Be brief."), ("user", "Two")]


def test_stats_count_the_last_answer_and_all_of_them() -> None:
    with scripted(Reply(("a", "b")), Reply(("c", "d", "e"))) as server:
        shown = talk(server, "/stats", "One", "Two", "/stats")
    assert "No answer yet." in shown
    last, session = shown.splitlines()[-3:-1]
    assert last.startswith("last ")
    assert last.endswith("3 out / 31 in · stop")
    assert session.startswith("session  2 answers · TTFT ")
    assert session.endswith(" · 5 out / 62 in")


def test_help_lists_every_command_and_exit_leaves() -> None:
    with scripted() as server:
        shown = talk(server, "/help", "/exit", "never sent")
    for word in ("/model", "/system", "/stats", "/clear", "/help", "/exit"):
        assert f"\n{word} " in shown
    assert server.asked == []


def test_a_command_that_does_not_exist_is_not_sent_but_a_path_is() -> None:
    with scripted(Reply(("ok",))) as server:
        shown = talk(server, "/quit now", "/etc/hosts: what is it?")
    assert "There is no /quit. /help lists the commands." in shown
    assert messages(server) == [[("user", "/etc/hosts: what is it?")]]


def test_an_error_is_shown_with_the_next_step_and_the_chat_goes_on() -> None:
    with scripted(refusal(401, "invalid_api_key", "The key opens nothing."), Reply(("ok",))) as server:
        shown = talk(server, "One", "Two")
    assert "The key opens nothing. Give a key in PENSTOCK_API_KEY or with --api-key" in shown
    assert messages(server)[1] == [("user", "Two")]


def test_an_error_in_the_middle_drops_the_question_with_its_answer() -> None:
    failed = {"error": {"message": "The engine died.", "type": "server_error", "param": None, "code": "engine_error"}}
    with scripted(Reply(("half", failed), ends=False), Reply(("ok",))) as server:
        shown = talk(server, "One", "Two", "/stats")
    assert "half\nThe engine died." in shown
    assert messages(server)[1] == [("user", "Two")]
    assert "1 answer · " in shown


def test_a_loading_model_is_waited_for() -> None:
    loading = refusal(503, "model_loading", "The model is loading.", retry_after="0.05")
    with scripted(loading, loading, Reply(("ok",))) as server:
        shown = talk(server, "One")
    assert shown.count("The model is loading.") == 1
    assert "ok\n" in shown


def test_an_answer_cannot_steer_the_terminal() -> None:
    hostile = "a\x1b]0;owned\x07b\x1b[2Jc\u009b31md\re\nf[red]g[/red]\ud800"
    with scripted(Reply((hostile,))) as server:
        shown = talk(server, "Hi", "Again")
    assert "a]0;ownedb[2Jc31mde\nf[red]g[/red]?\n" in shown
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(shown)


def test_thoughts_are_shown_and_not_sent_back() -> None:
    thought = {"choices": [{"delta": {"reasoning_content": "Hm. "}}]}
    with scripted(Reply((thought, "Yes")), Reply(("ok",))) as server:
        shown = talk(server, "One", "Two")
    assert "Hm. Yes\n" in shown
    assert messages(server)[1][1] == ("assistant", "Yes")


# In a real terminal


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PENSTOCK_")}
    return {**kept, "PENSTOCK_DATA_DIR": str(tmp_path / "data"), "TERM": "xterm", **more}


@contextmanager
def chatting(server: Script, tmp_path: Path, *arguments: str) -> Iterator[Terminal]:
    argv = [sys.executable, "-m", "penstock", "chat", "--url", server.url, *arguments]
    with terminal(argv, environment(tmp_path, PENSTOCK_API_KEY="the-key")) as user:
        user.wait_for("Ctrl-D leaves.")
        user.wait_for("> ")
        yield user


def test_ctrl_c_stops_the_answer_and_keeps_what_it_said(tmp_path: Path) -> None:
    with scripted(Reply(("One, ", "two"), holds=True), Reply(("ok",))) as server, chatting(server, tmp_path) as user:
        user.type("Count\r")
        user.wait_for("One, two")
        user.press_ctrl_c(lambda: user.has_shown("stopped"))
        assert "about 2 out · stopped" in user.wait_for("> ")
        assert server.left.wait(5)
        user.type("Go on\r")
        user.wait_for("ok")
        user.wait_for("> ")
        user.type("\x04")
        assert user.ended() == 0
    assert messages(server)[1] == [("user", "Count"), ("assistant", "One, two"), ("user", "Go on")]
    assert server.keys == ["the-key"]


def test_ctrl_c_before_the_first_word_drops_the_question(tmp_path: Path) -> None:
    with scripted(Reply(holds=True), Reply(("ok",))) as server, chatting(server, tmp_path) as user:
        user.type("Count\r")
        user.wait_for("Count")
        assert server.began.wait(5)
        user.press_ctrl_c(lambda: user.has_shown("stopped"))
        assert server.left.wait(5)
        user.wait_for("> ")
        user.type("Again\r")
        user.wait_for("ok")
    assert messages(server)[1] == [("user", "Again")]


def test_ctrl_c_at_the_prompt_leaves(tmp_path: Path) -> None:
    with scripted() as server, chatting(server, tmp_path) as user:
        user.press_ctrl_c(lambda: user.process.poll() is not None)
        assert user.ended() == 0


def test_arrow_up_brings_back_the_last_line(tmp_path: Path) -> None:
    with scripted(Reply(("ok",))) as server, chatting(server, tmp_path) as user:
        user.type("Hello\r")
        user.wait_for("stop\n")
        user.wait_for("> ")
        user.type("\x1b[A again\r")
        user.wait_for("stop\n")
    assert messages(server)[1][-1] == ("user", "Hello again")


def test_a_pipe_is_a_user_too(tmp_path: Path) -> None:
    with scripted(Reply(("ok",))) as server:
        ran = subprocess.run(
            [sys.executable, "-m", "penstock", "chat", "--url", server.url, "--api-key", "k", "--max-tokens", "5"],
            input="One\n/exit\n",
            env=environment(tmp_path),
            capture_output=True,
            text=True,
            check=True,
        )
    assert "ok\n" in ran.stdout
    assert "> " not in ran.stdout
    assert server.asked[0]["max_tokens"] == 5
