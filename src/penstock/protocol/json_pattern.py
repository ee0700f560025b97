"""Patterns of a JSON schema: the part of ECMA-262 that a grammar enforces exactly, and that cannot blow up.

A pattern is parsed and written anew with every class spelled out, since the engine's classes are Unicode's and
ECMA-262's are not. Where Python and ECMA-262 differ, on what white space is, the written class is within both. What
cannot be enforced, look-around, back references and word boundaries, is refused. Whether a pattern could blow up is
not guessed: its automaton is built, and has to stay small.
"""

from bisect import bisect_left
from dataclasses import dataclass

MAX_LENGTH = 512
MAX_POSITIONS = 1_000
"""Characters of the pattern once every `{n,m}` is written out."""
_MAX_STATES = 1_000
_MAX_STEPS = 100_000
_MAX_EDGES = 256
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]

_DIGIT: Ranges = ((0x30, 0x39),)
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACE: Ranges = ((0x09, 0x0D), (0x20, 0x20))
# All that either ECMA-262, Python or Unicode takes for white space.
_ANY_SPACE: Ranges = (
    *((0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029)),
    *((0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF)),
)
_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_CONTROLS = {"n": 0x0A, "r": 0x0D, "t": 0x09, "f": 0x0C, "v": 0x0B}
_HEX = {"x": 2, "u": 4}


class PatternRefused(Exception):
    """The pattern is not one that can be enforced; the message says why."""


@dataclass(frozen=True)
class Chars:
    """One character out of some ranges of code points."""

    ranges: Ranges


@dataclass(frozen=True)
class Sequence:
    parts: tuple["Node", ...]


@dataclass(frozen=True)
class Choice:
    options: tuple["Node", ...]


@dataclass(frozen=True)
class Repeat:
    part: "Node"
    least: int
    most: int | None


Node = Chars | Sequence | Choice | Repeat


def enforceable(pattern: str) -> str:
    """`pattern` as an anchored one in plain classes, `^(?:...)$`, which means the same everywhere.

    Raises PatternRefused.
    """
    if len(pattern) > MAX_LENGTH:
        raise PatternRefused(f"it is longer than {MAX_LENGTH} characters")
    tree = _Parser(pattern).whole()
    if _positions(tree) > MAX_POSITIONS:
        raise PatternRefused(f"its repetitions come to more than {MAX_POSITIONS} characters")
    _bound(tree)
    return f"^(?:{_written(tree)})$"


def complement(ranges: Ranges) -> Ranges:
    """Every code point that is not in `ranges`."""
    left, gaps = 0, []
    for low, high in sorted(ranges):
        if low > left:
            gaps.append((left, low - 1))
        left = max(left, high + 1)
    return (*gaps, (left, _LAST)) if left <= _LAST else tuple(gaps)


