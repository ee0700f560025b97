"""Patterns: what is enforced means what every reader of the pattern takes it to mean; the rest is refused."""

import json
import re
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from protocol.grammar_texts import takes

from penstock.protocol.json_pattern import MAX_LENGTH, MAX_POSITIONS, PatternRefused, complement, enforceable


def fits(pattern: str, text: str) -> bool:
    """Whether the engine's grammar takes `text` as a string of that pattern."""
    return takes({"type": "string", "pattern": enforceable(pattern)}, json.dumps(text, ensure_ascii=False))


MEANINGS = [
    # pattern, texts that fit, texts that do not
    ("^abc$", ["abc"], ["ab", "abcd", "xabc", ""]),
    ("abc", ["abc", "xabcx", "\nabc\n"], ["ab", "acb"]),
    ("^abc", ["abc", "abcx"], ["xabc"]),
    ("abc$", ["abc", "xabc"], ["abcx", "abc\n"]),
    ("", ["", "anything"], []),
    ("^$", [""], ["a"]),
    ("^a|b$", ["a", "ax", "b", "xb"], ["xa", "bx", ""]),
    ("^(a|b)$", ["a", "b"], ["ab", ""]),
    ("^(?:a|b)c?$", ["a", "bc"], ["c"]),
    ("^(|a)b$", ["b", "ab"], ["a"]),
    ("^a*$", ["", "aaa"], ["b"]),
    ("^a+?$", ["a", "aa"], [""]),
    ("^a{2}$", ["aa"], ["a", "aaa"]),
    ("^a{2,}$", ["aa", "aaaaa"], ["a"]),
    ("^a{2,3}$", ["aa", "aaa"], ["a", "aaaa"]),
    ("^a{0}b$", ["b"], ["ab"]),
    ("^a{0,2}?$", ["", "aa"], ["aaa"]),
    ("^(ab){2}$", ["abab"], ["ab", "aabb"]),
    ("^[abc]$", ["a", "c"], ["d", "", "ab"]),
    ("^[a-c]$", ["a", "b", "c"], ["d", "-"]),
    ("^[a-]$", ["a", "-"], ["b"]),
    ("^[-a]$", ["a", "-"], ["b"]),
    ("^[^a-c]$", ["d", "é", "\n"], ["a", "b", ""]),
    (r"^[\]\\]$", ["]", "\\"], ["["]),
    (r"^[\w.-]+$", ["a.b-c_9"], ["a b", "é"]),
    ("^[.$^|(){}*+?]$", list(".$^|(){}*+?"), ["a"]),
    (r"^\.\*\+\?\(\)\[\]\{\}\|\^\$\\\/\-$", [".*+?()[]{}|^$\\/-"], ["a"]),
    (r"^\d\D$", ["1a", "1é"], ["11", "aa"]),
    (r"^\w\W$", ["_ ", "a-", "Zé"], ["aa", "éa", "--"]),
    (r"^\s\S$", [" a", "\ta", "\na"], ["aa", "  "]),
    (r"^[\s]$", [" ", "\r"], ["a"]),
    (r"^[^\s]$", ["a"], [" ", "\u00a0", "\u2003", "\x1f"]),
    (r"^[^\d]$", ["a"], ["1"]),
    (r"^.$", ["a", "é", "😀", "\t"], ["\n", "\r", "\u2028", "\u2029", ""]),
    (r"^\n\r\t\f\v$", ["\n\r\t\f\v"], ["nrtfv"]),
    (r"^\x41\u00e9$", ["Aé"], ["xu"]),
    ("^é😀$", ["é😀"], ["e"]),
    ("^[😀-😂]$", ["😁"], ["😃"]),
    (r'^"\\$', ['"\\'], ['"']),
]


