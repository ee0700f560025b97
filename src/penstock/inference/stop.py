"""Stop strings, matched here so that they hold for every engine and never leak, however the text is cut."""


class StopScanner:
    """Watches the text of one choice. What could still become a stop string is held back.

    The first stop string to be complete wins; of several that are complete at the same character, the longest. So the
    outcome does not depend on how the text was cut into pieces.
    """

    def __init__(self, stops: list[str]) -> None:
        self._stops = stops
        self._held = ""

    def feed(self, text: str) -> tuple[str, str | None]:
        """The text that may go out, and the stop string that was hit (nothing may go out after it)."""
        text = self._held + text
        matches = [(at + len(stop), at, stop) for stop in self._stops if (at := text.find(stop)) >= 0]
        if matches:
            _, at, stop = min(matches)
            self._held = ""
            return text[:at], stop
        keep = self._may_begin(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], None

    def rest(self) -> str:
        """What was held back, once it is sure that no more comes."""
        rest, self._held = self._held, ""
        return rest

    def _may_begin(self, text: str) -> int:
        """The length of the longest end of `text` with which a stop string begins."""
        longest = max(map(len, self._stops)) - 1
        for length in range(min(longest, len(text)), 0, -1):
            if any(stop.startswith(text[-length:]) for stop in self._stops):
                return length
        return 0
