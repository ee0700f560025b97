"""Requests of which snippets are made and run, here and with other people's clients."""

from running_server import SMOL, RunningServer

from penstock.console.snippets import PLACEHOLDER, SNIPPETS, Call, Language

HOSTILE = "Say \"it's\" `$(touch planted)` ${HOME} \\ {braces} <b>&amp;</b> %s\nand '; exit 1 #"
"""What ends a text, or begins a command, in one language or another."""

PARAMETERS = {
    "temperature": 0.5,
    "top_p": 0.9,
    "seed": 7,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.2,
    "max_completion_tokens": 16,
    "stop": ["###"],
    "top_k": 40,
    "min_p": 0.05,
    "repetition_penalty": 1.1,
}
"""Every parameter that the Playground has."""

TALK = [
    {"role": "system", "content": "You are brief."},
    {"role": "user", "content": "Name a river."},
    {"role": "assistant", "content": "The Seine."},
    {"role": "user", "content": HOSTILE},
]


def call(server: RunningServer, model: str = SMOL) -> Call:
    """As the console makes it for a conversation with every parameter."""
    return Call(server.base_url.removesuffix("/v1"), model, TALK, PARAMETERS)


def filled_in(language: Language, asked: Call, key: str) -> str:
    """The code with a key in the place for it, as the console fills it in."""
    return SNIPPETS[language].code(asked).replace(PLACEHOLDER, key, 1)