@pytest.mark.parametrize(("pattern", "good", "bad"), MEANINGS, ids=[one[0] for one in MEANINGS])
def test_what_a_pattern_means(pattern: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert fits(pattern, text), text
    assert [text for text in bad if fits(pattern, text)] == []


@pytest.mark.parametrize("space", ["\u00a0", "\u2003", "\ufeff", "\x85", "\x1f"])
def test_what_some_take_for_white_space_is_neither_space_nor_other(space: str) -> None:
    """ECMA-262, Python and Unicode differ here; what fits is right for each of them."""
    assert not fits(r"^\s$", space)
    assert not fits(r"^\S$", space)


REFUSED = [
    ("^(?=a)", "look-around"),
    ("^(?!a)b", "look-around"),
    ("(?<=a)b", "look-around"),
    ("(?<name>a)", "a name"),
    ("(?P<name>a)", "a name"),
    ("(?i)a", "a flag"),
    ("(?i:a)", "a flag"),
    (r"(a)\1", r"`\\1`"),
    (r"\k<name>", r"`\\k`"),
    (r"\bword\b", r"`\\b`"),
    (r"\B", r"`\\B`"),
    (r"\p{L}", r"`\\p`"),
    (r"\P{L}", r"`\\P`"),
    (r"\A", r"`\\A`"),
    (r"a\Z", r"`\\Z`"),
    (r"\0", r"`\\0`"),
    (r"\cA", r"`\\c`"),
    (r"\é", r"`\\é`"),
    ("a^", "an anchor elsewhere"),
    ("$a", "an anchor elsewhere"),
    ("(^a)", "an anchor elsewhere"),
    ("(a$)", "an anchor elsewhere"),
    ("^*", "repeats or ends nothing"),
    ("*a", "repeats or ends nothing"),
    ("a|+", "repeats or ends nothing"),
    ("(?:?)", "repeats or ends nothing"),
    ("a{", "no repetition"),
    ("a{x}", "no repetition"),
    ("a{1", "no repetition"),
    ("a{,3}", "no repetition"),
    ("a{-1}", "no repetition"),
    ("a{1,2,3}", "no repetition"),
    ("a{10000}", "no repetition"),
    ("a{٣}", "no repetition"),
    ("a}", "repeats or ends nothing"),
    ("a]", "repeats or ends nothing"),
    ("a{3,2}", "wrong way round"),
    ("a**", "repeats a repetition"),
    ("a+{2}", "repeats a repetition"),
    ("a*?+", "repeats a repetition"),
    ("(a", "is missing"),
    ("a)", "too many"),
    ("[a", "ends too early"),
    ("[]", "ends too early|no character"),
    ("[]a]", "repeats or ends nothing|no character"),
    (r"[^\s\S]", "no character"),
    ("[z-a]", "backwards"),
    (r"[\d-z]", "from one character to another"),
    (r"[a-\d]", "from one character to another"),
    ("[[a]]", "inside a set"),
    ("\\", "ends too early"),
    (r"\x4", "without its digits"),
    (r"\xzz", "without its digits"),
    (r"\u{41}", "without its digits"),
    (r"\ud83d\ude00", "surrogate"),
    ("(" * 21 + "a" + ")" * 21, "nested too deep"),
]


@pytest.mark.parametrize(("pattern", "why"), REFUSED, ids=[one[0][:20] for one in REFUSED])
def test_what_cannot_be_enforced_is_refused_with_its_reason(pattern: str, why: str) -> None:
    with pytest.raises(PatternRefused, match=why):
        enforceable(pattern)


def test_groups_as_deep_as_they_may_be() -> None:
    assert fits("^" + "(" * 20 + "a" + ")" * 20 + "$", "a")


@pytest.mark.parametrize(
    ("edge", "over", "why"),
    [
        (f"^{'a' * (MAX_LENGTH - 1)}", f"^{'a' * MAX_LENGTH}", "longer than 512"),
        (f"^a{{{MAX_POSITIONS - 1}}}$", f"^a{{{MAX_POSITIONS + 1}}}$", "more than 1000"),
        ("^(a{10}){99}$", "^(a{10}){101}$", "more than 1000"),
    ],
    ids=["length", "positions", "positions in positions"],
)
def test_the_bounds(edge: str, over: str, why: str) -> None:
    enforceable(edge)
    with pytest.raises(PatternRefused, match=why):
        enforceable(over)


@pytest.mark.parametrize(
    "pattern",
    [
        "^(a|b)*a(a|b){12}$",  # 2^12 states
        "(.*a){9}[ab]{12}",
        "^[ab]*a[ab]{500}$",
        "((((a?){9}){9}){9})b[ab]*a[ab]{20}",
        "^(.|a|b|c|[a-z]){1,300}x.{12}$",
        "^([a-f]{1,30}[0-9]{1,30}){1,16}$",
    ],
)
def test_a_pattern_that_could_blow_up_is_refused_at_once(pattern: str) -> None:
    begun = time.process_time()
    with pytest.raises(PatternRefused):
        enforceable(pattern)
    assert time.process_time() - begun < 2


def test_a_pattern_of_too_many_kinds_of_characters() -> None:
    kinds = "|".join(f"{chr(0x4E00 + 3 * at)}" for at in range(129))
    with pytest.raises(PatternRefused, match="too many different characters"):
        enforceable(kinds)


@pytest.mark.parametrize(
    "pattern", ["^(a+)+$", "^(a|a)*$", "^(a*)*b$", r"^(\w+\s?)*$", "^([a-zA-Z0-9])(([\\-.]|[_]+)?)+$"]
)
def test_what_makes_other_readers_slow_is_harmless_here(pattern: str) -> None:
    """Their search goes back and forth; an automaton does not. These have a handful of states."""
    assert not fits(pattern, "a" * 40 + "!")


@pytest.mark.parametrize(
    "pattern",
    [
        r"^[^\s@]+@[^\s@]+\.[^\s@]+$",
        r"^\+?[1-9]\d{1,14}$",
        r"^#?([a-fA-F0-9]{6}|[a-fA-F0-9]{3})$",
        r"^\d{4}-\d{2}-\d{2}$",
        r"^(\([0-9]{3}\))?[0-9]{3}-[0-9]{4}$",
        r"^[A-Z]{2}\d{2}[A-Z0-9]{11,30}$",
        r"^(https?|ftp)://[^\s/$.?#].[^\s]*$",
        r"^([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$",
        r"^[a-z0-9]+(?:-[a-z0-9]+)*$",
        r"^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$",
        r"^[\w\-\.]{1,64}$",
    ],
)
def test_patterns_as_people_write_them(pattern: str) -> None:
    enforceable(pattern)


ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "é",
        ".",
        r"\d",
        r"\w",
        r"\s",
        r"\D",
        r"\W",
        r"\S",
        "[ab]",
        "[^a]",
        "[a-c1]",
        r"[\d_]",
        r"[^\w]",
        r"\.",
        "-",
    ]
)
PATTERNS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=2, max_size=3).map(lambda some: f"({'|'.join(some)})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,2}", "{1,}", "*?"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)
ANCHORED = st.tuples(st.sampled_from(["", "^"]), PATTERNS, st.sampled_from(["", "$"])).map("".join)
# Without what ECMA-262 and Python take differently, for which there are tests above.
TEXTS = st.text(st.sampled_from("aabbc1_-. é\t"), max_size=6)


@settings(deadline=None, max_examples=300)
@given(ANCHORED, st.lists(TEXTS, min_size=1, max_size=4))
@example("^a|b$", ["ab", "b", "cb", "bc"])
def test_a_pattern_means_what_python_takes_it_to_mean(pattern: str, texts: list[str]) -> None:
    for text in texts:
        assert fits(pattern, text) is (re.search(pattern, text, re.ASCII) is not None), text


RANGES = st.lists(
    st.tuples(st.integers(0, 0x10FFFF), st.integers(0, 0x10FFFF)).map(lambda pair: (min(pair), max(pair))), max_size=5
)


@given(RANGES, st.integers(0, 0x10FFFF))
def test_a_complement_has_every_other_character(ranges: list[tuple[int, int]], point: int) -> None:
    within = any(low <= point <= high for low, high in ranges)
    assert any(low <= point <= high for low, high in complement(tuple(ranges))) is not within
