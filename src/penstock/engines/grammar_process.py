"""The process that tries grammars out: `python -m penstock.engines.grammar_process`.

It reads lines of JSON, `{"grammar": text}`, and answers each with one: `{"error": null}`, or the reason why the engine
would not take that grammar. It compiles with the code that the engine itself runs, llguidance, which is part of the
engine's wheel and has a C interface there (llguidance.h). So what passes here passes there, and what crashes or never
ends does so here.
"""

import ctypes
import os
import resource
import sys
from contextlib import suppress

import msgspec
import xllamacpp
from xllamacpp import xllamacpp as native

from penstock.engines import child

_MEMORY_BYTES = 2 << 30
_BYTE_TOKENS = 256
_END = 256
_REHEARSED = 1_000
"""Bytes of an answer that are tried out: what is too wide for the engine's parser, and where nothing can go on."""
_PREFERRED = b'"],}'
"""What leads a trial through every property, and to an end soon: strings are closed, arrays too, objects go on."""
_DEAD_END = "an answer may come to a place from where nothing can go on"


class Refused(Exception):
    """The engine would not take this grammar; the message is its own."""


class _TokenizerInit(ctypes.Structure):
    """LlgTokenizerInit of llguidance.h."""

    _fields_ = (
        ("vocab_size", ctypes.c_uint32),
        ("tok_eos", ctypes.c_uint32),
        ("token_lens", ctypes.POINTER(ctypes.c_uint32)),
        ("token_bytes", ctypes.c_char_p),
        ("tokenizer_json", ctypes.c_char_p),
        ("tokenize_assumes_string", ctypes.c_bool),
        ("tokenize_fn", ctypes.c_void_p),
        ("use_approximate_greedy_tokenize_fn", ctypes.c_bool),
        ("tokenize_user_data", ctypes.c_void_p),
        ("slices", ctypes.c_void_p),
    )


_POINTER, _TEXT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t
_FUNCTIONS = {
    "llg_new_tokenizer": (_POINTER, (ctypes.POINTER(_TokenizerInit), _TEXT, _SIZE)),
    "llg_constraint_init_set_defaults": (None, (_POINTER, _POINTER)),
    "llg_new_matcher": (_POINTER, (_POINTER, _TEXT, _TEXT)),
    "llg_free_matcher": (None, (_POINTER,)),
    "llg_matcher_get_error": (_TEXT, (_POINTER,)),
    "llg_matcher_compute_mask": (ctypes.c_int32, (_POINTER,)),
    "llg_matcher_get_mask": (ctypes.POINTER(ctypes.c_uint32), (_POINTER,)),
    "llg_matcher_consume_token": (ctypes.c_int32, (_POINTER, ctypes.c_uint32)),
    "llg_matcher_is_accepting": (ctypes.c_bool, (_POINTER,)),
}


class Compiler:
    """llguidance with a vocabulary of 256 bytes and an end."""

    def __init__(self) -> None:
        if not str(xllamacpp.json_schema_to_grammar({})).startswith("%llguidance"):
            raise Refused("this build of the engine has no llguidance")
        self._library = ctypes.CDLL(native.__file__)
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(self._library, name)
            function.restype, function.argtypes = result, arguments
        lengths = (ctypes.c_uint32 * (_BYTE_TOKENS + 1))(*[1] * _BYTE_TOKENS, 4)
        texts = bytes(range(_BYTE_TOKENS)) + b"\xffEND"  # 0xFF marks a token that stands for no text
        init = _TokenizerInit(_BYTE_TOKENS + 1, _END, lengths, texts, None, False, None, True, None, None)
        error = ctypes.create_string_buffer(1024)
        tokenizer = self._library.llg_new_tokenizer(ctypes.byref(init), error, len(error))
        if not tokenizer:
            raise Refused(error.value.decode(errors="replace"))
        # LlgConstraintInit, whose length differs between versions; none is half as long.
        self._init = ctypes.create_string_buffer(512)
        self._library.llg_constraint_init_set_defaults(self._init, tokenizer)

    def matcher(self, grammar: str) -> "Matcher":
        """A grammar, compiled. Raises Refused."""
        return Matcher(self._library, self._init, grammar)

    def check(self, grammar: str) -> None:
        """Compile `grammar` and try out one answer. Raises Refused."""
        matcher = self.matcher(grammar)
        try:
            for _ in range(_REHEARSED):
                allowed = matcher.allowed()
                token = next((byte for byte in _PREFERRED if byte in allowed), allowed[0])
                if token == _END:
                    break
                matcher.consume(token)
        finally:
            matcher.free()


class Matcher:
    """A compiled grammar and how far a text has gone through it."""

    def __init__(self, library: ctypes.CDLL, init: "ctypes.Array[ctypes.c_char]", grammar: str) -> None:
        self._library = library
        self._matcher = library.llg_new_matcher(init, b"lark", grammar.encode())
        try:
            self._refuse_errors()
        except Refused:
            self.free()
            raise

    def allowed(self) -> list[int]:
        """The bytes that may come next; 256 among them where the text may end. Raises Refused beyond the limits."""
        if self._library.llg_matcher_compute_mask(self._matcher) != 0:
            self._refuse_errors()
            raise Refused(_DEAD_END)
        mask = self._library.llg_matcher_get_mask(self._matcher)
        return [token for token in range(_BYTE_TOKENS + 1) if mask[token // 32] >> (token % 32) & 1]

    def consume(self, token: int) -> bool:
        """Go on by one byte; whether the grammar takes it. After False the matcher is of no more use."""
        return bool(self._library.llg_matcher_consume_token(self._matcher, token) == 0)

    def accepts(self, text: bytes) -> bool:
        """Whether `text` goes on from here to an end."""
        return all(map(self.consume, text)) and bool(self._library.llg_matcher_is_accepting(self._matcher))

    def free(self) -> None:
        self._library.llg_free_matcher(self._matcher)

    def _refuse_errors(self) -> None:
        if error := self._library.llg_matcher_get_error(self._matcher):
            text = error.decode(errors="replace")
            raise Refused(_DEAD_END if text.startswith("NoExtension") else text)


def main() -> None:
    """Answer until the server that started this process is gone."""
    child.end_with_parent()
    answers = child.claim_stdout()
    with suppress(ValueError, OSError):  # macOS keeps no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    compiler = Compiler()
    os.write(answers, b'{"error":null}\n')
    for line in sys.stdin.buffer:
        error: str | None = None
        try:
            compiler.check(msgspec.json.decode(line)["grammar"])
        except Refused as refused:
            error = str(refused)[:2000]
        os.write(answers, msgspec.json.encode({"error": error}) + b"\n")


if __name__ == "__main__":
    main()
