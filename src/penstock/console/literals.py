"""Values as they are written in source code: in Python, in JavaScript, and in JSON."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_BARE = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


@dataclass(frozen=True)
class Style:
    """How a language writes values. What is not printable is escaped, so that code does what one sees."""

    words: tuple[str, str, str]
    """True, false and nothing."""
    step: str
    """What each level is indented by."""
    trailing_comma: bool = True
    bare_names: bool = False
    """Whether names stand without quotes, and braces with a space inside."""
    wide_escapes: bool = False
    """Whether a character beyond 16 bits is one escape, and not two."""

    def write(self, value: Any, indent: str = "") -> str:
        """`value`, made of what JSON has, for a line that is indented by `indent`. What holds plain values alone stays
        on one line."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, bool) or value is None:
            return self.words[2 if value is None else int(not value)]
        if isinstance(value, Mapping):
            pairs = [f"{self._name(name)}: {self.write(each, indent + self.step)}" for name, each in value.items()]
            space = " " if self.bare_names and pairs else ""
            return self._held("{" + space, pairs, space + "}", indent, broken=_is_nested(list(value.values())))
        if isinstance(value, Sequence):
            each = [self.write(one, indent + self.step) for one in value]
            return self._held("[", each, "]", indent, broken=_is_nested(value))
        return repr(value)

    def lines(self, pairs: Mapping[str, Any], indent: str, *, between: str) -> str:
        """Arguments or fields, each on a line of its own: `name`, `between`, the value, a comma."""
        return "".join(f"{indent}{name}{between}{self.write(value, indent)},\n" for name, value in pairs.items())

    def _held(self, begin: str, parts: list[str], end: str, indent: str, *, broken: bool) -> str:
        if not broken:
            return f"{begin}{', '.join(parts)}{end}"
        last = "," if self.trailing_comma else ""
        inner = ",\n".join(f"{indent}{self.step}{part}" for part in parts)
        return f"{begin.strip()}\n{inner}{last}\n{indent}{end.strip()}"

    def _name(self, name: str) -> str:
        return name if self.bare_names and _BARE.fullmatch(name) else self._text(name)

    def _text(self, text: str) -> str:
        written = json.dumps(text, ensure_ascii=False)
        return written if written.isprintable() else "".join(map(self._seen, written))

    def _seen(self, character: str) -> str:
        if character.isprintable():
            return character
        code = ord(character)
        return f"\\U{code:08x}" if self.wide_escapes and code > 0xFFFF else json.dumps(character)[1:-1]


def _is_nested(values: Sequence[Any]) -> bool:
    return any(isinstance(each, Mapping | list | tuple) for each in values)


def python_style() -> Style:
    return Style(("True", "False", "None"), "    ", wide_escapes=True)


def javascript_style() -> Style:
    return Style(("true", "false", "null"), "  ", bare_names=True)


def json_style() -> Style:
    return Style(("true", "false", "null"), "  ", trailing_comma=False)
