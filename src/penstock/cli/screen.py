"""What may be written to a terminal."""

# A model's answer must not move the cursor, set the title or answer for the user: no C0 or C1 control gets through,
# but for the line feed and the tab.
_CONTROLS = {code: None for code in [*range(0x20), *range(0x7F, 0xA0)] if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """`text` without control characters and lone surrogates."""
    return text.translate(_CONTROLS).encode("utf-8", "replace").decode()