_CLASSES: dict[str, Ranges] = {"d": _DIGIT, "w": _WORD, "s": _SPACE}
_CLASSES |= {"D": complement(_DIGIT), "W": complement(_WORD), "S": complement(_ANY_SPACE)}


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        """The pattern with what its missing anchors mean: anything before or after it."""
        options = [self._anchored()]
        while self._take("|"):
            options.append(self._anchored())
        if self._at < len(self._text):
            raise PatternRefused("it has a `)` too many")
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _anchored(self) -> Node:
        begins = self._take("^")
        body = self._sequence()
        ends = self._take("$")
        anything = Repeat(Chars(((0, _LAST),)), 0, None)
        return Sequence((() if begins else (anything,)) + (body,) + (() if ends else (anything,)))

    def _alternatives(self) -> Node:
        self._depth += 1
        if self._depth > 20:
            raise PatternRefused("its groups are nested too deep")
        options = [self._sequence()]
        while self._take("|"):
            options.append(self._sequence())
        self._depth -= 1
        return options[0] if len(options) == 1 else Choice(tuple(options))

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            if self._peek() == "$" and self._depth == 0 and self._text[self._at + 1 : self._at + 2] in ("", "|"):
                break
            parts.append(self._repeated(self._single()))
        return Sequence(tuple(parts))

    def _single(self) -> Node:
        char = self._next()
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == ".":
            return Chars(complement(_LINE_ENDS))
        if char == "\\":
            return Chars(self._escape())
        if char in "^$":
            raise PatternRefused("it has an anchor elsewhere than at its beginning or end")
        if char in "*+?{}]":
            raise PatternRefused(f"it has a `{char}` that repeats or ends nothing")
        return Chars(((ord(char), ord(char)),))

    def _group(self) -> Node:
        if self._take("?") and not self._take(":"):
            raise PatternRefused("it has a look-around, a name or a flag; only `(...)` and `(?:...)` are possible")
        inner = self._alternatives()
        if not self._take(")"):
            raise PatternRefused("a `)` is missing")
        return inner

    def _repeated(self, part: Node) -> Node:
        bounds = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        char = self._peek()
        if char in bounds and char:
            self._at += 1
            least, most = bounds[char]
        elif char == "{":
            least, most = self._counted()
        else:
            return part
        self._take("?")  # lazy or not, the same texts match
        if self._peek() in ("*", "+", "?", "{"):
            raise PatternRefused("it repeats a repetition")
        return Repeat(part, least, most)

    def _counted(self) -> tuple[int, int | None]:
        text = self._text[self._at + 1 :].partition("}")[0]
        least, comma, most = text.partition(",")
        self._at += len(text) + 2
        if not _number(least) or self._at > len(self._text) or (most and not _number(most)):
            raise PatternRefused("it has a `{` that is no repetition")
        if not comma:
            return int(least), int(least)
        if most and int(most) < int(least):
            raise PatternRefused("it has a repetition whose bounds are the wrong way round")
        return int(least), int(most) if most else None

    def _set(self) -> Node:
        negative = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            ranges += self._range()
        if negative and set(_SPACE) <= set(ranges):
            ranges += _ANY_SPACE
        found = complement(tuple(ranges)) if negative else tuple(ranges)
        if not found:
            raise PatternRefused("it has a set that no character is in")
        return Chars(found)

    def _range(self) -> Ranges:
        low = self._member()
        if self._peek() != "-" or self._text[self._at + 1 : self._at + 2] in ("]", ""):
            return low
        self._at += 1
        high = self._member()
        if len(low) != 1 or len(high) != 1 or low[0][0] != low[0][1] or high[0][0] != high[0][1]:
            raise PatternRefused("it has a range that does not go from one character to another")
        if high[0][0] < low[0][0]:
            raise PatternRefused("it has a range that goes backwards")
        return ((low[0][0], high[0][0]),)

    def _member(self) -> Ranges:
        char = self._next()
        if char == "[":
            raise PatternRefused("it has a `[` inside a set; write `\\[`")
        return self._escape() if char == "\\" else ((ord(char), ord(char)),)

    def _escape(self) -> Ranges:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        if char in _HEX:
            digits = self._text[self._at : self._at + _HEX[char]]
            self._at += _HEX[char]
            if len(digits) < _HEX[char] or not set(digits) <= set("0123456789abcdefABCDEF"):
                raise PatternRefused(f"it has a `\\{char}` without its digits")
            if 0xD800 <= int(digits, 16) <= 0xDFFF:
                raise PatternRefused("it has half of a surrogate pair; write the character itself")
            return ((int(digits, 16), int(digits, 16)),)
        if char.isalnum() and char not in _CONTROLS:
            raise PatternRefused(f"it has `\\{char}`, which a grammar cannot express")
        point = _CONTROLS.get(char, ord(char))
        return ((point, point),)

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _next(self) -> str:
        char = self._peek()
        if not char:
            raise PatternRefused("it ends too early")
        self._at += 1
        return char

    def _take(self, char: str) -> bool:
        found = self._peek() == char
        self._at += found
        return found


def _number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 4


def _positions(node: Node) -> int:
    if isinstance(node, Chars):
        return 1
    if isinstance(node, Repeat):
        return _positions(node.part) * max(node.least + (node.most is None), node.most or 0)
    return sum(_positions(part) for part in (node.parts if isinstance(node, Sequence) else node.options))


