"""The line under an answer, and the sums of a session."""

import pytest

from penstock.cli.figures import Figures, Session
from penstock.cli.screen import printable


def figures(
    *, into: int | None = 31, out: int = 42, ttft: float | None = 0.13, writing: float = 0.5, ending: str = "stop"
) -> Figures:
    return Figures(into, out, ttft, writing, ending)


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (figures(), "TTFT 130 ms · 82 tok/s · 42 out / 31 in · stop"),
        (figures(ttft=12.34), "TTFT 12.3 s · 82 tok/s · 42 out / 31 in · stop"),
        (figures(out=1, writing=0.0, ending="length"), "TTFT 130 ms · 1 out / 31 in · length"),
        (figures(out=3, writing=0.0004), "TTFT 130 ms · 3 out / 31 in · stop"),
        (figures(out=0, ttft=None, writing=0.0), "0 out / 31 in · stop"),
        (figures(into=None, ending="stopped"), "TTFT 130 ms · 82 tok/s · about 42 out · stopped"),
    ],
)
def test_the_line_says_what_is_known(answer: Figures, line: str) -> None:
    assert answer.line() == line


def test_the_rate_is_that_after_the_first_token() -> None:
    """The first token's time is the TTFT; counted twice, a slow start would look like a slow engine."""
    assert figures(out=11, ttft=5.0, writing=1.0).tokens_per_second == 10


def test_a_session_sums_up() -> None:
    session = Session([figures(out=11, ttft=0.1, writing=1.0), figures(into=None, out=21, ttft=0.3, writing=1.0)])
    last, total = session.lines()
    assert last == "last     TTFT 300 ms · 20 tok/s · about 21 out · stop"
    assert total == "session  2 answers · TTFT 200 ms · 15 tok/s · 32 out / 31 in"


def test_short_answers_do_not_make_a_session_fast() -> None:
    session = Session([figures(out=11, writing=1.0), figures(out=5, writing=0.001)])
    assert "10 tok/s · 16 out" in session.lines()[1]


def test_a_session_of_answers_without_text_has_no_rates() -> None:
    assert Session([figures(out=0, ttft=None, writing=0.0)]).lines()[1] == "session  1 answer · 0 out / 31 in"


def test_an_empty_session_says_so() -> None:
    assert Session().lines() == ["No answer yet."]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\ttext, Grüße, 你好 🙂", "plain\n\ttext, Grüße, 你好 🙂"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07\x9d8;;x\x9c", "]0;title8;;x"),
        ("a\rb\x08c\x7f\x00", "abc"),
        ("\udc80", "?"),
    ],
)
def test_a_terminal_gets_text_and_nothing_else(text: str, shown: str) -> None:
    assert printable(text) == shown
