"""Values in source code are read back as what they were, and nothing in them is out of sight."""

import ast
import json
import shutil
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.console.literals import javascript_style, json_style, python_style

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    plain | texts, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)

NASTY: Any = {
    "quotes": "\"double\" 'single' `back` ${both} \\ \\\\",
    "unseen": "a\u202eb\u2028c\u00a0d\x00e\x7f\nf",
    "wide": "🌊 \U000e0041",
    "a name": [{"true": True, "none": None, "false": False}, [], {}, 1, -0.5],
    "__proto__ of it": "",
}


@given(values)
@settings(max_examples=200, deadline=None)
def test_python_and_json_read_back_what_was_written(value: Any) -> None:
    assert ast.literal_eval(python_style().write(value)) == value
    assert json.loads(json_style().write(value)) == value


@given(texts)
def test_what_is_written_can_be_seen(text: str) -> None:
    for style in (python_style(), json_style(), javascript_style()):
        assert style.write(text).isprintable()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_javascript_reads_back_what_was_written() -> None:
    code = f"console.log(JSON.stringify({javascript_style().write(NASTY)}))"
    ran = subprocess.run(["node", "-e", code], capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout) == NASTY


def test_it_looks_as_people_write_it() -> None:
    value = {"model": "a/b", "messages": [{"role": "user", "content": "Hi"}], "stop": ["\n", "END"]}
    assert python_style().write(value) == (
        '{\n    "model": "a/b",\n    "messages": [\n        {"role": "user", "content": "Hi"},\n    ],\n'
        '    "stop": ["\\n", "END"],\n}'
    )
    assert javascript_style().write(value) == (
        '{\n  model: "a/b",\n  messages: [\n    { role: "user", content: "Hi" },\n  ],\n  stop: ["\\n", "END"],\n}'
    )
    assert json.loads(json_style().write(value)) == value
