"""Prompts of a wanted length, no two of which begin alike: a server that keeps what it read has nothing to reuse."""

import random
from dataclasses import dataclass

_WORDS = (
    "river market window garden copper valley winter letter engine bridge silver morning harbor paper forest stone "
    "summer candle mirror village station island shadow corner music ladder farmer basket thunder meadow pocket "
    "doctor kitchen orange travel history number people water green early small under never little after round "
    "place great every found still between should country school father keep start might story along close night "
    "open seem together next white children begin walk example paper group always both mark book carry science eat "
    "room friend began idea fish mountain north once base hear horse cut sure watch color face wood main enough"
)
_TASK = "Write a long story, in plain prose, in which these words appear: "
_SENTENCE = 12
TOKENS_PER_WORD = 1.3
"""Where a server does not tell what it counts."""


@dataclass(frozen=True)
class Prompts:
    """Prompts of `words` words after `shared` ones that all of them begin with. The same seed gives the same ones."""

    seed: int
    words: int
    shared: int = 0

    def text(self, name: str) -> str:
        """The prompt of that name. Its first words are its own, unless a shared beginning was asked for."""
        own = random.Random(f"{self.seed}/{name}")  # noqa: S311  a prompt is no secret
        beginning = _sentences(random.Random(f"{self.seed}/shared"), self.shared)  # noqa: S311
        mark = f"{own.getrandbits(40):010x}"
        return f"{beginning}Note {mark}. {_TASK}{_sentences(own, self.words)}".rstrip()


def _sentences(draw: random.Random, words: int) -> str:
    drawn = draw.choices(_WORDS.split(), k=words)
    lines = [" ".join(drawn[at : at + _SENTENCE]) for at in range(0, words, _SENTENCE)]
    return "".join(f"{line}. " for line in lines)