def _written(node: Node) -> str:
    if isinstance(node, Chars):
        return "[" + "".join(_range_text(low, high) for low, high in node.ranges) + "]"
    if isinstance(node, Sequence):
        return "".join(_written(part) for part in node.parts)
    if isinstance(node, Choice):
        return "(?:" + "|".join(_written(option) for option in node.options) + ")"
    most = "" if node.most is None else str(node.most)
    return f"(?:{_written(node.part)}){{{node.least},{most}}}"


def _range_text(low: int, high: int) -> str:
    return _char_text(low) if low == high else f"{_char_text(low)}-{_char_text(high)}"


def _char_text(point: int) -> str:
    char = chr(point)
    return char if char.isascii() and char.isalnum() else f"\\x{{{point:X}}}"


class _Automaton:
    """The pattern's positions, which of them follow which, and which begin and end it."""

    def __init__(self, tree: Node) -> None:
        self.ranges: list[Ranges] = []
        self.follow: list[set[int]] = []
        _, self.first, self.last = self._add(tree)

    def _add(self, node: Node) -> tuple[bool, set[int], set[int]]:
        """Whether it can be empty, and the positions that can begin and end it."""
        if isinstance(node, Chars):
            self.ranges.append(node.ranges)
            self.follow.append(set())
            here = {len(self.ranges) - 1}
            return False, here, set(here)
        if isinstance(node, Choice):
            added = [self._add(option) for option in node.options]
            empty = any(one[0] for one in added)
            return empty, set().union(*(one[1] for one in added)), set().union(*(one[2] for one in added))
        if isinstance(node, Sequence):
            return self._joined([self._add(part) for part in node.parts])
        return self._repeated(node)

    def _repeated(self, node: Repeat) -> tuple[bool, set[int], set[int]]:
        copies = node.least + 1 if node.most is None else node.most
        added = [self._add(node.part) for _ in range(copies)]
        if node.most is None and added:
            for position in added[-1][2]:
                self.follow[position] |= added[-1][1]
        optional = [(empty or at >= node.least, first, last) for at, (empty, first, last) in enumerate(added)]
        return self._joined(optional)

    def _joined(self, added: list[tuple[bool, set[int], set[int]]]) -> tuple[bool, set[int], set[int]]:
        empty, first, last = True, set[int](), set[int]()
        for can_be_empty, begin, end in added:
            for position in last:
                self.follow[position] |= begin
            if empty:
                first |= begin
            last = last | end if can_be_empty else set(end)
            empty = empty and can_be_empty
        return empty, first, last


def _bound(tree: Node) -> None:
    """Build the deterministic automaton, as far as its bounds go."""
    automaton = _Automaton(tree)
    classes = _classes(set(automaton.ranges))
    moves_of = [classes[ranges] for ranges in automaton.ranges]
    waiting, seen, steps = [frozenset(automaton.first)], set[frozenset[int]](), 0
    while waiting:
        state = waiting.pop()
        if state in seen:
            continue
        seen.add(state)
        moves: dict[int, set[int]] = {}
        for position in state:
            steps += len(moves_of[position]) * (1 + len(automaton.follow[position]))
            if steps > _MAX_STEPS:
                raise PatternRefused("it could take too long to match")
            for char_class in moves_of[position]:
                moves.setdefault(char_class, set()).update(automaton.follow[position])
        waiting += [frozenset(move) for move in moves.values()]
        if len(seen) > _MAX_STATES:
            raise PatternRefused("it could take too long to match")


def _classes(sets: set[Ranges]) -> dict[Ranges, list[int]]:
    """The classes of characters that no set tells apart: which of them each set has."""
    edges = sorted({edge for ranges in sets for low, high in ranges for edge in (low, high + 1)})
    if len(edges) > _MAX_EDGES:
        raise PatternRefused("it tells too many different characters apart")
    spans = {
        ranges: {at for low, high in ranges for at in range(bisect_left(edges, low), bisect_left(edges, high + 1))}
        for ranges in sets
    }
    numbers: dict[frozenset[Ranges], int] = {}
    classes: dict[Ranges, set[int]] = {ranges: set() for ranges in sets}
    for at in range(len(edges)):
        holders = frozenset(ranges for ranges in sets if at in spans[ranges])
        number = numbers.setdefault(holders, len(numbers))
        for ranges in holders:
            classes[ranges].add(number)
    return {ranges: sorted(found) for ranges, found in classes.items()}
