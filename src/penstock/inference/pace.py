"""How many lines of batches an engine does at once."""


class Pace:
    """The number of lines beside others, and alone."""

    def __init__(self, slots: int) -> None:
        self.beside = 0
        """Slots that lines may have while a request of another class runs."""
        self.alone = slots
        """Slots that lines may have while none does."""
