import pytest
from cuts import cut, places
from hypothesis import given
from hypothesis import strategies as st

from penstock.inference.stop import StopScanner

small = st.text("ab\n€", min_size=1, max_size=4)


def run(stops: list[str], pieces: list[str]) -> tuple[str, str | None]:
    scanner, out = StopScanner(stops), ""
    for piece in pieces:
        text, hit = scanner.feed(piece)
        out += text
        if hit is not None:
            return out, hit
    return out + scanner.rest(), None


@given(st.text("ab\n€", max_size=40), st.lists(small, min_size=1, max_size=4), places)
def test_the_outcome_does_not_depend_on_the_cut(text: str, stops: list[str], at: list[int]) -> None:
    assert run(stops, cut(text, at)) == run(stops, list(text)) == run(stops, [text])


@given(st.text("ab\n€", max_size=40), st.lists(small, min_size=1, max_size=4))
def test_no_stop_string_is_ever_in_the_output(text: str, stops: list[str]) -> None:
    out, hit = run(stops, list(text))
    assert not any(stop in out for stop in stops)
    assert (hit is None) == (out == text)


@pytest.mark.parametrize(
    ("stops", "pieces", "out", "hit"),
    [
        (["END"], ["one E", "N", "D two"], "one ", "END"),
        (["END"], ["one E", "N", "d two"], "one ENd two", None),
        (["abc", "b"], ["ab"], "a", "b"),
        (["b", "ab"], ["xab"], "x", "ab"),
        (["aab"], ["a", "a", "a", "b"], "a", "aab"),
        (["\n"], ["no newline"], "no newline", None),
    ],
)
def test_examples(stops: list[str], pieces: list[str], out: str, hit: str | None) -> None:
    assert run(stops, pieces) == (out, hit)


def test_what_cannot_become_a_stop_goes_out_at_once() -> None:
    assert StopScanner(["END"]).feed("hello") == ("hello", None)
